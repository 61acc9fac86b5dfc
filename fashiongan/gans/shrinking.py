"""A cut-out garment in color is shrunk to what Fashion-MNIST would show; and the arithmetic for the way back.

Xiao et al. 2017 (https://arxiv.org/abs/1708.07747, section 2) trimmed photographs, shrank them until the longest edge
was 28 pixels, sharpened them and negated the gray. 99.7 % of the real garments touch two opposite borders and lie in
the middle. A cut-out fills its square except for a margin, so `shrink` leaves the margin out. The operation is linear
in the pixels, except for clipping at 0 and 1.

Photographs from people's homes have less contrast than a catalogue's. With the sharpening here and with `toned`, our
cut-outs have Fashion-MNIST's statistics (mean, deviation and mean second difference inside six kinds of garments: 0.61,
0.26 and 0.28, against 0.62, 0.26 and 0.27; without both 0.50, 0.23 and 0.15).
"""

from functools import lru_cache

import torch
from torch import Tensor

SMALL = 28  # pixels a side of Fashion-MNIST
MARGIN = 1.1  # side of a cut-out's square, in garments
SHARPER = 0.25  # share of each neighbour that sharpening subtracts, along each axis
LIGHTER = 0.2  # share of cut-outs that are toned lighter
ROUNDS = 3  # of back-projection
THIN = 0.3  # least alpha that back-projection divides by
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, by which Fashion-MNIST became gray
SPREAD = (1.772, 1.402)  # blue minus luma per cb, red minus luma per cr; cb and cr go from -0.5 to 0.5


@lru_cache(maxsize=16)
def maps(size: int, device: str) -> tuple[Tensor, Tensor]:
    """The matrices down (28, size) and up (size, 28), each for one axis of the square; down @ up is the identity.

    Down is a triangle filter, two small pixels wide, over the garment without its margin, followed by sharpening. Up is
    Keys's cubic interpolation (a = -1/2) of the small pixels, corrected so that down inverts it.
    """
    step = size / MARGIN / SMALL
    begin = (size - size / MARGIN) / 2
    at = (torch.arange(size, dtype=torch.float64) + 0.5 - begin) / step - 0.5  # places of pixels among small ones
    away = (at - torch.arange(SMALL, dtype=torch.float64)[:, None]).abs()  # (28, size)
    down = (1 - away).clamp_min(0)
    near = torch.diag(torch.ones(SMALL - 1, dtype=torch.float64), 1)
    sharp = (1 + 2 * SHARPER) * torch.eye(SMALL, dtype=torch.float64) - SHARPER * (near + near.T)
    down = sharp @ (down / down.sum(1, keepdim=True))
    inner, outer = 1.5 * away**3 - 2.5 * away**2 + 1, -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    cubic = torch.where(away < 1, inner, torch.where(away < 2, outer, 0.0)).T
    up = cubic @ torch.linalg.inv(down @ cubic)
    return down.float().to(device), up.float().to(device)


def shrunk(x: Tensor) -> Tensor:
    """(N, C, S, S) -> (N, C, 28, 28), the margin left out: linear, in float32 whatever the autocast."""
    down, _ = maps(x.shape[-1], str(x.device))
    with torch.autocast(x.device.type, enabled=False):
        return down @ x.float() @ down.T


def grown(x: Tensor, size: int) -> Tensor:
    """(N, C, 28, 28) -> (N, C, size, size), smooth; `shrunk` inverts it. Values may slightly leave x's range."""
    _, up = maps(size, str(x.device))
    with torch.autocast(x.device.type, enabled=False):
        return up @ x.float() @ up.T


def luma(rgb: Tensor) -> Tensor:
    """(N, 3, S, S) -> (N, 1, S, S), both 0..1: the gray of a color picture."""
    red, green, blue = LUMA
    return red * rgb[:, :1] + green * rgb[:, 1:2] + blue * rgb[:, 2:3]


def shrink(rgba: Tensor) -> Tensor:
    """(N, 4, S, S) in 0..1 -> (N, 1, 28, 28) in 0..1: the cut-out as Fashion-MNIST would show it.

    On white, gray, reduced until its longest edge is 28, sharpened, negated. Differentiable.
    """
    return shrunk(rgba[:, 3:] * (1 - luma(rgba[:, :3]))).clamp(0, 1)


def chroma(rgb: Tensor) -> Tensor:
    """(N, 3, ...) in 0..1 -> (N, 2, ...): cb and cr, -0.5..0.5."""
    y = luma(rgb)
    return torch.cat([(rgb[:, 2:3] - y) / SPREAD[0], (rgb[:, :1] - y) / SPREAD[1]], 1)


def mean_chroma(rgba: Tensor) -> Tensor:
    """(N, 4, S, S) in 0..1 -> (N, 2): of the garment, each pixel counted by its alpha."""
    alpha = rgba[:, 3:]
    return (chroma(rgba[:, :3]) * alpha).sum((2, 3)) / alpha.sum((2, 3)).clamp_min(1.0)


def tinted(y: Tensor, c: Tensor) -> Tensor:
    """Luma (N, 1, S, S) in 0..1 and cb, cr (N, 2, S, S) -> (N, 3, S, S) in 0..1 of just that luma.

    A color outside sRGB at that luma is made paler, at the same hue.
    """
    blue, red = SPREAD[0] * c[:, :1], SPREAD[1] * c[:, 1:]
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    away = torch.cat([red, green, blue], 1)
    room = torch.where(away > 0, 1 - y, y)
    share = (room / away.abs().clamp_min(1e-4)).amin(1, keepdim=True).clamp_max(1.0)
    return y + share * away


def corrected(dark: Tensor, alpha: Tensor, small: Tensor) -> Tensor:
    """Back-projection: change darkness (N, 1, S, S) so that, times alpha, it shrinks to `small` (N, 1, 28, 28).

    Clipping to 0..1 can leave a small difference.
    """
    weight = shrunk(alpha).clamp(THIN, 1)
    for _ in range(ROUNDS):
        lack = small - shrunk(alpha * dark).clamp(0, 1)
        dark = (dark + grown(lack / weight, dark.shape[-1])).clamp(0, 1)
    return dark


def toned(rgba: Tensor, rng: torch.Generator) -> Tensor:
    """(N, 4, S, S) in 0..1, with a random tone as in a catalogue's photographs. Alpha stays as it is.

    Most get darker (gamma 1 to 1.8). Some get lighter (1 to 1.6 times), so that their lightest parts are white like the
    background. All get more contrast (1 to 1.4 times).
    """
    much, contrast, which = torch.rand(3, len(rgba), 1, 1, 1, generator=rng, device=rgba.device)
    alpha, lighter = rgba[:, 3:], which < LIGHTER
    rgb = rgba[:, :3].clamp_min(1e-4)
    rgb = torch.where(lighter, rgb * (1 + 0.6 * much), rgb ** (1 + 0.8 * much))
    mean = (rgb * alpha).sum((1, 2, 3), keepdim=True) / (3 * alpha).sum((1, 2, 3), keepdim=True).clamp_min(1.0)
    return torch.cat([(mean + (rgb - mean) * (1 + 0.4 * contrast)).clamp(0, 1), alpha], 1)


def tone_stats(small: Tensor) -> Tensor:
    """(N, 1, 28, 28) in 0..1 -> (N, 2): mean and spread of the garment's darkness."""
    v = small.flatten(1)
    inside = (v > 0.05).float()
    n = inside.sum(1, keepdim=True).clamp_min(1.0)
    mean = (v * inside).sum(1, keepdim=True) / n
    return torch.cat([mean, (((v - mean).square() * inside).sum(1, keepdim=True) / n + 1e-8).sqrt()], 1)

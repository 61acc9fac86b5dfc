"""Differentiable augmentation: real and fake pictures alike are flipped, shifted and cut before the discriminator sees
them, so that it cannot learn a small data set by heart.

Zhao et al. 2020, https://arxiv.org/abs/2006.10738, section 3.2: the same transformations T for both players, with
the generator's gradient running through T. Colors, shifts and cutouts are as wide as in the authors' code
(mit-han-lab/data-efficient-gans): shifts reach an eighth of the picture, cutouts half of it. Flips are ours: leave them
out where left and right matter, since the generator then learns mirrored garments too.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def flip(x: Tensor, _low: float, rng: torch.Generator) -> Tensor:
    """(N, C, H, W): each picture mirrored with probability 1/2."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def color(x: Tensor, low: float, rng: torch.Generator) -> Tensor:
    """(N, C, H, W): each picture brighter or darker by up to a quarter of the range, from gray to twice as colorful,
    and of half to one and a half times its contrast."""
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, generator=rng, device=x.device)
    x, alpha = x[:, :3], x[:, 3:]  # alpha is not a color, so it stays as it is
    x = x + (brightness - 0.5) * (1 - low) / 2
    x = stretched(x, x.mean(1, keepdim=True), 2 * saturation)
    x = stretched(x, x.mean((1, 2, 3), keepdim=True), contrast + 0.5)
    return torch.cat([x, alpha], 1) if alpha.shape[1] else x


def stretched(x: Tensor, middle: Tensor, by: Tensor) -> Tensor:
    return middle + (x - middle) * by


def shift(x: Tensor, gap: float | Tensor, rng: torch.Generator) -> Tensor:
    """(N, C, H, W): each picture moved by whole pixels, up to an eighth of its side each way; gaps become `gap`."""
    n, c, h, w = x.shape
    reach = max(1, round(h / 8))
    by = torch.randint(-reach, reach + 1, (2, n, 1), generator=rng, device=x.device)
    rows = torch.arange(h, device=x.device) + by[0]  # (n, h): where each row comes from
    columns = torch.arange(w, device=x.device) + by[1]
    inside = ((rows >= 0) & (rows < h))[:, None, :, None] & ((columns >= 0) & (columns < w))[:, None, None, :]
    x = x.gather(2, rows.clamp(0, h - 1)[:, None, :, None].expand(n, c, h, w))
    x = x.gather(3, columns.clamp(0, w - 1)[:, None, None, :].expand(n, c, h, w))
    return torch.where(inside, x, gap)


def cutout(x: Tensor, gap: float | Tensor, rng: torch.Generator) -> Tensor:
    """(N, C, H, W): a square of half the side, anywhere in each picture, set to `gap`."""
    n, _, h, w = x.shape
    half = h // 2
    middle = torch.randint(0, h, (2, n, 1), generator=rng, device=x.device)
    rows = (torch.arange(h, device=x.device) - middle[0] + half // 2) // half == 0
    columns = (torch.arange(w, device=x.device) - middle[1] + half // 2) // half == 0
    return torch.where(rows[:, None, :, None] & columns[:, None, None, :], gap, x)


def turn(x: Tensor, gap: float | Tensor, rng: torch.Generator) -> Tensor:
    """(N, C, H, W): each picture turned by up to 15 degrees, and drawn 0.8 to 1.2 times as wide and as high; gaps
    become `gap`."""
    angle, wide, high = torch.rand(3, len(x), generator=rng, device=x.device)
    angle, wide, high = (angle - 0.5) * math.pi / 6, 0.8 + 0.4 * wide, 0.8 + 0.4 * high
    zero = torch.zeros_like(angle)
    rows = [torch.stack([angle.cos() / wide, -angle.sin() / wide, zero], 1)]
    rows += [torch.stack([angle.sin() / high, angle.cos() / high, zero], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x - gap, grid, align_corners=False) + gap


def ground(x: Tensor, low: float, rng: torch.Generator) -> Tensor:
    """(N, 4, H, W) with alpha -> (N, 3, H, W), each on white or, with probability 1/2, on a plain color of its own.
    Without alpha, x itself."""
    if x.shape[1] != 4:
        return x
    color = low + (1 - low) * torch.rand(len(x), 3, 1, 1, generator=rng, device=x.device)
    plain = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) < 0.5
    alpha = ((x[:, 3:] - low) / (1 - low)).clamp(0, 1)
    return torch.lerp(torch.where(plain, color, 1.0), x[:, :3], alpha)


KINDS: dict[str, Callable[[Tensor, Any, torch.Generator], Tensor]] = {
    "flip": flip,
    "colour": color,
    "shift": shift,
    "cutout": cutout,
}
OF_CLASSIFIERS: dict[str, Callable[[Tensor, Any, torch.Generator], Tensor]] = {"turn": turn, "ground": ground}
FILLING = {"shift", "cutout", "turn"}  # kinds that leave gaps


def augment(
    x: Tensor, kinds: Sequence[str], low: float, rng: torch.Generator, gap: float | Tensor | None = None
) -> Tensor:
    """Apply the named kinds in order to (N, C, H, W), whose black is `low`.

    `gap`: what is put where nothing of the picture is, one value or (C, 1, 1); `low` if it is None.
    """
    for kind in kinds:
        filled = kind in FILLING and gap is not None
        x = (KINDS | OF_CLASSIFIERS)[kind](x, gap if filled else low, rng)
    return x

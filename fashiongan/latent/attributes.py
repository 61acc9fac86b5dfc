"""Measured attributes of a garment's shape and brightness: pure functions (N, C, H, W) uint8 -> (N,) float.

Each image is measured by itself. A pixel counts as part of the garment in proportion to its brightness, and fully from
EDGE on, so every attribute changes smoothly with the image. Lengths are shares of the image's height or width;
brightness is 0..1. For a black image every attribute is finite.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

EDGE = 64  # gray level, of 255, from which a pixel counts fully
LARGE = 32  # pixels a side; larger images are reduced to this before they are measured
Attribute = Callable[[Tensor], Tensor]


def gray(x: Tensor) -> Tensor:
    """(N, H, W) float, 0..1: the mean of the channels."""
    return x.float().mean(1) / 255


def body(x: Tensor) -> Tensor:
    """(N, H, W), 0..1: how much each pixel counts as part of the garment."""
    return (gray(x) * (255 / EDGE)).clamp(0, 1)


def share(part: Tensor, whole: Tensor) -> Tensor:
    """(N,): the sum of `part` over the sum of `whole`, both (N, ...); 0 where both are 0."""
    return part.flatten(1).sum(1) / whole.flatten(1).sum(1).clamp_min(1e-9)


def brightness(x: Tensor) -> Tensor:
    """Mean brightness of the garment's pixels, 0..1."""
    return share(gray(x) * body(x), body(x))


def area(x: Tensor) -> Tensor:
    """Share of the image that the garment covers."""
    return body(x).mean((1, 2))


def width(x: Tensor) -> Tensor:
    """Share of the columns that the garment reaches into."""
    return body(x).amax(1).mean(1)


def height(x: Tensor) -> Tensor:
    """Share of the rows that the garment reaches into."""
    return body(x).amax(2).mean(1)


def contrast(x: Tensor) -> Tensor:
    """Standard deviation of brightness within the garment, 0..0.5."""
    centred = gray(x) - brightness(x)[:, None, None]
    return share(centred.square() * body(x), body(x)).clamp_min(1e-9).sqrt()


def pattern(x: Tensor) -> Tensor:
    """Total variation over total brightness: 0 for a plain garment; prints, seams and edges raise it."""
    v = gray(x)
    steps = (v[:, 1:] - v[:, :-1]).abs().sum((1, 2)) + (v[:, :, 1:] - v[:, :, :-1]).abs().sum((1, 2))
    return steps / (2 * v.sum((1, 2))).clamp_min(1e-9)


def symmetry(x: Tensor) -> Tensor:
    """Left-right symmetry: 1 if the image equals its mirror image, 0 if the two share no bright pixel."""
    v = gray(x)
    return 1 - share((v - v.flip(2)).abs(), 2 * v)


def weight_below(x: Tensor) -> Tensor:
    """Vertical position of the centre of mass, 0 (top) to 1 (bottom)."""
    rows = (torch.arange(x.shape[2]) + 0.5) / x.shape[2]
    return share(body(x) * rows[:, None], body(x))


def weight_right(x: Tensor) -> Tensor:
    """Horizontal position of the centre of mass, 0 (left) to 1 (right). For a shoe: which end is the heavy one."""
    columns = (torch.arange(x.shape[3]) + 0.5) / x.shape[3]
    return share(body(x) * columns, body(x))


def sleeves(x: Tensor) -> Tensor:
    """Share of the garment that lies in the image's left and right quarters: sleeves, toe and heel."""
    s, quarter = body(x), x.shape[3] // 4
    return share(torch.cat([s[:, :, :quarter], s[:, :, -quarter:]], 2), s)


def middle(x: Tensor) -> Tensor:
    """Share of the garment that lies in the middle fifth of the columns: near 1 for slim garments."""
    s, side = body(x), x.shape[3] * 2 // 5
    return share(s[:, :, side:-side], s)


def neckline(x: Tensor) -> Tensor:
    """Openness at the top: in the upper quarter's middle third, the share that is not garment."""
    third = x.shape[3] // 3
    return 1 - body(x)[:, : x.shape[2] // 4, third:-third].mean((1, 2))


def gap(x: Tensor) -> Tensor:
    """Openness below: in the lower half's middle seventh, the share that is not garment: between legs, under a heel."""
    side = x.shape[3] * 3 // 7
    return 1 - body(x)[:, x.shape[2] // 2 :, side:-side].mean((1, 2))


ATTRIBUTES: dict[str, Attribute] = {
    "brightness": brightness,
    "area": area,
    "width": width,
    "height": height,
    "contrast": contrast,
    "pattern": pattern,
    "symmetry": symmetry,
    "weight below": weight_below,
    "weight to the right": weight_right,
    "sleeves and sides": sleeves,
    "weight in the middle": middle,
    "open neckline": neckline,
    "gap below": gap,
}


def measure(x: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> (N, attributes), in the order of ATTRIBUTES.

    Images above LARGE pixels a side are reduced first: the attributes need no finer detail.
    """
    if x.shape[-1] > LARGE:
        x = F.adaptive_avg_pool2d(x.float(), LARGE)
    return torch.stack([attribute(x) for attribute in ATTRIBUTES.values()], 1)

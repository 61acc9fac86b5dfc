"""What a ruler says of a garment: each a pure function (N, C, H, W) uint8 -> (N,) float, of one picture alone.

A pixel belongs to the garment by how bright it is, fully from EDGE on: so all of these change smoothly with the
picture. Lengths are shares of the picture's height or width, brightness is 0..1; of a black picture all are finite.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

EDGE = 64  # of 255
LARGE = 32  # pixels
Attribute = Callable[[Tensor], Tensor]


def gray(x: Tensor) -> Tensor:
    """(N, H, W) float, 0..1: the mean of the channels."""
    return x.float().mean(1) / 255


def body(x: Tensor) -> Tensor:
    """(N, H, W), 0..1: how far each pixel belongs to the garment."""
    return (gray(x) * (255 / EDGE)).clamp(0, 1)


def share(part: Tensor, whole: Tensor) -> Tensor:
    """(N, ...) over (N, ...), each summed up; 0 where there is nothing."""
    return part.flatten(1).sum(1) / whole.flatten(1).sum(1).clamp_min(1e-9)


def brightness(x: Tensor) -> Tensor:
    """Mean of the garment's own pixels, 0..1."""
    return share(gray(x) * body(x), body(x))


def area(x: Tensor) -> Tensor:
    """Share of the picture that the garment covers."""
    return body(x).mean((1, 2))


def width(x: Tensor) -> Tensor:
    """Share of the columns that it reaches into."""
    return body(x).amax(1).mean(1)


def height(x: Tensor) -> Tensor:
    """Share of the rows that it reaches into."""
    return body(x).amax(2).mean(1)


def contrast(x: Tensor) -> Tensor:
    """Standard deviation of brightness within the garment, 0..0.5."""
    centred = gray(x) - brightness(x)[:, None, None]
    return share(centred.square() * body(x), body(x)).clamp_min(1e-9).sqrt()


def pattern(x: Tensor) -> Tensor:
    """How unlike neighbouring pixels are, over how bright they are: 0 plain; prints, seams and edges raise it."""
    v = gray(x)
    steps = (v[:, 1:] - v[:, :-1]).abs().sum((1, 2)) + (v[:, :, 1:] - v[:, :, :-1]).abs().sum((1, 2))
    return steps / (2 * v.sum((1, 2))).clamp_min(1e-9)


def symmetry(x: Tensor) -> Tensor:
    """1 if it is its own mirror image, 0 if it shares no pixel with it."""
    v = gray(x)
    return 1 - share((v - v.flip(2)).abs(), 2 * v)


def weight_below(x: Tensor) -> Tensor:
    """Height of its centre of mass from the top, 0..1."""
    rows = (torch.arange(x.shape[2]) + 0.5) / x.shape[2]
    return share(body(x) * rows[:, None], body(x))


def weight_right(x: Tensor) -> Tensor:
    """Place of its centre of mass from the left, 0..1: of a shoe, which end is the heavy one."""
    columns = (torch.arange(x.shape[3]) + 0.5) / x.shape[3]
    return share(body(x) * columns, body(x))


def sleeves(x: Tensor) -> Tensor:
    """Share of the garment in the left and right quarters of the picture: sleeves, toe and heel."""
    s, quarter = body(x), x.shape[3] // 4
    return share(torch.cat([s[:, :, :quarter], s[:, :, -quarter:]], 2), s)


def middle(x: Tensor) -> Tensor:
    """Share of the garment in the middle fifth of the columns: slim ones are all there."""
    s, side = body(x), x.shape[3] * 2 // 5
    return share(s[:, :, side:-side], s)


def neckline(x: Tensor) -> Tensor:
    """How open it is at the top: share of the upper quarter's middle third that is not garment."""
    third = x.shape[3] // 3
    return 1 - body(x)[:, : x.shape[2] // 4, third:-third].mean((1, 2))


def gap(x: Tensor) -> Tensor:
    """Share of the lower half's middle seventh that is not garment: between legs, under a heel."""
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
    """(N, C, H, W) uint8 -> (N, attributes), in the order of ATTRIBUTES. Of large pictures' reduced copies: a ruler
    of garments needs no finer ones."""
    if x.shape[-1] > LARGE:
        x = F.adaptive_avg_pool2d(x.float(), LARGE)
    return torch.stack([attribute(x) for attribute in ATTRIBUTES.values()], 1)

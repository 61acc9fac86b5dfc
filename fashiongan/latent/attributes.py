"""Measured attributes of a garment's shape, brightness and color: pure functions (N, C, H, W) uint8 -> (N,) float.

Each image is measured by itself, and every attribute changes smoothly with the image. How much a pixel counts as part
of the garment follows from its brightness (C = 1, on black), its difference from the background (C = 3) or its alpha
(C = 4), see `body`. Lengths are shares of the image's height or width; brightness is 0..1. For an image of one color
every attribute is finite.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..color import color_space

EDGE = 64  # gray level, of 255, or difference from the background, from which a pixel counts fully
LARGE = 32  # pixels a side; larger images are reduced to this before they are measured
COLOR_PIXELS = 64  # pixels a side, about, at which a garment's color is measured
Attribute = Callable[[Tensor], Tensor]


def gray(x: Tensor) -> Tensor:
    """(N, H, W) float, 0..1: the mean of the colors."""
    return x[:, :3].float().mean(1) / 255


def body(x: Tensor) -> Tensor:
    """(N, H, W), 0..1: how much each pixel counts as part of the garment."""
    if x.shape[1] == 4:
        return x[:, 3].float() / 255
    x = x.float()
    if x.shape[1] == 3:
        x = (x - background(x)).abs()
    return (x.mean(1) / EDGE).clamp(0, 1)


@torch.no_grad()
def background(x: Tensor) -> Tensor:
    """(N, 3, 1, 1): the median color of each image's border."""
    border = torch.cat([x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]], 2)
    return border.median(2).values[:, :, None, None]


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
    """Total variation over total brightness: 0 for a plain garment; prints, seams and edges raise it. In color, where
    the background may be bright, only steps within the garment count, over its area."""
    v = gray(x)
    down, right = (v[:, 1:] - v[:, :-1]).abs(), (v[:, :, 1:] - v[:, :, :-1]).abs()
    if x.shape[1] == 1:
        return (down.sum((1, 2)) + right.sum((1, 2))) / (2 * v.sum((1, 2))).clamp_min(1e-9)
    s = body(x)
    down, right = down * torch.minimum(s[:, 1:], s[:, :-1]), right * torch.minimum(s[:, :, 1:], s[:, :, :-1])
    return (down.sum((1, 2)) + right.sum((1, 2))) / (2 * s.sum((1, 2))).clamp_min(1e-9)


def symmetry(x: Tensor) -> Tensor:
    """Left-right symmetry: 1 if the image equals its mirror image, 0 if the two share no bright pixel. In color it is
    that of the outline."""
    v = gray(x) if x.shape[1] == 1 else body(x)
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


def chroma(x: Tensor) -> tuple[Tensor, Tensor]:
    """a* and b* (CIE L*a*b*, about -110..110) of the garment, each (N,): the means over its pixels."""
    lab, s = color_space.lab(x[:, :3].float() / 255), body(x)
    return share(lab[:, 1] * s, s), share(lab[:, 2] * s, s)


def mean_color(x: Tensor) -> Tensor:
    """(N, 3): mean L*, a* and b* of the garment's pixels, of color pictures (N, 3 or 4, H, W) uint8.

    Of large pictures every n-th pixel is measured: a reduced one would mix the garment with its background.
    """
    step = max(1, x.shape[-1] // COLOR_PIXELS)
    x = x[:, :, ::step, ::step]
    lab, s = color_space.lab(x[:, :3].float() / 255), body(x)
    return torch.stack([share(lab[:, i] * s, s) for i in range(3)], 1)


def redness(x: Tensor) -> Tensor:
    """Mean a* of the garment: green below 0, red above."""
    return chroma(x)[0]


def yellowness(x: Tensor) -> Tensor:
    """Mean b* of the garment: blue below 0, yellow above."""
    return chroma(x)[1]


def saturation(x: Tensor) -> Tensor:
    """Distance of the garment's mean color from gray, in a* and b*."""
    a, b = chroma(x)
    return (a.square() + b.square() + 1e-6).sqrt()


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


COLORS: dict[str, Attribute] = {
    "hue, green to red": redness,
    "hue, blue to yellow": yellowness,
    "saturation": saturation,
}


# What a slider does to a garment as it moves to the left and to the right, by the attribute that it is named after.
ENDS: dict[str, str] = {
    "brightness": "darker … lighter",
    "area": "smaller … larger",
    "width": "narrower … wider",
    "height": "shorter … longer",
    "contrast": "even … contrasting",
    "pattern": "plainer … busier",
    "symmetry": "lopsided … symmetric",
    "weight below": "fuller above … below",
    "weight to the right": "fuller left … right",
    "sleeves and sides": "bare … full sides",
    "weight in the middle": "broader … slimmer",
    "open neckline": "closed … open neckline",
    "gap below": "closed … open below",
    "hue, green to red": "greener … redder",
    "hue, blue to yellow": "bluer … yellower",
    "saturation": "muted … vivid",
}


def measurable(channels: int) -> dict[str, Attribute]:
    """The attributes of images with so many channels, by name: gray ones have no color."""
    return ATTRIBUTES if channels == 1 else ATTRIBUTES | COLORS


def measure(x: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> (N, attributes), in the order of `measurable`.

    Images above LARGE pixels a side are reduced first: the attributes need no finer detail.
    """
    if x.shape[-1] > LARGE:
        x = F.adaptive_avg_pool2d(x.float(), LARGE)
    return torch.stack([attribute(x) for attribute in measurable(x.shape[1]).values()], 1)

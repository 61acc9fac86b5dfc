"""Brings garments of a generator in color the rest of the way to a requested color, as a dye does.

`color_search` finds latents whose garments come near to a color, as far as the generator draws it. What is then missing
is added to every pixel of the garment in CIE L*a*b*: a* and b* are shifted, and L* is scaled toward black or white, so
that folds stay folds and nothing is clipped. How much is missing is measured on the garment before sliders move it, so
a slider that changes the color still does.
"""

import weakref

import torch
from torch import Tensor

from ..cache import Cache
from ..color import color_space
from ..gans.base import GAN
from ..gans.sampling import render
from . import attributes

_colors: Cache[tuple[object, ...], Tensor] = Cache(64)  # so that a slider's move does not draw the garment twice


def unmoved(gan: GAN, z: Tensor, c: Tensor, psi: float, drawn: Tensor | None = None) -> Tensor:
    """(n, 3): mean L*, a* and b* of the garments of latents, drawn with truncation psi and without sliders.

    `drawn` are their pictures, if they have been drawn already.
    """
    key = (weakref.ref(gan), z.numpy().tobytes(), tuple(c.flatten().tolist()), psi)
    return _colors.get(
        key, lambda: attributes.mean_color(render(gan, gan.truncate(z, psi), c) if drawn is None else drawn)
    )


def dyed(x: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """Garments dyed from one color to another: (n, 3 or 4, H, W) uint8, transparency as it is.

    Args:
        x: pictures (n, 3 or 4, H, W) uint8. Without alpha, the background is found by `attributes.body` and stays.
        own: their garments' colors (n, 3), L* 0..100, a*, b*.
        target: the requested colors (n, 3).
    """
    own, target = own[:, :, None, None], target[:, :, None, None]
    lab = color_space.lab(x[:, :3].float() / 255)
    darker = lab[:, :1] * (target[:, :1] / own[:, :1].clamp_min(1.0)).clamp_max(1.0)
    white = 100 - (100 - lab[:, :1]) * ((100 - target[:, :1]) / (100 - own[:, :1]).clamp_min(1.0)).clamp_max(1.0)
    light = torch.where(target[:, :1] < own[:, :1], darker, white).clamp(0, 100)
    gray = (255 * color_space.encoded(color_space.cube((light + 16) / 116))).round().clamp(0, 255).to(torch.uint8)
    rgb = color_space.colored(gray, lab[:, 1:] + target[:, 1:] - own[:, 1:])
    if x.shape[1] == 4:
        return torch.cat([rgb, x[:, 3:]], 1)
    return torch.lerp(x.float(), rgb.float(), attributes.body(x)[:, None]).round().to(torch.uint8)

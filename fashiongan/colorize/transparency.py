"""Transparent pictures: colored on white, they get their alpha back afterwards; drawn ones are laid on any color."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..color import color_space
from ..errors import StudioError

NONE = "none"
NO_ALPHA = (
    "{name} draws no alpha, so its garments keep the background that they have: leave the background out, choose a "
    "generator with alpha, or cut them out with `python -m fashiongan cutout`."
)


def ground(text: str, channels: int, name: str) -> tuple[int, int, int] | None:
    """The color, red, green and blue, on which garments with alpha are laid; None if they stay transparent.

    Args:
        text: "none", or a color such as "white" or "#b03a2e".
        channels: how many the garments have.
        name: of the checkpoint that drew them.

    Raises StudioError for garments without alpha, and for what is no color.
    """
    color = None if text.strip().casefold() == NONE else color_space.parse(text)
    if channels != 4:
        raise StudioError(NO_ALPHA.format(name=name))
    return color


def alpha_of(rgba: Image.Image) -> Tensor | None:
    """(1, 1, H, W) uint8: how opaque each pixel of a picture in RGBA is; None if all of it is opaque."""
    alpha = np.asarray(rgba.getchannel("A"))
    return None if alpha.min() == 255 else torch.from_numpy(alpha.copy())[None, None]


def restored(images: Tensor, gray: Tensor, alpha: Tensor | None) -> Tensor:
    """Pictures colored on white (n, 3, H, W) uint8, with the white taken out and the alpha beside: (n, 4, H, W) uint8.

    `gray`, (1, 1, H, W) uint8, is what they were on white: each pixel gets back the lightness that it has without it.
    Without alpha the pictures stay as they are.
    """
    if alpha is None:
        return images
    return torch.cat([torch.cat([without_white(x, gray, alpha), alpha], 1) for x in images.split(1)])


def without_white(image: Tensor, gray: Tensor, alpha: Tensor) -> Tensor:
    """(1, 3, H, W) uint8: white where nothing is to be seen."""
    share = (alpha.float() / 255).clamp_min(1 / 255)
    own, light = (((x.float() - 255 * (1 - share)) / share).clamp(0, 255) for x in (image, gray))
    color = color_space.colored(light.round().to(torch.uint8), color_space.lab(own / 255)[:, 1:])
    return torch.where(alpha == 255, image, torch.where(alpha == 0, 255, color))

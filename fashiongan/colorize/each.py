"""Many small gray pictures in one pass of a colorizer GAN, each in a color of its own: fast enough for a slider."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .. import limits
from ..color import color_space, palettes
from ..data import cutout
from ..errors import StudioError
from ..gans.colorizer import Colorizer
from ..gans.sampling import draw
from . import engine
from .engine import Gray

NAME = "colorizer"  # the bundled checkpoint that colors garments on black
PIECE = 500  # pictures that go through the net together, so that memory stays bounded


def palette(text: str) -> tuple[str, ...]:
    """The colors, each "#rrggbb", of a palette's name such as "Jewel", or of colors separated by commas; StudioError
    for anything else."""
    apart = palettes.by_name(text) or [
        c for c in re.split(r",(?![^(]*\))", text) if c.strip()
    ]  # not within rgb(1, 2, 3)
    if not 1 <= len(apart) <= limits.PALETTE_COLORS:
        names = ", ".join(palettes.PALETTES)
        raise StudioError(f"Give 1 to {limits.PALETTE_COLORS} colors such as #b03a2e,teal, or a palette: {names}.")
    return tuple(color_space.hexed(color_space.parse(c)) for c in apart)


@torch.no_grad()
def colored(gan: Colorizer, pictures: Tensor, colors: Sequence[str], seed: int = 0) -> Tensor:
    """Gray squares (N, 1, S, S) uint8 and N colors -> (N, 3, S, S) uint8 of the same lightness.

    A picture's colors depend on itself, its color and the seed: not on what else is colored with it. What lies outside
    the garment stays gray. Raises StudioError if the pictures are in color, or if a color is invalid.
    """
    if pictures.shape[1] != 1:
        raise StudioError("These garments are drawn in color already: choose a checkpoint that draws gray ones.")
    if len(pictures) > PIECE:
        pieces = zip(pictures.split(PIECE), range(0, len(pictures), PIECE), strict=True)
        return torch.cat([colored(gan, part, colors[at : at + PIECE], seed) for part, at in pieces])
    grays = [Gray(x[None], mask(x)) for x in pictures]
    fitted = [engine.at_model_size(gan, gray) for gray in grays]
    small = torch.cat([values for values, _, _ in fitted])
    ab_of = {color: color_space.lab_of(color)[1:] / color_space.CHROMA for color in set(colors)}
    spots = [engine.places(garment, 1, [])[0] for _, garment, _ in fitted]
    hints = torch.stack(
        [
            torch.cat([torch.tensor(spot), ab_of[color], torch.ones(1)])
            for spot, color in zip(spots, colors, strict=True)
        ]
    )[:, None]
    z, _ = draw(gan, 1, seed)
    n = len(pictures)
    y = torch.zeros(n, len(gan.recipe.labels))
    ab = gan.G.raw_colors(small, hints, gan.usual(z).expand(n, -1), y) * color_space.CHROMA
    if pictures.shape[-1] != gan.recipe.size:
        lit = (small > color_space.FAINT).float()  # the net has learned no color for black pixels
        parts = F.interpolate(torch.cat([ab * lit, lit], 1), pictures.shape[-2:], mode="bilinear")
        ab = parts[:, :2] / parts[:, 2:].clamp_min(1e-3)
    inside = [torch.ones(1, 1, *pictures.shape[-2:]) if gray.mask is None else gray.mask for gray in grays]
    return color_space.colored(pictures, ab * torch.cat(inside))


def mask(picture: Tensor) -> Tensor | None:
    """(1, 1, S, S), 0 or 1: where the garment of a gray picture (1, S, S) is; None on black, which takes no color."""
    rgb = picture[0, :, :, None].expand(-1, -1, 3).numpy()
    if cutout.black(rgb):
        return None
    cut = cutout.flood_filled(Image.fromarray(np.ascontiguousarray(rgb)))
    return torch.from_numpy(np.asarray(cut).copy()).float()[None, None] / 255

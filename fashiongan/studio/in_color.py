"""Drawn garments in color: sheets, grids, neighbors and single garments of a gray generator in a palette."""

from pathlib import Path

from torch import Tensor

from ..color.palettes import PALETTES
from ..colorize import each, engine, reference
from ..colorize.reference import Reference
from ..latent import spec
from ..latent.spec import SampleSpec
from .studio import Studio

NAMES = tuple(PALETTES)  # of the palettes


def picture(studio: Studio, description: SampleSpec) -> Tensor:
    """Draw the described images: (n, C, H, W) uint8, in the colors of the description's palette if it has one.

    A garment keeps its color while its sliders move. Raises StudioError for a palette where the generator draws in
    color already.
    """
    gan = studio.gan(description.checkpoint)
    return colored(studio, spec.picture(gan, description), spec.colors(gan, description), description.palette_seed)


def colored(studio: Studio, pictures: Tensor, colors: tuple[str, ...], seed: int = 0) -> Tensor:
    """Drawn gray garments (N, 1, H, W) uint8 in N colors: (N, 3, H, W) uint8. Without colors they stay as they are."""
    if not colors:
        return pictures
    return each.colored(engine.colorizer(studio.gan(each.NAME)), pictures, colors, seed)


def palette(text: str) -> tuple[str, ...]:
    """The colors, each "#rrggbb", of a palette's name or of colors with commas between; () for "". StudioError for what
    is neither."""
    return each.palette(text) if text else ()


def named(colors: tuple[str, ...]) -> str:
    """The text of which `palette` makes these colors: a palette's name, if they are one."""
    return next((name for name, own in PALETTES.items() if own == colors), ", ".join(colors))


def of_photograph(path: Path) -> Reference:
    """The palette of the garment in a picture file. StudioError if the file is no picture, or shows none."""
    return reference.palette(path)

"""Drawn garments in color: sheets, grids, neighbors and single garments of a gray generator in a palette."""

from torch import Tensor

from ..colorize import each, engine
from ..latent import spec
from ..latent.spec import SampleSpec
from .studio import Studio


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

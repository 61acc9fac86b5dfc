"""Drawn garments in color: gray ones in a palette or enlarged, and what generators in color draw."""

from pathlib import Path

from torch import Tensor

from .. import checkpoint, hub, limits
from ..cache import Cache
from ..color.palettes import PALETTES
from ..colorize import each, engine, enlarge, reference, transparency
from ..colorize.reference import Reference
from ..errors import StudioError
from ..latent import spec
from ..latent.spec import SampleSpec
from .models import version
from .studio import Studio

NAMES = tuple(PALETTES)  # of the palettes
GROUNDS = (("white", "white"), ("transparent", transparency.NONE))  # of saved garments; any other color is one as well

_kinds: Cache[tuple[Path, int], str] = Cache(limits.QUEUE * 10)  # names of GANs by file


def picture(studio: Studio, description: SampleSpec) -> Tensor:
    """Draw the described images: (n, C, H, W) uint8; enlarged ones have alpha, C = 4.

    Gray garments get the colors of the description's palette, if it has one. A garment keeps its color while its
    sliders move. Raises StudioError for a palette or an enlarger that does not fit the generator.
    """
    gan = studio.gan(description.checkpoint)
    colors = () if spec.searchable(gan) else spec.colors(gan, description)
    if not description.enlarger:
        return colored(studio, spec.picture(gan, description), colors, description.palette_seed)
    enlarge.check_source(gan)
    net = enlarge.enlarger(studio.gan(description.enlarger))
    images, (z, c) = spec.picture(gan, description), spec.origins(gan, description)
    return enlarge.of_generator(net, gan, images, z, c, colors, description.palette_seed).permute(0, 3, 1, 2)


def side(studio: Studio, description: SampleSpec) -> int:
    """The pixels a side of the described images."""
    return studio.gan(description.enlarger or description.checkpoint).recipe.size


def channels(studio: Studio, description: SampleSpec) -> int:
    """The channels of the described images: 4 with alpha."""
    drawn = studio.gan(description.checkpoint).channels
    return 4 if description.enlarger else 3 if description.palette and drawn == 1 else drawn


def enlargers(studio: Studio) -> list[str]:
    """The names of the checkpoints here that enlarge garments, the bundled ones first."""
    return [name for name in studio.names() if not name.startswith(hub.PREFIX) and kind(studio, name) == enlarge.NAME]


def kind(studio: Studio, name: str) -> str:
    """The name of a checkpoint's GAN; "" if its file cannot be read."""
    try:
        path = studio.path(name)
        return _kinds.get(version(path), lambda: checkpoint.gan_name(path))
    except (StudioError, OSError):
        return ""


def fitting(studio: Studio, name: str) -> str:
    """The enlarger for the garments of that checkpoint; "" if there is none, or if it does not take them."""
    try:
        enlarge.check_source(studio.gan(name))
    except StudioError:
        return ""
    return next(iter(enlargers(studio)), "")


def ground(studio: Studio, description: SampleSpec, text: str) -> tuple[int, int, int] | None:
    """The color on which garments with alpha are laid, such as "#b03a2e"; None for "none". StudioError for garments
    without alpha, and for what is no color."""
    return transparency.ground(text, channels(studio, description), description.checkpoint)


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

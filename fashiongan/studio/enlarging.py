"""Gray garments of 28 x 28 pixels, from a picture file or from a generator, enlarged for programs."""

from dataclasses import dataclass
from pathlib import Path

from ..colorize import enlarge, transparency
from ..data import sheets
from ..errors import StudioError
from ..latent import singles
from ..latent.spec import SampleSpec
from . import in_color
from .studio import Studio


@dataclass(frozen=True)
class Request:
    """A request to enlarge one picture in n variants or, without a picture, n garments of a generator."""

    picture: Path | None
    checkpoint: str  # of the generator
    n: int
    seed: int
    label: str | None
    colors: tuple[str, ...]
    background: str  # "none", or a color
    enlarger: str  # "" for the first one here


def pngs(studio: Studio, request: Request) -> list[tuple[str, bytes]]:
    """(name, PNG with its description) of each enlarged garment. StudioError for what cannot be enlarged."""
    name = request.enlarger or next(iter(in_color.enlargers(studio)), "")
    if not name:
        raise StudioError(enlarge.MISSING)
    net = enlarge.enlarger(studio.gan(name))
    ground = transparency.ground(request.background, 4, name)
    if request.picture is None:
        sample = SampleSpec(
            request.checkpoint, request.n, request.seed, request.label, palette=request.colors, enlarger=name
        )
        gan = studio.gan(request.checkpoint)
        images = sheets.on_ground(in_color.picture(studio, sample), ground)
        return list(singles.pngs(images, singles.apart(gan, sample)))
    gray = enlarge.opened(request.picture)
    variants = enlarge.variants(net, gray, request.label, request.seed, request.colors, request.n)
    return [
        (
            f"enlarged-{i + 1}.png",
            enlarge.png(image, enlarge.description(name, request.label, request.seed, request.colors, i), ground),
        )
        for i, image in enumerate(variants)
    ]

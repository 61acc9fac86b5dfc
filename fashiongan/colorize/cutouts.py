"""Garments cut out of picture files, at the pictures' own size: what the command line and the page's API do."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..color import color_space
from ..data import cutout, images
from ..errors import StudioError
from .transparency import NONE


@dataclass(frozen=True)
class Done:
    """One file, and how far the work is. `png` is None where it could not be cut out; `note` then says why."""

    source: Path
    out: Path
    png: bytes | None
    note: str
    step: int
    steps: int


def background(text: str) -> str | None:
    """A color as "#rrggbb", or None for a transparent background; StudioError for what is neither."""
    if text.strip().casefold() in ("", NONE):
        return None
    return color_space.hexed(color_space.parse(text))


def alone(source: Path, ground: str | None = None) -> tuple[bytes, str]:
    """A PNG in RGBA of a file's garment alone, and what is to be said of it.

    On `ground` it is opaque. Where it is not sure what the garment is, all of the picture is used.
    """
    im = images.whole(source)
    cut = cutout.find_garment(im)
    out = im.convert("RGBA")
    out.putalpha(cut.alpha)
    if ground is not None:
        out = Image.alpha_composite(Image.new("RGBA", out.size, ground), out)
    data = io.BytesIO()
    out.save(data, "PNG", compress_level=4)
    return data.getvalue(), cut.note


def made(targets: Mapping[Path, Path], ground: str | None) -> Iterator[Done]:
    """Cut each file out; one that is no picture is told and passed over."""
    for step, (source, out) in enumerate(targets.items(), 1):
        try:
            png, note = alone(source, ground)
        except StudioError as e:
            yield Done(source, out, None, str(e), step, len(targets))
        else:
            yield Done(source, out, png, note, step, len(targets))

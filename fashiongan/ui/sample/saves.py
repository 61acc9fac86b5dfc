"""Files that a visitor saves: single garments, and a ZIP of them. Each is named by what it shows."""

import io
import zipfile
from collections.abc import Sequence

from torch import Tensor

from ... import limits
from ...data import sheets
from ...errors import StudioError
from ...latent.singles import stem
from ...latent.spec import SampleSpec
from ..shared import show

SCALES = [("own size", 1), ("4 times", 4), ("8 times", 8), ("16 times", 16), ("32 times", 32)]

Ground = tuple[int, int, int] | None  # red, green and blue below a garment with alpha; None leaves it transparent


def factor(scale: int) -> int:
    """A choice of SCALES, checked: StudioError for any other."""
    if scale not in dict(SCALES).values():
        raise StudioError("A saved garment is enlarged 1, 4, 8, 16 or 32 times.")
    return scale


def garment(image: Tensor, sample: SampleSpec, scale: int, ground: Ground) -> str:
    """The path of a PNG of one garment, image (1, C, H, W) uint8, enlarged by a whole factor."""
    return show.kept(png(image, sample, scale, ground), name(sample, scale))


def png(image: Tensor, sample: SampleSpec, scale: int, ground: Ground) -> bytes:
    return sheets.png(sheets.sheet(image, 1, gap=0, scale=scale, ground=ground), sample.to_json())


def name(sample: SampleSpec, scale: int, ending: str = ".png") -> str:
    return stem(sample) + (f"-x{scale}" if scale > 1 else "") + ending


def archive(images: Tensor, samples: Sequence[SampleSpec], sheet: SampleSpec, scale: int, ground: Ground) -> str:
    """The path of a ZIP with a PNG of each garment, images (N, C, H, W) uint8, with its description inside."""
    if images[:, 0].numel() * scale**2 > limits.SAVED_PIXELS:
        raise StudioError("That many garments, that much enlarged, make too large a file: choose a smaller factor.")
    out, used = io.BytesIO(), set[str]()
    with zipfile.ZipFile(out, "w") as file:
        for i, sample in enumerate(samples):
            inside = name(sample, scale)
            if sample.latents or inside in used:
                inside = name(sample, scale, f"-{i + 1}.png")
            used.add(inside)
            file.writestr(zipfile.ZipInfo(inside), png(images[i : i + 1], sample, scale, ground))
    return show.kept(out.getvalue(), name(sheet, scale, ".zip"))

"""The palette of a reference picture: the main colors of the garment in it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import ImageFilter

from ..color import clusters
from ..data import cutout, images
from ..errors import StudioError
from .engine import SATURATED

GRAY = "This picture is gray: so is its palette."
RIM = 2  # pixels of the garment's edge that are left out: they are mixed with the ground
ALL_OF_IT = "It is not sure what the garment is in this picture: all of it is used."


@dataclass(frozen=True)
class Reference:
    """The colors of a reference picture, the most frequent first, each "#rrggbb", and a sentence if one is needed."""

    colors: tuple[str, ...]
    shares: tuple[float, ...]  # of the garment
    note: str = ""


def palette(source: bytes | Path) -> Reference:
    """Three to six colors of the garment in a picture file, or fewer if it has fewer: the same for the same file.

    Where it is not sure what the garment is, all of the picture is used, and the note says so. Raises StudioError if
    the file is no picture, or shows nothing.
    """
    im = images.opened(source, images.WORKING)
    cut = cutout.find_garment(im)
    if cut.nothing:
        raise StudioError(cut.note or cutout.ONE_SHADE)
    inner, whole = (np.asarray(a) for a in (cut.alpha.filter(ImageFilter.MinFilter(2 * RIM + 1)), cut.alpha))
    inside = next(m for m in (inner >= cutout.SOLID, whole >= cutout.SOLID, whole >= 128, whole >= 0) if m.any())
    pixels = np.asarray(im.convert("RGB"))[inside]
    colors, shares = clusters.palette(torch.from_numpy(pixels.copy()))
    faint = np.ptp(pixels.astype(np.int16), axis=1) <= SATURATED
    note = GRAY if faint.mean() > 0.999 else ""
    doubt = cut.note or (ALL_OF_IT if cut.unsure else "")
    return Reference(colors, shares, " ".join(filter(None, [doubt, note])))

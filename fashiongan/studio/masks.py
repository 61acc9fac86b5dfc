"""Masks that somebody corrected on the page: where the garment is in their own picture."""

import base64

from PIL import Image

from .. import limits
from ..data import images
from ..errors import StudioError

ALL = "all"  # a mask of all of the picture


def png_of(text: str) -> bytes:
    """Decode what a canvas of the page sends: a PNG, in base64. StudioError if it is too large."""
    try:
        data = base64.b64decode(text.removeprefix("data:image/png;base64,"), validate=True)
    except ValueError:
        data = b""
    if len(data) > limits.DRAWING_BYTES:
        raise StudioError("This drawing is too large: reload the page and draw again.")
    return data


def corrected(mask: str, size: tuple[int, int]) -> Image.Image:
    """A corrected mask, ALL or a PNG in base64, in mode L at a picture's size; StudioError if it is empty."""
    if mask == ALL:
        return Image.new("L", size, 255)
    alpha = images.opened(png_of(mask), limits.COLORIZE_SIDE).convert("L")
    if alpha.getextrema()[1] < 128:  # type: ignore[operator]  # of one channel
        raise StudioError("No garment is left in the mask: paint it with Add, or choose All of the picture.")
    return alpha.resize(size, Image.Resampling.BILINEAR)

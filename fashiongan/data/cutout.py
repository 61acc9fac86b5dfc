"""Somebody's own picture, made to look like the data: one bright garment, cut out, centred, on black.

Fashion-MNIST was made from photographs on white by trimming, shrinking the longest edge to 28 pixels, centring and
negating (Xiao et al. 2017, https://arxiv.org/abs/1708.07747, section 2); this does the same for any plain background.
Pillow only.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from torch import Tensor

from ..errors import StudioError
from .images import as_tensor

FAINT = 24  # of 255: a pixel that differs less than this from the background belongs to it
Bytes = npt.NDArray[np.uint8]
FLOOR = 40  # how dark a garment's own pixels may be on black


def garment(im: Image.Image, size: int, channels: int) -> Tensor:
    """(channels, size, size) uint8: the garment in an RGBA picture as the data would show it.

    StudioError if there is none, because the whole picture is of one shade.
    """
    if im.size == (size, size) and looks_like_data(im):
        return as_tensor(im.convert("RGB"), channels)
    mask = cut_out(im)
    box = mask.getbbox()
    if box is None:
        raise StudioError("There is no garment to see in this picture: it is all of one shade.")
    lit, mask = on_black(im, mask).crop(box), mask.crop(box)
    scale = size / max(lit.size)
    fitted = (max(1, round(lit.width * scale)), max(1, round(lit.height * scale)))
    lit, mask = (x.resize(fitted, Image.Resampling.LANCZOS) for x in (lit, mask))
    canvas = Image.new("RGB", (size, size))
    canvas.paste(lit, ((size - fitted[0]) // 2, (size - fitted[1]) // 2), mask)
    return as_tensor(canvas, channels)


def transparent(im: Image.Image) -> bool:
    return bool(np.asarray(im.getchannel("A")).min() < 128)


def looks_like_data(im: Image.Image) -> bool:
    """Whether a picture of the data's size is on black already, as a download of the studio's own is."""
    values = np.asarray(im.convert("L"))
    return not transparent(im) and bool(values.max() > FAINT and np.median(border(values)) < FAINT)


def border(
    values: Bytes,
) -> Bytes:
    """The outermost pixels of (H, W, ...), one after the other."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def cut_out(im: Image.Image) -> Image.Image:
    """The garment's mask, 0 or 255: what is opaque, or else what is not background.

    Background is what has the border's middle color and is connected with the border, so that a print in the
    background's color stays part of the garment.
    """
    if transparent(im):
        return im.getchannel("A").point(lambda a: 255 if a >= 128 else 0)
    rgb = np.asarray(im.convert("RGB"))
    far = np.abs(rgb.astype(np.int16) - np.median(border(rgb), axis=0)).max(2).astype(np.uint8)
    differs = Image.fromarray(((far > threshold(far)) * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    padded = ImageOps.expand(differs, 1, 0)
    ImageDraw.floodfill(padded, (0, 0), 128)
    return ImageOps.crop(padded, 1).point(lambda v: 0 if v == 128 else 255)


def threshold(far: Bytes) -> float:
    """Half of Otsu's threshold (Otsu 1979), so that a pale sleeve is not lost; at least FAINT."""
    count = np.bincount(far.ravel(), minlength=256).astype(np.float64)
    below, total = np.cumsum(count), np.cumsum(count * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return max(FAINT, float(np.nan_to_num(between).argmax()) / 2)


def on_black(im: Image.Image, mask: Image.Image) -> Image.Image:
    """A picture in RGB for black ground; from a light background its negative, as in the data. Dim ones are lit up."""
    rgb = np.asarray(im.convert("RGB")).astype(np.float32)
    inside = np.asarray(mask) > 0
    light = not transparent(im) and float(np.median(border(rgb.mean(2).astype(np.uint8)))) > 127
    lit = 255 - rgb if light else rgb
    top = float(np.percentile(lit[inside].max(1), 98)) if inside.any() else 255.0
    lit = lit * (220 / top) if 0 < top < 220 else lit
    return Image.fromarray(np.clip(np.maximum(lit, FLOOR), 0, 255).astype(np.uint8))

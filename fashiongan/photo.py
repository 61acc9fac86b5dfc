"""Somebody's own picture, made to look like the data: one bright garment, cut out, centred, on black.

Fashion-MNIST was made from photographs on white by trimming, shrinking the longest edge to 28 pixels, centring and
negating (Xiao et al. 2017, https://arxiv.org/abs/1708.07747, section 2); this does the same for any plain background.
Pillow only. Sizes are read from the header before anything is decoded, so that memory stays bounded.
"""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from torch import Tensor

from .errors import StudioError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MOST_PIXELS = 25_000_000  # 100 MB decoded; of a JPEG only a reduced copy is, so it may have DRAFTED
DRAFTED = 120_000_000
WORKING = 256  # pixels of the longest edge at which a garment is cut out
LONGEST = 20  # times as long as wide: beyond it there is no garment to see
FAINT = 24  # of 255: what differs from the background by less belongs to it
Bytes = npt.NDArray[np.uint8]
FLOOR = 40  # how dark a garment's own pixels may be on black


def opened(source: bytes | Path, longest: int = WORKING) -> Image.Image:
    """A picture of at most `longest` pixels a side, in RGBA; StudioError in one sentence for what is none.

    The first frame of an animation, upright if the camera said how, colours of any mode as RGB.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # the size is checked here, not by area alone
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as im:
                return shrunk(im, longest)
    except Image.DecompressionBombError:
        raise StudioError(
            f"This picture is too large: choose one of at most {MOST_PIXELS // 10**6} megapixels."
        ) from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError) as e:
        raise StudioError("This file is no picture that can be read: choose a PNG, JPEG, WebP or GIF.") from e


def shrunk(im: Image.Image, longest: int) -> Image.Image:
    wide, high = im.size
    most = DRAFTED if im.format == "JPEG" else MOST_PIXELS
    if wide * high > most:
        raise StudioError(
            f"This picture is {wide:,} x {high:,} pixels: choose one of at most {most // 10**6} megapixels."
        )
    if max(im.size) > LONGEST * min(im.size):
        raise StudioError(f"This picture is {wide} x {high} pixels, too long a strip to see a garment: crop it first.")
    im.draft("RGB", (2 * longest, 2 * longest))  # a JPEG is decoded at a fraction of its size; others take no notice
    if im.mode.startswith(("I", "F")):  # 16 and 32 bits: what Pillow converts would be cut off at 255
        values = np.asarray(im, np.float32)
        im = Image.fromarray((255 * (values - values.min()) / max(1e-9, float(np.ptp(values)))).astype(np.uint8))
    im = ImageOps.exif_transpose(im)
    im.thumbnail((2 * longest, 2 * longest), Image.Resampling.BOX)  # cheap first, so that conversion is cheap too
    im = im.convert("RGBA")
    im.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return im


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

    Background is what has the border's middle colour and is connected with the border, so that a print in the
    background's colour stays part of the garment.
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
    """Half of where two groups of values part best (Otsu 1979), so that a pale sleeve is not lost; FAINT at least."""
    count = np.bincount(far.ravel(), minlength=256).astype(np.float64)
    below, total = np.cumsum(count), np.cumsum(count * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return max(FAINT, float(np.nan_to_num(between).argmax()) / 2)


def on_black(im: Image.Image, mask: Image.Image) -> Image.Image:
    """A picture in RGB as bright as it differs from its background: of a light one the negative, as in the data."""
    rgb = np.asarray(im.convert("RGB")).astype(np.float32)
    inside = np.asarray(mask) > 0
    light = not transparent(im) and float(np.median(border(rgb.mean(2).astype(np.uint8)))) > 127
    lit = 255 - rgb if light else rgb
    top = float(np.percentile(lit[inside].max(1), 98)) if inside.any() else 255.0
    lit = lit * (220 / top) if 0 < top < 220 else lit
    return Image.fromarray(np.clip(np.maximum(lit, FLOOR), 0, 255).astype(np.uint8))


def as_tensor(im: Image.Image, channels: int) -> Tensor:
    """(channels, H, W) uint8."""
    values = np.asarray(im.convert("L" if channels == 1 else "RGB")).copy()
    return torch.from_numpy(values).view(*values.shape[:2], -1).permute(2, 0, 1).contiguous()

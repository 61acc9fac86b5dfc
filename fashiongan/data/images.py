"""The one opener of picture files: for training, evaluation, uploads and colorizing.

Every picture comes out upright by its EXIF orientation, in sRGB by its ICC profile if it has one, and with its full
depth: 16 bits are scaled to 8, not cut off at white. Sizes are read from the header before anything is
decoded, so that memory stays bounded, and a large JPEG is reduced while it is read. Pillow only.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from .. import limits
from ..errors import StudioError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # of an upload; a data set may hold whatever Pillow reads
WORKING = 256  # pixels of the longest edge at which a garment is cut out
# What Pillow raises for a file that is no picture, or a damaged one.
UNREADABLE = (OSError, ValueError, SyntaxError, TypeError, EOFError)
SRGB = ImageCms.createProfile("sRGB")


@contextmanager
def header(source: bytes | Path | BinaryIO, formats: tuple[str, ...] | None = None) -> Iterator[Image.Image]:
    """A picture file of which only the header has been read: its size and format are known, nothing is decoded.

    Raises one of UNREADABLE, or Image.DecompressionBombError. The caller must check the size: Pillow's own warning,
    which goes by the area alone, is silenced.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats) as im:
            yield im


def decoded(im: Image.Image, longest: int | None = None) -> Image.Image:
    """The pixels of an opened file, upright and in sRGB: RGBA where it has transparency, else RGB.

    `longest`: pixels a side that will be needed; a JPEG larger than twice that is decoded at a half, a quarter or an
    eighth of its size.
    """
    if longest is not None:
        im.draft("RGB", (2 * longest, 2 * longest))
    profile = im.info.get("icc_profile")
    upright = ImageOps.exif_transpose(eight_bits(im))
    mode = "RGBA" if upright.has_transparency_data else "RGB"
    return in_srgb(upright, profile).convert(mode)


def in_srgb(im: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture's colors converted to sRGB. Without a profile that can be used, they stay as they are."""
    if not profile or im.mode not in ("RGB", "RGBA", "CMYK"):
        return im
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return im
        mode = "RGBA" if im.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(im, source, SRGB, outputMode=mode) or im
    except (ImageCms.PyCMSError, OSError, ValueError):
        return im


def eight_bits(im: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits a pixel, scaled to 8 bits; Pillow's `convert` would clip it to white."""
    if im.mode.startswith("I") or im.mode == "F":
        values = np.asarray(im, dtype=np.float64)
        top = 65535.0 if im.mode.startswith("I") and values.max() > 255 else max(1.0, float(values.max()))
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8))
    return im


def on_background(im: Image.Image, background: str = "white") -> Image.Image:
    """A picture in RGB: transparent parts show the color `background`."""
    if im.mode != "RGBA":
        return im.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", im.size, background), im).convert("RGB")


def opened(source: bytes | Path, longest: int = WORKING) -> Image.Image:
    """An uploaded picture, reduced to at most `longest` pixels a side, in RGBA; of an animation, its first frame.

    Raises StudioError if it cannot be read.
    """
    try:
        with header(source, FORMATS) as im:
            check_size(im)
            whole = decoded(im, longest)
            # The cheap filter first, so that the good one has few pixels left.
            whole.thumbnail((2 * longest, 2 * longest), Image.Resampling.BOX)
            whole = whole.convert("RGBA")
            whole.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            return whole
    except Image.DecompressionBombError:
        raise StudioError(
            f"This picture is too large: choose one of at most {limits.PICTURE_PIXELS // 10**6} megapixels."
        ) from None
    except UNREADABLE as e:
        raise StudioError("This file is no picture that can be read: choose a PNG, JPEG, WebP or GIF.") from e


def check_size(im: Image.Image) -> None:
    """StudioError for an upload of too many pixels, or too long a strip."""
    wide, high = im.size
    most = limits.JPEG_PIXELS if im.format == "JPEG" else limits.PICTURE_PIXELS
    if wide * high > most:
        raise StudioError(
            f"This picture is {wide:,} x {high:,} pixels: choose one of at most {most // 10**6} megapixels."
        )
    if max(im.size) > limits.STRIP * min(im.size):
        raise StudioError(f"This picture is {wide} x {high} pixels, too long a strip to see a garment: crop it first.")


def resize(images: Tensor, size: int) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C, size, size) uint8, antialiased, in pieces so that memory stays bounded."""
    from torchvision.transforms.v2 import functional as F

    if images.shape[-2:] == (size, size):
        return images
    return torch.cat([F.resize(part, [size, size], antialias=True) for part in images.split(4096)])


def as_tensor(im: Image.Image, channels: int) -> Tensor:
    """(channels, H, W) uint8."""
    values = np.asarray(im.convert("L" if channels == 1 else "RGB")).copy()
    return torch.from_numpy(values).view(*values.shape[:2], -1).permute(2, 0, 1).contiguous()

"""The one opener of picture files: for training, evaluation, uploads and colorizing.

Every picture comes out upright by its EXIF orientation, in sRGB by its ICC profile if it has one, and with its full
depth: 10, 12, 16 or 32 bits and floats are scaled to 8 bits, not cut off. Sizes are read from the header before
anything is decoded, so that memory stays bounded, and a large picture is reduced before anything else is done with it.
Pillow only, with pillow-heif for HEIC where that is installed.
"""

import importlib
import io
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageFile
from torch import Tensor

from .. import limits
from ..errors import StudioError
from . import kinds

FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "HEIF")  # of an upload
REDUCED = ("JPEG", "MPO")  # formats that are reduced while they are decoded
PHONES = ("AVIF", "HEIF")  # formats in which phones write as many pixels as their cameras have
LARGE = 4_000_000  # pixels from which a picture is reduced before it is turned and its colors are converted
WORKING = 256  # pixels of the longest edge at which a garment is cut out
# What Pillow raises for a file that is no picture, or a damaged one.
UNREADABLE = (OSError, ValueError, SyntaxError, TypeError, EOFError, KeyError, struct.error)
importing = threading.Lock()
SRGB = ImageCms.createProfile("sRGB")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation
DEPTHS = (8, 10, 12, 16, 24, 31)  # bits that pictures of whole numbers have
FLOATS = (1.0, 255.0, 1023.0, 4095.0, 65535.0)  # what is white in pictures of floats
LOW_BYTES = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}  # Pillow's raw modes


@cache
def uploads() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow opens."""
    return tuple(f for f in FORMATS if f in kinds.formats())


@contextmanager
def header(source: bytes | Path | BinaryIO, formats: tuple[str, ...] | None = None) -> Iterator[ImageFile.ImageFile]:
    """A picture file of which only the header has been read: its size and format are known, nothing is decoded.

    `formats`: the only ones that are tried, by default `kinds.formats`. Raises one of UNREADABLE, or
    Image.DecompressionBombError. The caller must check the size: Pillow's own warning, which goes by the area alone, is
    silenced.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats or kinds.formats()
        ) as im:
            yield im


def decoded(im: ImageFile.ImageFile, longest: int | None = None) -> Image.Image:
    """The pixels of an opened file, upright and in sRGB: RGBA where it has transparency, else RGB.

    `longest`: pixels a side that will be needed; a JPEG larger than twice that is reduced while it is decoded, and
    another picture, if it is LARGE, at once afterwards.
    """
    if longest is not None:
        im.draft("RGB", (2 * longest, 2 * longest))
    profile = im.info.get("icc_profile")
    plain = eight_bits(im)
    if longest is not None and plain.width * plain.height > LARGE and (factor := min(plain.size) // (2 * longest)) > 1:
        plain = plain.reduce(factor)
    turn = TURNS.get(orientation(im) or 1)
    upright = plain if turn is None else plain.transpose(turn)
    converted = in_srgb(upright, profile)
    return converted if converted.mode in ("RGB", "RGBA") else converted.convert("RGB")


def orientation(im: Image.Image) -> int | None:
    """The EXIF orientation of a decoded picture; None if there is none, or if its EXIF data are damaged."""
    try:
        value = im.getexif().get(0x0112)
    except UNREADABLE:
        return None
    return value if isinstance(value, int) else None


def in_srgb(im: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture's colors converted to sRGB. Without a profile that can be used, they stay as they are."""
    if im.mode == "LAB":
        return ImageCms.profileToProfile(im, ImageCms.createProfile("LAB"), SRGB, outputMode="RGB") or im
    if not profile or im.mode not in ("L", "RGB", "RGBA", "CMYK"):
        return im
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(source).lower()
        if "srgb" in name and "linear" not in name and "g10" not in name:
            return im
        mode = "RGBA" if im.mode == "RGBA" else "RGB"
        return ImageCms.profileToProfile(im, source, SRGB, outputMode=mode) or im
    except (ImageCms.PyCMSError, OSError, ValueError):
        return im


def eight_bits(im: ImageFile.ImageFile) -> Image.Image:
    """A picture file, decoded, with 8 bits a channel: RGBA where it has transparency, else L, RGB, CMYK or LAB.

    Pillow's own `convert` would clip deep gray pictures to white.
    """
    if im.mode == "F" or im.mode.startswith("I"):
        return deep_gray(im)
    deep = deep_color(im)
    if deep is not None:
        return deep
    im.load()
    if im.has_transparency_data:
        return im.convert("RGBA")
    return im.convert("L") if im.mode == "1" else im if im.mode in ("L", "RGB", "CMYK", "LAB") else im.convert("RGB")


def deep_gray(im: Image.Image) -> Image.Image:
    """A gray picture of whole numbers of 16 or 32 bits, or of floats, with 8 bits; RGBA where it has transparency.

    A file that has 12 bits usually says 16, so the depth is the least of DEPTHS that holds the brightest pixel, unless
    the header of a TIFF says less than 16. Floats go to 1, 255, 1023, 4095 or 65535: to the first that holds most of
    them, since arithmetic overshoots.
    """
    values = np.asarray(im)
    if im.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        most = float(values.max())
        white = 1.0 if most <= 16 else next((w for w in FLOATS if most <= 1.05 * w), most)
    else:
        stated = bits_of(im)
        bits = int(values.max()).bit_length()
        white = float(2 ** (stated or next(d for d in DEPTHS if bits <= d)) - 1)
    gray = Image.fromarray(scaled(values, white))
    transparent = im.info.get("transparency")
    if not isinstance(transparent, int):
        return gray
    opaque = Image.fromarray((values != transparent).astype(np.uint8) * 255)
    return Image.merge("RGBA", (gray, gray, gray, opaque))


def scaled(values: np.ndarray[Any, Any], white: float) -> np.ndarray[Any, Any]:
    """Numbers of which `white` becomes 255, as bytes; in pieces, so that the floats between take little memory."""
    pixels = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), 256):
        pixels[row : row + 256] = (values[row : row + 256] * (255 / white)).clip(0, 255)
    return pixels


def bits_of(im: Image.Image) -> int | None:
    """The bits a pixel of a gray TIFF whose header says less than 16, else None."""
    stated = getattr(im, "tag_v2", {}).get(258)
    bits = stated[0] if isinstance(stated, tuple) and stated else stated
    return bits if isinstance(bits, int) and 8 < bits < 16 else None


def deep_color(im: ImageFile.ImageFile) -> Image.Image | None:
    """A picture in color with 16 bits a channel of which only 10 or 12 are used, with 8 bits; None for any other.

    Pillow keeps the upper byte of each channel, so that 12 bits would be 15 of 255 at most. Here both are read, the
    lower by a second pass over the file.
    """
    modes = {raw_mode(t) for t in im.tile}
    if im.fp is None or im.format is None or not modes or any(m[-3:] not in LOW_BYTES or "RGB" not in m for m in modes):
        return None
    transparent = im.info.get("transparency")
    if isinstance(transparent, tuple):
        im.info["transparency"] = tuple(v >> 8 for v in transparent)
    file, at = im.fp, im.fp.tell()
    file.seek(0)
    again = Image.open(io.BytesIO(file.read()), formats=(im.format,))
    file.seek(at)
    high = np.asarray(im)
    bits = 8 + int(high[..., :3].max()).bit_length()
    if bits > 12 or isinstance(transparent, tuple):
        return None
    again.tile = [lower(t) for t in again.tile]
    values = high.astype(np.uint16) * 256 + np.asarray(again)
    pixels = scaled(values, 2.0 ** next(d for d in DEPTHS if bits <= d) - 1)
    if values.shape[2] == 4 and high[..., 3].max() >= 16:  # alpha has all 16 bits
        pixels[..., 3] = high[..., 3]
    return Image.fromarray(pixels)


def raw_mode(tile: ImageFile._Tile) -> str:
    """How the bytes of a part of a file are to be read, in Pillow's words, such as "RGB;16B"."""
    mode = tile.args if isinstance(tile.args, str) else tile.args[0] if tile.args else ""
    return mode if isinstance(mode, str) else ""


def lower(tile: ImageFile._Tile) -> ImageFile._Tile:
    """The same part of a file, read by the other byte of each channel."""
    mode = raw_mode(tile)
    other = mode[:-3] + LOW_BYTES[mode[-3:]]
    return tile._replace(args=other if isinstance(tile.args, str) else (other, *(tile.args or ())[1:]))


def on_background(im: Image.Image, background: str = "white") -> Image.Image:
    """A picture in RGB: transparent parts show the color `background`."""
    if im.mode != "RGBA":
        return im.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", im.size, background), im).convert("RGB")


def whole(source: bytes | Path, longest: int | None = None, most: int = limits.PICTURE_PIXELS) -> Image.Image:
    """An uploaded picture at its own size, in RGB or RGBA; of an animation, its first frame.

    `longest`: as for `decoded`. `most`: pixels that it may have, if it is not of a kind that may have more. Raises
    StudioError if it cannot be read, is too large, or too long a strip.
    """
    try:
        with header(source, uploads()) as im:
            check_size(im, most)
            large = im.width * im.height > most
            return decoded(im, max(im.size) // 4 if longest is None and large else longest)
    except Image.DecompressionBombError:
        raise StudioError(f"This picture is too large: choose one of at most {most // 10**6} megapixels.") from None
    except UNREADABLE as e:
        what = kinds.reason(source[: kinds.HEAD] if isinstance(source, bytes) else kinds.beginning(source))
        if what == kinds.NO_PICTURE:
            no_picture = "This file is no picture that can be read: choose a PNG, JPEG, WebP, AVIF, TIFF or GIF."
            raise StudioError(no_picture) from e
        raise StudioError(f"This picture cannot be read, since it is {what}.") from e


def opened(source: bytes | Path, longest: int = WORKING, most: int = limits.PICTURE_PIXELS) -> Image.Image:
    """As `whole`, reduced to at most `longest` pixels a side, in RGBA."""
    im = whole(source, longest, most)
    # The cheap filter first, so that the good one has few pixels left.
    im.thumbnail((2 * longest, 2 * longest), Image.Resampling.BOX)
    im = im.convert("RGBA")
    im.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return im


def check_size(im: Image.Image, most: int = limits.PICTURE_PIXELS) -> None:
    """StudioError for an upload of too many pixels, or too long a strip."""
    wide, high = im.size
    if im.format in REDUCED:
        most = limits.JPEG_PIXELS
    elif im.format in PHONES:
        most = max(most, limits.PHONE_PIXELS)
    if wide * high > most:
        raise StudioError(
            f"This picture is {wide:,} x {high:,} pixels: choose one of at most {most // 10**6} megapixels."
        )
    if max(im.size) > limits.STRIP * min(im.size):
        raise StudioError(f"This picture is {wide} x {high} pixels, too long a strip to see a garment: crop it first.")


def vision(name: str) -> Any:
    """The module of that name in torchvision, which takes a second to import, so only what needs it does.

    One thread at a time: torchvision's parts import each other, and of two threads that begin at different parts one
    gets a part that is half done, whereupon its import fails for good.
    """
    with importing:
        return importlib.import_module(f"torchvision.{name}")


def resize(images: Tensor, size: int) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C, size, size) uint8, antialiased, in pieces so that memory stays bounded."""
    if images.shape[-2:] == (size, size):
        return images
    F = vision("transforms.v2.functional")
    return torch.cat([F.resize(part, [size, size], antialias=True) for part in images.split(4096)])


def as_tensor(im: Image.Image, channels: int) -> Tensor:
    """(channels, H, W) uint8."""
    values = np.asarray(im.convert("L" if channels == 1 else "RGB")).copy()
    return torch.from_numpy(values).view(*values.shape[:2], -1).permute(2, 0, 1).contiguous()

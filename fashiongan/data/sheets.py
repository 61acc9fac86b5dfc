"""Sheets, PNG files with their description inside, and GIFs."""

import io
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from .. import files
from . import images
from .images import vision

IMAGE_DESCRIPTION = 0x010E  # the EXIF field
PALETTE_PIXELS = 1_000_000  # pixels from which a film's palette is chosen
KEY = "fashiongan"  # the PNG text field that holds the description
WHITE = (255, 255, 255)


def sheet(
    images: Tensor, columns: int, gap: int = 2, scale: int = 1, ground: tuple[int, int, int] | None = WHITE
) -> Image.Image:
    """(N, C, H, W) uint8 -> one picture, row by row, enlarged by whole pixels, never blurred or stretched in tone.

    Pictures with alpha are composed on `ground`, red, green and blue, and so are the gaps between them; with None they
    keep it, and the gaps are transparent.
    """
    if images.shape[1] == 4 and len(images) > columns:  # a last row that is not full shows the ground to its end
        images = torch.cat([images, images.new_zeros(-len(images) % columns, *images.shape[1:])])
    grid = vision("utils").make_grid(images, nrow=columns, padding=gap, pad_value=0)  # (C', H', W')
    grid = on_ground(grid[None], ground)[0] if images.shape[1] == 4 else grid
    im = Image.fromarray(grid.permute(1, 2, 0).contiguous().numpy())
    if images.shape[1] == 1:
        im = im.convert("L")
    return im.resize((im.width * scale, im.height * scale), Image.Resampling.NEAREST)


def on_ground(images: Tensor, ground: tuple[int, int, int] | None = WHITE) -> Tensor:
    """(N, 4, H, W) uint8 with alpha, composed on a color: (N, 3, H, W). Without a color, and without alpha, pictures
    stay as they are."""
    if images.shape[1] != 4 or ground is None:
        return images
    alpha = images[:, 3:].float() / 255
    color = torch.tensor(ground, dtype=torch.float32).view(1, 3, 1, 1)
    return (images[:, :3] * alpha + color * (1 - alpha)).round().to(images.dtype)


def png(im: Image.Image, description: str | None = None) -> bytes:
    """PNG bytes, with the description as a text field if there is one.

    Compressed by runs of equal bytes alone: for garments that is half the time and, after PNG's filters, no larger.
    """
    info = PngImagePlugin.PngInfo()
    if description is not None:
        info.add_text(KEY, description)
    out = io.BytesIO()
    im.save(out, "PNG", pnginfo=info, compress_type=zlib.Z_RLE)
    return out.getvalue()


def packed(im: Image.Image, ending: str, description: str) -> bytes:
    """A picture as the bytes of a .png, .jpg, .jpeg or .webp file; its description is a text field, or in the EXIF."""
    if ending == ".png":
        return png(im, description)
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = description
    out = io.BytesIO()
    if ending == ".webp":
        im.save(out, "WEBP", quality=95, exif=exif)
    else:
        im.save(out, "JPEG", quality=95, exif=exif, subsampling=0)
    return out.getvalue()


def film(images: Tensor, seconds: float, scale: int, description: str) -> bytes:
    """(N, C, H, W) uint8 -> a looping GIF, enlarged by whole pixels, its description as its comment."""
    frames = one_palette([sheet(x[None], 1, gap=0, scale=scale) for x in images])
    out = io.BytesIO()
    each = max(20, round(1000 * seconds / len(frames)))
    first, rest = frames[0], frames[1:]
    first.save(out, "GIF", save_all=True, append_images=rest, loop=0, duration=each, comment=description.encode())
    return out.getvalue()


def one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames in color with one palette of 256 for all; gray ones as they are.

    With a palette a frame, what does not move would still change its color a little from frame to frame. Not dithered:
    that would flicker as well.
    """
    if all(im.mode == "L" for im in frames):
        return frames
    colored = [im.convert("RGB") for im in frames]
    step = max(1, round(math.sqrt(sum(im.width * im.height for im in colored) / PALETTE_PIXELS)))
    some = np.concatenate([np.asarray(im)[::step, ::step].reshape(-1, 3) for im in colored])
    palette = Image.fromarray(some[None]).quantize(256)
    return [im.quantize(palette=palette, dither=Image.Dither.NONE) for im in colored]


def gif(frames: list[Path], out: Path, seconds: float = 8.0, height: float = 1.0, widest: int = 10_000) -> None:
    """Join picture files into a looping GIF of about `seconds`, with a pause at the last; at most 100 of the frames.

    `height`: the share of each, from the top, that is used. `widest`: wider ones are reduced to so many pixels.
    """
    if not frames:
        return
    chosen = [frames[round(i * (len(frames) - 1) / 99)] for i in range(100)] if len(frames) > 100 else frames
    parts = []
    for path in chosen:
        with images.header(path) as im:
            part = im.crop((0, 0, im.width, round(im.height * height)))
        part.thumbnail((widest, part.height))
        parts.append(part)
    parts = one_palette(parts)
    each = max(40, min(400, round(1000 * seconds / len(parts))))
    data = io.BytesIO()
    parts[0].save(
        data, "GIF", save_all=True, append_images=parts[1:], loop=0, duration=[each] * (len(parts) - 1) + [1500]
    )
    files.write(out, data.getvalue())

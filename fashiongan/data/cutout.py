"""Somebody's own picture, made to look like the data: one bright garment, cut out, centred, on black.

Fashion-MNIST was made from photographs on white by trimming, shrinking the longest edge to 28 pixels, centring and
negating (Xiao et al. 2017, https://arxiv.org/abs/1708.07747, section 2); this does the same for any picture.

`find_garment` cuts out any picture: by its own transparency, by a flood fill where the background is black or plain,
or else by the net of `cutout_net`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from torch import Tensor

from ..errors import StudioError
from .images import WORKING, as_tensor

FAINT = 24  # of 255: a pixel that differs less than this from the background belongs to it
Bytes = npt.NDArray[np.uint8]
FLOOR = 40  # how dark a garment's own pixels may be on black
BLACK, PLAIN = 12, 12  # of 255: how light a black border may be, and how far a plain border may be from its median
BORDER_SHARE = 0.95  # at least this share of a plain background's border is within PLAIN of its median
SENSIBLE = (0.002, 0.98)  # smallest and largest share of a picture that a flood fill may take for the garment
DISTINCT = 64  # of 255: least mean difference between a flood-filled garment and its plain background
SHADE = 2  # of 255: a picture whose values differ by no more is all of one shade
SMALL_SHARE = 0.02  # share of the picture below which a note says that the garment is small
CRISP = 13  # of 255: alpha this near to 0 or 255 becomes 0 or 255
SOLID = 242  # of 255: alpha from which a pixel shows the garment alone, without background
ONE_SHADE = "There is no garment to see in this picture: it is all of one shade."
CLEAR = "There is no garment to see in this picture: all of it is transparent."


@dataclass(frozen=True)
class CutOut:
    """A picture's garment: `alpha` is of mode L and of the picture's own size, all 255 if the result is `unsure`.

    `note` is one sentence for the user, or empty. `nothing`: the picture is all of one shade, or all transparent.
    `by_hand`: somebody corrected the mask.
    """

    alpha: Image.Image
    note: str = ""
    unsure: bool = False
    nothing: bool = False
    by_hand: bool = False


def find_garment(im: Image.Image) -> CutOut:
    """The garment of a picture of any mode, by its transparency, by a flood fill, or by the net."""
    if transparent(im):
        alpha = im.convert("RGBA").getchannel("A")
        empty = alpha.getextrema()[1] < 128  # type: ignore[operator]  # of one channel
        return CutOut(alpha, CLEAR if empty else "", nothing=empty)
    small = im.convert("RGB")
    small.thumbnail((WORKING, WORKING))
    rgb = np.asarray(small)
    if int(np.ptp(rgb, axis=(0, 1)).max()) <= SHADE:
        return CutOut(Image.new("L", im.size, 255), ONE_SHADE, unsure=True, nothing=True)
    mask = flood_filled(small.convert("RGBA")) if black(rgb) or plain(rgb) else None
    share = 0.0 if mask is None else float(np.asarray(mask).mean()) / 255
    if mask is not None and SENSIBLE[0] < share < SENSIBLE[1] and (black(rgb) or distinct(rgb, mask)):
        return CutOut(enlarged(mask, im), small_note(share))
    from . import cutout_net  # imported late, since it imports torch.nn

    cut = cutout_net.cut(im)
    if not cut.unsure:
        return CutOut(crisp(cut.alpha), cut.note or small_note(cut.area))
    if mask is not None and 0 < share < 1:
        return CutOut(enlarged(mask, im), small_note(share))
    return CutOut(cut.alpha, cut.note, unsure=True)


def small_note(share: float) -> str:
    """The note for a garment that takes only a small share of its picture; else empty."""
    return f"The garment is only {share:.1%} of this picture: come nearer." if share < SMALL_SHARE else ""


def black(rgb: Bytes) -> bool:
    """Whether at least half of the border of (H, W, 3) is black, as in the data, whose garments touch it."""
    return float((border(rgb).max(1) <= BLACK).mean()) >= 0.5


def plain(rgb: Bytes) -> bool:
    """Whether nearly all of the border of (H, W, 3) has one color."""
    edge = border(rgb).astype(np.int16)
    return float((np.abs(edge - np.median(edge, axis=0)).max(1) <= PLAIN).mean()) >= BORDER_SHARE


def distinct(rgb: Bytes, mask: Image.Image) -> bool:
    """Whether the masked part of (H, W, 3) differs enough from the background: on white, a white garment does not."""
    far = np.abs(rgb.astype(np.int16) - np.median(border(rgb), axis=0)).max(2)
    return float(far[np.asarray(mask) > 127].mean()) >= DISTINCT


def enlarged(mask: Image.Image, im: Image.Image) -> Image.Image:
    """A mask at the size of its picture; where the picture is much larger, with edges refined by the guided filter."""
    if max(im.size) <= 2 * WORKING:
        return mask.resize(im.size, Image.Resampling.BILINEAR)
    import torch

    from . import cutout_net

    square = mask.resize((cutout_net.SIZE, cutout_net.SIZE), Image.Resampling.BILINEAR)
    rgb = im.convert("RGB")
    p = torch.from_numpy(np.asarray(square).copy()).float() / 255
    return crisp(cutout_net.refined(rgb, cutout_net.small_copy(rgb), p))


def crisp(alpha: Image.Image) -> Image.Image:
    """Alpha with its faintest values set to 0, so that background pixels keep their exact values."""
    return alpha.point(lambda a: min(255, max(0, round((a - CRISP) * 255 / (255 - 2 * CRISP)))))


def garment(im: Image.Image, size: int, channels: int, cut: CutOut | None = None) -> Tensor:
    """(channels, size, size) uint8: the garment in an RGBA picture as the data would show it.

    `cut`: the result of `find_garment`, if the caller has it. StudioError if there is no garment, because the whole
    picture is of one shade.
    """
    if im.size == (size, size) and looks_like_data(im) and not (cut and cut.by_hand):
        return as_tensor(im.convert("RGB"), channels)
    cut = cut or find_garment(im)
    mask = cut.alpha
    box = mask.point(lambda a: 255 if a >= 128 else 0).getbbox()
    if box is None or cut.nothing:
        raise StudioError(cut.note or ONE_SHADE)
    lit, mask = on_black(im, mask).crop(box), mask.crop(box)
    scale = size / max(lit.size)
    fitted = (max(1, round(lit.width * scale)), max(1, round(lit.height * scale)))
    lit, mask = (x.resize(fitted, Image.Resampling.LANCZOS) for x in (lit, mask))
    canvas = Image.new("RGB", (size, size))
    canvas.paste(lit, ((size - fitted[0]) // 2, (size - fitted[1]) // 2), mask)
    return as_tensor(canvas, channels)


def transparent(im: Image.Image) -> bool:
    """Whether a picture has parts that are transparent."""
    if not im.has_transparency_data:
        return False
    im = im if im.mode == "RGBA" else im.convert("RGBA")
    return bool(np.asarray(im.getchannel("A")).min() < 128)


def looks_like_data(im: Image.Image) -> bool:
    """Whether a picture of the data's size is on black already, as the studio's own downloads are."""
    values = np.asarray(im.convert("L"))
    return not transparent(im) and bool(values.max() > FAINT and np.median(border(values)) < FAINT)


def border(values: Bytes) -> Bytes:
    """The outermost pixels of (H, W, ...), one after the other."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def flood_filled(im: Image.Image) -> Image.Image:
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


def spread(rgb: Image.Image, alpha: Image.Image) -> Image.Image:
    """A picture in RGB with the mean of the garment's solid pixels nearby wherever alpha is not nearly full."""
    solid = alpha.point(lambda a: 255 if a >= SOLID else 0)
    sharp = rgb.copy()
    sharp.putalpha(solid)
    out = Image.new("RGB", rgb.size, "white")
    for radius in (24, 6, 2):  # the nearest last, since they count most
        near = sharp.convert("RGBa").filter(ImageFilter.BoxBlur(radius)).convert("RGBA")
        out.paste(near.convert("RGB"), mask=near.getchannel("A").point(lambda a: 255 if a >= 16 else 0))
    out.paste(rgb, mask=solid)
    return out


def on_black(im: Image.Image, mask: Image.Image) -> Image.Image:
    """A picture in RGB for a black background: the negative if its own is light, as in the data; brighter if dim."""
    rgb = np.asarray(im.convert("RGB")).astype(np.float32)
    inside = np.asarray(mask) >= 128
    light = not transparent(im) and float(np.median(border(rgb.mean(2).astype(np.uint8)))) > 127
    lit = 255 - rgb if light else rgb
    top = float(np.percentile(lit[inside].max(1), 98)) if inside.any() else 255.0
    lit = lit * (220 / top) if 0 < top < 220 else lit
    return Image.fromarray(np.clip(np.maximum(lit, FLOOR), 0, 255).astype(np.uint8))

"""Colors any gray picture: the net works at its own size, and the picture keeps its own lightness and detail."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
from annotated_types import Interval
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .. import limits
from ..checked import checked
from ..color import color_space, palettes
from ..data import cutout, images
from ..data.datasets import CLASSES
from ..data.images import vision
from ..errors import StudioError
from ..gans.base import GAN
from ..gans.colorizer import HINTS, Colorizer
from ..gans.sampling import draw, number
from . import transparency

FRAME = 1.1  # side of the square that a net trained on cut-outs gets, over the garment's longer side
GARMENT = 25  # of 255: on a black background, brighter pixels belong to the garment
PHOTOGRAPH = 24  # places where a photograph's garment gets one color: from one place, 6 % more of it kept its own
RIM = (0.8, 0.9)  # alpha below the first takes no color and above the second all of it: a soft rim colors the ground
SATURATED = 6  # of 255: a pixel is in color if its channels differ by more than this
NONE = "That is no description of colors by the studio."
SEED = f"Seed takes a whole number from 0 to {limits.SEED}."
STRENGTH = "Strength goes from 0, gray, to 2, twice as strong."
PLACE = "A hint's place goes from 0 to 1, from the left and from the top."
OUT_OF_RANGE = ("greater_than_equal", "less_than_equal")  # pydantic's names

Share = Annotated[float, Interval(ge=0, le=1)]


@dataclass(frozen=True)
class Hint:
    """A color that the user sets at a place: x from the left and y from the top, both 0..1."""

    x: Share
    y: Share
    color: str


@dataclass(frozen=True)
class ColorizeSpec:
    """The colors that are requested: none, one color, or a palette from which each variant takes the next color."""

    colors: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    tones: int = 1  # how many of the palette's colors one garment gets
    label: int | str | None = None  # the garment's class, if it is known
    seed: Annotated[int, Interval(ge=0, le=limits.SEED)] = 0
    strength: Annotated[float, Interval(ge=0, le=2)] = 1.0  # 0 is gray, 2 is twice as saturated as requested

    def to_json(self, checkpoint: str, **more: Any) -> str:
        """The description as JSON, stored in the picture; `colorize_spec` reads it. `more` adds other settings."""
        values = {k: v for k, v in asdict(self).items() if v not in ((), None)}
        # Pictures saved by earlier versions carry these keys, so they must not change.
        if self.colors:
            values["colours"] = values.pop("colors")
        if self.hints:
            values["hints"] = [{"x": h.x, "y": h.y, "colour": h.color} for h in self.hints]
        return json.dumps({"made by": "FashionGAN Studio", "colorized by": checkpoint, **values, **more})


@dataclass(frozen=True)
class Gray:
    """A picture to be colored."""

    values: Tensor  # (1, 1, H, W) uint8
    mask: Tensor | None  # (1, 1, H, W), 0..1: the garment; None on a black background
    was_colored: bool = False
    note: str = ""  # what is to be said of the mask
    alpha: Tensor | None = None  # (1, 1, H, W) uint8, of a picture with transparent parts: `values` show it on white


def opened(source: bytes | Path) -> Gray:
    """Open a picture file of any size, convert it to gray and find its garment. StudioError if it is not a picture."""
    return grayed(images.opened(source, limits.COLORIZE_SIDE))


def grayed(im: Image.Image) -> Gray:
    """A picture in any mode, converted to gray. Transparent pixels become white and do not belong to the garment."""
    rgba = im.convert("RGBA")
    rgb = torch.from_numpy(np.asarray(images.on_background(rgba)).copy()).permute(2, 0, 1)[None]
    spread = rgb.amax(1).short() - rgb.amin(1).short()
    values = color_space.gray_of(rgb)
    in_color = bool((spread > SATURATED).float().mean() > 0.001)
    if not in_color:
        values = rgb[:, :1].clone()
    mask, note = mask_of(rgba)
    return Gray(values, mask, in_color, note, transparency.alpha_of(rgba))


def mask_of(rgba: Image.Image) -> tuple[Tensor | None, str]:
    """The garment's mask (1, 1, H, W) in 0..1, or None on black, which takes no color anyway; and a note about it."""
    small = rgba.copy()
    small.thumbnail((images.WORKING, images.WORKING))
    if not cutout.transparent(small) and cutout.black(np.asarray(small.convert("RGB"))):
        return None, ""
    cut = cutout.find_garment(rgba)
    if cut.nothing:
        return None, ""
    return torch.from_numpy(np.asarray(cut.alpha).copy()).float()[None, None] / 255, cut.note


def colorizer(gan: GAN) -> Colorizer:
    """The GAN itself if it is a colorizer; otherwise StudioError."""
    if not isinstance(gan, Colorizer):
        raise StudioError(f"{gan.recipe.gan} draws garments, it does not color them: choose a colorizer.")
    return gan


@torch.no_grad()
def colored(
    gan: Colorizer, gray: Gray, spec: ColorizeSpec, n: int = 1, keep_background: bool = True, first: int = 0
) -> Tensor:
    """(n, 3, H, W) uint8: variants `first` to `first + n - 1` of a picture in color, with the lightness of the gray
    one.

    Variant i depends only on the wish and on i. With keep_background, everything outside the garment stays gray.

    Raises StudioError for an invalid color, an unknown class, or a number out of range.
    """
    if not (n >= 1 and first >= 0 and first + n <= limits.VARIANTS):
        raise StudioError(f"The number of variants goes from 1 to {limits.VARIANTS}.")
    if not 0 <= spec.strength <= 2:
        raise StudioError(STRENGTH)
    if any(not (0 <= h.x <= 1 and 0 <= h.y <= 1) for h in spec.hints):
        raise StudioError(PLACE)
    if gan.recipe.channels == 4 and gray.mask is not None and keep_background:
        ab = garment_colors(gan, gray, spec, n, first)
    else:
        ab = raw_colors(gan, gray, spec, n, keep_background, first)
    if gray.mask is not None and keep_background:
        ab = ab * ((gray.mask - RIM[0]) / (RIM[1] - RIM[0])).clamp(0, 1)
    return torch.cat([color_space.colored(gray.values, part) for part in ab.split(1)])


def garment_colors(gan: Colorizer, gray: Gray, spec: ColorizeSpec, n: int, first: int) -> Tensor:
    """(n, 2, H, W): a and b (CIELAB) of the garment only. The net gets the garment as in its training data: on white,
    in the middle of a square with FRAME times its longer side."""
    height, width = gray.values.shape[-2:]
    mask = cast(Tensor, gray.mask)
    inside = mask[0, 0] > 0.5
    if not inside.any():
        return torch.zeros(n, 2, height, width)
    rows, columns = inside.any(1).nonzero(), inside.any(0).nonzero()
    ends = [int(v) for v in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)]
    side = math.ceil(FRAME * max(ends[1] - ends[0], ends[3] - ends[2]))
    top, left = (ends[0] + ends[1] - side) // 2, (ends[2] + ends[3] - side) // 2
    frame = (-left, left + side - width, -top, top + side - height)
    alpha, values = F.pad(mask, frame), F.pad(gray.values.float(), frame)
    near = Gray(torch.lerp(torch.tensor(255.0), values, alpha).round().to(torch.uint8), alpha)
    hints = tuple(
        replace(h, x=min(1.0, max(0.0, (h.x * width - left) / side)), y=min(1.0, max(0.0, (h.y * height - top) / side)))
        for h in spec.hints
    )
    ab = raw_colors(gan, near, replace(spec, hints=hints), n, True, first)
    return F.pad(ab, [-v for v in frame])


def raw_colors(gan: Colorizer, gray: Gray, spec: ColorizeSpec, n: int, keep_background: bool, first: int) -> Tensor:
    """(n, 2, H, W): a and b (CIELAB) of the whole picture, as the net predicts them."""
    small, garment, box = at_model_size(gan, gray, keep_background)
    z, _ = draw(gan, n, spec.seed, first=first)
    y = torch.zeros(n, len(gan.recipe.labels))
    if spec.label is not None:
        y[:, number(gan, spec.label)] = 1
    least = 1 if gray.mask is None else PHOTOGRAPH
    hints = torch.stack([variant_hints(spec, i, garment, box, least) for i in range(first, first + n)])
    ab = gan.G.raw_colors(small.expand(n, -1, -1, -1), hints, gan.usual(z), y) * (color_space.CHROMA * spec.strength)
    height, width = gray.values.shape[-2:]
    top, left, high, wide = box
    if (high, wide) != (height, width) or (top, left) != (0, 0):
        # The net has learned no color for black pixels, and resizing would blend theirs into the garment. So the mean
        # is weighted: only lit pixels count, and where no pixel is lit, the result is 0.
        lit = (small > color_space.FAINT).float()
        if gan.recipe.channels == 4 and gray.mask is not None and keep_background:  # the same holds outside the garment
            lit = F.max_pool2d(garment.float()[None, None], 3, 1, 1)
        parts = torch.cat([ab * lit, lit.expand(n, -1, -1, -1)], 1)[:, :, top : top + high, left : left + wide]
        parts = F.interpolate(parts, (height, width), mode="bilinear")
        ab = parts[:, :2] / parts[:, 2:].clamp_min(1e-3)
    return ab


def at_model_size(
    gan: Colorizer, gray: Gray, keep_background: bool = True
) -> tuple[Tensor, Tensor, tuple[int, int, int, int]]:
    """The picture (1, 1, S, S) in a square of the net's size, the garment's mask (S, S) bool, and the picture's top,
    left, height and width in that square.

    With keep_background, a net that was trained on garments on black gets the garment on black; a net that was trained
    on photographs gets the photograph.
    """
    s = gan.recipe.size
    height, width = gray.values.shape[-2:]
    scale = s / max(height, width)
    high, wide = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (s - high) // 2, (s - wide) // 2
    values, mask = gray.values.float(), gray.mask
    ground = 0.0
    if mask is not None and gan.recipe.channels == 1 and keep_background:
        values = values * mask
    elif mask is not None:
        ground = float(torch.from_numpy(cutout.border(gray.values[0, 0].numpy())).median())
    if (high, wide) != (height, width):
        values = F.interpolate(values, (high, wide), mode="bilinear", antialias=True)
        mask = None if mask is None else F.interpolate(mask, (high, wide), mode="bilinear", antialias=True)
    small = torch.full((1, 1, s, s), ground)
    small[..., top : top + high, left : left + wide] = values
    small = small.round().clamp(0, 255).to(torch.uint8)
    garment = torch.zeros(s, s, dtype=torch.bool)
    inside = small[0, 0, top : top + high, left : left + wide] > GARMENT if mask is None else mask[0, 0] > 0.5
    garment[top : top + high, left : left + wide] = inside
    return small, garment, (top, left, high, wide)


def variant_hints(
    spec: ColorizeSpec, i: int, garment: Tensor, box: tuple[int, int, int, int], least: int = 1
) -> Tensor:
    """(K, 5): the hints of the i-th variant, in the form that the net takes. K is the same for every variant.

    A color that is alone gets at least `least` places.
    """
    s = garment.shape[-1]
    top, left, high, wide = box
    if len(spec.hints) > limits.HINTS:
        raise StudioError(f"{limits.HINTS} places on a garment can be colored, no more.")
    rows: list[Tensor] = []
    for h in spec.hints:
        rows.append(row((top + h.y * high) / s, (left + h.x * wide) / s, h.color))
    if spec.colors:
        tones = min(max(1, spec.tones), len(spec.colors), 3)
        for k, (y, x) in enumerate(places(garment, tones, rows, least)):
            rows.append(row(y, x, spec.colors[(i + k % tones) % len(spec.colors)]))
    return torch.stack(rows) if rows else torch.zeros(1, 5)


def row(y: float, x: float, text: str) -> Tensor:
    """(5,): one hint for the net: y, x, a, b, and 1 to mark it as set."""
    a, b = (color_space.lab_of(text)[1:] / color_space.CHROMA).tolist()
    return torch.tensor([y, x, a, b, 1.0])


def places(garment: Tensor, tones: int, taken: list[Tensor], least: int = 1) -> list[tuple[float, float]]:
    """The places (y, x) in 0..1 on the garment (S, S) for so many colors.

    Usually in the middle of the garment, one below the other. If some places are `taken` and there is one color, it
    goes as far from them as possible, several times, so that it covers the rest of the garment. In the same way one
    color alone goes from the middle to at least `least` places.
    """
    s = garment.shape[-1]
    inner = F.max_pool2d(-garment.float()[None], 3, 1, 1)[0] < 0  # without the garment's edge, which is darker
    where = next(m for m in (inner, garment, torch.ones_like(garment)) if m.any())
    spots = where.nonzero().float().add(0.5) / s
    if tones == 1 and (taken or least > 1):
        near = [hint[:2] for hint in taken] or [nearest_to_middle(spots, 0.5)]
        while len(near) < max(HINTS, len(taken) + 1, least):
            far = torch.stack([(spots - place).square().sum(1) for place in near]).amin(0)
            near.append(spots[far.argmax()])
        return [(float(y), float(x)) for y, x in near[len(taken) :]]
    return [(float(y), float(x)) for y, x in (nearest_to_middle(spots, (k + 0.5) / tones) for k in range(tones))]


def nearest_to_middle(spots: Tensor, height: float) -> Tensor:
    """(2,): of spots (P, 2), y and x, the one nearest to the median x at the quantile `height` of y."""
    ideal = torch.stack([spots[:, 0].quantile(height), spots[:, 1].median()])
    return spots[(spots - ideal).square().sum(1).argmin()]


def sheet(images: Tensor, columns: int, gap: int = 8) -> Image.Image:
    """(n, 3, H, W) uint8 -> one picture that shows them all in a grid, on white."""
    grid = vision("utils").make_grid(images, nrow=columns, padding=gap, pad_value=255)
    return Image.fromarray(grid.permute(1, 2, 0).contiguous().numpy())


def picture(image: Tensor) -> Image.Image:
    """(3, H, W) uint8 -> a PIL image."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())


def classic(gan: Colorizer, gray: Gray, label: int | str | None) -> ColorizeSpec:
    """Report 001's color for a garment of that class. Without a label, the scorer predicts the class."""
    if label is None:
        from .. import classifiers

        small, _, _ = at_model_size(gan, gray)
        scorer = classifiers.load("cnn")
        x = F.interpolate(small.float() / 255, (classifiers.SIZE, classifiers.SIZE), mode="bilinear", antialias=True)
        name = scorer.recipe.labels[int(scorer(x).argmax())]
        label = name if name in gan.choices.values() else None  # a net trained on photographs may have other names
    else:
        name = gan.choices[number(gan, label)]
    i = CLASSES.index(name) if name in CLASSES else number(gan, name)
    return ColorizeSpec(colors=(palettes.CLASSIC[i % len(palettes.CLASSIC)],), label=label)


def suited(gans: Mapping[str, GAN], gray: Gray) -> str:
    """The name of the colorizer that suits the picture: trained on black backgrounds if it has one, else on
    photographs."""
    on_black = gray.mask is None
    return next((name for name, gan in gans.items() if (gan.recipe.channels == 1) == on_black), next(iter(gans)))


def smaller(gray: Gray, longest: int) -> Gray:
    """The same picture, reduced to at most `longest` pixels per side."""
    height, width = gray.values.shape[-2:]
    scale = longest / max(height, width)
    if scale >= 1:
        return gray
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    values = F.interpolate(gray.values.float(), size, mode="bilinear", antialias=True).round().to(torch.uint8)
    mask = None if gray.mask is None else F.interpolate(gray.mask, size, mode="bilinear", antialias=True)
    return Gray(values, mask, gray.was_colored, gray.note)


def colorize_spec(values: object) -> ColorizeSpec:
    """A ColorizeSpec from its JSON object; StudioError for anything else.

    Descriptions in pictures and the API use "colours" and "colour", the page "colors" and "color": both are accepted.
    """
    fields = renamed(values, "colours", "colors")
    if isinstance(fields, dict) and isinstance(fields.get("hints"), list):
        fields = {**fields, "hints": [renamed(hint, "colour", "color") for hint in fields["hints"]]}
    spec: ColorizeSpec = checked(ColorizeSpec, fields, refusal)
    return replace(spec, label=None if spec.label in (None, "") else str(spec.label))


def renamed(value: object, old: str, new: str) -> object:
    """A JSON object with one key renamed; any other value as it is."""
    if not isinstance(value, dict) or old not in value:
        return value
    return {**{k: v for k, v in value.items() if k != old}, new: value[old]}


def refusal(field: str, fault: str) -> str:
    """The sentence for a description with a wrong field."""
    if field == "seed":
        return SEED
    return {"strength": STRENGTH, "hints": PLACE}.get(field, NONE) if fault in OUT_OF_RANGE else NONE

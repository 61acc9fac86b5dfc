"""A board of garments that somebody likes: their descriptions as JSON, and a contact sheet of their pictures."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .. import limits
from ..data import sheets
from ..errors import StudioError
from . import spec
from .spec import SampleSpec

CELL, LINE, EDGE = 168, 22, 14  # pixels of a contact sheet: a picture's side, its caption, the space around
COLUMNS = 6
PAGES = {"PNG": "garments.png", "PDF": "garments.pdf"}


def to_json(looks: Sequence[SampleSpec]) -> str:
    """A board's descriptions, for a file."""
    return json.dumps({"made by": "FashionGAN Studio", "board": [look.brief() for look in looks]}, indent=1)


def from_json(text: str | bytes) -> list[SampleSpec]:
    """The garments in a board's file; StudioError for what is none. A single description is a board of one."""
    try:
        told: Any = json.loads(text)
        listed = told["board"] if isinstance(told, dict) and "board" in told else [told]
    except (ValueError, RecursionError):
        raise StudioError("This is not a board of the studio: choose a JSON file that was exported here.") from None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise StudioError("This is not a board of the studio: choose a JSON file that was exported here.")
    if len(listed) > limits.BOARD_PICTURES:
        raise StudioError(f"This file holds {len(listed)} garments: a board has room for {limits.BOARD_PICTURES}.")
    return [one(spec.parse(entry)) for entry in listed]


def from_png(data: bytes) -> list[SampleSpec]:
    """The description in a picture of the studio's, as a board of one."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as im:
            text = im.info.get(sheets.KEY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        text = None
    if not isinstance(text, str):
        raise StudioError("This picture holds no description: choose one that was downloaded from the studio.")
    return from_json(text)


def one(look: SampleSpec) -> SampleSpec:
    """StudioError for a sheet of several: a board holds single garments."""
    if look.n != 1 or look.across:
        raise StudioError("This describes a sheet of several garments: keep single ones on the board.")
    return look


def contact_sheet(images: Sequence[Tensor], captions: Sequence[str], columns: int = COLUMNS) -> Image.Image:
    """Pictures (C, H, W) uint8 of any sizes, each enlarged by whole pixels, with its caption below."""
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    across, down = CELL + EDGE, CELL + LINE + EDGE
    page = Image.new("RGB", (columns * across + EDGE, rows * down + EDGE), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = EDGE + i % columns * across, EDGE + i // columns * down
        im = sheets.sheet(image[None], 1, gap=0)
        scale = max(1, CELL // max(im.size))
        im = im.resize((im.width * scale, im.height * scale), Image.Resampling.NEAREST)
        page.paste("black", (x, y, x + CELL, y + CELL))
        page.paste(im, (x + (CELL - im.width) // 2, y + (CELL - im.height) // 2))
        pen.text((x, y + CELL + 3), fitting(caption, lambda text: pen.textlength(text, font)), "#444", font)
    return page


def fitting(caption: str, length: Callable[[str], float]) -> str:
    """As much of a caption as is no longer than a picture is wide."""
    if length(caption) <= CELL:
        return caption
    while caption and length(caption + "...") > CELL:
        caption = caption[:-1]
    return caption + "..."


def as_file(page: Image.Image, kind: str, description: str) -> bytes:
    """A contact sheet as a PNG with its descriptions inside, or a PDF."""
    if kind == "PNG":
        return sheets.png(page, description)
    out = io.BytesIO()
    page.save(out, kind, resolution=150, title="Dataset", producer="FashionGAN Studio")
    return out.getvalue()

"""A board, which is a visitor's collection of garments: their descriptions as JSON, and a contact sheet."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .. import limits
from ..data import images, sheets
from ..errors import StudioError
from . import spec
from .spec import SampleSpec

CELL, LINE, EDGE = 168, 22, 14  # of a contact sheet, in pixels: an image's side, a caption's height, the margin
COLUMNS = 6
PAGES = {"PNG": "garments.png", "PDF": "garments.pdf"}


def to_json(specs: Sequence[SampleSpec]) -> str:
    """The board's descriptions as JSON text, for a file."""
    return json.dumps({"made by": "FashionGAN Studio", "board": [s.brief() for s in specs]}, indent=1)


def from_json(text: str | bytes) -> list[SampleSpec]:
    """The garments in a board file; StudioError for any other file. A single description is a board of one garment."""
    try:
        content: Any = json.loads(text)
        entries = content["board"] if isinstance(content, dict) and "board" in content else [content]
    except (ValueError, RecursionError):
        raise StudioError("This is not a board of the studio: choose a JSON file that was exported here.") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise StudioError("This is not a board of the studio: choose a JSON file that was exported here.")
    if len(entries) > limits.BOARD_PICTURES:
        raise StudioError(f"This file holds {len(entries)} garments: a board has room for {limits.BOARD_PICTURES}.")
    return [one(spec.parse(entry)) for entry in entries]


def from_png(data: bytes) -> list[SampleSpec]:
    """A board of one garment, from the description inside a PNG that the studio wrote."""
    try:
        with images.header(data, ("PNG",)) as im:
            text = im.info.get(sheets.KEY)
    except (*images.UNREADABLE, Image.DecompressionBombError):
        text = None
    if not isinstance(text, str):
        raise StudioError("This picture holds no description: choose one that was downloaded from the studio.")
    return from_json(text)


def one(garment: SampleSpec) -> SampleSpec:
    """The description itself; StudioError if it is of several garments, since a board holds single ones."""
    if garment.n != 1 or garment.across:
        raise StudioError("This describes a sheet of several garments: keep single ones on the board.")
    return garment


def contact_sheet(garments: Sequence[Tensor], captions: Sequence[str], columns: int = COLUMNS) -> Image.Image:
    """Garments (C, H, W) uint8 of any sizes in a grid, each enlarged by a whole factor, with its caption below."""
    columns = max(1, min(columns, len(garments)))
    rows = -(-len(garments) // columns)
    across, down = CELL + EDGE, CELL + LINE + EDGE
    page = Image.new("RGB", (columns * across + EDGE, rows * down + EDGE), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for i, (image, caption) in enumerate(zip(garments, captions, strict=True)):
        x, y = EDGE + i % columns * across, EDGE + i // columns * down
        im = sheets.sheet(image[None], 1, gap=0)
        scale = max(1, CELL // max(im.size))
        im = im.resize((im.width * scale, im.height * scale), Image.Resampling.NEAREST)
        page.paste("black", (x, y, x + CELL, y + CELL))
        page.paste(im, (x + (CELL - im.width) // 2, y + (CELL - im.height) // 2))
        pen.text((x, y + CELL + 3), fitting(caption, lambda text: pen.textlength(text, font)), "#444", font)
    return page


def fitting(caption: str, length: Callable[[str], float]) -> str:
    """The caption, cut so that it is no wider than an image's cell. `length` gives a text's width in pixels."""
    if length(caption) <= CELL:
        return caption
    while caption and length(caption + "...") > CELL:
        caption = caption[:-1]
    return caption + "..."


def as_file(page: Image.Image, kind: str, description: str) -> bytes:
    """The contact sheet as the bytes of a PNG with the descriptions inside, or of a PDF."""
    if kind == "PNG":
        return sheets.png(page, description)
    out = io.BytesIO()
    page.save(out, kind, resolution=150, title="Dataset", producer="FashionGAN Studio")
    return out.getvalue()

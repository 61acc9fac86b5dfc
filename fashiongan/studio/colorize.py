"""What the Colorize tab looks at: gray garments, and what the colorizers make of them, small enough to be live.

Beside the studio, whose checkpoints and data it shares. An upload is looked at in small and opened again, in full, when
it is downloaded.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import checkpoint, gans, hub, limits
from ..cache import Cache
from ..color.palettes import PALETTES
from ..colorize import engine
from ..colorize.engine import ColorizeSpec, Gray
from ..data import images, sheets
from ..data.datasets import CLASSES
from ..errors import StudioError
from ..gans.colorizer import Colorizer
from ..hub import registry
from ..plain import called
from .datasets import test_pictures
from .studio import Studio

SHOWN = 512  # pixels a side of what is shown large
TILE = 112  # and small
SHEET = 256  # a side of a downloaded sheet's pictures
SHARP = 64  # what has more pixels a side is shown smooth, and sent as JPEG

EACH = 6  # colors of each palette on a sheet
MANY = 10  # garments in one palette
ALL = "all"  # a mask of all of the picture


@dataclass(frozen=True)
class Garment:
    """A gray garment as it can be asked for again: a test picture by number, an upload by its key, or a drawing."""

    kind: str = "test"  # or own, or drawn
    number: int = 0
    key: str = ""
    drawing: str = ""  # a PNG, in base64
    mask: str = ""  # of an upload, as somebody corrected it: a PNG in base64, white where the garment is; or ALL


@dataclass(frozen=True)
class ColorizeRequest:
    """One garment, colored."""

    garment: Garment
    wish: ColorizeSpec
    checkpoint: str = ""  # the one that suits the garment
    classic: bool = False  # report 001's color of its class, whatever the wish says
    variant: int = 0
    keep_background: bool = True


@dataclass(frozen=True)
class Colored:
    """A garment before and after, (3, H, W) uint8, and what is to be said of it."""

    before: Tensor
    after: Tensor
    sharp: bool  # whether it is so small that its pixels are to be seen
    shape: tuple[int, int]  # width and height as shown
    size: tuple[int, int]  # in full
    name: str  # of an upload
    colors: tuple[str, ...]  # report 001's, if those were asked for
    checkpoint: str
    was_colored: bool
    note: str  # one sentence on how the garment was cut out, or none
    pictures: int  # that can be asked for by number
    label: int | str | None = called("class")
    mask: Tensor | None = None  # of an upload: where the garment is, white on black


@dataclass(frozen=True)
class Upload:
    """Somebody's own picture."""

    path: Path
    name: str
    small: Gray  # at most SHOWN pixels a side
    size: tuple[int, int]  # width and height in full


class ColorizeService:
    """Colorizers by name, garments by where they come from."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.uploads: Cache[str, Upload] = Cache(limits.UPLOADS_KEPT)
        self.kinds: dict[tuple[Path, int], str] = {}  # which GAN is in a file

    # Colorizers

    def names(self) -> list[str]:
        """The studio's checkpoints that color garments."""
        return [name for name in self.studio.names() if self.colors(name)]

    def colors(self, name: str) -> bool:
        # What is on the Hub alone is not asked for here, since that may take a while.
        on_hub = name.startswith(hub.PREFIX)
        path = self.studio.library.fetched.get(name) if on_hub else registry.find(name)
        if path is None:
            return False
        key = (path, path.stat().st_mtime_ns)
        if key not in self.kinds:
            try:
                with checkpoint.opened(path) as (_, header):
                    self.kinds[key] = str(json.loads(header.get("recipe", "{}")).get("gan"))
            except (StudioError, ValueError, AttributeError):
                self.kinds[key] = ""
        kind = gans.GANS.get(self.kinds[key])
        return kind is not None and kind.colors

    def colorizer(self, name: str, gray: Gray) -> tuple[str, Colorizer]:
        """The one of that name, or the one that suits the picture, and its name."""
        names = [name] if name else self.names()
        if not names:
            raise StudioError(
                "There is no colorizer here yet: train one in the Train tab, or with `python train.py colorizer`."
            )
        found = {n: self.studio.gan(n) for n in names}
        chosen = engine.suited(found, gray)
        return chosen, engine.colorizer(found[chosen])

    # Garments

    def add(self, path: Path, name: str) -> str:
        """Take a picture in: its key. StudioError if it is none."""
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        gray = engine.opened(path)
        height, width = gray.values.shape[-2:]
        self.uploads.put(key, Upload(path, name, engine.smaller(gray, SHOWN), (width, height)))
        return key

    def upload(self, key: str) -> Upload:
        found = self.uploads.find(key)
        if found is None:
            raise StudioError("This picture is no longer here: upload it again.")
        return found

    def gray(self, g: Garment, full: bool = False) -> Gray:
        """A garment as it is shown, or as it is downloaded."""
        if g.kind == "own":
            upload = self.upload(g.key)
            if not full:
                return masked(upload.small, g.mask)
            if not upload.path.is_file():
                raise StudioError("This picture is no longer here: upload it again.")
            upload.path.touch()  # the page deletes by age
            return masked(engine.opened(upload.path), g.mask)
        if g.kind == "drawn":
            return engine.opened(png_of(g.drawing))
        test = test_pictures(self.studio.data_root)
        if not 0 <= g.number < len(test):
            raise StudioError(f"There is no test picture {g.number}: they are numbered from 0 to {len(test) - 1}.")
        return Gray(test.images[g.number : g.number + 1], None)

    def label(self, g: Garment, gan: Colorizer) -> str | None:
        """A garment's class, where it is known and the colorizer learned it by that name."""
        if g.kind != "test":
            return None
        name = CLASSES[int(test_pictures(self.studio.data_root).labels[g.number])]
        return name if name in gan.choices.values() else None

    # Colors

    def asked(self, ask: ColorizeRequest, gray: Gray) -> tuple[str, Colorizer, ColorizeSpec]:
        """The colorizer's name, the colorizer, and the wish with what is known of the garment."""
        name, gan = self.colorizer(ask.checkpoint, gray)
        label = ask.wish.label if ask.wish.label is not None else self.label(ask.garment, gan)
        wish = replace(ask.wish, label=label)
        if ask.classic:
            told = engine.classic(gan, gray, label)
            wish = replace(wish, colors=told.colors, label=told.label)
        return name, gan, wish

    def look(self, ask: ColorizeRequest) -> Colored:
        """Before and after."""
        gray = self.gray(ask.garment)
        name, gan, wish = self.asked(ask, gray)
        after = engine.colored(gan, gray, wish, 1, ask.keep_background, ask.variant)
        height, width = gray.values.shape[-2:]
        own = self.upload(ask.garment.key) if ask.garment.kind == "own" else None
        return Colored(
            before=gray.values[0].expand(3, -1, -1),
            after=after[0],
            sharp=max(width, height) <= SHARP,
            shape=(width, height),
            size=own.size if own else (width, height),
            name=own.name if own else "",
            label=wish.label,
            colors=wish.colors if ask.classic else (),
            checkpoint=name,
            was_colored=gray.was_colored,
            note=gray.note,
            mask=mask_shown(gray) if own else None,
            pictures=len(test_pictures(self.studio.data_root)) if ask.garment.kind == "test" else 0,
        )

    def variants(self, ask: ColorizeRequest, n: int) -> Tensor:
        """(n, 3, H, W) uint8: the first n variants, small."""
        gray = engine.smaller(self.gray(ask.garment), TILE)
        _, gan, wish = self.asked(ask, gray)
        return engine.colored(gan, gray, wish, n, ask.keep_background)

    def palettes(self, ask: ColorizeRequest, side: int = TILE) -> dict[str, Tensor]:
        """(EACH or fewer, 3, H, W) of one garment in each palette's colors."""
        gray = engine.smaller(self.gray(ask.garment), side)
        _, gan, wish = self.asked(replace(ask, classic=False), gray)
        return {
            name: engine.colored(gan, gray, replace(wish, colors=colors), len(colors[:EACH]), ask.keep_background)
            for name, colors in PALETTES.items()
        }

    def many(self, ask: ColorizeRequest, garments: Sequence[Garment], side: int = TILE) -> list[Tensor]:
        """(3, H, W) of each garment, the first in the wish's first color, the next in its next."""
        found = []
        for i, garment in enumerate(garments[:MANY]):
            gray = engine.smaller(self.gray(garment), side)
            label = ask.wish.label if garment == ask.garment else None
            one = replace(ask, garment=garment, wish=replace(ask.wish, hints=(), label=label))
            _, gan, wish = self.asked(one, gray)
            turn = 0 if ask.classic or not wish.colors else i % min(len(wish.colors), limits.VARIANTS)
            found.append(engine.colored(gan, gray, wish, 1, ask.keep_background, turn)[0])
        return found

    # Downloads

    def download(self, ask: ColorizeRequest) -> tuple[bytes, str]:
        """The garment in its full size as a PNG with its description, and what the file is called."""
        gray = self.gray(ask.garment, full=True)
        name, gan, wish = self.asked(ask, gray)
        image = engine.colored(gan, gray, wish, 1, ask.keep_background, ask.variant)[0]
        told = wish.to_json(name, variant=ask.variant, keep_background=ask.keep_background)
        return sheets.png(engine.picture(image), told), f"{self.stem(ask.garment)}-colored.png"

    def sheet(self, ask: ColorizeRequest, garments: Sequence[Garment]) -> tuple[bytes, str]:
        """The colorways as one PNG: of many garments if there are any, else of one in every palette."""
        gray = self.gray(ask.garment)
        name, _, wish = self.asked(ask, gray)
        more: dict[str, object] = {"keep_background": ask.keep_background}
        if garments:
            images = [squared(x) for x in self.many(ask, garments, SHEET)]
            columns = 5
            more["sheet"] = "many garments in these colors"
        else:
            rows = self.palettes(ask, SHEET)
            blank = torch.full((3, SHEET, SHEET), 255, dtype=torch.uint8)
            images = []
            for row in rows.values():
                images += [squared(x) for x in row] + [blank] * (EACH - len(row))
            columns = EACH
            more |= {"sheet": "one garment in every palette", "palettes": list(rows)}
        told = wish.to_json(name, **more)
        return sheets.png(engine.sheet(torch.stack(images), columns), told), "colorways.png"

    def stem(self, g: Garment) -> str:
        if g.kind == "own":
            return Path(self.upload(g.key).name).stem or "garment"
        return "drawing" if g.kind == "drawn" else f"garment-{g.number}"


def png_of(text: str) -> bytes:
    """What a canvas of the page tells: a PNG, in base64."""
    try:
        data = base64.b64decode(text.removeprefix("data:image/png;base64,"), validate=True)
    except ValueError:
        data = b""
    if len(data) > limits.DRAWING_BYTES:
        raise StudioError("This drawing is too large: reload the page and draw again.")
    return data


def masked(gray: Gray, mask: str) -> Gray:
    """A picture with the mask that somebody corrected, if there is one; StudioError for an empty one."""
    if not mask:
        return gray
    if mask == ALL:
        return replace(gray, mask=torch.ones(gray.values.shape), note="")
    alpha = images.as_tensor(images.opened(png_of(mask), limits.COLORIZE_SIDE), 1)[None].float() / 255
    if float(alpha.max()) < 0.5:
        raise StudioError("No garment is left in the mask: paint it with Add, or choose All of the picture.")
    return replace(gray, mask=F.interpolate(alpha, gray.values.shape[-2:], mode="bilinear", antialias=True), note="")


def mask_shown(gray: Gray) -> Tensor:
    """Where the garment is, white on black, (3, H, W) uint8; all white where there is no mask."""
    mask = torch.ones(gray.values.shape) if gray.mask is None else gray.mask
    return (mask[0] * 255).round().to(torch.uint8).expand(3, -1, -1)


def squared(image: Tensor) -> Tensor:
    """(3, H, W) uint8 in the middle of a square of SHEET pixels a side, enlarged by whole pixels if it is small.

    What is beside it is of its own corner's color.
    """
    scale = max(1, SHEET // max(image.shape[1:]))
    image = image.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    _, height, width = image.shape
    left, top = (SHEET - width) // 2, (SHEET - height) // 2
    sides = (left, SHEET - width - left, top, SHEET - height - top)
    return torch.stack([F.pad(x, sides, value=int(x[0, 0])) for x in image])

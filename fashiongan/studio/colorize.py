"""The service of the Colorize tab: gray garments, colored by the studio's colorizers.

It uses the checkpoints and data of the studio. For speed the page shows a reduced copy of an upload; for a download the
file is opened again in full size.
"""

import base64
import hashlib
import io
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
from ..colorize import engine, transparency
from ..colorize.engine import ColorizeSpec, Gray
from ..data import images, sheets
from ..data.datasets import CLASSES
from ..errors import StudioError
from ..gans.colorizer import Colorizer
from ..hub import registry
from ..plain import called
from .datasets import test_pictures
from .masks import ALL, corrected, png_of
from .studio import Studio

SHOWN = 512  # pixels per side of the large picture
TILE = 112  # pixels per side of the small pictures
SHEET = 256  # pixels per side of the pictures on a downloaded sheet
MASK = 256  # pixels per side of a corrected mask in a download's description
SHARP = 64  # a picture with more pixels per side is shown smoothly, and sent as JPEG

EACH = 6  # a sheet shows so many colors of each palette


@dataclass(frozen=True)
class Garment:
    """A description of a gray garment: a test picture by number, an upload by its key, or a drawing."""

    kind: str = "test"  # "test", "own" or "drawn"
    number: int = 0
    key: str = ""
    drawing: str = ""  # a PNG, in base64
    mask: str = ""  # of an upload, as somebody corrected it: a PNG in base64, white where the garment is; or ALL


@dataclass(frozen=True)
class ColorizeRequest:
    """A request to color one garment."""

    garment: Garment
    spec: ColorizeSpec
    checkpoint: str = ""  # "" chooses the colorizer that suits the garment
    classic: bool = False  # use report 001's color of the garment's class and ignore the colors of `spec`
    variant: int = 0
    keep_background: bool = True


@dataclass(frozen=True)
class Colored:
    """A garment before and after coloring, each (3, H, W) uint8, and what the page says about it."""

    before: Tensor
    after: Tensor
    sharp: bool  # whether the picture is so small that the page shows its single pixels
    shape: tuple[int, int]  # width and height as shown
    size: tuple[int, int]  # width and height in full size
    name: str  # file name of an upload, or ""
    colors: tuple[str, ...]  # report 001's colors, if `classic` was requested
    checkpoint: str
    was_colored: bool
    note: str  # one sentence on how the garment was cut out, or none
    pictures: int  # how many test pictures there are; 0 for other kinds
    label: int | str | None = called("class")
    mask: Tensor | None = None  # of an upload: where the garment is, white on black


@dataclass(frozen=True)
class Upload:
    """A picture that a visitor uploaded."""

    path: Path
    name: str
    small: Gray  # at most SHOWN pixels per side
    size: tuple[int, int]  # width and height in full size


class ColorizeService:
    """Loads colorizers and garments, and colors the garments."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.uploads: Cache[str, Upload] = Cache(limits.UPLOADS_KEPT)
        self.kinds: dict[tuple[Path, int], str] = {}  # the GAN in each file, by path and time of change

    # Colorizers

    def names(self) -> list[str]:
        """The names of the studio's checkpoints that are colorizers."""
        return [name for name in self.studio.names() if self.colors(name)]

    def colors(self, name: str) -> bool:
        """Whether a checkpoint is a colorizer."""
        # A checkpoint that is only on the Hub is not fetched here, because that may take long.
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
        """(name, colorizer): the one with that name or, for "", the one that suits the picture."""
        names = [name] if name else self.names()
        if not names:
            raise StudioError(
                "There is no colorizer here yet: train one in the Train tab, or with `python train.py colorizer`."
            )
        gans_by_name = {n: self.studio.gan(n) for n in names}
        chosen = engine.suited(gans_by_name, gray)
        return chosen, engine.colorizer(gans_by_name[chosen])

    # Garments

    def add(self, path: Path, name: str) -> str:
        """Store an uploaded picture and return its key. StudioError if the file is not a picture."""
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        gray = engine.opened(path)
        height, width = gray.values.shape[-2:]
        self.uploads.put(key, Upload(path, name, engine.smaller(gray, SHOWN), (width, height)))
        return key

    def upload(self, key: str) -> Upload:
        """The upload with that key; StudioError if it is no longer in memory."""
        upload = self.uploads.find(key)
        if upload is None:
            raise StudioError("This picture is no longer here: upload it again.")
        return upload

    def gray(self, g: Garment, full: bool = False) -> Gray:
        """A garment in the size that the page shows or, with `full`, in its full size."""
        if g.kind == "own":
            upload = self.upload(g.key)
            if not full:
                return masked(upload.small, g.mask)
            if not upload.path.is_file():
                raise StudioError("This picture is no longer here: upload it again.")
            upload.path.touch()  # the page deletes files by age
            return masked(engine.opened(upload.path), g.mask)
        if g.kind == "drawn":
            return engine.opened(png_of(g.drawing))
        test = test_pictures(self.studio.data_root)
        if not 0 <= g.number < len(test):
            raise StudioError(f"There is no test picture {g.number}: they are numbered from 0 to {len(test) - 1}.")
        return Gray(test.images[g.number : g.number + 1], None)

    def label(self, g: Garment, gan: Colorizer) -> str | None:
        """A garment's class, if it is known and the colorizer has a class of that name."""
        if g.kind != "test":
            return None
        name = CLASSES[int(test_pictures(self.studio.data_root).labels[g.number])]
        return name if name in gan.choices.values() else None

    # Colors

    def resolve(self, request: ColorizeRequest, gray: Gray) -> tuple[str, Colorizer, ColorizeSpec]:
        """(name, colorizer, spec): the request's spec, completed with the garment's class and, if classic, with report
        001's color."""
        name, gan = self.colorizer(request.checkpoint, gray)
        label = request.spec.label if request.spec.label is not None else self.label(request.garment, gan)
        spec = replace(request.spec, label=label)
        if request.classic:
            standard = engine.classic(gan, gray, label)
            spec = replace(spec, colors=standard.colors, label=standard.label)
        return name, gan, spec

    def pictures(self) -> int:
        """How many test pictures there are."""
        return len(test_pictures(self.studio.data_root))

    def preview(self, request: ColorizeRequest) -> Colored:
        """The garment before and after coloring."""
        gray = self.gray(request.garment)
        name, gan, spec = self.resolve(request, gray)
        after = engine.colored(gan, gray, spec, 1, request.keep_background, request.variant)
        height, width = gray.values.shape[-2:]
        own = self.upload(request.garment.key) if request.garment.kind == "own" else None
        return Colored(
            before=gray.values[0].expand(3, -1, -1),
            after=after[0],
            sharp=max(width, height) <= SHARP,
            shape=(width, height),
            size=own.size if own else (width, height),
            name=own.name if own else "",
            label=spec.label,
            colors=spec.colors if request.classic else (),
            checkpoint=name,
            was_colored=gray.was_colored,
            note=gray.note,
            mask=mask_shown(gray) if own else None,
            pictures=self.pictures() if request.garment.kind == "test" else 0,
        )

    def variants(self, request: ColorizeRequest, n: int) -> Tensor:
        """(n, 3, H, W) uint8: the first n variants, at most TILE pixels per side."""
        gray = engine.smaller(self.gray(request.garment), TILE)
        _, gan, spec = self.resolve(request, gray)
        return engine.colored(gan, gray, spec, n, request.keep_background)

    def palettes(self, request: ColorizeRequest, side: int = TILE) -> dict[str, Tensor]:
        """By palette, (at most EACH, 3, H, W): one garment in the colors of that palette."""
        gray = engine.smaller(self.gray(request.garment), side)
        _, gan, spec = self.resolve(replace(request, classic=False), gray)
        return {
            name: engine.colored(gan, gray, replace(spec, colors=colors), len(colors[:EACH]), request.keep_background)
            for name, colors in PALETTES.items()
        }

    def many(self, request: ColorizeRequest, garments: Sequence[Garment], side: int = TILE) -> list[Tensor]:
        """(3, H, W) of each garment: the first garment gets the first color of the request, the second the second,
        and so on."""
        images = []
        for i, garment in enumerate(garments[: limits.PALETTE_GARMENTS]):
            gray = engine.smaller(self.gray(garment), side)
            label = request.spec.label if garment == request.garment else None
            one = replace(request, garment=garment, spec=replace(request.spec, hints=(), label=label))
            _, gan, spec = self.resolve(one, gray)
            turn = 0 if request.classic or not spec.colors else i % min(len(spec.colors), limits.VARIANTS)
            images.append(engine.colored(gan, gray, spec, 1, request.keep_background, turn)[0])
        return images

    # Downloads

    def download(self, request: ColorizeRequest) -> tuple[bytes, str]:
        """The garment in full size, with its alpha, as a PNG that contains its description, and the file's name."""
        gray = self.gray(request.garment, full=True)
        name, gan, spec = self.resolve(request, gray)
        images = engine.colored(gan, gray, spec, 1, request.keep_background, request.variant)
        image = transparency.restored(images, gray.values, gray.alpha)[0]
        own = request.garment.mask if request.garment.kind == "own" else ""
        mask = {"mask": own if own == ALL else text_of(gray)} if own else {}
        description = spec.to_json(name, variant=request.variant, keep_background=request.keep_background, **mask)
        return sheets.png(engine.picture(image), description), f"{self.stem(request.garment)}-colored.png"

    def sheet(self, request: ColorizeRequest, garments: Sequence[Garment]) -> tuple[bytes, str]:
        """One PNG of colorways, and its file name: of `garments` if there are any, else of one garment in every
        palette."""
        gray = self.gray(request.garment)
        name, _, spec = self.resolve(request, gray)
        more: dict[str, object] = {"keep_background": request.keep_background}
        if garments:
            images = [squared(x) for x in self.many(request, garments, SHEET)]
            columns = 5
            more["sheet"] = "many garments in these colors"
        else:
            rows = self.palettes(request, SHEET)
            blank = torch.full((3, SHEET, SHEET), 255, dtype=torch.uint8)
            images = []
            for row in rows.values():
                images += [squared(x) for x in row] + [blank] * (EACH - len(row))
            columns = EACH
            more |= {"sheet": "one garment in every palette", "palettes": list(rows)}
        description = spec.to_json(name, **more)
        return sheets.png(engine.sheet(torch.stack(images), columns), description), "colorways.png"

    def stem(self, g: Garment) -> str:
        if g.kind == "own":
            return Path(self.upload(g.key).name).stem or "garment"
        return "drawing" if g.kind == "drawn" else f"garment-{g.number}"


def masked(gray: Gray, mask: str) -> Gray:
    """A picture with the mask that somebody corrected, if there is one; StudioError for an empty one."""
    if not mask:
        return gray
    height, width = gray.values.shape[-2:]
    alpha = images.as_tensor(corrected(mask, (width, height)), 1)[None].float() / 255
    return replace(gray, mask=alpha, note="")


def text_of(gray: Gray) -> str:
    """The garment's mask as `Garment.mask` takes it: a PNG in base64, at most MASK pixels per side."""
    image = engine.picture(mask_shown(gray)).convert("L")
    image.thumbnail((MASK, MASK))
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    return base64.b64encode(data.getvalue()).decode()


def mask_shown(gray: Gray) -> Tensor:
    """Where the garment is, white on black, (3, H, W) uint8; all white where there is no mask."""
    mask = torch.ones(gray.values.shape) if gray.mask is None else gray.mask
    return (mask[0] * 255).round().to(torch.uint8).expand(3, -1, -1)


def squared(image: Tensor) -> Tensor:
    """Put a picture (3, H, W) uint8 in the middle of a square of SHEET pixels per side.

    A small picture is enlarged by a whole factor. The margin gets the color of the picture's top left corner.
    """
    scale = max(1, SHEET // max(image.shape[1:]))
    image = image.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    _, height, width = image.shape
    left, top = (SHEET - width) // 2, (SHEET - height) // 2
    sides = (left, SHEET - width - left, top, SHEET - height - top)
    return torch.stack([F.pad(x, sides, value=int(x[0, 0])) for x in image])

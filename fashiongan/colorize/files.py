"""Many picture files, colored one after the other: what the command line does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from .. import checkpoint
from ..color import color_space
from ..color.palettes import PALETTES
from ..errors import StudioError
from ..gans.base import GAN
from ..hub import registry
from . import engine
from .engine import ColorizeSpec, Hint

BUNDLED = ("colorizer", "colorizer-photos")


@dataclass(frozen=True)
class Done:
    """One file, and how far the work is."""

    source: Path
    out: Path
    image: Image.Image | None  # None where it could not be colored
    description: str
    error: str
    step: int
    steps: int


def colors(told: Sequence[str], palette: str | None) -> tuple[str, ...]:
    """Colors as they were given, checked, or those of a palette by its name."""
    if told and palette:
        raise StudioError("Give --colour or --palette, not both.")
    if palette:
        found = next((v for k, v in PALETTES.items() if k.casefold() == palette.strip().casefold()), None)
        if found is None:
            raise StudioError(f"There is no palette {palette!r}: choose one of {', '.join(PALETTES)}.")
        return found
    for text in told:
        color_space.parse(text)
    return tuple(told)


def hint(text: str) -> Hint:
    """ "0.5,0.3,#b03a2e" as a Hint."""
    parts = text.split(",", 2)
    try:
        place = Hint(float(parts[0]), float(parts[1]), parts[2].strip())
    except (ValueError, IndexError):
        raise StudioError(f'--hint cannot be {text!r}: it takes "x,y,color", such as "0.5,0.3,#b03a2e".') from None
    if not (0 <= place.x <= 1 and 0 <= place.y <= 1):
        raise StudioError(f"--hint cannot be {text!r}: its place goes from 0 to 1, from the left and from the top.")
    color_space.parse(place.color)
    return place


def outs(images: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Where each picture's result goes: `out` itself if that is a .png and there is one, else a file in that folder.

    No two share one, and none is a picture that was given. StudioError for files that are not there.
    """
    for image in images:
        if not image.is_file():
            raise StudioError(f"There is no picture file {image}.")
    single = out.suffix.lower() == ".png" and not out.is_dir()
    if single and len(images) > 1:
        raise StudioError(f"--out cannot be {out}: for {len(images)} pictures it takes a folder.")
    found: dict[Path, Path] = {}
    taken: set[str] = set()
    for image in dict.fromkeys(images):
        name, k = image.stem, 1
        while name.casefold() in taken:
            k += 1
            name = f"{image.stem}-{k}"
        taken.add(name.casefold())
        found[image] = out if single else out / f"{name}.png"
    sources = {image.resolve() for image in images}
    for image, target in found.items():
        if target.resolve() in sources:
            raise StudioError(f"--out would overwrite {image}: choose another name or folder.")
    return found


def colorizers(name: str | None) -> dict[str, GAN]:
    """The colorizer of that name, or those bundled, by name."""
    names = [name] if name else [n for n in BUNDLED if n in registry.bundled()]
    if not names:
        raise StudioError(
            "There is no colorizer here yet: train one with `python train.py colorizer` and name it with --checkpoint."
        )
    found = {n: checkpoint.load(n) for n in names}
    for gan in found.values():
        engine.colorizer(gan)
    return found


def colored(
    gans: Mapping[str, GAN],
    targets: Mapping[Path, Path],
    wish: ColorizeSpec,
    n: int,
    classic: bool,
    keep_background: bool,
) -> Iterator[Done]:
    """Color each file; one that is no picture is told and passed over.

    With `classic`, in report 001's color for its class. Of more than one variant, a sheet.
    """
    for step, (source, out) in enumerate(targets.items(), 1):
        try:
            gray = engine.opened(source)
        except StudioError as e:
            yield Done(source, out, None, "", f"{source}: {e}", step, len(targets))
            continue
        name = engine.suited(gans, gray)
        gan, own = engine.colorizer(gans[name]), wish
        if classic:
            told = engine.classic(gan, gray, wish.label)
            own = replace(wish, colors=told.colors, label=told.label)
        images = engine.colored(gan, gray, own, n, keep_background)
        image = engine.picture(images[0]) if n == 1 else engine.sheet(images, columns(n))
        description = own.to_json(name, variants=n, keep_background=keep_background)
        yield Done(source, out, image, description, "", step, len(targets))


def columns(n: int) -> int:
    """Of a sheet of n variants."""
    return n if n <= 4 else -(-n // 2) if n <= 8 else 4

"""Colors many picture files, one after the other, for the command line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from .. import checkpoint
from ..color import color_space, palettes
from ..errors import StudioError
from ..gans.base import GAN
from ..hub import registry
from . import engine
from .engine import ColorizeSpec, Hint
from .transparency import restored

BUNDLED = ("colorizer", "colorizer-photos")


@dataclass(frozen=True)
class Done:
    """The result for one file, and the progress: step of steps."""

    source: Path
    out: Path
    image: Image.Image | None  # None if the file could not be colored
    description: str
    error: str
    step: int
    steps: int


def colors(given: Sequence[str], palette: str | None) -> tuple[str, ...]:
    """The given colors, after a check, or the colors of the palette with that name."""
    if given and palette:
        raise StudioError("Give --colour or --palette, not both.")
    if palette:
        chosen = palettes.by_name(palette)
        if chosen is None:
            raise StudioError(f"There is no palette {palette!r}: choose one of {', '.join(palettes.PALETTES)}.")
        return chosen
    for text in given:
        color_space.parse(text)
    return tuple(given)


def hint(text: str) -> Hint:
    """Read a Hint such as "0.5,0.3,#b03a2e"."""
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
    """The output file of each picture: `out` itself if it is a .png and there is one picture, else a file in folder
    `out`.

    All output files are different, and none overwrites a given picture. StudioError if a picture file is missing.
    """
    for image in images:
        if not image.is_file():
            raise StudioError(f"There is no picture file {image}.")
    single = out.suffix.lower() == ".png" and not out.is_dir()
    if single and len(images) > 1:
        raise StudioError(f"--out cannot be {out}: for {len(images)} pictures it takes a folder.")
    targets: dict[Path, Path] = {}
    taken: set[str] = set()
    for image in dict.fromkeys(images):
        name, k = image.stem, 1
        while name.casefold() in taken:
            k += 1
            name = f"{image.stem}-{k}"
        taken.add(name.casefold())
        targets[image] = out if single else out / f"{name}.png"
    sources = {image.resolve() for image in images}
    for image, file in targets.items():
        if file.resolve() in sources:
            raise StudioError(f"--out would overwrite {image}: choose another name or folder.")
    return targets


def colorizers(name: str | None) -> dict[str, GAN]:
    """The colorizer with that name, or all bundled colorizers, by name."""
    names = [name] if name else [n for n in BUNDLED if n in registry.bundled()]
    if not names:
        raise StudioError(
            "There is no colorizer here yet: train one with `python train.py colorizer` and name it with --checkpoint."
        )
    gans = {n: checkpoint.load(n) for n in names}
    for gan in gans.values():
        engine.colorizer(gan)
    return gans


def colored(
    gans: Mapping[str, GAN],
    targets: Mapping[Path, Path],
    spec: ColorizeSpec,
    n: int,
    classic: bool,
    keep_background: bool,
) -> Iterator[Done]:
    """Color each file. A file that is not a picture is reported and skipped.

    With `classic`, a garment gets report 001's color of its class. If n > 1, the result is a sheet of all variants, on
    white; one picture alone keeps its alpha.
    """
    for step, (source, out) in enumerate(targets.items(), 1):
        try:
            gray = engine.opened(source)
        except StudioError as e:
            yield Done(source, out, None, "", f"{source}: {e}", step, len(targets))
            continue
        name = engine.suited(gans, gray)
        gan, own = engine.colorizer(gans[name]), spec
        if classic:
            standard = engine.classic(gan, gray, spec.label)
            own = replace(spec, colors=standard.colors, label=standard.label)
        images = engine.colored(gan, gray, own, n, keep_background)
        image = (
            engine.picture(restored(images, gray.values, gray.alpha)[0]) if n == 1 else engine.sheet(images, columns(n))
        )
        description = own.to_json(name, variants=n, keep_background=keep_background)
        yield Done(source, out, image, description, "", step, len(targets))


def columns(n: int) -> int:
    """The number of columns of a sheet with n variants."""
    return n if n <= 4 else -(-n // 2) if n <= 8 else 4

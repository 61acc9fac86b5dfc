"""A folder of pictures as one array of bytes: each becomes a small square; unreadable files are skipped and listed.

The array is kept in the cache, so that a folder is read once; a large one is mapped from there and need not fit into
memory."""

import hashlib
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import files, limits
from ..errors import StudioError
from . import cutout, images, kinds
from .layout import MASKS, Source, listing
from .survey import Survey, plural, skipped_files, survey_from_cache

MAPPED = 500_000_000  # bytes from which an array stays on the disk
VERSION = 5  # of the cached arrays: raise it when pictures are read differently
MARGIN = 1 / 16  # of the side, round a garment that is cut out
FRAME = 1.1  # times its longer side: the square round a garment that is cut out with alpha


Progress = Callable[[int, int], None]  # called with the number of pictures read so far, and of all


def silent(done: int, of: int) -> None:
    """The default callback: it does nothing."""


def read(path: Path, size: int, fit: str = "fill", progress: Progress = silent) -> tuple[Tensor, Tensor, Survey]:
    """A folder's pictures (N, 3 or 1, size, size) uint8, their classes (N,) int64, and a survey of them.

    Every sub-folder is a class; without sub-folders, all is one. Channels are 1 when every picture is gray, else 3.
    `fit`: see `square`. Read from the cache if no file has changed. Raises StudioError if there is no
    folder or no picture in it.
    """
    if not path.is_dir():
        raise StudioError(f"There is no folder {path}.")
    return read_cached(listing(path), size, fit, progress)


def read_cached(source: Source, size: int, fit: str, progress: Progress = silent) -> tuple[Tensor, Tensor, Survey]:
    """As `read`, for any source of pictures. `progress` is called after each picture."""
    masks = source.place.parent / MASKS
    masks_stamp = str(masks.stat().st_mtime_ns) if fit == "cutout" and masks.is_dir() else ""
    key = f"{VERSION} {source.place.resolve()} {size} {fit} {source.stamp}{masks_stamp}"
    home = files.home() / "folders"
    place = home / f"{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:24]}.npy"
    if not (place.exists() and place.with_suffix(".json").exists()):
        store(place, source, size, fit, progress)
    return stored(place)


def read_once(source: Source, size: int, fit: str = "fill") -> tuple[Tensor, Tensor, Survey]:
    """As `read_cached`, without keeping the array in the cache: for pictures that are looked at once."""
    with tempfile.TemporaryDirectory() as home:
        place = Path(home, "pictures.npy")
        store(place, source, size, fit)
        images, labels, survey = stored(place)
        return images.clone(), labels, survey


def stored(place: Path) -> tuple[Tensor, Tensor, Survey]:
    """What `store` has written."""
    about = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    array = np.load(place, mmap_mode="c" if place.stat().st_size >= MAPPED else None, allow_pickle=False)
    return torch.from_numpy(array), torch.tensor(about["labels"]), survey_from_cache(about["survey"])


def store(place: Path, source: Source, size: int, fit: str, progress: Progress = silent) -> None:
    """Read every picture and write the array, then its labels and survey; a reader finds both files or neither."""
    names, listed, skipped = source.names, source.files, list(source.skipped)
    contents = hashlib.sha256()
    place.parent.mkdir(parents=True, exist_ok=True)
    part, final = (place.with_name(f"{place.stem}.{os.getpid()}{end}.part") for end in ("", ".npy"))
    labels: list[int] = []
    sides: list[tuple[int, int]] = []
    exact_hashes: set[bytes] = set()
    perceptual_hashes: set[int] = set()
    identical = alike = unsure = 0
    gray = True
    try:
        channels = 4 if fit == "cutout" else 3
        array = np.lib.format.open_memmap(part, "w+", np.uint8, (len(listed), channels, size, size))
        for i, ((name, label), loaded) in enumerate(zip(listed, opened(source, size, fit), strict=True), 1):
            progress(i, len(listed))
            if isinstance(loaded, str):
                skipped.append((name, loaded))
                continue
            pixels, side, doubt, content = loaded
            contents.update(content + f"{names[label]}\0".encode(errors="surrogateescape"))
            unsure += doubt
            array[len(labels)] = pixels
            labels.append(label)
            sides.append(side)
            gray = gray and bool((pixels[:1] == pixels).all())
            exact, dhash = hashlib.sha1(pixels.tobytes(), usedforsecurity=False).digest(), perceptual_hash(pixels[:3])
            identical += exact in exact_hashes
            alike += exact not in exact_hashes and dhash in perceptual_hashes
            exact_hashes.add(exact)
            perceptual_hashes.add(dhash)
        if not labels:
            raise StudioError(none_readable(source, skipped))
        present = [c for c in range(len(names)) if c in set(labels)]
        out = np.lib.format.open_memmap(final, "w+", np.uint8, (len(labels), 1 if gray else channels, size, size))
        for i in range(0, len(labels), 4096):
            out[i : i + 4096] = array[i : min(i + 4096, len(labels)), : out.shape[1]]
        out.flush()
        del out, array
        counts = Counter(labels)
        survey = Survey(
            tuple(names[c] for c in present), tuple(counts[c] for c in present), min(sides, key=area),
            max(sides, key=area), gray, identical, alike, tuple(sorted(skipped)), unsure,
            contents.hexdigest(), source.notes,
        )  # fmt: skip
        about: dict[str, Any] = {"labels": [present.index(c) for c in labels], "survey": asdict(survey)}
        final.replace(place)
        files.write(place.with_suffix(".json"), json.dumps(about).encode())
    except OSError as e:
        raise StudioError(files.explain(place, e)) from e
    finally:
        part.unlink(missing_ok=True)
        final.unlink(missing_ok=True)


def median_side(source: Source) -> int:
    """The median of the shorter sides, in pixels, by the files' headers; StudioError if none is a picture."""
    sides = []
    for name, _ in source.files:
        with (
            suppress(*images.UNREADABLE, Image.DecompressionBombError),
            images.header(source.opened(name), kinds.formats()) as im,
        ):
            sides.append(min(im.size))
    if not sides:
        unreadable = [
            (name, kinds.reason(kinds.beginning(source.opened(name)), kinds.UNREADABLE)) for name, _ in source.files
        ]
        raise StudioError(none_readable(source, [*source.skipped, *unreadable]))
    return sorted(sides)[len(sides) // 2]


def none_readable(source: Source, skipped: Sequence[tuple[str, str]]) -> str:
    """The sentence for a folder of files none of which is a picture that can be read."""
    some = plural(len(source.files), "file")
    return f"None of the {some} in {source.place} is a picture that can be read. {skipped_files(skipped)}"


def area(side: tuple[int, int]) -> int:
    return side[0] * side[1]


class Opened(NamedTuple):
    """One picture as it is kept."""

    pixels: np.ndarray[Any, Any]  # (3 or 4, size, size) uint8
    side: tuple[int, int]  # width and height in its file
    unsure: bool  # whether it is not sure what its garment is
    content: bytes  # hash of its file, and of its mask's


def opened(source: Source, size: int, fit: str) -> Iterator[Opened | str]:
    """Each picture, or why it is skipped. In order, some read ahead."""

    def one(name: str) -> Opened | str:
        file, mask = source.opened(name), mask_of(source, name) if fit == "cutout" else None
        loaded = tile(file, size, fit, mask)
        if isinstance(loaded, str):
            return loaded
        return Opened(*loaded, content_hash(file) + (content_hash(mask) if mask else b""))

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for i in range(0, len(source.files), 256):
            yield from pool.map(one, (name for name, _ in source.files[i : i + 256]))


def content_hash(file: Path | BinaryIO) -> bytes:
    """A hash of a file's bytes."""
    if isinstance(file, Path):
        with file.open("rb") as f:
            return hashlib.file_digest(f, "sha256").digest()
    file.seek(0)
    return hashlib.sha256(file.read()).digest()


def mask_of(source: Source, name: str) -> Path | None:
    """The user's own mask of a picture, if there is one."""
    mask = source.place.parent / MASKS / f"{Path(name).stem}.png"
    return mask if mask.is_file() else None


def tile(
    file: Path | BinaryIO, size: int, fit: str = "fill", mask: Path | None = None
) -> tuple[np.ndarray[Any, Any], tuple[int, int], bool] | str:
    """One picture's square, its width and height, and whether its garment is unsure; or why it cannot be used.

    The square is (3, size, size) uint8, or with fit="cutout" (4, size, size), cut out by the mask if there is one.
    """
    try:
        with images.header(file, kinds.formats()) as im:
            sides = im.size
            if min(sides) < limits.SMALLEST_SIDE:
                return f"{sides[0]} x {sides[1]} pixels are too few"
            if area(sides) > limits.DATASET_PIXELS:
                return f"{sides[0]:,} x {sides[1]:,} pixels are too many"
            if fit != "fill" and max(sides) > limits.STRIP * min(sides):
                return f"{sides[0]:,} x {sides[1]:,} pixels are too long a strip"
            upright = images.decoded(im, 4 * size if fit in ("cutout", "garment") else size)
            cut = None if fit not in ("cutout", "garment") or mask else cutout.find_garment(reduced(upright, size))
            whole = alone(upright, size, mask, cut) if fit == "cutout" else square(upright, size, fit, cut)
    except Image.DecompressionBombError:
        return "too many pixels"
    except images.UNREADABLE:
        return kinds.reason(kinds.beginning(file), kinds.UNREADABLE)
    return np.asarray(whole).transpose(2, 0, 1), sides, cut is not None and cut.unsure


def reduced(im: Image.Image, size: int) -> Image.Image:
    """A copy of at most four times `size` a side, which is enough to cut a garment out."""
    im = im.copy()
    im.thumbnail((4 * size, 4 * size), Image.Resampling.BOX)
    return im


def square(im: Image.Image, size: int, fit: str, cut: cutout.CutOut | None = None) -> Image.Image:
    """A picture in RGB or RGBA as a square of `size` pixels a side, in RGB; what is transparent becomes white.

    "fill" cuts out the middle. "fit" shows all of it, on the color of its border. "garment" cuts the garment out
    (`cut`, or the result of `cutout.find_garment`) and shows it on white; if that is unsure, all is shown, as by "fit".
    """
    if fit == "garment":
        im = reduced(im, size)
        cut = cut or cutout.find_garment(im)
        mask = cut.alpha
        box = mask.getbbox()
        if box is not None and not (cut.unsure or cut.nothing):
            alone = Image.new("RGB", im.size, "white")
            alone.paste(im.convert("RGB"), mask=mask)
            return within(alone.crop(box), size, "white", round(size * MARGIN))
    im = images.on_background(im)
    if fit == "fill":
        side = min(im.size)
        left, top = (im.width - side) // 2, (im.height - side) // 2
        return im.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
    edge = np.median(cutout.border(np.asarray(im)), axis=0)
    return within(im, size, tuple(int(v) for v in edge), 0)


def alone(im: Image.Image, size: int, mask: Path | None, cut: cutout.CutOut | None = None) -> Image.Image:
    """The garment alone: RGBA of `size` pixels a side, centred in a square FRAME times its longer side.

    The mask is the file's, else `cut`, or what `cutout.find_garment` finds. Its faint parts are
    removed and its edge is made steeper. Colors of the garment are spread outwards under the edge, so that none of
    the background shines through.
    """
    im = reduced(im, size)
    if mask is None:
        grays = (cut or cutout.find_garment(im)).alpha
    else:
        with images.header(mask) as file:
            grays = images.decoded(file, max(im.size)).convert("L")
        grays = grays.resize(im.size, Image.Resampling.BILINEAR)
    alpha = grays.point(lambda m: min(255, max(0, round((m - 25.5) / 0.8))))
    left, top, right, bottom = alpha.point(lambda a: 255 if a > 127 else 0).getbbox() or (0, 0, *im.size)
    side = math.ceil(FRAME * max(right - left, bottom - top))
    corner = ((side - right - left) // 2, (side - bottom - top) // 2)
    color, shape = Image.new("RGB", (side, side), "white"), Image.new("L", (side, side))
    color.paste(cutout.spread(im.convert("RGB"), alpha), corner)
    shape.paste(alpha, corner)
    out = color.resize((size, size), Image.Resampling.LANCZOS)
    out.putalpha(shape.resize((size, size), Image.Resampling.LANCZOS))
    return out


def within(im: Image.Image, size: int, color: str | tuple[int, ...], margin: int) -> Image.Image:
    """A whole picture in RGB, scaled to fit, in the middle of a square of `color`."""
    scale = (size - 2 * margin) / max(im.size)
    fitted = im.resize((max(1, round(im.width * scale)), max(1, round(im.height * scale))), Image.Resampling.BILINEAR)
    canvas = Image.new("RGB", (size, size), color)
    canvas.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2))
    return canvas


def perceptual_hash(pixels: np.ndarray[Any, Any]) -> int:
    """A 64-bit perceptual hash, equal if pictures look alike: whether each of 8 x 8 places is lighter than the next
    (dHash)."""
    small = Image.fromarray(pixels.transpose(1, 2, 0)).convert("L").resize((9, 8), Image.Resampling.BOX)
    v = np.asarray(small, dtype=np.int16)
    return int("".join("1" if b else "0" for b in (v[:, 1:] > v[:, :-1]).flatten()), 2)

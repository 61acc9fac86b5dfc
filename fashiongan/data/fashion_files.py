"""Fashion-MNIST in the forms in which people have it, and whether what lies there is Fashion-MNIST at all.

IDX files under their two usual names, Kaggle's CSV, and .npz as Keras writes it. Other data sets come under the same
names (MNIST's digits, above all), so the pictures are recognized by facts of the real ones.
"""

import gzip
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import limits
from ..errors import StudioError

IDX_BYTES = 8  # the type of an IDX file's values
SIDE = 28
PIXELS = SIDE * SIDE
# The first labels of the files as published, for training and for tests.
FIRST = {
    (9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9),
    (9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5, 7, 3, 4, 1),
}
DIGITS = {
    (5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7),
    (7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5),
}
# The sum of all pixels of each class, which does not depend on the order of the pictures: 60,000 and 10,000.
SUMS = {
    (
        *(390573028, 267379383, 451860419, 310552946, 462205658),
        *(164016939, 397982484, 201152788, 424099247, 361291277),
    ),
    (*(65560947, 44673424, 74756497, 52053693, 78200152), *(27249748, 66528996, 33727518, 70668932, 60049175)),
}
COUNTS = (60_000, 10_000)
CSV = {
    "train": re.compile(r"((fashion[-_]?)?mnist[-_])?train(ing)?", re.IGNORECASE),
    "t10k": re.compile(r"((fashion[-_]?)?mnist[-_])?test", re.IGNORECASE),
}
PARTS = {"train": ("train", "training"), "t10k": ("test", "testing", "t10k")}  # folders of pictures
NPZ = {"train": ("x_train", "y_train"), "t10k": ("x_test", "y_test")}


class Arrays(NamedTuple):
    """Pictures and labels as a file holds them."""

    images: Tensor  # (N, 28, 28) uint8
    labels: Tensor  # (N,) uint8
    place: Path


def idx_name(stem: str, what: str) -> str:
    return f"{stem}-{what}-idx{3 if what == 'images' else 1}-ubyte"


def idx_file(place: Path, stem: str, what: str) -> Path | None:
    """The IDX file of images or labels in a folder, plain or gzipped, also in a folder of its own name."""
    name = idx_name(stem, what)
    names = [n + end for n in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    return next((p for n in names for p in (place / n, place / n / n) if p.is_file()), None)


def read_idx(place: Path, stem: str, what: str) -> Tensor:
    """One IDX file of bytes, plain or gzipped; StudioError, naming it, for any other."""
    path = idx_file(place, stem, what)
    if path is None:
        raise StudioError(f"The {what} of Fashion-MNIST are missing: there is no {place / idx_name(stem, what)}.")
    try:
        content = path.read_bytes()
        values = idx_array(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as e:
        raise StudioError(f"{path} is damaged or cut short: fetch it again.") from e
    return values


def idx_array(content: bytes) -> Tensor:
    """The bytes of an IDX file (http://yann.lecun.com/exdb/mnist) as a tensor of uint8; ValueError if it is none.

    Two zeros, the type 8 for bytes, the number of dimensions, each of them in 4 bytes, and then the values.
    """
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    begin = 4 + 4 * dimensions
    if zeros or kind != IDX_BYTES or math.prod(shape) != len(content) - begin:
        raise ValueError("no IDX file of bytes")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[begin:].view(shape)


def recognized(images: Tensor, labels: Tensor) -> bool:
    """Whether these are Fashion-MNIST's pictures: the beginning of its files, or all of them in any order."""
    first = tuple(labels[:16].tolist())
    if any(first == begin[: len(first)] for begin in FIRST):
        return True
    if int(labels.max()) > 9:
        return False
    sums = torch.zeros(10, dtype=torch.int64).index_add_(0, labels.long(), images.flatten(1).sum(1, dtype=torch.int64))
    return tuple(sums.tolist()) in SUMS


def stranger(place: str, labels: Tensor) -> str:
    """The sentence about pictures that are not Fashion-MNIST's."""
    digits = tuple(labels[:16].tolist()) in DIGITS
    what = "MNIST's handwritten digits" if digits else "another data set, or only a part of it in another order"
    return f"What lies in {place} is not Fashion-MNIST but {what}: its classes are called by their numbers."


def folders(root: Path) -> Iterator[Path]:
    """A folder, torchvision's place in it, and the folders below, to a depth of three."""
    yield from (root, root / "FashionMNIST" / "raw")
    for depth in ("*", "*/*", "*/*/*"):
        yield from sorted(p for p in root.glob(depth) if p.is_dir() and not p.name.startswith("."))[:1000]


def find(root: Path, stem: str) -> Arrays | None:
    """The pictures of a part ("train" or "t10k") in a CSV or .npz file, or in a folder of such files."""
    if root.is_file():
        return of_file(root, stem)
    for folder in folders(root):
        for file in sorted(folder.glob("*.csv")) if folder.is_dir() else ():
            if CSV[stem].fullmatch(file.stem):
                return from_csv(file)
        for file in sorted(folder.glob("*mnist*.npz")) if folder.is_dir() else ():
            return from_npz(file, stem)
    return None


def of_file(file: Path, stem: str = "train") -> Arrays | None:
    """The pictures of one CSV or .npz file; None for a file of another kind."""
    if file.suffix.lower() == ".csv":
        return from_csv(file)
    return from_npz(file, stem) if file.suffix.lower() == ".npz" else None


def from_csv(file: Path) -> Arrays:
    """Kaggle's form: a line a picture, its label and then 784 pixels; the first line may name the columns."""
    wrong = StudioError(f"{file} does not hold pictures: a line is a label and {PIXELS} numbers from 0 to 255.")
    if file.stat().st_size > limits.ARRAY_BYTES:
        raise StudioError(f"{file} is too large: at most {limits.ARRAY_BYTES // 10**6} MB are read.")
    content = file.read_bytes()
    head, _, rest = content.partition(b"\n")
    body = rest if head[:1].isalpha() or head[:1] == b'"' else content
    try:
        with np.errstate(all="ignore"):
            values = np.fromstring(body.replace(b"\r", b"").replace(b"\n", b",").decode("ascii"), np.int32, sep=",")
    except (ValueError, DeprecationWarning, UnicodeDecodeError) as e:
        raise wrong from e
    if not len(values) or len(values) % (PIXELS + 1) or values.min() < 0 or values.max() > 255:
        raise wrong
    rows = torch.from_numpy(values.reshape(-1, PIXELS + 1).astype(np.uint8))
    return Arrays(rows[:, 1:].reshape(-1, SIDE, SIDE), rows[:, 0].clone(), file)


def from_npz(file: Path, stem: str) -> Arrays:
    """Keras' form: x_train and y_train, x_test and y_test; or images and labels."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            names = next(pair for pair in (NPZ[stem], ("images", "labels")) if pair[0] in arrays)
            images, labels = (np.asarray(arrays[name]) for name in names)
    except (OSError, ValueError, KeyError, StopIteration, EOFError, zipfile.BadZipFile) as e:
        raise StudioError(f"{file} does not hold {' and '.join(NPZ[stem])}: fetch it again.") from e
    images, labels = images.reshape(len(images), *images.shape[1:3]), labels.reshape(-1)
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or labels.dtype.kind not in "iu":
        raise StudioError(f"{file} does not hold gray pictures of {SIDE} x {SIDE} bytes with whole numbers as labels.")
    if labels.min() < 0 or labels.max() > 255:
        raise StudioError(f"The labels in {file} go beyond 0 to 255.")
    return Arrays(torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(np.uint8)), file)

"""Garments as bytes in memory: no loader, no workers, no per-picture transforms. A minibatch is an index."""

import gzip
import os
import socket
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import torch
from torch import Tensor

from .. import files
from ..errors import StudioError, quoted
from .images import resize, square

if TYPE_CHECKING:
    from .folder import Survey


FASHION_MNIST = "fashion-mnist"
LOCAL_ONLY = ("celeba", "lsun")  # data sets that are read where the user has them, and never downloaded
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
HOW_TO_GET_IT = (
    "Fashion-MNIST is not on this machine: install it with 'apt-get install dataset-fashion-mnist', "
    "or name its folder with --data-root or FASHIONGAN_DATA, or connect to the internet and it will be downloaded."
)


@dataclass(frozen=True)
class Dataset:
    """A whole data set in memory."""

    images: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    names: tuple[str, ...]  # of the classes; labels index it
    source: str  # the folder or file it was read from, for people
    survey: "Survey | None" = None  # a summary of the files, if they were pictures

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks for the user before training on it."""
        return self.survey.remarks() if self.survey else ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> list[int]:
        """Pictures of each class."""
        return torch.bincount(self.labels, minlength=len(self.names)).tolist()

    def to(self, device: str | torch.device) -> "Dataset":
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


def load(
    name: str, *, size: int = 28, split: str = "train", root: str | Path | None = None, fit: str = "fill",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Dataset:  # fmt: skip
    """Read `fashion-mnist`, `celeba`, `lsun`, or a folder or ZIP file of class folders, at `size` pixels.

    Args:
        name: one of those three, a folder, or a ZIP file.
        split: "train" or "test" (Fashion-MNIST only; all else is one split).
        root: where the data of that name lies; by default FASHIONGAN_DATA, and for Fashion-MNIST then Debian's package,
            then a download.
        fit: how a picture that is no square becomes one: see `folder.square`.
        progress: called with the number of pictures read so far, and of all.

    Raises:
        StudioError: there is no such data, or a file of it is damaged.
    """
    if name == FASHION_MNIST:
        dataset = fashion_mnist(split, root)
        return replace(dataset, images=resize(dataset.images, size))
    if name in LOCAL_ONLY:
        from . import celeba_lsun, folder

        source = celeba_lsun.find(name, root or os.environ.get("FASHIONGAN_DATA"))
        images, labels, survey = folder.read_cached(source, size, fit, progress)
        return Dataset(images, labels, survey.names, str(source.place), survey)
    return pictures(Path(name), size, fit, progress)


def fashion_mnist(split: str = "train", root: str | Path | None = None) -> Dataset:
    """The 60,000 ("train") or 10,000 ("test") garments of Xiao et al. 2017 as (N, 1, 28, 28)."""
    stem = {"train": "train", "test": "t10k"}[split]
    given = root or os.environ.get("FASHIONGAN_DATA")
    if given:
        place = next(
            (p for p in (Path(given), Path(given, "FashionMNIST", "raw")) if idx_file(p, stem, "images")), None
        )
        if place is None:
            raise StudioError(
                f"No Fashion-MNIST in {given}: expected {idx_name(stem, 'images')}, plain or .gz, and the like."
            )
    elif idx_file(DEBIAN, stem, "images"):
        place = DEBIAN
    else:
        place = download()
    images, labels = read_idx(place, stem, "images"), read_idx(place, stem, "labels")
    if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels) or not len(images):
        raise StudioError(
            f"The Fashion-MNIST files in {place} do not belong together: {len(images)} pictures, {len(labels)} labels."
        )
    if int(labels.max()) >= len(CLASSES):
        raise StudioError(f"The labels in {place} go up to {int(labels.max())}; Fashion-MNIST has classes 0 to 9.")
    return Dataset(images[:, None], labels.long(), CLASSES, str(place))


def idx_name(stem: str, what: str) -> str:
    return f"{stem}-{what}-idx{3 if what == 'images' else 1}-ubyte"


def idx_file(place: Path, stem: str, what: str) -> Path | None:
    """The IDX file of images or labels in a folder, plain or gzipped."""
    name = idx_name(stem, what)
    return next((p for p in (place / name, place / f"{name}.gz") if p.is_file()), None)


def read_idx(place: Path, stem: str, what: str) -> Tensor:
    """One IDX file, read by torchvision, or StudioError naming it."""
    from torchvision.datasets import mnist

    path = idx_file(place, stem, what)
    if path is None:
        raise StudioError(f"The {what} of Fashion-MNIST are missing: there is no {place / idx_name(stem, what)}.")
    try:
        if path.suffix != ".gz":
            values = mnist.read_sn3_pascalvincent_tensor(str(path))
        else:
            with tempfile.NamedTemporaryFile() as plain:  # torchvision reads plain files only
                plain.write(gzip.decompress(path.read_bytes()))
                plain.flush()
                values = mnist.read_sn3_pascalvincent_tensor(plain.name)
    # What a cut, altered or foreign file can raise inside gzip and torchvision.
    except (OSError, EOFError, ValueError, AssertionError, RuntimeError, IndexError, KeyError, zlib.error) as e:
        raise StudioError(f"{path} is damaged or cut short: fetch it again.") from e
    if values.dtype != torch.uint8:
        raise StudioError(f"{path} is damaged: it does not hold bytes, as Fashion-MNIST does; fetch it again.")
    return values


def download() -> Path:
    """Let torchvision download Fashion-MNIST into the cache, once. StudioError within seconds when offline."""
    from torchvision.datasets import FashionMNIST

    place = files.home()
    raw = place / "FashionMNIST" / "raw"
    if idx_file(raw, "train", "images") and idx_file(raw, "t10k", "labels"):
        return raw
    try:
        # torchvision waits without limit on a dead network, so test the connection first.
        socket.create_connection((urlsplit(FashionMNIST.mirrors[0]).hostname or "", 80), timeout=3).close()
        FashionMNIST(str(place), download=True)
    except (OSError, RuntimeError) as e:
        raise StudioError(HOW_TO_GET_IT) from e
    return raw


def pictures(
    path: Path, size: int, fit: str = "fill", progress: Callable[[int, int], None] = lambda *_: None
) -> Dataset:
    """Pictures in one sub-folder a class, or all of one class, as (N, 3 or 1, size, size): see `folder.read`."""
    from . import folder, zip_archive

    if not (path.is_dir() or path.is_file()):
        raise StudioError(
            f"There is no data called {str(path)!r}: use {FASHION_MNIST}, or a folder with one sub-folder a class."
        )
    images, labels, survey = folder.read(zip_archive.unpacked(path) if path.is_file() else path, size, fit, progress)
    return Dataset(images, labels, survey.names, str(path), survey)


def flat(path: Path, n: int) -> Tensor:
    """The first n pictures of a folder and its sub-folders, by name, as (N, C, H, W) uint8, squares of one size.

    C is 1 when every picture is gray, else 3. Raises StudioError if there are none, or for a file that is not one.
    """
    kinds = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in kinds and p.is_file())[:n]
    if not files:
        raise StudioError(f"There is no checkpoint and there are no pictures in {path}.")
    size = square(files[0]).shape[-1]
    images = torch.stack([square(file, size) for file in files])
    return images[:, :1].clone() if bool((images[:, :1] == images).all()) else images


def class_numbers(text: str, names: tuple[str, ...]) -> list[int]:
    """'9' or 'Ankle boot' or 'Dress,3' -> class numbers in order. Unknown ones raise StudioError with the names."""
    numbers = set()
    for word in filter(None, (w.strip() for w in text.split(","))):
        folded = [n.casefold() for n in names]
        if word.casefold() in folded:
            numbers.add(folded.index(word.casefold()))
        elif word.isascii() and word.isdigit() and int(word) < len(names):
            numbers.add(int(word))
        else:
            raise StudioError(
                f"There is no class {quoted(word)}: choose from "
                + ", ".join(f"{i} {n}" for i, n in enumerate(names))
                + "."
            )
    return sorted(numbers)


def merge(data: Dataset, groups: str) -> Dataset:
    """Merge classes into one: "Shirt+T-shirt/top,5+9" joins two pairs, by name or number; empty joins none.

    A joined class is called by all its names, and takes the number of the first. Raises StudioError for an unknown
    class, a class in two groups, a group of one class, or if only one class would be left.
    """
    joined: dict[int, list[int]] = {}
    for group in filter(None, (g.strip() for g in groups.split(","))):
        members = class_numbers(group.replace("+", ","), data.names)
        if len(members) < 2:
            raise StudioError(f"{group!r} merges nothing: join two classes or more with +, such as Shirt+Coat.")
        if joined.keys() & set(members):
            raise StudioError(f"{group!r} names a class that is in another group already: name each once.")
        joined |= dict.fromkeys(members, members)
    if not joined:
        return data
    kinds = list(dict.fromkeys(tuple(joined.get(i, [i])) for i in range(len(data.names))))
    if len(kinds) < 2:
        raise StudioError("All classes would be one: leave at least two to tell apart.")
    new = torch.tensor([next(k for k, kind in enumerate(kinds) if i in kind) for i in range(len(data.names))])
    names = tuple(" or ".join(data.names[i] for i in kind) for kind in kinds)
    return replace(data, labels=new.to(data.labels.device)[data.labels], names=names)


def select(data: Dataset, classes: list[int], limit: int | None) -> Dataset:
    """Some classes (empty: all), and of these the first `limit` pictures, as evenly over the classes as they allow."""
    if not classes and limit is None:
        return data  # unchanged: it may be mapped from the disk
    keep = torch.isin(data.labels, torch.tensor(classes)) if classes else torch.ones(len(data), dtype=torch.bool)
    index = keep.nonzero().flatten()
    if limit is not None:
        if limit > len(index):
            raise StudioError(f"limit cannot be {limit}: there are {len(index)} pictures to choose from.")
        labels = data.labels[index]
        rank = torch.empty_like(labels)  # how many earlier pictures have the same class
        for c in labels.unique():
            rank[labels == c] = torch.arange(int((labels == c).sum()))
        index = index[rank.argsort(stable=True)[:limit]].sort().values
    return replace(data, images=data.images[index], labels=data.labels[index])


class Request(Protocol):
    """The fields of a recipe that concern its data."""

    @property
    def data(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def fit(self) -> str: ...
    @property
    def classes(self) -> str: ...
    @property
    def limit(self) -> int | None: ...
    @property
    def batch(self) -> int: ...
    def replace(self, **changes: Any) -> Self: ...


R = TypeVar("R", bound=Request)


def prepare(recipe: R, root: str | Path | None = None, loaded: Dataset | None = None) -> tuple[R, Dataset]:
    """The pictures that a recipe names, and the recipe with the facts of the data filled in.

    Raises StudioError if a class is unknown, or if limit or batch is larger than the data.
    """
    whole = loaded or load(recipe.data, size=recipe.size, root=root, fit=recipe.fit)
    classes = class_numbers(recipe.classes, whole.names)
    data = select(whole, classes, recipe.limit)
    if not len(data):
        raise StudioError(f"No pictures are left to train on in {whole.source}.")
    if recipe.batch > len(data):
        raise StudioError(
            f"batch cannot be {recipe.batch}: there are {len(data)} pictures, so it takes at most {len(data)}."
        )
    facts = {"channels": data.images.shape[1], "labels": data.names, "classes": ",".join(map(str, classes))}
    return recipe.replace(**facts), data

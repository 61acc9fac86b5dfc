"""Garments as bytes in memory: no loader, no workers, no per-picture transforms. A minibatch is an index."""

import hashlib
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import torch
from torch import Tensor

from .. import files, limits
from ..errors import StudioError
from .class_names import ClassNames
from .fashion_files import idx_file, idx_name, read_idx
from .images import resize, vision

if TYPE_CHECKING:
    from .layout import Source
    from .survey import Survey


FASHION_MNIST = "fashion-mnist"
LOCAL_ONLY = ("celeba", "lsun")  # data sets that are read where the user has them, and never downloaded
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
NUMBERS = tuple(map(str, range(10)))  # the names of classes that are not Fashion-MNIST's
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
    notes: tuple[str, ...] = ()  # further sentences for the user

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks for the user before training on it."""
        return (*self.notes, *(self.survey.remarks() if self.survey else ()))

    @property
    def digest(self) -> str:
        """A hash by which the same pictures are recognized elsewhere: of their files, or of the arrays themselves."""
        if self.survey is not None:
            return self.survey.digest
        key = hashlib.sha256(self.labels.cpu().numpy().tobytes())
        for part in self.images.split(4096):
            key.update(part.cpu().numpy().tobytes())
        return key.hexdigest()

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
        dataset = from_files(Path(given), stem)
        if dataset is None:
            raise StudioError(
                f"No Fashion-MNIST in {given}: expected {idx_name(stem, 'images')}, plain or .gz, and the like."
            )
        return dataset
    place = DEBIAN if idx_file(DEBIAN, stem, "images") else download()
    return of_arrays(read_idx(place, stem, "images"), read_idx(place, stem, "labels"), place)


def from_files(root: Path, stem: str) -> Dataset | None:
    """Fashion-MNIST, or what lies under its names, in a folder as IDX, CSV or .npz files, or as folders of pictures."""
    from . import fashion_files, folder

    place = next((p for p in fashion_files.folders(root) if idx_file(p, stem, "images")), None)
    if place is not None:
        return of_arrays(read_idx(place, stem, "images"), read_idx(place, stem, "labels"), place)
    arrays = fashion_files.find(root, stem)
    if arrays is not None:
        return of_arrays(*arrays)
    for part in fashion_files.PARTS[stem]:
        if (root / part).is_dir():
            images, labels, survey = folder.read(root / part, fashion_files.SIDE)
            if survey.names == NUMBERS and survey.gray:
                return of_arrays(images[:, 0], labels, root / part)
    return None


def of_arrays(images: Tensor, labels: Tensor, place: Path) -> Dataset:
    """Gray pictures (N, 28, 28) with labels 0 to 9. Their names are numbers if they are not Fashion-MNIST."""
    from . import fashion_files

    if images.dim() != 3 or labels.dim() != 1 or len(images) != len(labels) or not len(images):
        raise StudioError(
            f"The Fashion-MNIST files in {place} do not belong together: {len(images)} pictures, {len(labels)} labels."
        )
    if int(labels.max()) >= len(CLASSES):
        raise StudioError(f"The labels in {place} go up to {int(labels.max())}; Fashion-MNIST has classes 0 to 9.")
    real = fashion_files.recognized(images, labels)
    notes = () if real else (fashion_files.stranger(str(place), labels),)
    return Dataset(images[:, None], labels.long(), CLASSES if real else NUMBERS, str(place), notes=notes)


def download() -> Path:
    """Let torchvision download Fashion-MNIST into the cache, once. StudioError within seconds when offline."""
    FashionMNIST = vision("datasets").FashionMNIST
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
    """Pictures in one sub-folder a class, or all of one class, as (N, 3 or 1, size, size): see `folder.read_cached`."""
    from . import fashion_files, folder

    try:
        arrays = fashion_files.of_file(path) if path.is_file() else None
        source = None if arrays else source_of(path)
    except StudioError:
        arrays, source = None, None
        dataset = from_files(path, "train") if path.is_dir() else None
        if dataset is None:
            raise
    else:
        dataset = of_arrays(*arrays) if arrays else None
    if source is None:
        assert dataset is not None
        return replace(dataset, images=resize(dataset.images, size))
    check_names(source.names, path)
    images, labels, survey = folder.read_cached(source, size, fit, progress)
    names = survey.names
    if names == NUMBERS and survey.gray and survey.span() == "28 x 28" and len(labels) in fashion_files.COUNTS:
        small = folder.read_cached(source, fashion_files.SIDE, "fill")[0]
        names = CLASSES if fashion_files.recognized(small[:, 0], labels) else names
    return Dataset(images, labels, names, str(path), survey)


def source_of(path: Path, none: str = "There are no pictures") -> "Source":
    """The pictures of a folder or ZIP file, or of a folder in one. `none`: see `layout.listing`."""
    from . import layout

    return layout.listing(place_of(path), str(path), none)


def place_of(path: Path) -> Path:
    """The folder that a path names: itself, or where a ZIP file, or a folder in one, is unpacked."""
    from . import tree, zip_archive

    if path.is_dir():
        return path
    place = zip_archive.within(path) or next((path for base in path.parents if tree.is_unpacked(base)), None)
    if place is None:
        raise StudioError(
            f"There is no data called {str(path)!r}: use {FASHION_MNIST}, or a folder with one sub-folder a class."
        )
    return place


def check_names(names: list[str], path: Path) -> None:
    """StudioError for more classes than a checkpoint can name, before an hour is spent on them."""
    if len(names) > limits.MAX_LABELS:
        raise StudioError(
            f"There are {len(names):,} classes in {path}, and at most {limits.MAX_LABELS:,} can be trained: put the "
            "pictures into fewer folders, or all into one."
        )
    if len(json.dumps(names)) > limits.MAX_HEADER // 2:
        raise StudioError(f"The names of the classes in {path} are too long to be kept in a checkpoint: shorten them.")


def class_numbers(text: str, names: tuple[str, ...]) -> list[int]:
    """'9' or 'Ankle boot' or 'Dress,3' -> class numbers in order. Unknown ones raise StudioError with the names."""
    return sorted({number for group in ClassNames(names).groups(text) for number in group.numbers})


def merge(data: Dataset, groups: str) -> Dataset:
    """Merge classes into one: "Shirt+T-shirt/top,5+9" joins two pairs, by name or number; empty joins none.

    A joined class is called by all its names, and takes the number of the first. Raises StudioError for an unknown
    class, a class in two groups, a group of one class, or if only one class would be left.
    """
    joined: dict[int, list[int]] = {}
    for text, numbers in ClassNames(data.names).groups(groups, "+"):
        members = sorted(set(numbers))
        if len(members) < 2:
            raise StudioError(f"{text!r} merges nothing: join two classes or more with +, such as Shirt+Coat.")
        if joined.keys() & set(members):
            raise StudioError(f"{text!r} names a class that is in another group already: name each once.")
        joined |= dict.fromkeys(members, members)
    if not joined:
        return data
    kinds = list(dict.fromkeys(tuple(joined.get(i, [i])) for i in range(len(data.names))))
    if len(kinds) < 2:
        raise StudioError("All classes would be one: leave at least two to tell apart.")
    new = torch.tensor([next(k for k, kind in enumerate(kinds) if i in kind) for i in range(len(data.names))])
    names = tuple(" or ".join(data.names[i] for i in kind) for kind in kinds)
    return replace(data, labels=new.to(data.labels.device)[data.labels], names=names)


def ordered(data: Dataset, names: tuple[str, ...]) -> Dataset:
    """The data set with its classes in the order of `names`; StudioError if it has others."""
    if data.names == names:
        return data
    if sorted(data.names) != sorted(names):
        raise StudioError(
            f"The classes in {data.source} are {listed(data.names)}; those of this run are {listed(names)}: name the "
            "data that it was trained on."
        )
    labels = torch.tensor([names.index(name) for name in data.names])[data.labels]
    order = labels.argsort(stable=True)
    return replace(data, images=data.images[order], labels=labels[order], names=names)


def listed(names: tuple[str, ...], most: int = 10) -> str:
    return ", ".join(names[:most]) + f" and {len(names) - most:,} more" * (len(names) > most)


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
    def labels(self) -> tuple[str, ...]: ...
    @property
    def trained(self) -> tuple[int, ...]: ...
    @property
    def limit(self) -> int | None: ...
    @property
    def batch(self) -> int: ...
    def replace(self, **changes: Any) -> Self: ...


R = TypeVar("R", bound=Request)


def prepare(recipe: R, root: str | Path | None = None, loaded: Dataset | None = None) -> tuple[R, Dataset]:
    """The pictures that a recipe names, and the recipe with the facts of the data filled in.

    A recipe that has been prepared before keeps its classes and their numbers. Raises StudioError if a class is
    unknown or has gone, or if limit or batch is larger than the data.
    """
    whole = loaded or load(recipe.data, size=recipe.size, root=root, fit=recipe.fit)
    if recipe.labels:
        numbered = recipe.data == FASHION_MNIST and len(recipe.labels) == len(whole.names)  # whatever they are called
        whole = replace(whole, names=recipe.labels) if numbered else ordered(whole, recipe.labels)
        classes = list(recipe.trained) if recipe.classes else []
    else:
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

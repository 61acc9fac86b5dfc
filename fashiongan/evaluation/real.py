"""The real pictures that samples in color are compared with: those a generator was trained on, and unseen ones."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from .sources import Samples

HELD_OUT = ("validation", "valid", "val", "test")  # names of a folder beside `train` with unseen pictures
MOST = 10_000  # training pictures that are compared with


@dataclass(frozen=True)
class Real:
    """Real pictures, of the size of the samples."""

    train: Dataset
    unseen: Dataset | None  # with the class numbers of `train`
    labels: Tensor | None  # (N,) classes of the samples, by the numbers of `train`
    remarks: tuple[str, ...] = ()

    @property
    def sets(self) -> tuple[Dataset, ...]:
        return (self.train,) if self.unseen is None else (self.train, self.unseen)


def real_pictures(samples: Samples, data: str | None, fit: str | None, root: str | None = None) -> Real:
    """The real pictures for some samples: those of `data`, or those that their generator was trained on.

    Unseen pictures are those of a folder `validation` (or `test`) beside a folder `train`; of Fashion-MNIST, the test
    pictures. `data` may be the folder that holds both, or the folder `train`. `fit` says how pictures become squares,
    by default as in the generator's training. StudioError if there are no such pictures, or classes do not match.
    """
    recipe = samples.gan.recipe if samples.gan is not None else None
    name = data or (recipe.data if recipe is not None else None)
    if name is None:
        raise StudioError("Pictures in color are compared with real ones: give a folder of them with --data.")
    size, how = samples.images.shape[-1], fit or (recipe.fit if recipe is not None else "fill")
    if samples.images.shape[-2] != size:
        raise StudioError("The scores are made for square pictures, and these are not.")
    train, unseen = split(name, size, how, root, given=data is not None)
    if samples.images.shape[1] != 1 and train.images.shape[1] == 1:
        raise StudioError(f"These samples are in color and the pictures of {train.source} are gray: give others.")
    classes = classes_of(samples, train)
    train = datasets.select(train, classes, None if recipe is None else recipe.limit)
    remarks = []
    if unseen is None:
        remarks.append(
            f"Copies are not searched for: {train.source} holds no pictures that the generator has not seen. Put some "
            "into a folder validation beside a folder train."
        )
    else:
        unseen = aligned(unseen, train.names, classes)
    if len(train) > MOST:
        some = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:MOST].sort().values
        remarks.append(f"Of {len(train):,} training pictures {MOST:,}, drawn at random, are compared with.")
        train = replace(train, images=train.images[some], labels=train.labels[some])
    return Real(train, unseen, numbered(samples, train.names), tuple(remarks))


def split(name: str, size: int, fit: str, root: str | None, *, given: bool) -> tuple[Dataset, Dataset | None]:
    """The training pictures and, if the data hold any, the unseen ones."""
    if name == datasets.FASHION_MNIST:
        train, test = (datasets.load(name, size=size, split=s, root=root) for s in ("train", "test"))
        return train, test
    if not (name in datasets.LOCAL_ONLY or Path(name).exists()):
        where = "" if given else " that it was trained on; give their folder with --data"
        raise StudioError(f"There are no pictures in {name}{where}.")
    path = Path(name)
    if (path / "train").is_dir():
        path = path / "train"
    beside = [path.parent / other for other in HELD_OUT] if path.name == "train" else []
    held_out = next((p for p in beside if p.is_dir()), None)
    load = lambda p: datasets.load(str(p), size=size, root=root, fit=fit)  # noqa: E731
    return load(path), load(held_out) if held_out is not None else None


def classes_of(samples: Samples, train: Dataset) -> list[int]:
    """Numbers of the training pictures' classes that the samples have; empty for all."""
    if samples.gan is not None:
        r = samples.gan.recipe
        return datasets.class_numbers(",".join(r.labels[c] for c in r.trained) if r.classes else "", train.names)
    labels = numbered(samples, train.names)
    return [] if labels is None else labels.unique().tolist()


def numbered(samples: Samples, names: tuple[str, ...]) -> Tensor | None:
    """(N,) the samples' classes by their numbers in `names`; None if they have none, or others."""
    if samples.labels is None or not samples.names or any(name not in names for name in samples.names):
        return None
    return torch.tensor([names.index(name) for name in samples.names])[samples.labels]


def aligned(unseen: Dataset, names: tuple[str, ...], classes: list[int]) -> Dataset:
    """The unseen pictures of these classes (empty: all of `names`), with their numbers in `names`."""
    classes_here = [names[c] for c in classes] or list(names)
    numbers = torch.tensor([names.index(name) if name in classes_here else -1 for name in unseen.names])
    labels = numbers[unseen.labels]
    kept = (labels >= 0).nonzero().flatten()
    if not len(kept):
        raise StudioError(f"{unseen.source} has none of the classes {', '.join(classes_here)}.")
    return replace(unseen, images=unseen.images[kept], labels=labels[kept], names=names)

"""Models side by side: pictures of one seed, and their nearest real garments. The scores are in `score_table`.

If something is missing for one model, it is None in its row, and the other rows are not affected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from .. import classifiers, hub, limits
from ..cache import Cache
from ..checked import checked
from ..classifiers import store
from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..evaluation import features as real_features
from ..evaluation import metrics
from ..gans import sampling
from ..plain import maybe
from .score_table import scorable
from .studio import Studio

EACH = 10  # pictures of each model
LACKING = "The nearest in features are not known yet: they come with the first model that is scored on this machine."


@dataclass(frozen=True)
class Drawn:
    """A picture (C, H, W) uint8 that a model drew, and its class, or "" if the model has no classes."""

    src: Tensor
    label: str


@dataclass(frozen=True)
class Row:
    """The pictures of one model, or the error that explains why there are none."""

    name: str
    pictures: tuple[Drawn, ...] | None = maybe()
    error: str | None = maybe()


@dataclass(frozen=True)
class Neighbour:
    """A real picture, its class, and its distance to a generated one."""

    src: Tensor
    far: float
    label: str


@dataclass(frozen=True)
class NeighbourRow:
    """The nearest real pictures of one model's pictures, in each space. `lacking` says why features are missing."""

    name: str
    pixels: tuple[Neighbour, ...] | None = maybe()
    features: tuple[Neighbour, ...] | None = maybe()
    lacking: str | None = maybe()
    error: str | None = maybe()


def checked_names(value: object, studio: Studio) -> list[str]:
    """Two to `limits.MODELS` different checkpoint names, checked, because anybody can send anything. Else
    StudioError."""
    names = list(dict.fromkeys(checked(list[str], value, "A comparison takes a list of checkpoints by name.")))
    if not 2 <= len(names) <= limits.MODELS:
        raise StudioError(f"Choose two to six models to compare, not {len(names)}.")
    for name in names:
        studio.library.check(name)
    return names


def checked_seed(value: object) -> int:
    """A whole number from 0 to limits.PAGE_SEED, or StudioError."""
    seed: int = checked(
        Annotated[int, Interval(ge=0, le=limits.PAGE_SEED)],
        value,
        f"Seed takes a whole number from 0 to {limits.PAGE_SEED}.",
    )
    return seed


# Pictures


def rows(studio: Studio, names: Sequence[str], seed: int) -> list[Row]:
    """EACH pictures of every model."""
    made: list[Row] = []
    for name in names:
        try:
            gan = studio.gan(name)
        except StudioError as e:
            made.append(Row(name, error=str(e)))
            continue
        labels = [gan.choices.get(int(c), "") for c in sampling.chosen(gan, EACH, None)]
        drawn = gan.sample_images(EACH, seed)
        made.append(Row(name, tuple(Drawn(x, k) for x, k in zip(drawn, labels, strict=True))))
    return made


def neighbours(studio: Studio, names: Sequence[str], seed: int) -> list[NeighbourRow]:
    """For each picture of `rows`, the picture that is nearest to it among those its model was trained on.

    The search in feature space needs the cached features of real garments, which `evaluate` computes.
    """
    # Models with the same data are searched together, because reading the real pictures is slow.
    together: dict[tuple[object, ...], list[str]] = {}
    by_name: dict[str, NeighbourRow] = {}
    for name in names:
        try:
            r = studio.gan(name).recipe
        except StudioError as e:
            by_name[name] = NeighbourRow(name, error=str(e))
        else:
            together.setdefault((r.data, r.size, r.channels, r.classes, r.limit, foreign(name)), []).append(name)
    for group in together.values():
        drawn = torch.cat([studio.gan(name).sample_images(EACH, seed) for name in group])
        try:
            spaces = nearest(drawn, trained_on(studio, group[0]))
        except StudioError as e:
            by_name |= {name: NeighbourRow(name, error=str(e)) for name in group}
        else:
            for i, name in enumerate(group):
                mine = {space: tuple(entries[i * EACH : (i + 1) * EACH]) for space, entries in spaces.items()}
                lacking = "features" not in spaces and scorable(studio.gan(name).recipe)
                by_name[name] = NeighbourRow(name, mine["pixels"], mine.get("features"), LACKING if lacking else None)
    return [by_name[name] for name in names]


def foreign(name: str) -> bool:
    """Whether a checkpoint comes from the Hub, so that its header is not trusted."""
    return name.startswith(hub.PREFIX)


def trained_on(studio: Studio, name: str) -> Dataset:
    """The pictures that a checkpoint was trained on."""
    r = studio.gan(name).recipe
    if foreign(name) and r.data != datasets.FASHION_MNIST:  # an untrusted header must not open a folder here
        raise StudioError(f"The pictures that {name} was trained on are not here.")
    if not r.classes and r.limit is None:
        return studio.garments(r.data, r.size, r.fit)  # the whole data set, without a copy
    return datasets.prepare(r.replace(batch=2), loaded=studio.garments(r.data, r.size, r.fit))[1]


def nearest(drawn: Tensor, real: Dataset) -> dict[str, list[Neighbour]]:
    """For each generated picture (N, C, H, W) uint8, the nearest picture of `real`, in every available space."""
    if drawn.shape[1:] != real.images.shape[1:]:
        raise StudioError("The training pictures are not what they were when this model was trained.")
    # Pixels stay bytes and the distances are scaled afterwards, which avoids a float copy of all real pictures.
    spaces = {"pixels": (drawn.flatten(1), real.images.flatten(1), 255.0)}
    learned = features(drawn, real)
    if learned is not None:
        spaces["features"] = (*learned, 1.0)
    neighbours_in = {}
    for space, (ours, theirs, unit) in spaces.items():
        far, which = metrics.nearest(ours, theirs)
        neighbours_in[space] = [
            Neighbour(real.images[i], round(float(d) / unit, 3), real.names[int(real.labels[i])])
            for d, i in zip(far, which, strict=True)
        ]
    return neighbours_in


def features(drawn: Tensor, real: Dataset) -> tuple[Tensor, Tensor] | None:
    """The scorer's features of both sets. None if the scorer is missing, cannot classify such pictures, or the features
    of the real ones are not cached."""
    if real_features.SCORER not in store.bundled() or drawn.shape[1:] != (1, classifiers.SIZE, classifiers.SIZE):
        return None
    net = classifiers.load(real_features.SCORER)
    place = real_features.cached(net, real)
    if not place.exists():
        return None
    theirs = _features.get(place, lambda: real_features.recall(place))
    return classifiers.features(net, drawn)[0], theirs


_features: Cache[Path, Tensor] = Cache(1)  # features by file; the file's name identifies scorer and pictures

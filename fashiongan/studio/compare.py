"""Models side by side: pictures of one seed, and their nearest real garments. Their scores are in `score_table`.

Whatever a model lacks is None in its row, and costs the others nothing.
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

EACH = 10  # pictures of each
LAST_SEED = 2**31 - 1
LACKING = "The nearest in features are not known yet: they come with the first model that is scored on this machine."


@dataclass(frozen=True)
class Drawn:
    """A picture that a model drew, (C, H, W) uint8, and its class, "" where the model knows none."""

    src: Tensor
    label: str


@dataclass(frozen=True)
class Row:
    """A model's pictures, or why there are none."""

    name: str
    pictures: tuple[Drawn, ...] | None = maybe()
    error: str | None = maybe()


@dataclass(frozen=True)
class Neighbour:
    """A real picture, its class, and how far it is from a drawn one."""

    src: Tensor
    far: float
    label: str


@dataclass(frozen=True)
class NeighbourRow:
    """The nearest real pictures of a model's pictures, in each space; `lacking` says why not in features."""

    name: str
    pixels: tuple[Neighbour, ...] | None = maybe()
    features: tuple[Neighbour, ...] | None = maybe()
    lacking: str | None = maybe()
    error: str | None = maybe()


def checked_names(value: object, studio: Studio) -> list[str]:
    """Two to MOST different names that the studio knows, or StudioError. Anybody may send anything."""
    names = list(dict.fromkeys(checked(list[str], value, "A comparison takes a list of checkpoints by name.")))
    if not 2 <= len(names) <= limits.MODELS:
        raise StudioError(f"Choose two to six models to compare, not {len(names)}.")
    for name in names:
        studio.library.check(name)
    return names


def checked_seed(value: object) -> int:
    """A whole number from 0 to LAST_SEED, or StudioError."""
    seed: int = checked(
        Annotated[int, Interval(ge=0, le=LAST_SEED)], value, f"Seed takes a whole number from 0 to {LAST_SEED}."
    )
    return seed


# Pictures


def rows(studio: Studio, names: Sequence[str], seed: int) -> list[Row]:
    """EACH pictures of every model."""
    found: list[Row] = []
    for name in names:
        try:
            gan = studio.gan(name)
        except StudioError as e:
            found.append(Row(name, error=str(e)))
            continue
        labels = [gan.choices.get(int(c), "") for c in sampling.chosen(gan, EACH, None)]
        drawn = gan.sample_images(EACH, seed)
        found.append(Row(name, tuple(Drawn(x, k) for x, k in zip(drawn, labels, strict=True))))
    return found


def neighbours(studio: Studio, names: Sequence[str], seed: int) -> list[NeighbourRow]:
    """For each picture of `rows`, the picture that is nearest to it among those its model was trained on.

    In features too where those of real garments are at hand, once `evaluate` has looked at them.
    """
    together: dict[tuple[object, ...], list[str]] = {}  # searched at once, for reading the real pictures costs most
    found: dict[str, NeighbourRow] = {}
    for name in names:
        try:
            r = studio.gan(name).recipe
        except StudioError as e:
            found[name] = NeighbourRow(name, error=str(e))
        else:
            together.setdefault((r.data, r.size, r.channels, r.classes, r.limit, foreign(name)), []).append(name)
    for group in together.values():
        drawn = torch.cat([studio.gan(name).sample_images(EACH, seed) for name in group])
        try:
            spaces = nearest(drawn, trained_on(studio, group[0]))
        except StudioError as e:
            found |= {name: NeighbourRow(name, error=str(e)) for name in group}
        else:
            for i, name in enumerate(group):
                mine = {space: tuple(entries[i * EACH : (i + 1) * EACH]) for space, entries in spaces.items()}
                lacking = "features" not in spaces and scorable(studio.gan(name).recipe)
                found[name] = NeighbourRow(name, mine["pixels"], mine.get("features"), LACKING if lacking else None)
    return [found[name] for name in names]


def foreign(name: str) -> bool:
    """Whether a checkpoint is somebody else's, so that what its header says is not to be acted upon."""
    return name.startswith(hub.PREFIX)


def trained_on(studio: Studio, name: str) -> Dataset:
    """The pictures that a checkpoint's generator learned from."""
    r = studio.gan(name).recipe
    if foreign(name) and r.data != datasets.FASHION_MNIST:  # a stranger's header opens no folder here
        raise StudioError(f"The pictures that {name} was trained on are not here.")
    if not r.classes and r.limit is None:
        return studio.garments(r.data, r.size, r.fit)  # all of them: spares a copy
    return datasets.prepare(r.replace(batch=2), loaded=studio.garments(r.data, r.size, r.fit))[1]


def nearest(drawn: Tensor, real: Dataset) -> dict[str, list[Neighbour]]:
    """The nearest of `real` to each of (N, C, H, W) uint8, in every space there is."""
    if drawn.shape[1:] != real.images.shape[1:]:
        raise StudioError("The training pictures are not what they were when this model was trained.")
    # As bytes: the distances are scaled afterwards, which spares a float copy of all real pictures.
    spaces = {"pixels": (drawn.flatten(1), real.images.flatten(1), 255.0)}
    learned = features(drawn, real)
    if learned is not None:
        spaces["features"] = (*learned, 1.0)
    found = {}
    for space, (ours, theirs, unit) in spaces.items():
        far, which = metrics.nearest(ours, theirs)
        found[space] = [
            Neighbour(real.images[i], round(float(d) / unit, 3), real.names[int(real.labels[i])])
            for d, i in zip(far, which, strict=True)
        ]
    return found


def features(drawn: Tensor, real: Dataset) -> tuple[Tensor, Tensor] | None:
    """The scorer's features of both, if it is here, knows such pictures, and those of the real ones are kept."""
    if real_features.SCORER not in store.bundled() or drawn.shape[1:] != (1, classifiers.SIZE, classifiers.SIZE):
        return None
    net = classifiers.load(real_features.SCORER)
    place = real_features.cached(net, real)
    if not place.exists():
        return None
    known = _known.get(place, lambda: real_features.recall(place))
    return classifiers.features(net, drawn)[0], known


_known: Cache[Path, Tensor] = Cache(1)  # the features in a file, whose name says of what

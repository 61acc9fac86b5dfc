"""Slider directions in a file beside their checkpoint, so that nobody waits until they are found.

`checkpoints/directions/studio.safetensors` belongs to `checkpoints/studio.safetensors`. It holds a tensor for each kind
of directions and, in its header, their names and the sha256 of the checkpoint's file. With any other checkpoint it is
stale, and is not used: the directions are then found afresh.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import checkpoint
from ..checked import checked
from ..errors import StudioError
from ..evaluation.features import sha256
from ..gans.base import GAN
from . import directions
from .directions import SliderDirections

FOLDER = "directions"


@dataclass(frozen=True)
class Labels:
    """What the header says of one kind of directions."""

    names: tuple[str, ...]
    strengths: tuple[float, ...]
    reach: float


@dataclass(frozen=True)
class Header:
    """The header of a file of directions."""

    sha256: str  # of the checkpoint's file
    kinds: dict[str, Labels]


def place(path: Path) -> Path:
    """The file of directions that belongs to a checkpoint's file."""
    return path.parent / FOLDER / path.name


def write(path: Path) -> Path:
    """Find a checkpoint's directions, of each kind that its generator has, and write them beside it."""
    gan, by_kind = checkpoint.load(path), {}
    for kind, find in directions.KINDS.items():
        try:
            by_kind[kind] = find(gan)  # not `directions.find`, which may return what an earlier file held
        except StudioError:  # the generator has no directions of this kind
            continue
    labels = {kind: asdict(Labels(f.names, f.strengths, f.reach)) for kind, f in by_kind.items()}
    header: dict[str, Any] = {"sha256": sha256(path), "kinds": labels}
    checkpoint.write_info(place(path), {kind: f.vectors for kind, f in by_kind.items()}, header)
    return place(path)


def read(path: Path, gan: GAN) -> dict[str, SliderDirections]:
    """The directions beside the checkpoint in `path`, which is of `gan`, by kind. Empty if there are none, or if the
    file is stale or damaged."""
    file = place(path)
    if not file.is_file():
        return {}
    try:
        header: Header = checked(Header, checkpoint.header_entries(file), "no directions")
        if header.sha256 != sha256(path):
            return {}
        with checkpoint.opened(file) as (f, _):
            vectors = {kind: f.get_tensor(kind) for kind in f.keys()}  # noqa: SIM118  f is not a dict
    except StudioError:
        return {}
    return {
        kind: SliderDirections(vectors[kind], labels.names, labels.strengths, labels.reach)
        for kind, labels in header.kinds.items()
        if kind in directions.KINDS and kind in vectors and fits(vectors[kind], labels, gan)
    }


def fits(vectors: Tensor, labels: Labels, gan: GAN) -> bool:
    """Whether these are directions for the GAN: (k, choices or 1, z_dim) finite numbers, and k names and strengths."""
    k = len(labels.names)
    shapes = [(k, rows, gan.recipe.z_dim) for rows in (1, max(1, len(gan.choices)))]
    right = tuple(vectors.shape) in shapes and len(labels.strengths) == k and vectors.dtype == torch.float32
    return right and bool(vectors.isfinite().all())


def load(path: Path) -> GAN:
    """A checkpoint's GAN with its directions, where they are kept beside it: `directions.find` returns them at once."""
    gan = checkpoint.load(path)
    for kind, axes in read(path, gan).items():
        directions.keep(gan, kind, axes)
    return gan

"""Pictures to be scored: drawn from a checkpoint, or read from samples.npz or a folder."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .. import checkpoint
from ..checkpoint import HeaderInfo
from ..data import datasets
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN


@dataclass(frozen=True)
class Samples:
    """Pictures to be scored, and what is known about their origin."""

    name: str
    images: Tensor  # (N, C, H, W) uint8
    labels: Tensor | None = None  # (N,) the classes that the generator was given
    gan: GAN | None = None
    info: HeaderInfo | None = None


def draw(name: str | Path, n: int, seed: int = 0) -> Samples:
    """n pictures drawn by a checkpoint (equally many of each class), or the first n of samples.npz or of a folder."""
    path = Path(name)
    if path.suffix.lower() == ".npz" and path.is_file():
        return read_npz(path, n)
    if path.is_dir() and not (path / "checkpoint.safetensors").is_file():
        return Samples(path.name, datasets.flat(path, n))
    gan = checkpoint.load(name)
    labels = sampling.chosen(gan, n, None) if gan.conditional else None
    return Samples(str(name), gan.sample_images(n, seed), labels, gan, checkpoint.info(name))


def read_npz(path: Path, n: int) -> Samples:
    """Read what `python -m fashiongan sample --out samples.npz` wrote. StudioError if the file is something else."""
    import zipfile

    import numpy as np

    wrong = f"{path} does not hold images (N, H, W, C) of bytes and labels (N,), as the studio's samples.npz do."
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images, labels = arrays["images"][:n], arrays["labels"][:n]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as e:
        raise StudioError(wrong) from e
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) != len(labels):
        raise StudioError(wrong)
    classes = torch.from_numpy(labels).long()
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Samples(path.name, pictures, classes if len(classes) and bool((classes >= 0).all()) else None)

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

N, IN_COLOR = 10_000, 2000  # pictures drawn for the gray scores, and for those in color
SMALL = 28  # pixels a side for which the gray scores are made
MOST_PIXELS = 128  # pixels a side of samples that are read from a folder
FROM_PICTURES = "{gan} draws from a picture and keeps only one of each class, so it is not scored as generators are."


@dataclass(frozen=True)
class Samples:
    """Pictures to be scored, and what is known about their origin."""

    name: str
    images: Tensor  # (N, C, H, W) uint8
    labels: Tensor | None = None  # (N,) the classes that the generator was given
    gan: GAN | None = None
    info: HeaderInfo | None = None
    names: tuple[str, ...] = ()  # of the classes, if they are known; labels index it
    remarks: tuple[str, ...] = ()  # on what was read, and what was not


def draw(name: str | Path, n: int | None = None, seed: int = 0, fit: str | None = None) -> Samples:
    """n pictures drawn by a checkpoint (equally many of each class), or n of samples.npz, a folder or a ZIP file.

    By default N pictures, and IN_COLOR if they are in color or not 28 x 28. `fit`: how the pictures of a folder become
    squares, by default "fill". StudioError for a GAN that draws from a picture.
    """
    path = Path(name)
    if path.suffix.lower() == ".npz" and path.is_file():
        return read_npz(path, n or N)
    zipped = path.suffix.lower() == ".zip" and path.is_file()
    if zipped or (path.is_dir() and not (path / "checkpoint.safetensors").is_file()):
        return of_folder(path, n, fit)
    gan = checkpoint.load(name)
    if gan.from_pictures:
        raise StudioError(FROM_PICTURES.format(gan=gan.recipe.gan))
    small = gan.recipe.size == SMALL and gan.recipe.channels == 1
    n = n or (N if small else IN_COLOR)
    labels = sampling.chosen(gan, n, None) if gan.conditional else None
    return Samples(str(name), gan.sample_images(n, seed), labels, gan, checkpoint.info(name), gan.recipe.labels)


def of_folder(path: Path, n: int | None, fit: str | None) -> Samples:
    """The first n pictures of a folder or ZIP file if they are of 28 pixels, else n of them, drawn at random.

    They are read as for training, as squares of one size: the median of their shorter sides, at most MOST_PIXELS.
    """
    from ..data import folder

    source = datasets.source_of(path, "There is no checkpoint and there are no pictures")
    side = folder.median_side(source)
    small = side <= SMALL
    chosen = torch.randperm(len(source.files), generator=torch.Generator().manual_seed(0))[: n or IN_COLOR]
    files = source.files[: n or N] if small else [source.files[i] for i in chosen.sort().values.tolist()]
    pictures, labels, survey = folder.read_once(source._replace(files=files), min(side, MOST_PIXELS), fit or "fill")
    names = () if small or len(survey.names) == 1 else survey.names
    return Samples(path.name, pictures, labels if names else None, names=names, remarks=survey.remarks())


def read_npz(path: Path, n: int) -> Samples:
    """Read what `python -m fashiongan sample --out samples.npz` wrote. StudioError if the file is something else."""
    import zipfile

    import numpy as np

    wrong = f"{path} does not hold images (N, H, W, C) of bytes and labels (N,), as the studio's samples.npz do."
    try:
        with np.load(path, allow_pickle=False) as arrays:
            values, labels = arrays["images"][:n], arrays["labels"][:n]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as e:
        raise StudioError(wrong) from e
    if values.dtype != np.uint8 or values.ndim != 4 or values.shape[3] not in (1, 3, 4) or len(values) != len(labels):
        raise StudioError(wrong)
    classes = torch.from_numpy(labels).long()
    pictures = torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()
    return Samples(path.name, pictures, classes if len(classes) and bool((classes >= 0).all()) else None)

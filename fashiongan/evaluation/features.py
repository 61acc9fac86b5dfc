"""The scorer's features of real and generated pictures, and the cache of the features of real pictures."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from .. import checkpoint, classifiers, files
from ..classifiers import Classifier
from ..data.datasets import Dataset
from ..errors import StudioError
from .sources import Samples

SCORER = "cnn"


def scorer_for(samples: Samples, device: str) -> Classifier:
    """The classifier that scores these samples. StudioError unless they are gray and 28 x 28."""
    if samples.images.shape[1:] != (1, classifiers.SIZE, classifiers.SIZE):
        channels, height, width = samples.images.shape[1:]
        raise StudioError(
            f"The scores are made for gray pictures of 28 x 28, and these are {width} x {height} "
            f"{'in color' if channels == 3 else 'gray'}: train at --size 28 on gray garments to compare them."
        )
    return classifiers.load(SCORER, device)


def pixels(images: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C H W) float in 0..1: pixels as features."""
    return images.flatten(1).float() / 255


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cached(net: Classifier, garments: Dataset) -> Path:
    """The file that caches the features of real garments. Its name is a hash of the scorer's weights and the
    pictures."""
    folder = files.home()
    key = hashlib.sha256()
    for tensor in (*net.state_dict().values(), garments.images):
        key.update(tensor.cpu().contiguous().numpy().tobytes())
    return folder / f"features-{key.hexdigest()[:24]}.safetensors"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from the cache; empty if there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def recall(place: Path) -> Tensor:
    """Read the features (N, d) that an evaluation wrote to this file."""
    with checkpoint.opened(place) as (f, _):
        return f.get_tensor("features")  # type: ignore[no-any-return]

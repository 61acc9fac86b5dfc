"""The scorer's features of real and generated pictures, and the cache of the features of real pictures."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .. import checkpoint, files
from ..data.datasets import Dataset

SCORER = "cnn"


def pixels(images: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> (N, C H W) float in 0..1: pixels as features."""
    return images.flatten(1).float() / 255


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def state_hash(net: nn.Module) -> str:
    """A sha256 of a net's weights."""
    key = hashlib.sha256()
    for tensor in net.state_dict().values():
        key.update(tensor.cpu().contiguous().numpy().tobytes())
    return key.hexdigest()


def cached(net: nn.Module, garments: Dataset, how: str = "") -> Path:
    """The file that caches the features of real garments. Its name is a hash of the scorer's weights, the pictures,
    and `how` they are shown."""
    folder = files.home()
    key = hashlib.sha256(how.encode())
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

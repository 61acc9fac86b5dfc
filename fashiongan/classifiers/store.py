"""Classifiers as files: save, find by name, load."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from .. import checkpoint, hub
from ..errors import StudioError
from ..hub import registry
from ..plain import maybe, number, plain, read, text
from .base import Classifier
from .networks import COLOR, network, recipe

BUNDLED = registry.BUNDLED / "classifiers"


@dataclass(frozen=True)
class FitInfo:
    """How a classifier was trained and how accurate it is: the "info" of its header, in the order of the entries.

    Accuracies are 0..1. What the header does not say is None, also a value of another type.
    """

    command: str | None = maybe()
    held_out: float | None = maybe()  # accuracy on held-out images
    attacked: float | None = maybe()  # accuracy on attacked held-out images, after adversarial training
    before: str | None = maybe()  # the command that made the classifier from which this fit started
    seconds: float | None = maybe()  # of training
    device: str | None = maybe()
    torch: str | None = maybe()  # its version
    accuracy: float | None = maybe()  # on the test images
    tested: int | None = maybe()  # how many test images
    certified: float | None = maybe()  # certified share of the test images, at the eps of the recipe
    confusion: list[list[int]] | None = maybe()  # counts; row: true class, column: predicted class

    @classmethod
    def from_json(cls, value: object) -> "FitInfo":
        texts = dict.fromkeys(("command", "before", "device", "torch"), text)
        return read(cls, value, {**texts, "confusion": counts})


def counts(value: object) -> list[list[int]] | None:
    """A table of numbers, else None."""
    rows = value if isinstance(value, list) else None
    right = rows is not None and all(isinstance(r, list) and all(number(n) is not None for n in r) for r in rows)
    return rows if right else None


def save(path: Path, net: Classifier, info: FitInfo) -> None:
    """Write weights, recipe and `info` to a safetensors file, some nets' weights in half precision."""
    weights = {name for name, _ in net.named_parameters()} if net.halved else set()
    tensors = {k: checkpoint.halved(v) if k in weights else v for k, v in net.state_dict().items()}
    checkpoint.write(path, tensors, {"classifier": net.recipe.to_json(), "info": json.dumps(plain(info))})


def load(name: str | Path, device: str = "cpu") -> Classifier:
    """Load a classifier from a file, or a bundled one by name ("cnn"): frozen, in eval mode.

    Raises StudioError if there is no such file, or it is damaged or not a classifier of the studio.
    """
    path = find(name)
    with checkpoint.opened(path) as (f, header):
        try:
            fields = json.loads(header["classifier"])
            labels = tuple(str(label) for label in fields.pop("labels"))
            r = dataclasses.replace(recipe(str(fields.pop("classifier")), **fields), labels=labels)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise StudioError(f"{path} holds no classifier: choose a file that `fit` has written.") from None
        with torch.device("meta"), checkpoint.Undrawn():
            net = network(r.classifier)(r)
        checkpoint.fill(net, f, path)
    return net.to(device).eval().requires_grad_(False)


def info(name: str | Path) -> FitInfo:
    """How a classifier was trained and how accurate it is, from its header."""
    return FitInfo.from_json(checkpoint.header_entries(find(name)))


def find(name: str | Path) -> Path:
    """The file for a path, a bundled name or a place on the Hub; otherwise StudioError with the bundled names."""
    if str(name).startswith(hub.PREFIX):
        return hub.fetch(hub.parse(str(name)))
    if Path(name).is_file():
        return Path(name)
    if str(name) in (*bundled(), *bundled_in_color()):
        return BUNDLED / f"{name}.safetensors"
    have = ", ".join(bundled()) or "none yet"
    raise StudioError(f"There is no classifier {str(name)!r}: give a file or a bundled name ({have}).")


def bundled() -> list[str]:
    """Names of the classifiers of gray garments that come with the studio."""
    return sorted(p.stem for p in BUNDLED.glob("*.safetensors") if p.stem not in COLOR)


def bundled_in_color() -> list[str]:
    """Names of the classifiers of garments in color that come with the studio."""
    return sorted(p.stem for p in BUNDLED.glob("*.safetensors") if p.stem in COLOR)

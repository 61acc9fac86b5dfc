"""Classifiers as files: save, find by name, load."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from .. import checkpoint, hub
from ..errors import StudioError
from ..hub import registry
from .networks import CLASSIFIERS, Classifier, recipe

BUNDLED = registry.BUNDLED / "classifiers"


def save(path: Path, net: Classifier, info: dict[str, Any]) -> None:
    """Write weights, recipe and `info` to a safetensors file."""
    checkpoint.write(path, net.state_dict(), {"classifier": net.recipe.to_json(), "info": json.dumps(info)})


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
        with torch.device("meta"):
            net = CLASSIFIERS[r.classifier](r)
        checkpoint.fill(net, f, path)
    return net.to(device).eval().requires_grad_(False)


def info(name: str | Path) -> dict[str, Any]:
    """How a classifier was trained and how accurate it is, from its header."""
    return checkpoint.header_info(find(name))


def find(name: str | Path) -> Path:
    """The file for a path, a bundled name or a place on the Hub; otherwise StudioError with the bundled names."""
    if str(name).startswith(hub.PREFIX):
        return hub.fetch(hub.parse(str(name)))
    if Path(name).is_file():
        return Path(name)
    if str(name) in bundled():
        return BUNDLED / f"{name}.safetensors"
    have = ", ".join(bundled()) or "none yet"
    raise StudioError(f"There is no classifier {str(name)!r}: give a file or a bundled name ({have}).")


def bundled() -> list[str]:
    """Names of the classifiers that come with the studio."""
    return sorted(p.stem for p in BUNDLED.glob("*.safetensors"))

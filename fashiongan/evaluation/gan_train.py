"""GAN-train: how good a classifier becomes that has seen generated pictures only."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from .. import classifiers, files
from ..data.datasets import Dataset
from ..errors import StudioError
from .features import read_json
from .sources import Samples

STUDENT = "cnn"  # learns from samples alone, for GAN-train


def gan_train_scores(samples: Samples, real: Dataset, test: Dataset, floors: Path, device: str) -> dict[str, float]:
    """GAN-train (Shmelkov et al. 2018): test accuracy, 0..1, of a classifier that has seen samples only; beside it,
    what it gets from as many training pictures, which is kept in the file `floors`."""
    if samples.labels is None:
        raise StudioError("GAN-train needs samples with classes: this generator draws without.")
    n = min(len(samples.images), len(real))
    known = read_json(floors)
    key = f"gan-train {STUDENT} {n}"
    if key not in known:
        some = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:n]
        known[key] = learned(replace(real, images=real.images[some], labels=real.labels[some]), test, device)
        files.write(floors, json.dumps(known).encode(), durable=False)
    drawn = replace(real, images=samples.images, labels=samples.labels)
    return {"gan_train": learned(drawn, test, device), "gan_train_real": known[key]}


def learned(pictures: Dataset, test: Dataset, device: str) -> float:
    """Test accuracy, 0..1, of a classifier fitted on these pictures alone: five epochs, or more of few pictures."""
    epochs = max(5, 50_000 // len(pictures))
    fitter = classifiers.Fitter(classifiers.recipe(STUDENT, epochs=epochs), pictures, device)
    for _ in fitter.run():
        pass
    return round(classifiers.accuracy(fitter.net, test), 4)

"""GAN-train: the test accuracy of a classifier that was trained on generated pictures only."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from .. import classifiers, files
from ..data.datasets import Dataset
from ..errors import StudioError
from .features import read_json
from .sources import Samples

STUDENT = "cnn"  # the architecture that is trained on the samples


def gan_train_scores(samples: Samples, real: Dataset, test: Dataset, floors: Path, device: str) -> dict[str, float]:
    """GAN-train (Shmelkov et al. 2018): test accuracy, 0..1, of a classifier trained on the samples only. Also the test
    accuracy after training on equally many real pictures, which the file `floors` caches."""
    if samples.labels is None:
        raise StudioError("GAN-train needs samples with classes: this generator draws without.")
    n = min(len(samples.images), len(real))
    cached_floors = read_json(floors)
    key = f"gan-train {STUDENT} {n}"
    if key not in cached_floors:
        some = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:n]
        cached_floors[key] = learned(replace(real, images=real.images[some], labels=real.labels[some]), test, device)
        files.write(floors, json.dumps(cached_floors).encode(), durable=False)
    drawn = replace(real, images=samples.images, labels=samples.labels)
    return {"gan_train": learned(drawn, test, device), "gan_train_real": cached_floors[key]}


def learned(pictures: Dataset, test: Dataset, device: str) -> float:
    """Test accuracy, 0..1, of a classifier fitted on these pictures only: for 5 epochs, or more if there are fewer than
    10,000 pictures."""
    epochs = max(5, 50_000 // len(pictures))
    fitter = classifiers.Fitter(classifiers.recipe(STUDENT, epochs=epochs), pictures, device)
    for _ in fitter.run():
        pass
    return round(classifiers.accuracy(fitter.net, test), 4)

"""What the tests of classifiers share: small nets, pictures, fits and refusals."""

from dataclasses import replace

import pytest
import torch

from fashiongan.classifiers import CLASSIFIERS, Fitter, recipe
from fashiongan.data import datasets
from fashiongan.errors import StudioError

WIDTHS = {"dense": 128, "conv": 128 * 7 * 7, "cnn": 128, "robust": 128, "certified": 100}
TINY = ["--epochs", "2", "--batch", "25"]


def new_net(name, seed=0):
    """A net with starting weights, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLASSIFIERS[name](replace(recipe(name), labels=datasets.CLASSES)).eval().requires_grad_(False)


def noise(n, seed=0):
    """(n, 1, 28, 28) uint8."""
    return torch.randint(0, 256, (n, 1, 28, 28), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def first(garments, n):
    return replace(garments, images=garments.images[:n], labels=garments.labels[:n])


def run(pictures, name="dense", pace=0.0, **changes):
    """The fitter after a fit, and its records."""
    fitter = Fitter(recipe(name, **changes), pictures)
    return fitter, list(fitter.run(pace))


def refused(match, work, *args, **kwargs):
    """The one sentence of a StudioError."""
    with pytest.raises(StudioError, match=match) as caught:
        work(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message

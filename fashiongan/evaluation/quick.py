"""A running score while a GAN trains."""

import torch

from .. import classifiers, gans
from ..classifiers import store
from ..data.datasets import Dataset
from ..gans import sampling
from ..gans.base import GAN
from ..gans.recipe import Recipe
from . import metrics
from .features import SCORER
from .report import SELDOM


class Quick:
    """A running score for a run: the Frechet distance in the scorer's features of a few samples to training pictures.

    Because there are few samples, it is larger than `evaluate`'s distance, by about the same amount in every epoch: it
    shows which epoch is best, not how good it is.
    """

    N = 1000

    def __init__(self, train: Dataset, device: torch.device):
        self.net = classifiers.load(SCORER, str(device))
        some = train.images[:: max(1, len(train) // (2 * self.N))].cpu()
        self.real = metrics.moments(classifiers.features(self.net, some)[0])

    @staticmethod
    def can(recipe: Recipe) -> bool:
        """Whether the scorer is bundled and can classify pictures of this recipe."""
        gray = recipe.channels == 1 and not gans.find(recipe.gan).colors
        return gray and recipe.size == classifiers.SIZE and SCORER in store.bundled()

    def distance(self, gan: GAN, G: torch.nn.Module) -> float:
        return self.measure(gan, G)["distance"]

    def measure(self, gan: GAN, G: torch.nn.Module) -> dict[str, float]:
        """The distance; the scorer's mean confidence, 0..1; and how many classes have a share of at least SELDOM."""
        z, c = sampling.draw(gan, self.N, 0)
        features, logits = classifiers.features(self.net, sampling.render(gan, z, c, G))
        confidence, predicted = logits.softmax(1).max(1)
        shares = torch.bincount(predicted) / len(predicted)
        far = metrics.frechet(self.real, metrics.moments(features))
        return {"distance": far, "confidence": float(confidence.mean()), "classes": int((shares >= SELDOM).sum())}

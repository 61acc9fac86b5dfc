"""Data sets by name, each read once for as long as it is the one in use."""

from ..cache import Cache
from ..data import datasets
from ..data.datasets import Dataset
from ..gans.recipe import Recipe


class Datasets:
    """The data set in use, and the test pictures. `root`: where Fashion-MNIST lies."""

    def __init__(self, root: str | None):
        self.root = root
        self.kept: Cache[tuple[str, int, str], Dataset] = Cache(1)

    def get(self, name: str, size: int, fit: str = "fill") -> Dataset:
        """A data set in that size, kept in memory until another is asked for."""
        return self.kept.get((name, size, fit), lambda: datasets.load(name, size=size, root=self.root, fit=fit))

    def of(self, recipe: Recipe) -> Dataset:
        """The data set that a recipe names, of which it may use a part."""
        return self.get(recipe.data, recipe.size, recipe.fit)


_tests: Cache[str | None, Dataset] = Cache(1)


def test_pictures(root: str | None) -> Dataset:
    """Fashion-MNIST's test pictures, kept in memory."""
    return _tests.get(root, lambda: datasets.load(datasets.FASHION_MNIST, split="test", root=root))

"""Data sets by name. The data set in use is read once and kept in memory."""

from ..cache import Cache
from ..data import datasets
from ..data.datasets import Dataset
from ..gans.recipe import Recipe


class Datasets:
    """The data set in use. `root`: the folder of Fashion-MNIST."""

    def __init__(self, root: str | None):
        self.root = root
        self.kept: Cache[tuple[str, int, str], Dataset] = Cache(1)

    def get(self, name: str, size: int, fit: str = "fill") -> Dataset:
        """A data set in that size. It stays in memory until another one is requested."""
        return self.kept.get((name, size, fit), lambda: datasets.load(name, size=size, root=self.root, fit=fit))

    def of(self, recipe: Recipe) -> Dataset:
        """The whole data set that a recipe names, even if the recipe uses only a part of it."""
        return self.get(recipe.data, recipe.size, recipe.fit)


_tests: Cache[str | None, Dataset] = Cache(1)


def test_pictures(root: str | None) -> Dataset:
    """Fashion-MNIST's test pictures, kept in memory."""
    return _tests.get(root, lambda: datasets.load(datasets.FASHION_MNIST, split="test", root=root))

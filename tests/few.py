"""The tests over the catalogue train every GAN in `make test`, and these few in `make check`.

They are a net of dense layers, one of convolutions, one with classes, and one with several steps of its critic and a
gradient of a gradient.
"""

from collections.abc import Iterable

import pytest

from fashiongan import gans

FEW = ("mlpgan", "dcgan", "cdcgan", "wgan-gp")
LEAST = ("mlpgan", "cdcgan")  # of these, for tests that take long
HEAVY = ("enlarger", "projected")  # frozen nets look at their pictures; both have a file of tests of their own


def few(names: Iterable[str] = gans.GANS, chosen: Iterable[str] = FEW) -> list[object]:
    """The names as parameters of a test: all but the chosen few are marked slow."""
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in names]


def light(names: Iterable[str] = gans.GANS) -> list[object]:
    """The names as parameters of a test that looks at every GAN: the heavy ones are marked slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in names]


trained_gans = pytest.mark.parametrize("gan", few())

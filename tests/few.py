"""The tests over the catalogue train every GAN in `make test`, and these few in `make check`.

They are a net of dense layers, one of convolutions, one with classes, and one with several steps of its critic and a
gradient of a gradient.
"""

from collections.abc import Iterable

import pytest

from fashiongan import gans

FEW = ("mlpgan", "dcgan", "cdcgan", "wgan-gp")


def few(names: Iterable[str] = gans.GANS) -> list[object]:
    """The names as parameters of a test: all but a few are marked slow."""
    return [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in names]


trained_gans = pytest.mark.parametrize("gan", few())

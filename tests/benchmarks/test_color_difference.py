"""CIEDE2000 against its published table, colorfulness by hand."""

import math

import pytest
import torch

from benchmarks.color_difference import colorfulness
from fashiongan.color.difference import ciede2000

# Sharma, Wu and Dalal 2005, table 1: L*, a*, b* of two colors and their difference.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, -0.001, 2.49), (50.0, 0.0009, -2.49), 4.8045),
    ((50.0, -0.001, 2.49), (50.0, 0.0011, -2.49), 4.7461),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "far"), SHARMA)
def test_ciede2000_is_the_published_tables(one, other, far):
    a, b = torch.tensor(one), torch.tensor(other)
    assert ciede2000(a, b).item() == pytest.approx(far, abs=2e-4)
    assert ciede2000(b, a).item() == pytest.approx(far, abs=2e-4)
    assert ciede2000(a, a).item() == 0


def test_colorfulness_by_hand():
    assert colorfulness(torch.full((1, 3, 4, 4), 90)).item() == 0
    half = torch.zeros(1, 3, 1, 2)
    half[0, 0, 0, 0] = 200  # rg: 200, 0; yb: 100, 0
    expected = math.hypot(100, 50) + 0.3 * math.hypot(100, 50)
    assert colorfulness(half).item() == pytest.approx(expected)

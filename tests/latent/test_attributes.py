"""Each attribute of a garment against its value by hand."""

import math

import pytest
import torch

from fashiongan.color import color_space
from fashiongan.latent.attributes import ATTRIBUTES, COLORS, EDGE, body, measurable, measure


def blank(value=0):
    return torch.full((1, 1, 28, 28), value, dtype=torch.uint8)


def block(rows, columns, value=200):
    """A picture with one rectangle."""
    x = blank()
    x[:, :, slice(*rows), slice(*columns)] = value
    return x


def measured(name, x):
    return measurable(3)[name](x)[0].item()


def dyed(color, ground="#ffffff", alpha=False):
    """BLOCK in a color on a ground; with alpha, the ground is transparent and black."""
    inside = BLOCK > 0
    paint = torch.tensor(color_space.parse(color)).view(1, 3, 1, 1)
    behind = torch.tensor((0, 0, 0) if alpha else color_space.parse(ground)).view(1, 3, 1, 1)
    rgb = torch.where(inside, paint, behind).to(torch.uint8)
    return torch.cat([rgb, inside.to(torch.uint8) * 255], 1) if alpha else rgb


BLOCK = block((4, 18), (7, 21))  # 14 x 14 of 28 x 28
HAND = [
    ("brightness", BLOCK, 200 / 255),
    ("brightness", block((0, 28), (0, 28), 64), 64 / 255),
    ("area", BLOCK, 14 * 14 / 784),
    ("area", block((4, 18), (7, 21), EDGE // 2), 14 * 14 / 784 / 2),  # a faint pixel belongs to it by half
    ("width", BLOCK, 0.5),
    ("width", block((0, 1), (0, 28)), 1.0),
    ("height", BLOCK, 0.5),
    ("height", block((0, 28), (3, 4)), 1.0),
    ("contrast", BLOCK, 0.0),
    ("contrast", block((4, 18), (7, 21), 100) + block((4, 11), (7, 21), 100), 50 / 255),  # half 200, half 100
    ("pattern", BLOCK, 4 * 14 / (2 * 14 * 14)),  # its four edges are all the steps there are
    ("pattern", blank(90), 0.0),
    ("symmetry", block((4, 18), (7, 21)), 1.0),
    ("symmetry", block((4, 18), (0, 14)), 0.0),
    ("symmetry", block((4, 18), (0, 21)), 14 / 21),  # 7 of its 21 columns have nothing opposite
    ("weight below", BLOCK, 11 / 28),
    ("weight below", block((27, 28), (0, 28)), 27.5 / 28),
    ("weight to the right", BLOCK, 0.5),
    ("weight to the right", block((0, 28), (0, 1)), 0.5 / 28),
    ("sleeves and sides", block((4, 18), (0, 28)), 0.5),
    ("sleeves and sides", BLOCK, 0.0),
    ("weight in the middle", block((4, 18), (0, 28)), 6 / 28),
    ("weight in the middle", block((4, 18), (11, 17)), 1.0),
    ("open neckline", BLOCK, 4 / 7),  # it begins four rows down of seven
    ("open neckline", block((0, 7), (9, 19)), 0.0),
    ("gap below", BLOCK, 10 / 14),  # four of the lower fourteen rows are covered
    ("gap below", block((14, 28), (0, 12)), 1.0),
]


@pytest.mark.parametrize(("name", "x", "value"), HAND, ids=lambda v: v if isinstance(v, str) else "")
def test_the_values_of_each_attribute(name, x, value):
    assert measured(name, x) == pytest.approx(value, abs=5e-5)


def test_every_attribute_is_measured_by_hand():
    assert {name for name, _, _ in HAND} == set(ATTRIBUTES)


def test_a_picture_is_measured_by_itself():
    x = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = measure(x)
    assert together.shape == (5, len(ATTRIBUTES))
    assert torch.allclose(together[3], measure(x[3:4])[0])


@pytest.mark.parametrize("ground", ["#ffffff", "#000000", "#e8e4da", "alpha"])
@pytest.mark.parametrize("name", ["area", "width", "height", "weight below", "gap below", "symmetry", "pattern"])
def test_a_garment_s_shape_is_the_same_on_every_background(name, ground):
    """A photograph's background is bright, and is no part of the garment."""
    x = dyed("#2040a0", alpha=True) if ground == "alpha" else dyed("#2040a0", ground)
    if name == "pattern":  # its edges are no print
        assert measured(name, x) == pytest.approx(0, abs=1e-4)
    else:
        assert measured(name, x) == pytest.approx(measured(name, BLOCK), abs=1e-4)


@pytest.mark.parametrize("color", ["#c02020", "#20c040", "#2040c0", "#d0c020", "#808080"])
@pytest.mark.parametrize("alpha", [False, True])
def test_colors_are_those_of_the_garment_alone(color, alpha):
    _, a, b = color_space.lab_of(color).tolist()
    x = dyed(color, alpha=alpha)
    assert measured("hue, green to red", x) == pytest.approx(a, abs=0.01)
    assert measured("hue, blue to yellow", x) == pytest.approx(b, abs=0.01)
    assert measured("saturation", x) == pytest.approx(math.hypot(a, b), abs=0.01)


def test_stripes_are_a_pattern_and_the_outline_is_none():
    striped = dyed("#2040a0")
    striped[:, :, 4:18:2, 7:21] = 200
    assert measured("pattern", striped) > 0.1


def test_only_images_in_color_have_colors():
    assert set(measurable(1)) == set(ATTRIBUTES)
    assert set(measurable(3)) == set(measurable(4)) == {*ATTRIBUTES, *COLORS}
    assert measure(dyed("#c02020", alpha=True)).shape == (1, len(ATTRIBUTES) + len(COLORS))
    assert torch.equal(body(dyed("#ffffff", alpha=True)), (BLOCK[:, 0] > 0).float())  # white on white has alpha only


@pytest.mark.parametrize("x", [blank(), blank(255), torch.zeros(2, 3, 64, 64, dtype=torch.uint8)])
def test_nothing_and_everything_have_finite_measures(x):
    assert measure(x).isfinite().all()


def test_a_colored_picture_is_measured_by_its_mean():
    colored = torch.cat([block((4, 18), (7, 21), v) for v in (150, 200, 250)], 1)
    assert measured("brightness", colored) == pytest.approx(200 / 255, abs=1e-4)


def test_measures_have_gradients_even_of_a_black_picture():
    for channels in (1, 3, 4):
        x = torch.zeros(2, channels, 28, 28, requires_grad=True)
        (slope,) = torch.autograd.grad(measure(x).sum(), x)
        assert slope.isfinite().all()
        assert not math.isnan(slope.sum().item())

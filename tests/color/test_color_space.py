"""Lab, and what a screen can show."""

import pytest
import torch

from fashiongan.color import color_space, palettes
from fashiongan.color.difference import ciede2000
from fashiongan.errors import StudioError


@pytest.mark.parametrize(
    ("text", "lab"),
    [
        ("#ff0000", (53.24, 80.09, 67.20)),
        ("#00ff00", (87.73, -86.18, 83.18)),
        ("#0000ff", (32.30, 79.19, -107.86)),
        ("white", (100.0, 0.0, 0.0)),
        ("black", (0.0, 0.0, 0.0)),
        ("#777777", (50.03, 0.0, 0.0)),
    ],
)
def test_lab_values_of_reference_colors(text, lab):
    assert color_space.lab_of(text).tolist() == pytest.approx(lab, abs=0.05)


def test_lightness_is_the_l_of_a_neutral_pixel():
    gray = torch.arange(256).view(1, 1, 16, 16) / 255
    assert torch.allclose(color_space.lightness(gray), color_space.lab(gray.expand(1, 3, 16, 16))[:, :1], atol=1e-3)


def test_linear_light_and_back():
    v = torch.linspace(0, 1, 1001)
    assert torch.allclose(color_space.encoded(color_space.linear(v)), v, atol=1e-6)
    assert color_space.linear(torch.tensor(0.5)).item() == pytest.approx(0.21404, abs=1e-5)  # IEC 61966-2-1


def test_light_of_lab_is_the_inverse_of_lab():
    rgb = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(color_space.encoded(color_space.light_of(color_space.lab(rgb))), rgb, atol=1e-4)


def any_ab(n=64, side=32, seed=0):
    rng = torch.Generator().manual_seed(seed)
    gray = torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=rng)
    return gray, (torch.rand(n, 2, side, side, generator=rng) * 2 - 1) * color_space.CHROMA


def test_coloring_keeps_lightness_and_gray_for_every_color():
    gray, ab = any_ab()
    out = color_space.colored(gray, ab)
    light = color_space.lab(out.float() / 255)[:, :1]
    assert (light - color_space.lightness(gray / 255)).abs().max() <= 100 / 255
    assert (color_space.gray_of(out).int() - gray.int()).abs().max() <= 1


def test_coloring_keeps_the_hue_and_paler_only_where_it_must():
    gray, ab = any_ab()
    shown = color_space.shown(gray, ab)
    before, after = (torch.linalg.vector_norm(x, dim=1) for x in (ab, shown))
    assert (after <= before + 1e-4).all()
    lit = after > 1
    turned = torch.atan2(ab[:, 1], ab[:, 0]) - torch.atan2(shown[:, 1], shown[:, 0])
    assert turned[lit].abs().max() < 1e-3
    # A tenth stronger than the limit cannot be shown: the table is not shy, but for its steps of one degree.
    light = color_space.lightness(gray / 255)
    cut = (after < before - 1e-3)[:, None]
    beyond = color_space.light_of(torch.cat([light, shown * 1.1], 1))
    outside = ((beyond < 0) | (beyond > 1)).any(1, keepdim=True)
    assert outside[cut].float().mean() > 0.95
    within = color_space.light_of(torch.cat([light, shown], 1))
    assert within.min() > -2e-3
    assert within.max() < 1 + 2e-3


def test_a_color_that_can_be_shown_is_shown():
    """Every sRGB color, from its own lightness and a, b, comes back."""
    rng = torch.Generator().manual_seed(1)
    rgb = torch.randint(0, 256, (1, 3, 64, 64), generator=rng)
    lab = color_space.lab(rgb / 255)
    gray = (255 * color_space.encoded(((lab[:, :1] + 16) / 116) ** 3)).round().to(torch.uint8)
    back = color_space.colored(gray, lab[:, 1:])
    far = ciede2000(*(color_space.lab(x.float() / 255).permute(0, 2, 3, 1) for x in (rgb, back)))
    assert far[(rgb.amax(1) > 40)].median() < 0.5
    assert far[(rgb.amax(1) > 40)].quantile(0.99) < 2


def test_black_and_white_take_no_color():
    gray = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    out = color_space.colored(gray, torch.full((1, 2, 1, 2), 90.0))
    assert out[..., 0].tolist() == [[[0], [0], [0]]]
    assert out[..., 1].min() >= 254


def test_painted_is_colored_but_for_rounding_and_can_be_followed_back():
    gray, ab = any_ab(8)
    ab = color_space.shown(gray, ab).requires_grad_()
    x = color_space.painted(gray, ab)
    assert (x.detach() * 255 - color_space.colored(gray, ab.detach()).float()).abs().max() < 1.6
    x.sum().backward()
    assert ab.grad is not None
    assert ab.grad.isfinite().all()
    assert ab.grad.any()


def test_gray_of_is_the_neutral_of_the_same_lightness():
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert color_space.gray_of(red).item() == 127  # L* 53.24; a weighted mean of the bytes would say 76
    gray = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(color_space.gray_of(gray), gray)
    assert torch.equal(color_space.gray_of(gray.expand(1, 3, 16, 16)), gray)


def test_classic_colors_are_report_001s():
    assert [color_space.parse(c) for c in (palettes.CLASSIC[9], palettes.CLASSIC[3])] == [(140, 86, 75), (255, 127, 14)]
    ab = color_space.classic(12)
    assert ab.shape == (12, 2)
    assert torch.equal(ab[10], ab[0])
    assert torch.allclose(ab[9] * color_space.CHROMA, color_space.lab_of("#8c564b")[1:])


@pytest.mark.parametrize(
    "text", ["#b03a2e", "b03a2e", "#B03A2E", "rgb(176, 58, 46)", "rgba(176.2, 58, 46.4, 1)", " rgb(176,58,46) "]
)
def test_ways_to_write_a_color(text):
    assert color_space.parse(text) == (176, 58, 46)
    assert color_space.hexed(color_space.parse(text)) == "#b03a2e"


def test_colors_have_names():
    assert color_space.parse("teal") == (0, 128, 128)
    assert color_space.parse("#fff") == (255, 255, 255)


@pytest.mark.parametrize(
    "text", ["", "no color", "#12345", "rgb(300, 0, 0)", "rgb(1,2)", "#ggg", None, 7, "rgba(1.2.3, 0, 0, 1)"]
)
def test_a_text_that_is_no_color_is_refused(text):
    with pytest.raises(StudioError, match="is no color"):
        color_space.parse(text)

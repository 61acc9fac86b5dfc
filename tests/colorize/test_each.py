"""Many gray garments at once, each in its color: as if colored one by one."""

import pytest
import torch

from fashiongan import checkpoint, limits
from fashiongan.color import color_space
from fashiongan.color.palettes import PALETTES
from fashiongan.colorize import each, engine
from fashiongan.colorize.engine import ColorizeSpec, Gray
from fashiongan.errors import StudioError

COLORS = ("#b03a2e", "#1f3c88", "#0b6e4f")


@pytest.fixture(scope="module")
def colorizer():
    return checkpoint.load(each.NAME)


@pytest.fixture(scope="module")
def drawn():
    return checkpoint.load("dcgan").sample_images(6, 0)


def test_each_is_what_the_colorize_tab_makes_of_it(colorizer, drawn):
    together = each.colored(colorizer, drawn, COLORS * 2, 5)
    for i, picture in enumerate(drawn):
        alone = engine.colored(colorizer, Gray(picture[None], None), ColorizeSpec(colors=(COLORS[i % 3],), seed=5))
        assert (together[i].int() - alone[0].int()).abs().max() <= 2


def test_lightness_stays_and_the_hue_is_the_one_chosen(colorizer, drawn):
    after = each.colored(colorizer, drawn, COLORS * 2)
    assert (color_space.gray_of(after).int() - drawn.int()).abs().max() <= 3
    ab = color_space.lab(after.float() / 255)[:, 1:].sum((2, 3))
    aims = torch.stack([color_space.lab_of(c)[1:] for c in COLORS * 2])
    assert (torch.nn.functional.cosine_similarity(ab, aims) > 0.9).all()


def test_what_else_is_colored_does_not_matter(colorizer, drawn, monkeypatch):
    whole = each.colored(colorizer, drawn, COLORS * 2)
    monkeypatch.setattr(each, "PIECE", 4)
    assert (each.colored(colorizer, drawn, COLORS * 2).int() - whole.int()).abs().max() <= 1


def test_larger_garments_keep_their_size_and_lightness(colorizer, drawn):
    large = drawn.repeat_interleave(2, 2).repeat_interleave(2, 3)
    after = each.colored(colorizer, large, COLORS * 2)
    assert after.shape == (6, 3, 56, 56)
    assert (color_space.gray_of(after).int() - large.int()).abs().max() <= 3
    small = each.colored(colorizer, drawn, COLORS * 2).float()
    assert (torch.nn.functional.avg_pool2d(after.float(), 2) - small).abs().mean() < 4


def test_a_white_ground_stays_white(colorizer):
    picture = torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)
    picture[..., 6:22, 8:20] = 90
    after = each.colored(colorizer, picture, COLORS[:1])[0].int()
    assert (after[:, :4] == 255).all()
    assert after[0, 10:18, 10:18].float().mean() > after[2, 10:18, 10:18].float().mean() + 20


def test_garments_in_color_are_one_sentence(colorizer, drawn):
    with pytest.raises(StudioError, match="drawn in color already"):
        each.colored(colorizer, drawn.expand(-1, 3, -1, -1), COLORS * 2)


def test_a_palette_is_a_name_or_colors():
    assert each.palette(" jewel ") == PALETTES["Jewel"]
    assert each.palette("teal, #B32,rgb(1, 2, 3)") == ("#008080", "#bb3322", "#010203")


@pytest.mark.parametrize("text", ["", " , ", ",".join(["teal"] * (limits.PALETTE_COLORS + 1))])
def test_no_colors_or_too_many_are_one_sentence(text):
    with pytest.raises(StudioError, match=r"Give 1 to 16 colors .* or a palette: Okabe-Ito"):
        each.palette(text)

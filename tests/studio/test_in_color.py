"""Drawn garments in a palette: described, repeatable, and a garment keeps its color wherever it is shown."""

from dataclasses import replace

import pytest
import torch

from fashiongan.color import color_space
from fashiongan.errors import StudioError
from fashiongan.latent import interpolate, spec
from fashiongan.latent.spec import SampleSpec
from fashiongan.studio import Studio, in_color

PALETTE = ("#b03a2e", "#1f3c88", "#0b6e4f")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(tmp_path_factory.mktemp("runs"))


def hues(pictures):
    """(N,): the angle of each picture's mean a and b."""
    a, b = color_space.lab(pictures.float() / 255)[:, 1:].sum((2, 3)).T
    return torch.atan2(b, a)


@pytest.mark.parametrize("changes", [{"n": 12}, {"across": 1}, {"n": 4, "label": "Dress"}])
def test_sheets_and_grids_are_drawn_again_from_their_description(studio, changes):
    look = SampleSpec("cdcgan", seed=2, palette=PALETTE, palette_seed=1, **changes)
    gray, drawn = spec.picture(studio.gan("cdcgan"), look), in_color.picture(studio, look)
    assert drawn.shape == (len(gray), 3, 28, 28)
    assert (color_space.gray_of(drawn).int() - gray.int()).abs().max() <= 3
    assert torch.equal(in_color.picture(studio, spec.parse(look.to_json())), drawn)


def test_without_a_palette_they_are_gray(studio):
    look = SampleSpec("dcgan", n=3)
    assert torch.equal(in_color.picture(studio, look), spec.picture(studio.gan("dcgan"), look))


def test_another_seed_deals_the_colors_anew(studio):
    look = SampleSpec("dcgan", n=3, palette=PALETTE)
    assert not torch.equal(in_color.picture(studio, look), in_color.picture(studio, replace(look, palette_seed=1)))


def test_a_garment_keeps_its_color_alone_and_among_its_neighbors(studio):
    gan, look = studio.gan("cdcgan"), SampleSpec("cdcgan", n=15, palette=PALETTE)
    drawn = in_color.picture(studio, look)
    for i in (4, 11):
        alone = interpolate.garment(gan, look, i)
        assert (in_color.picture(studio, alone)[0].int() - drawn[i].int()).abs().max() <= 2
        near = in_color.picture(studio, interpolate.neighbours(gan, alone, 0.2, 0))
        turn = hues(near) - hues(drawn[i : i + 1])
        assert (torch.atan2(turn.sin(), turn.cos()).abs() < 0.6).all()


def test_a_generator_that_draws_in_color_is_one_sentence(studio):
    with pytest.raises(StudioError, match="drawn in color already"):
        in_color.picture(studio, SampleSpec("clothing-128", palette=PALETTE))

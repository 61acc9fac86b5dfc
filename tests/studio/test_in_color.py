"""Drawn garments in a palette: described, repeatable, and a garment keeps its color wherever it is shown."""

from dataclasses import replace

import pytest
import torch

from fashiongan.color import color_space
from fashiongan.colorize import enlarge
from fashiongan.errors import StudioError
from fashiongan.hub import registry
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


def test_garments_that_are_colored_gray_ones_take_no_palette(studio):
    with pytest.raises(StudioError, match="drawn in color already"):
        in_color.picture(studio, SampleSpec("colorizer", palette=PALETTE))


# ---------------------------------------------------------------- enlarged


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, net_file):
    """A studio with an enlarger and a generator with alpha among its runs, and their names."""
    runs = tmp_path_factory.mktemp("workshop")
    names = [
        net_file(runs / gan / "checkpoint.safetensors", gan).parent.as_posix() for gan in ("enlarger", "projected")
    ]
    return Studio(runs), *names


def test_the_enlargers_are_named_and_offered_for_gray_garments_of_28_pixels(studio, workshop, monkeypatch):
    there, enlarger, alpha = workshop
    bundled = [enlarge.NAME] * (enlarge.NAME in registry.bundled())
    assert in_color.enlargers(there) == [*bundled, enlarger]
    assert in_color.fitting(there, "studio") == (bundled or [enlarger])[0]
    assert in_color.fitting(there, "garments-128") == in_color.fitting(there, alpha) == ""
    monkeypatch.setattr(registry, "bundled", lambda: ["studio"])
    assert in_color.enlargers(there) == [enlarger]
    assert in_color.enlargers(studio) == []
    assert in_color.fitting(studio, "studio") == ""


@pytest.mark.parametrize("changes", [{"n": 12}, {"across": 1}, {"n": 3, "palette": PALETTE}, {"shares": (0.1,) * 10}])
def test_enlarged_sheets_are_drawn_again_from_their_description(workshop, changes):
    there, enlarger, _ = workshop
    asked = SampleSpec("cdcgan", seed=2, enlarger=enlarger, **changes)
    drawn = in_color.picture(there, asked)
    assert drawn.shape == (len(spec.picture(there.gan("cdcgan"), asked)), 4, 64, 64)
    assert torch.equal(in_color.picture(there, spec.parse(asked.to_json())), drawn)
    assert in_color.side(there, asked) == 64
    assert in_color.channels(there, asked) == 4


def test_an_enlarged_garment_keeps_its_color_alone_moved_and_among_its_neighbors(workshop):
    there, enlarger, _ = workshop
    gan, asked = there.gan("cdcgan"), SampleSpec("cdcgan", n=15, enlarger=enlarger)
    drawn = in_color.picture(there, asked)
    alone = interpolate.garment(gan, asked, 7)
    assert (in_color.picture(there, alone)[0].int() - drawn[7].int()).abs().max() <= 2
    near = interpolate.neighbours(gan, alone, 0.2, 0)
    apart = (in_color.picture(there, near)[4].int() - drawn[7].int()).abs().float()
    assert apart.mean() < 0.2  # its latents are kept in half precision
    assert apart.max() <= 4
    net = there.gan(enlarger)
    base, moved, around = (
        enlarge.noise_of(net, gan, spec.origins(gan, sample)[0], 0)
        for sample in (alone, replace(alone, sliders=(3.0,), truncation=0.7), near)
    )
    assert torch.equal(base, moved)
    assert torch.allclose(around[4], base[0], atol=1e-2)
    assert torch.allclose(around, base.expand(9, -1), atol=2.0)
    assert not torch.equal(enlarge.noise_of(net, gan, spec.origins(gan, alone)[0], 1), base)


def test_noise_by_a_projection_is_as_varied_as_that_of_training(workshop):
    there, enlarger, _ = workshop
    gan = there.gan("gan")  # U(-1, 1) or N(0, I), whatever its paper says
    z = gan.latents(2000, torch.Generator().manual_seed(0))
    noise = enlarge.noise_of(there.gan(enlarger), gan, z, 0)
    assert noise.mean().abs() < 0.05
    assert 0.9 < noise.std() < 1.1


def test_what_cannot_be_enlarged_is_one_sentence(workshop):
    there, enlarger, alpha = workshop
    for name in ("garments-128", alpha):
        with pytest.raises(StudioError, match="gray garments of 28 x 28 pixels, and this checkpoint draws"):
            in_color.picture(there, SampleSpec(name, enlarger=enlarger))
    with pytest.raises(StudioError, match="does not enlarge them"):
        in_color.picture(there, SampleSpec("studio", enlarger="dcgan"))
    with pytest.raises(StudioError, match="no checkpoint 'nosuch' here"):
        in_color.picture(there, SampleSpec("studio", enlarger="nosuch"))


def test_the_ground_of_garments_with_alpha(workshop):
    there, enlarger, alpha = workshop
    for asked in (SampleSpec(alpha), SampleSpec("studio", enlarger=enlarger)):
        assert in_color.ground(there, asked, "none") is None
        assert in_color.ground(there, asked, "#b03a2e") == (176, 58, 46)
        with pytest.raises(StudioError, match="no color"):
            in_color.ground(there, asked, "shiny")
    with pytest.raises(StudioError, match="studio draws no alpha"):
        in_color.ground(there, SampleSpec("studio", palette=PALETTE), "none")

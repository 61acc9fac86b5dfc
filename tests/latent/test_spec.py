"""Latents described: choices, codes, sliders and grids."""

import json

import pytest
import torch

from fashiongan import gans
from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.latent import attributes, directions, spec

EVERY = list(gans.GANS)


@pytest.fixture
def infogan(trainer_of):
    return trainer_of("infogan", categories=4, codes=2).gan.eval()


def parts(gan, z):
    noise, category, codes = gan.parts(z)
    return noise, category.argmax(1).tolist(), codes


def test_infogan_draws_its_categories_in_turn_or_a_given_one(infogan):
    assert infogan.choices == {0: "Kind 0", 1: "Kind 1", 2: "Kind 2", 3: "Kind 3"}
    z, c = sampling.draw(infogan, 6, 0)
    assert parts(infogan, z)[1] == c.tolist() == [0, 1, 2, 3, 0, 1]
    drawn, c = sampling.draw(infogan, 6, 0, "kind 2")
    assert parts(infogan, drawn)[1] == c.tolist() == [2] * 6
    assert torch.equal(parts(infogan, drawn)[0], parts(infogan, z)[0])  # the same garments but for their kind
    assert torch.equal(parts(infogan, drawn)[2], parts(infogan, z)[2])
    with pytest.raises(StudioError, match="it draws 0 Kind 0, 1 Kind 1"):
        sampling.draw(infogan, 1, 0, "Dress")


def test_truncation_of_infogan_keeps_the_kind_and_calms_all_else(infogan):
    z, c = sampling.draw(infogan, 8, 0)
    noise, kinds, codes = parts(infogan, infogan.truncate(z, 0.5))
    assert kinds == c.tolist()
    assert infogan.truncate(z, 0.5)[:, 16:20].sum(1).tolist() == [1.0] * 8
    assert torch.equal(noise, parts(infogan, z)[0] / 2)
    assert torch.equal(codes, parts(infogan, z)[2] / 2)


def test_codes_are_the_first_sliders_and_stay_within_reach(infogan):
    names = spec.handles(infogan, 4)
    assert names[:2] == ["Code 1", "Code 2"]
    assert [name.split(":")[0] for name in names[2:]] == ["Direction 1", "Direction 2"]
    z, _ = sampling.draw(infogan, 5, 0)
    noise, kinds, codes = parts(infogan, spec.moved(infogan, z, torch.tensor([0.5, -9.0, 0.0, 0.0])))
    before = parts(infogan, z)
    assert torch.equal(codes[:, 0], before[2][:, 0] + 0.5)
    assert codes[:, 1].tolist() == [-2.0] * 5
    assert torch.equal(noise, before[0])
    assert kinds == before[1]
    noise, _, codes = parts(infogan, spec.moved(infogan, z, torch.tensor([0.0, 0.0, 3.0])))
    assert torch.equal(codes, before[2])
    step = noise - before[0]
    assert torch.allclose(step, 3 * directions.sefa(infogan, 1).expand(5, -1), atol=1e-5)


def test_a_measured_slider_is_named_by_its_two_ends_and_how_surely_it_does_so(trainer_of):
    """Nobody who draws garments reads "hue, green to red, 1.00". What a file calls otherwise keeps its name."""
    names = ("hue, green to red", "brightness", "pattern", "another")
    gan = trainer_of("mlpgan").gan.eval()
    axes = directions.SliderDirections(torch.ones(4, 1, 2), names, (0.99, 0.62, -0.1, 1.0), 4.0)
    directions.keep(gan, "measured", axes)
    expected = ["Greener … redder", "Darker … lighter, mostly", "Plainer … busier, hardly", "Another", "Direction 5"]
    assert spec.handles(gan, 5, "measured") == expected
    directions.keep(gan, "layer", axes)
    last = ["Direction 2: brightness, 0.62", "Direction 3", "Direction 4: another, 1.00"]
    assert spec.handles(gan, 4) == ["Direction 1: hue, green to red, 0.99", *last]
    assert set(attributes.measurable(3)) == set(attributes.ENDS)


def test_a_grid_of_kinds_along_a_code_changes_nothing_else(infogan):
    z, c = spec.grid(infogan, spec.SampleSpec("", seed=3, across=2))
    assert c.tolist() == [kind for kind in range(4) for _ in range(9)]
    noise, kinds, codes = parts(infogan, z)
    assert kinds == c.tolist()
    assert (noise == noise[0]).all()
    assert (codes[:, 0] == codes[0, 0]).all()
    assert torch.allclose(codes[:, 1].view(4, 9), torch.linspace(-2, 2, 9).expand(4, 9))


@pytest.mark.parametrize("gan", EVERY)
def test_a_grid_along_a_direction_has_the_plain_garments_in_its_middle(gan, trainer_of):
    model = trainer_of(gan).gan.eval()
    across = model.codes + 1
    look = spec.SampleSpec("", seed=5, across=across)
    z, c = spec.grid(model, look)
    assert spec.columns(model, look) == 9
    rows = len(model.choices) or 8
    assert len(z) == 9 * rows
    plain, choices = sampling.draw(model, rows, 5)
    assert torch.equal(c[4::9], choices)
    if not model.choices:
        assert torch.allclose(z[4::9], plain, atol=1e-6)
    else:
        assert torch.allclose(z[4], plain[0], atol=1e-6)
    steps = (z[1:9] - z[:8])[:, : model.recipe.z_dim]
    assert torch.allclose(steps, 2 * directions.sefa(model, 1).expand(8, -1), atol=1e-4)  # sixteen deviations in 8
    assert spec.picture(model, look).shape[0] == 9 * rows


def test_a_grid_of_one_class_has_eight_garments(trainer_of):
    model = trainer_of("cdcgan").gan.eval()
    z, c = spec.grid(model, spec.SampleSpec("", seed=1, label="Dress", across=1, sliders=(0.0, 2.0)))
    assert c.tolist() == [3] * 72
    plain, _ = sampling.draw(model, 8, 1)
    assert torch.allclose(z[4::9], plain + 2 * directions.sefa(model, 2)[1], atol=1e-5)


def test_a_description_of_before_the_grids_means_a_plain_sheet():
    assert json.loads(spec.SampleSpec("dcgan").to_json())["across"] == 0
    assert spec.SampleSpec(**{"checkpoint": "dcgan", "n": 4}).across == 0


def test_a_description_of_before_the_palettes_is_written_as_ever():
    keys = {"checkpoint", "n", "seed", "label", "truncation", "sliders", "across"}
    assert set(spec.SampleSpec("dcgan").brief()) == keys
    look = spec.SampleSpec("dcgan", palette=("#b03a2e",), palette_seed=3, liked="AAAA", labels=("Dress", 2))
    assert spec.parse(look.to_json()) == look


@pytest.mark.parametrize("wrong", [["teal"], ["#B03A2E"], ["#b03a2e0"], "#b03a2e", [3], ["#b03a2e"] * 17])
def test_a_palette_in_a_description_is_of_hexadecimal_colors(wrong):
    with pytest.raises(StudioError, match="no sensible palette"):
        spec.parse({"checkpoint": "dcgan", "palette": wrong})


def test_neighbors_on_a_sheet_have_different_colors_and_a_row_of_a_grid_has_one(trainer_of):
    gan, palette = trainer_of("cdcgan").gan.eval(), ("#ff0000", "#00ff00", "#0000ff")
    sheet = spec.SampleSpec("", n=20, palette=palette)
    rows = torch.tensor([palette.index(c) for c in spec.colors(gan, sheet)]).view(2, 10)
    assert (rows[:, 1:] != rows[:, :-1]).all()
    assert (rows[1:] != rows[:-1]).all()
    turned = spec.colors(gan, spec.SampleSpec("", n=20, palette=palette, palette_seed=1))
    assert turned[:3] == (*palette[1:], palette[0])
    grid = spec.SampleSpec("", across=1, palette=palette)
    assert len(spec.colors(gan, grid)) == len(spec.picture(gan, grid))
    assert spec.colors(gan, grid)[:18] == (palette[0],) * 9 + (palette[1],) * 9
    assert spec.colors(gan, spec.SampleSpec("", n=3)) == ()

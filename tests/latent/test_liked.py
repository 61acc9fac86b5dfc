"""Draws around liked garments: their distribution in closed form, and descriptions that draw them again."""

import itertools
from dataclasses import replace

import pytest
import torch

from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.latent import interpolate, liked, spec
from fashiongan.latent.spec import SampleSpec

N = 4000


def chosen(gan, places, **changes):
    """The descriptions of some garments of a sheet."""
    sheet = SampleSpec("", **{"n": 20, "seed": 3, **changes})
    return [interpolate.garment(gan, sheet, i) for i in places]


@pytest.mark.parametrize("count", [2, 3, 8])
def test_mean_and_covariance_of_the_draws(trainer_of, count):
    gan = trainer_of("dcgan").gan.eval()
    z, _ = sampling.draw(gan, count, 1)
    draws = liked.around(gan, z, N, 0).double()
    spread = liked.NARROW * z.double().std(0)
    assert torch.allclose(draws.mean(0), z.double().mean(0), atol=float(5 * spread.max() / N**0.5))
    scaled = (draws - z.mean(0)) / spread
    assert torch.allclose(scaled.T.cov(), torch.eye(16).double(), atol=5 * (2 / N) ** 0.5)


def test_each_round_is_narrower_than_the_one_before(trainer_of):
    gan = trainer_of("dcgan").gan.eval()
    z, widths = sampling.draw(gan, 8, 1)[0], []
    for round_ in range(5):
        widths.append(z.std(0).norm())
        z = liked.around(gan, z, 8, round_)
    assert all(b < a for a, b in itertools.pairwise(widths))


def test_a_draw_depends_on_the_seed_and_its_number_alone(trainer_of):
    gan = trainer_of("dcgan").gan.eval()
    z, _ = sampling.draw(gan, 3, 1)
    assert torch.equal(liked.around(gan, z, 10, 5)[4:7], liked.around(gan, z, 3, 5, first=4))
    assert not torch.equal(liked.around(gan, z, 3, 5), liked.around(gan, z, 3, 6))


def test_where_the_prior_is_a_sphere_the_draws_are_on_it_too(trainer_of):
    gan = trainer_of("progan").gan.eval()
    z, _ = sampling.draw(gan, 4, 1)
    draws = liked.around(gan, z, 500, 0)
    assert torch.allclose(draws.norm(dim=1), z[0].norm().expand(500), rtol=1e-4)
    towards = torch.nn.functional.cosine_similarity(draws.mean(0), z.mean(0), dim=0)
    assert towards > 0.95


def test_where_the_prior_is_a_cube_the_draws_stay_inside(trainer_of):
    gan = trainer_of("began").gan.eval()
    z, _ = sampling.draw(gan, 2, 1)
    assert liked.around(gan, z, 500, 0).abs().max() == 1


def test_codes_follow_the_liked_ones_and_the_kind_is_chosen(trainer_of):
    gan = trainer_of("infogan", categories=4, codes=2).gan.eval()
    look = interpolate.more(gan, chosen(gan, [1, 5], label="Kind 1"), 30, 0)
    assert look.label == "Kind 1"
    z, c = spec.latents(gan, look)
    assert c.tolist() == [1] * 30
    assert torch.equal(z[:, 16:20], torch.tensor([0.0, 1, 0, 0]).expand(30, -1))
    both = spec.liked_latents(gan, look)[:, -2:]
    assert torch.allclose(z[:, -2:].mean(0), both.mean(0), atol=0.6)


def test_stylegan_keeps_the_noise_of_its_layers(trainer_of):
    gan = trainer_of("stylegan").gan.eval()
    z, _ = sampling.draw(gan, 2, 1)
    draws = liked.around(gan, z, 20, 0)
    assert (draws[:, 16] == 1).all()
    assert draws[:, 17:].std() == pytest.approx(1, abs=0.05)


def test_classes_of_the_liked_garments_in_turn_alone_or_blended(trainer_of):
    gan = trainer_of("cdcgan").gan.eval()
    names = list(gan.choices.values())
    looks = chosen(gan, [0, 3, 13])
    turns = interpolate.more(gan, looks, 6, 0)
    assert spec.latents(gan, turns)[1].tolist() == [0, 3, 3, 0, 3, 3]
    assert turns.labels == (names[0], names[3], names[3])
    one = interpolate.more(gan, looks[1:], 6, 0)
    assert (one.label, one.labels) == (names[3], ())
    blend = interpolate.more(gan, looks, 6, 0, blend=True)
    assert blend.shares == (0.3333, 0, 0, 0.6667, 0, 0, 0, 0, 0, 0)
    assert spec.latents(gan, blend)[1].shape == (6, 10)
    for look in (turns, one, blend):
        again = spec.parse(look.to_json())
        assert again == look
        assert torch.equal(spec.picture(gan, again), spec.picture(gan, look))


def test_a_garment_of_such_a_sheet_is_described_by_itself(trainer_of):
    gan = trainer_of("cdcgan").gan.eval()
    sheet = interpolate.more(gan, chosen(gan, [0, 3]), 6, 0)
    drawn = spec.picture(gan, sheet)
    for i in (0, 3):
        alone = interpolate.garment(gan, sheet, i)
        assert (alone.n, alone.label) == (1, list(gan.choices.values())[0 if i == 0 else 3])
        assert (spec.picture(gan, alone)[0].int() - drawn[i].int()).abs().max() <= 1
    middle = interpolate.neighbours(gan, interpolate.garment(gan, sheet, 3), 0.3, 0)
    assert (spec.picture(gan, middle)[4].int() - drawn[3].int()).abs().max() <= 2  # stored in half precision
    second = interpolate.more(gan, [interpolate.garment(gan, sheet, i) for i in (1, 2, 3)], 6, 1)
    assert spec.liked_latents(gan, second).shape[0] == 3
    grid = replace(sheet, across=1)
    assert len(spec.picture(gan, grid)) == 72


def test_sliders_stay_if_all_have_the_same_and_else_are_part_of_the_latents(trainer_of):
    gan = trainer_of("dcgan").gan.eval()
    a, b = chosen(gan, [0, 1], sliders=(2.0,), truncation=0.5)
    assert interpolate.more(gan, [a, b], 4, 0).sliders == (2.0,)
    other = replace(b, sliders=(-2.0,))
    mixed = interpolate.more(gan, [a, other], 4, 0)
    assert (mixed.sliders, mixed.truncation) == ((), 1.0)
    expected = torch.cat([spec.placed(gan, look)[0] for look in (a, other)])
    assert torch.allclose(spec.liked_latents(gan, mixed), expected, atol=2e-3)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_or_too_many_are_one_sentence(trainer_of, count):
    gan = trainer_of("dcgan").gan.eval()
    with pytest.raises(StudioError, match=f"Choose 2 to 8 garments that you like: {count} are chosen"):
        interpolate.more(gan, chosen(gan, range(count)), 4, 0)


def test_garments_of_two_checkpoints_are_one_sentence(trainer_of):
    gan = trainer_of("dcgan").gan.eval()
    a, b = chosen(gan, [0, 1])
    with pytest.raises(StudioError, match="from one checkpoint"):
        interpolate.more(gan, [a, replace(b, checkpoint="other")], 4, 0)


@pytest.mark.parametrize("text", ["AAAA", "%" * 80, "A" * 4000])
def test_altered_latents_are_one_sentence(trainer_of, text):
    gan = trainer_of("dcgan").gan.eval()
    with pytest.raises(StudioError, match="altered"):
        spec.picture(gan, SampleSpec("", liked=text))

"""From a picture to its latent."""

import math
import types

import pytest
import torch
from few import trained_gans

from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import quick as running_score
from fashiongan.latent import directions, inversion, spec


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(inversion, "SAMPLED", 64)
    monkeypatch.setattr(inversion, "ROUNDS", ((4, 4), (2, 4), (1, 28)))


@trained_gans
def test_guesses_get_better_and_are_described(gan, trainer_of):
    model = trainer_of(gan).gan.eval().requires_grad_(False)
    goal = spec.picture(model, spec.SampleSpec("x", seed=77))[0]
    result = list(inversion.project(model, "x", goal))
    assert [g.step for g in result] == [0, 12, 24, 36]
    assert {g.steps for g in result} == {36}
    assert [g.psnr for g in result] == sorted(g.psnr for g in result)
    for g in (result[0], result[-1]):
        drawn = spec.picture(model, spec.parse(g.sample.to_json()))[0]
        assert torch.equal(drawn, g.picture)
        assert g.psnr == inversion.psnr(drawn, goal)


def test_a_requested_class_is_kept(trainer_of):
    model = trainer_of("cdcgan").gan.eval().requires_grad_(False)
    goal = spec.picture(model, spec.SampleSpec("x", seed=77, label="Coat"))[0]
    result = list(inversion.project(model, "x", goal, "Bag"))
    assert {g.sample.label for g in result} == {"Bag"}


def test_the_scorer_predicts_the_class_of_a_picture(trainer_of, monkeypatch):
    class Scorer:
        recipe = types.SimpleNamespace(labels=datasets.CLASSES)

        def __call__(self, x):
            assert 0 <= x.min() <= x.max() <= 1
            return torch.eye(10)[8:9]

    monkeypatch.setattr(inversion, "scorer", Scorer)
    monkeypatch.setattr(running_score.Quick, "can", staticmethod(lambda recipe: recipe.size == 28))
    target = torch.full((1, 28, 28), 200, dtype=torch.uint8)
    assert inversion.seen(trainer_of("cdcgan").gan, target) == "Bag"
    assert inversion.seen(trainer_of("cdcgan", classes="0,1").gan, target) is None, "it does not draw bags"
    assert inversion.seen(trainer_of("cdcgan", size=32).gan, target) is None, "the discriminator does not know such"
    assert inversion.seen(trainer_of("dcgan").gan, target) is None, "it has no class input"


def test_inversion_recovers_a_generated_picture(trainer_of):
    model = trainer_of("dcgan").gan.eval().requires_grad_(False)
    pool = inversion.pool(model)
    goal = (pool.small[9] * 255).round().to(torch.uint8).view(1, 28, 28)
    first = next(iter(inversion.project(model, "x", goal)))
    assert torch.allclose(spec.unpack(model, first.sample.latents, 1)[0], pool.z[9], atol=2e-3)
    assert inversion.pool(model) is pool


def test_adam_against_torchs():
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    theirs = x.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.1, betas=(0.9, 0.99), eps=1e-9)
    state = torch.zeros_like(x), torch.zeros_like(x)
    for step in range(1, 6):
        slope = 2 * x + 1
        x = inversion.adam(x, slope, state, step, 0.1)
        optimiser.zero_grad()
        (theirs.square() + theirs).sum().backward()
        optimiser.step()
    assert torch.allclose(x, theirs.detach(), atol=1e-6)


def test_psnr_against_its_formula():
    a = torch.zeros(1, 4, 4, dtype=torch.uint8)
    b = a.clone()
    b[0, 0, 0] = 16  # mean squared error 16
    assert inversion.psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 16))
    assert inversion.psnr(a, a) == 99


def test_a_picture_of_another_size_is_refused(trainer_of):
    model = trainer_of("dcgan").gan.eval()
    with pytest.raises(StudioError, match="must be 1 x 28 x 28"):
        next(iter(inversion.project(model, "x", torch.zeros(1, 64, 64, dtype=torch.uint8))))


def test_infogans_kind_and_codes_are_part_of_the_answer(trainer_of):
    model = trainer_of("infogan", categories=4, codes=2).gan.eval().requires_grad_(False)
    goal = spec.picture(model, spec.SampleSpec("x", seed=5))[0]
    *_, last = inversion.project(model, "x", goal)
    z = spec.unpack(model, last.sample.latents, 1)
    assert z[0, 16:20].sum() == 1
    assert directions.noise(model, z).isfinite().all()

"""Directions: computed without labels, named by the attribute that they change, and cached."""

import pytest
import torch
from few import LEAST, few
from torch import nn

from fashiongan.errors import StudioError
from fashiongan.latent import directions
from fashiongan.latent.attributes import ATTRIBUTES, measurable


class Lamp(nn.Module):
    """A generator with known effects: z[0] is brightness, z[1] is the number of lit rows, the rest does nothing."""

    def __init__(self):
        super().__init__()
        self.read = nn.Linear(16, 16, bias=False)
        self.read.weight.data = torch.diag(torch.tensor([3.0, 2.0] + [0.1] * 14))
        self.write = nn.Linear(16, 2, bias=False)
        self.write.weight.data = torch.diag(torch.tensor([1 / 3, 1 / 2]))[:, [0, 1]] @ torch.eye(2, 16)

    def forward(self, z):
        bright, tall = self.write(self.read(z)).T
        rows = torch.arange(28.0)
        lit = torch.sigmoid(2 * (14 + 3 * tall[:, None] - rows))[:, None, :, None].expand(-1, 1, 28, 28)
        level = 0.5 + 0.1 * torch.tanh(bright)
        return lit * level[:, None, None, None] * 2 - 1


@pytest.fixture
def lamp(trainer_of):
    gan = trainer_of("dcgan").gan.eval().requires_grad_(False)
    gan.G = Lamp().requires_grad_(False)
    return gan


def test_directions_of_a_generator_with_known_effects(lamp):
    ways = directions.find(lamp)
    assert set(ways.names) == set(ATTRIBUTES)
    at = {name: ways.vectors[i, 0] for i, name in enumerate(ways.names)}
    strength = dict(zip(ways.names, ways.strengths, strict=True))
    assert at["brightness"].abs().argmax() == 0
    assert at["brightness"][0] > 0.9  # towards brighter, and along nothing else
    assert at["height"].abs().argmax() == 1
    assert at["height"][1] > 0.7
    assert strength["brightness"] > 0.99
    assert strength["height"] > 0.99
    assert list(ways.strengths) == sorted(ways.strengths, reverse=True)


@pytest.mark.parametrize("name", ["studio", "cgan", "dcgan", "cdcgan"])
def test_activations_are_those_of_a_hidden_layer_and_not_the_latent_again(trainer_of, name):
    gan = trainer_of(name).gan.eval().requires_grad_(False)
    z, c = directions.sample(gan, 8, 0)
    hidden = directions.second_input(gan, z, c).flatten(1)
    classes = len(gan.recipe.labels) if gan.conditional else 0
    assert hidden.shape[1] not in (gan.recipe.z_dim, classes, gan.recipe.z_dim + classes)
    assert len(hidden.unique(dim=0)) == 8


def test_candidates_are_named_by_what_they_change_most(lamp):
    for kind in ("layer", "activations"):
        ways = directions.find(lamp, kind)
        assert ways.vectors[0, 0].abs().argmax() == 0  # the first layer stretches z[0] most, then z[1]
        assert ways.vectors[1, 0].abs().argmax() == 1
        assert torch.allclose(ways.vectors[:2].norm(dim=2), torch.ones(2, 1), atol=0.02)
        assert ways.names[0] in ("brightness", "area")  # a dim pixel counts less as garment
        assert abs(ways.strengths[0]) > 0.95


@pytest.mark.parametrize("gan", few(chosen=LEAST))
def test_every_gan_has_measured_directions(gan, trainer_of, monkeypatch):
    monkeypatch.setattr(directions, "MOST", 100)
    monkeypatch.setattr(directions, "FEWEST", 60)
    model = trainer_of(gan).gan.eval().requires_grad_(False)
    ways = directions.find(model)
    assert ways.vectors.shape == (
        len(measurable(model.channels)),
        max(1, len(model.choices)),
        model.recipe.z_dim,
    )
    assert ways.vectors.isfinite().all()
    lengths = ways.vectors.norm(dim=2) / directions.spread(model)
    assert (lengths < 1.01).all()
    assert ((lengths > 0.29) | (lengths == 0)).all()  # 0 where nothing the net draws can change that measure
    assert all(-1 <= s <= 1 for s in ways.strengths)
    assert directions.find(model) is ways


def test_the_same_weights_give_the_same_directions(trainer_of, monkeypatch):
    monkeypatch.setattr(directions, "MOST", 100)
    monkeypatch.setattr(directions, "FEWEST", 60)
    first, second = (directions.find(trainer_of("cdcgan").gan.eval().requires_grad_(False)) for _ in range(2))
    assert torch.equal(first.vectors, second.vectors)
    assert first.names == second.names


def test_a_kind_of_directions_there_is_not(lamp):
    with pytest.raises(StudioError, match="no sliders called 'magic': choose from measured, layer, activations"):
        directions.find(lamp, "magic")


def test_spearman_against_hand_computed_values():
    a = torch.tensor([1.0, 2, 3, 4, 5])
    assert directions.spearman(a, torch.tensor([2.0, 3, 50, 51, 60])).item() == pytest.approx(1)
    assert directions.spearman(a, -(a**3)).item() == pytest.approx(-1)
    # d = (0, 0, 0, 1, 1): 1 - 6 * 2 / (5 * 24)
    assert directions.spearman(a, torch.tensor([1.0, 2, 3, 5, 4])).item() == pytest.approx(0.9)
    # ties share their mean rank: ranks 1.5, 1.5, 3, 4, 5 -> 9.5 / sqrt(10 * 9.5)
    assert directions.spearman(a, torch.tensor([0.0, 0, 3, 4, 5])).item() == pytest.approx(9.5 / 95**0.5)
    assert directions.spearman(a, torch.zeros(5)).item() == 0


@pytest.mark.slow
def test_spearman_agrees_with_scipy():
    scipy_stats = pytest.importorskip("scipy.stats")
    a, b = torch.randint(0, 6, (2, 40, 9), generator=torch.Generator().manual_seed(0)).double()
    expected = [scipy_stats.spearmanr(x, y)[0] for x, y in zip(a, b, strict=True)]
    assert directions.spearman(a, b).tolist() == pytest.approx(expected)


def test_the_work_on_a_net_is_counted(lamp, trainer_of):
    assert directions.effort(lamp) == 16 * 16 + 16 * 2
    r = trainer_of("dcgan", width=8).gan
    # 28 pixels from 7: project 16 -> 16 at 7 x 7, then 16 -> 8 and 8 -> 1 with kernels of 4 x 4, read at 7 and at 14
    assert directions.effort(r) == 16 * 16 * 49 + 16 * 8 * 16 * 49 + 8 * 16 * 196


def test_directions_apart_follow_their_slope_and_turn_from_the_others():
    slopes = torch.tensor([[[1.0, 0.8], [0.0, 0.6]]]).double()  # two measures at an angle of 37 degrees in 2 numbers
    result = directions.apart(slopes)
    assert torch.allclose(result.norm(dim=1), torch.ones(1, 2).double())
    assert (result * slopes).sum(1).min() > 0.8
    assert (result[0, :, 0] * result[0, :, 1]).sum() < 0.8  # further apart than the slopes are


def test_directions_that_change_the_class_are_left_out():
    slopes = torch.eye(3, dtype=torch.float64)[None, :, :2]
    left = directions.without(slopes, torch.tensor([[[1.0], [1.0], [0.0]]]).double())
    along = (left[0].T @ torch.tensor([1.0, 1.0, 0.0]).double()).abs()
    assert (along < 0.25).all()

"""Losses against numbers worked out by hand, and the GANs' terms against them."""

from math import log

import pytest
import torch
from torch import nn

from fashiongan import gans
from fashiongan.gans import losses
from fashiongan.gans.base import Batch

LN2 = 0.6931471805599453


def logit(p):
    return log(p / (1 - p))


def close(tensor, value):
    assert tensor.dim() == 0
    assert tensor.item() == pytest.approx(value, rel=1e-5, abs=1e-7)


def test_an_undecided_discriminator_costs_ln_2_a_term():
    undecided = torch.zeros(4)
    real, fake = losses.bce_d(undecided, undecided)
    close(real, LN2)
    close(fake, LN2)
    close(losses.bce_g(undecided), LN2)


def test_d_of_nine_tenths_and_two_tenths():
    real, fake = losses.bce_d(torch.tensor([logit(0.9)]), torch.tensor([logit(0.2)]))
    close(real, 0.105360516)  # -ln 0.9
    close(fake, 0.223143551)  # -ln 0.8
    close(losses.bce_g(torch.tensor([logit(0.2)])), 1.609437912)  # -ln 0.2


def test_terms_are_means_over_the_batch():
    two = torch.tensor([logit(0.9), logit(0.5)])
    real, fake = losses.bce_d(two, two)
    close(real, (0.105360516 + LN2) / 2)
    close(fake, (2.302585093 + LN2) / 2)
    close(losses.bce_g(two), (0.105360516 + LN2) / 2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_huge_logits_stay_finite_and_linear(sign):
    huge = torch.tensor([sign * 1e4])
    real, fake = losses.bce_d(huge, huge)
    close(real, 0.0 if sign > 0 else 1e4)
    close(fake, 1e4 if sign > 0 else 0.0)
    close(losses.bce_g(huge), 0.0 if sign > 0 else 1e4)


def slopes(loss, at):
    a = torch.full((4,), at, requires_grad=True)
    loss(a).backward()
    return a.grad.tolist()


def test_gradients():
    """The derivative of -ln sigmoid(a) is sigmoid(a) - 1, that of -ln(1 - sigmoid(a)) is sigmoid(a); a mean over 4."""
    assert slopes(losses.bce_g, 0.0) == pytest.approx([-0.5 / 4] * 4)
    assert slopes(lambda a: losses.bce_d(a, a.detach())[0], logit(0.9)) == pytest.approx([-0.1 / 4] * 4)
    assert slopes(lambda a: losses.bce_d(a.detach(), a)[1], logit(0.2)) == pytest.approx([0.2 / 4] * 4)


def test_the_generator_still_learns_when_the_discriminator_is_certain():
    assert slopes(losses.bce_g, -50.0) == pytest.approx([-0.25] * 4)


def test_accuracy_counts_right_answers():
    result = losses.accuracy(torch.tensor([1.0, 2.0, -1.0, 3.0]), torch.tensor([-1.0, 1.0, 2.0, 0.5]))
    assert {k: v.item() for k, v in result.items()} == {"d_accuracy_real": 0.75, "d_accuracy_fake": 0.25}


def test_accuracy_at_another_border():
    result = losses.accuracy(torch.tensor([5.0, 7.0]), torch.tensor([4.0, 6.5]), border=6.0)
    assert {k: v.item() for k, v in result.items()} == {"d_accuracy_real": 0.5, "d_accuracy_fake": 0.5}


def test_least_squares():
    real, fake = losses.ls_d(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0]))
    close(real, 1.0)  # (0 + 4) / 2 / 2
    close(fake, 1.0)
    close(losses.ls_g(torch.tensor([1.0, 4.0])), 2.25)  # (0 + 9) / 2 / 2
    assert slopes(losses.ls_g, 0.0) == pytest.approx([-0.25] * 4)


def test_slope_is_one_norm_a_picture_and_can_be_penalised():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    x = torch.ones(2, 2, 1, 1)
    result = losses.slope(lambda x: (x.flatten(1) * weight).sum(1) * torch.tensor([1.0, 2.0]), x)
    assert result.tolist() == pytest.approx([5.0, 10.0])  # 3, 4 and 6, 8
    (result - 1).square().mean().backward()
    # mean of 2 (s - 1) ds/dw with s = |w| and 2 |w|: (2 * 4 * w/5 + 2 * 9 * 2 w/5) / 2 = 4.4 w
    assert weight.grad.tolist() == pytest.approx([13.2, 17.6])
    assert not x.requires_grad


def test_a_pair_costs_by_the_difference_of_fake_and_real():
    """D(x) = 2 and 0, D(G(z)) = 0 and 1: ln(1 + e^-2) and ln(1 + e^1), halved; only the differences count."""
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.0])
    close(losses.pair_d(real, fake), (0.126928011 + 1.313261688) / 2)
    close(losses.pair_d(real + 7, fake + 7), (0.126928011 + 1.313261688) / 2)
    close(losses.pair_d(fake, real), (2.126928011 + 0.313261688) / 2)  # the generator's side
    close(losses.pair_d(torch.tensor([1e4]), torch.tensor([-1e4])), 0.0)
    close(losses.pair_d(torch.tensor([-1e4]), torch.tensor([1e4])), 2e4)


def test_scored_gives_scores_and_the_mean_squared_slope_and_can_be_penalised():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    x = torch.ones(2, 2, 1, 1)
    scores, square = losses.scored(lambda x: (x.flatten(1) * weight).sum(1) * torch.tensor([1.0, 2.0]), x)
    assert scores.tolist() == [7.0, 14.0]
    close(square, (25 + 100) / 2)  # |w|^2 and 4 |w|^2: a mean of squares, not of norms
    square.backward()
    assert weight.grad.tolist() == pytest.approx([15.0, 20.0])  # (2 w + 8 w) / 2
    assert not x.requires_grad


def test_between_moves_each_picture_along_its_own_line():
    a, b = torch.zeros(1000, 3, 2, 2), torch.full((1000, 3, 2, 2), 10.0)
    x = losses.between(a, b, torch.Generator().manual_seed(0))
    t = x[:, 0, 0, 0]
    assert torch.equal(x, t[:, None, None, None].expand_as(x))
    assert t.min() >= 0
    assert t.max() <= 10
    assert t.mean().item() == pytest.approx(5, abs=0.4)
    assert t.std().item() == pytest.approx(10 / 12**0.5, abs=0.3)
    assert torch.equal(x, losses.between(a, b, torch.Generator().manual_seed(0)))


def test_energy_is_the_distance_to_the_reconstruction():
    x = torch.zeros(2, 1, 2, 2)
    reconstruction = torch.tensor([[[[3.0, 0.0], [0.0, 4.0]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    assert losses.energy(x, reconstruction).tolist() == [5.0, 2.0]
    same = x.clone().requires_grad_()
    losses.energy(x, same).sum().backward()
    assert same.grad.isfinite().all(), "a perfect reconstruction must not break the run"


def test_pull_away_is_the_mean_squared_cosine_of_pairs():
    close(losses.pull_away(torch.tensor([[1.0, 0.0], [0.0, 5.0]])), 0.0)
    close(losses.pull_away(torch.tensor([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])), 1.0)
    # Cosines 1/sqrt 2, 1/sqrt 2 and 0 between the three: squares 1/2, 1/2, 0.
    close(losses.pull_away(torch.tensor([[1.0, 0.0], [3.0, 3.0], [0.0, 2.0]])), 1 / 3)


def test_right_counts_classes_named_right():
    close(losses.right(torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), torch.tensor([1, 0, 0])), 2 / 3)


def test_middle_lies_between_the_means():
    close(losses.middle(torch.tensor([4.0, 6.0]), torch.tensor([1.0])), 3.0)


def test_diversity_is_the_rms_difference_of_pairs():
    close(losses.diversity(torch.ones(5, 1, 2, 2)), 0.0)
    values = torch.tensor([0.0, 3.0, 4.0])
    pairs = [(0 - 3) ** 2, (0 - 4) ** 2, (3 - 4) ** 2]
    close(losses.diversity(values[:, None, None, None].expand(3, 1, 2, 2)), (sum(pairs) / 3) ** 0.5)


class Painter(nn.Module):
    """A generator that paints every picture -1."""

    def forward(self, z, y=None):
        return torch.full((len(z), 1, 28, 28), -1.0)


class Discriminator(nn.Module):
    """A discriminator that gives white pictures 0.9 and black ones 0.2, and records the classes that it receives."""

    def __init__(self):
        super().__init__()
        self.classes = []

    def forward(self, x, y=None):
        self.classes.append(None if y is None else y.argmax(1).tolist())
        return torch.where(x.mean((1, 2, 3)) > 0, logit(0.9), logit(0.2))


def staged(gan):
    recipe = gans.new_recipe(gan, width=8, batch=2).replace(labels=tuple("abcdefghij"))
    model = gans.build(recipe)
    model.G, model.D = Painter(), Discriminator()
    z = torch.zeros(2, recipe.z_dim)
    batch = Batch(torch.ones(2, 1, 28, 28), torch.tensor([3, 4]), z, torch.tensor([7, 8]), torch.Generator(), 0)
    return model, batch


@pytest.mark.parametrize("gan", ["dcgan", "cdcgan"])
def test_bce_gans_name_their_terms_and_notes(gan):
    model, batch = staged(gan)
    d = model.d_loss(batch)
    assert d.terms.keys() == {"real", "fake"}
    close(d.terms["real"], 0.105360516)
    close(d.terms["fake"], 0.223143551)
    close(d.notes["d_accuracy_real"], 1.0)
    close(d.notes["d_accuracy_fake"], 1.0)
    g = model.g_loss(batch)
    assert g.terms.keys() == {"adv"}
    close(g.terms["adv"], 1.609437912)


def test_cdcgan_scores_reals_with_their_class_and_fakes_with_the_drawn_class():
    model, batch = staged("cdcgan")
    model.d_loss(batch)
    assert sorted(model.D.classes) == [[3, 4], [7, 8]]
    model.D.classes.clear()
    model.g_loss(batch)
    assert model.D.classes == [[7, 8]]


def test_wgan_clips_every_weight_of_the_critic_after_every_step(trainer_of):
    trainer = trainer_of("wgan", clip=0.005, d_steps=2, lr_d=0.1)
    seen = []
    clip = trainer.gan.after_d_step

    def watched():
        clip()
        seen.append(max(p.abs().max().item() for p in trainer.gan.D.parameters()))

    trainer.gan.after_d_step = watched
    trainer.update()
    assert seen == pytest.approx([0.005, 0.005])

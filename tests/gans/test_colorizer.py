"""The color GAN: what its batches show, its losses worked out by hand, and what it is told."""

import math

import pytest
import torch
from torch import nn

from fashiongan import gans
from fashiongan.color import color_space
from fashiongan.data import datasets
from fashiongan.gans import colorizer, losses
from fashiongan.gans.base import Batch
from fashiongan.gans.colorizer import HINTS, Hints
from fashiongan.training import doctor, run_folder

NAMES = datasets.CLASSES


def fresh(labels=NAMES, **changes):
    return gans.build(gans.new_recipe("colorizer", **{"width": 8, **changes}).replace(labels=labels))


def batch(model, x, y=None, seed=0, step=0):
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(len(x)) % 10 if y is None else y
    return Batch(x, y, model.latents(len(x), rng), y, rng, step)


def disc(n, gray=200, side=28):
    """(n, 1, side, side) in -1..1: a disc of one gray on black."""
    at = torch.arange(side) - (side - 1) / 2
    inside = (at[:, None] ** 2 + at**2 < (side * 0.4) ** 2).float()
    return (inside * gray / 127.5 - 1).expand(n, 1, side, side).clone()


def test_divergence_by_hand():
    assert losses.divergence(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 0
    mean, log_variance = torch.tensor([[1.0, 2.0]]), torch.tensor([[math.log(4.0), 0.0]])
    # 1/2 (1 + 4 - 1 - log 4) + 1/2 (4 + 1 - 1 - 0)
    assert losses.divergence(mean, log_variance).item() == pytest.approx(0.5 * (4 - math.log(4)) + 2)
    assert losses.divergence(mean.repeat(5, 1), log_variance.repeat(5, 1)).item() == pytest.approx(
        0.5 * (4 - math.log(4)) + 2
    )


class Fixed(nn.Module):
    """A net that answers what it is given at the start, and keeps what it was shown."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.shown = answer, []
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, *seen):
        self.shown.append(seen)
        answer = self.answer(*seen) if callable(self.answer) else self.answer
        return tuple(a * self.scale for a in answer) if isinstance(answer, tuple) else answer * self.scale


class Painter(Fixed):
    def __init__(self, answer, code):
        super().__init__(answer)
        self.encoder = Fixed(code)


def test_losses_by_hand():
    model = fresh(redraw=10.0, code=0.5, divergence=0.01)
    x, y = disc(4), torch.tensor([0, 1, 2, 3])
    mean = torch.full((1, 8), 1.0)
    code = lambda seen: (mean.expand(len(seen), 8), torch.zeros(len(seen), 8))  # noqa: E731
    painted = torch.full((4, 2, 28, 28), 0.25)
    model.G = Painter(lambda *_: painted, code)
    model.D = Fixed(lambda seen, _: seen[:, 1].mean((1, 2)))
    # The third is not to be given back: its colors are far off, but for the discriminator the same.
    true = torch.stack([torch.full((28, 28), v) for v in (0.5, 0.0)]).repeat(4, 1, 1, 1)
    true[2:, 1] = 0.9
    hints = torch.zeros(4, HINTS, 5)
    hints[3, 0, 4] = 1
    t = colorizer.Truth(torch.zeros(4, 1, 28, 28, dtype=torch.uint8), true, hints, model.one_hot(y))
    model.truth = lambda _: t
    d = model.d_loss(batch(model, x, y))
    assert d.terms["real"].item() == pytest.approx(0.5 * (0.5 - 1) ** 2)
    assert d.terms["fake"].item() == pytest.approx(0.5 * 0.25**2)
    b = batch(model, x, y, seed=3)
    g = model.g_loss(b)
    assert g.terms["adv"].item() == pytest.approx(0.5 * (0.25 - 1) ** 2)
    # |0.25 - 0.5| and |0.25 - 0| where the code is the encoder's, |0.25 - 0.5| and |0.25 - 0.9| where there is a hint.
    assert g.terms["redraw"].item() == pytest.approx(10 * (0.25 + 0.25 + 0.45) / 3)
    assert g.terms["code"].item() == pytest.approx(0.5 * (1 - b.z[2]).abs().mean().item())  # drawn, and no hint
    assert g.terms["divergence"].item() == pytest.approx(0.01 * 8 * 0.5)  # mean 1, variance 1, eight numbers
    z = model.G.shown[-1][2]
    assert torch.equal(z[2:], b.z[2:])
    assert not torch.equal(z[:2], b.z[:2])


def test_noise_is_brought_to_the_codes_that_pictures_have():
    model = fresh(reach=2.0)
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.usual(z), 2 * z), "at the start it is the prior"
    mean, log_variance = torch.full((4, 8), 3.0), torch.full((4, 8), math.log(4.0))
    model.code = lambda t, z, _: (z, mean, log_variance)
    b = batch(model, disc(8))
    model.g_loss(b)
    assert torch.allclose(model.code_mean, torch.tensor(0.03))  # a hundredth of the way from 0 to 3
    assert torch.allclose(model.code_square, torch.tensor(1 + 0.01 * (9 + 4 - 1)))
    model.code_mean.fill_(3.0)
    model.code_square.fill_(9.0 + 4.0)
    assert torch.allclose(model.usual(z), 3 + 2 * 2 * z, atol=1e-5)  # mean 3, spread 2


def test_the_encoder_does_not_learn_from_reading_what_is_drawn():
    """Zhu et al. 2017, section 3.3: else it would read what the generator hides for it."""
    model = fresh()
    # What is read is the second half, drawn from plain noise; only the first half's code is the encoder's own.
    code = lambda t, z, _: (z, torch.zeros(4, 8), torch.zeros(4, 8))  # noqa: E731
    model.code = code
    model.g_loss(batch(model, disc(8))).terms["code"].backward()
    assert all(p.grad is None for p in model.G.encoder.parameters())
    assert all(p.grad is not None and p.grad.any() for p in model.G.last.parameters())


def test_one_hint_is_spread_over_the_whole_picture():
    light = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 100
    hints = torch.tensor([[0.5, 0.5, 0.4, -0.2, 1.0], [0.1, 0.1, 0.9, 0.9, 0.0]]).expand(2, 2, 5)
    out = Hints()(light, hints)
    assert torch.allclose(out[:, 0], torch.tensor(0.4), atol=1e-5)
    assert torch.allclose(out[:, 1], torch.tensor(-0.2), atol=1e-5)
    assert (out[:, 3] == 1).all()
    assert out[0, 2].argmax() == 14 * 28 + 14


def test_no_hint_spreads_nothing():
    out = Hints()(torch.full((1, 1, 28, 28), 50.0), torch.zeros(1, 3, 5))
    assert not out.any()


def test_two_hints_share_the_picture_by_nearness_in_place_and_in_lightness():
    two = torch.tensor([[[0.25, 0.5, 1.0, 0.0, 1.0], [0.75, 0.5, -1.0, 0.0, 1.0]]])
    a = Hints()(torch.full((1, 1, 28, 28), 50.0), two)[0, 0]
    assert (a[:10, 7:21] > 0.5).all()
    assert (a[18:, 7:21] < -0.5).all()
    assert a[7, 14] > 0.99
    light = torch.full((1, 1, 28, 28), 20.0)
    light[..., 14:21, :] = 90.0  # the lower hint's own band, with dark below
    light[..., 3:5, 3:5] = 90.0  # far from both hints, but light as the lower one
    like = Hints()(light, two)[0, 0]
    assert like[3, 3] < a[3, 3]


def test_hints_by_hand():
    """Shepard's weights: at a pixel of equal lightness, 1 / distance^4."""
    two = torch.tensor([[[0.5 / 28, 0.5 / 28, 1.0, 0.0, 1.0], [0.5 / 28, 24.5 / 28, 0.0, 0.0, 1.0]]])
    a = Hints()(torch.full((1, 1, 28, 28), 50.0), two)[0, 0]
    near, far = (8 / 28) ** 2 + 1e-4, (16 / 28) ** 2 + 1e-4
    assert a[0, 8].item() == pytest.approx(near**-2 / (near**-2 + far**-2), rel=1e-4)


def test_dyed_garments_show_what_is_told_of_them():
    model = fresh()
    n = 4000
    b = batch(model, disc(n))
    t = model.truth(b)
    count = t.hints[..., 4].sum(1)
    assert [(count == k).float().mean().item() for k in range(HINTS + 1)] == pytest.approx(
        [0.5, 0.25, 1 / 12, 1 / 12, 1 / 12], abs=0.03
    )
    assert (t.y.sum(1) == 0).float().mean().item() == pytest.approx(0.2, abs=0.03)
    garment = t.gray[:, 0] > 25
    assert not t.ab.permute(0, 2, 3, 1)[t.gray[:, 0] == 0].any(), "black takes no color"
    # At each hint, the garment has its color, as far as a screen shows it.
    for k in range(HINTS):
        there = t.hints[:, k, 4] > 0
        row, column = (t.hints[there, k, :2] * 28).long().unbind(1)
        assert garment[there, row, column].all()
        told = color_space.shown(
            t.gray[there, :, :1, :1] * 0 + 200, t.hints[there, k, 2:4, None, None] * color_space.CHROMA
        )
        seen = t.ab[there, :, row, column] * color_space.CHROMA
        assert torch.allclose(told[..., 0, 0], seen, atol=1e-3)
    assert not (t.hints[count > 1, 0, 2:4] == t.hints[count > 1, 1, 2:4]).all(1).any(), "one hint for each color"
    colors = [len(t.ab[i].flatten(1).T[garment[i].flatten()].unique(dim=0)) for i in range(400)]
    kinds = {k: {c for c, m in zip(colors, count[:400], strict=True) if m == k} for k in range(HINTS + 1)}
    assert kinds[1] == {1}, "one hint, one color"
    assert kinds[2] == kinds[3] == kinds[4] == {2}, "more hints, two colors"
    assert kinds[0] == {1, 2}


def test_every_hue_is_learned_and_report_001s_colors_are_among_them():
    model = fresh()
    b = batch(model, disc(4000))
    t = model.truth(b)
    middle = t.ab[:, :, 14, 14]
    hue = torch.atan2(middle[:, 1], middle[:, 0])
    share = torch.histc(hue, 12, -math.pi, math.pi) / len(hue)
    assert share.min() > 0.04
    usual = color_space.shown(t.gray[:, :, 14:15, 14:15], model.classic[b.y][:, :, None, None] * color_space.CHROMA)
    same = (middle * color_space.CHROMA - usual[..., 0, 0]).norm(dim=1) < 0.1
    assert same.float().mean().item() == pytest.approx(1 / 8, abs=0.03)


def test_photographs_are_their_own_truth():
    model = fresh()
    model = gans.build(model.recipe.replace(channels=3, labels=NAMES))
    rng = torch.Generator().manual_seed(0)
    flat = torch.rand(6, 3, 1, 1, generator=rng) * 200
    x = flat.expand(6, 3, 28, 28).round()
    t = model.truth(batch(model, x / 127.5 - 1))
    want = color_space.lab(x / 255)
    assert torch.allclose(t.ab * color_space.CHROMA, want[:, 1:], atol=0.05)
    assert torch.equal(t.gray, color_space.gray_of(x.to(torch.uint8)))
    assert torch.allclose(t.hints[:, :, 2:4], t.ab[:, None, :, 14, 14].expand(6, HINTS, 2), atol=1e-4)


def test_its_variety_is_that_of_colors():
    model = fresh()
    x = disc(500)
    assert losses.diversity(x) == 0
    assert 0.2 < model.variety(x) < 1
    assert not model.seen.any()
    gray = gans.build(model.recipe.replace(channels=3))
    assert gray.variety(x.expand(-1, 3, -1, -1)) < 0.01


def test_the_doctor_has_no_complaint_of_alike_garments(garments, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "WINDOW", 6)
    recipe = gans.new_recipe("colorizer", width=8, batch=16, epochs=1)
    seen = list(
        run_folder.train(run_folder.start(recipe, tmp_path / "run", loaded=garments), tmp_path / "run", every=2)
    )
    assert seen[-1].ended == 1
    assert not any("classes" in remark for tick in seen for remark in tick.remarks)


def test_it_remembers_the_first_garment_of_each_class():
    model = fresh(labels=("a", "b", "c"))
    x = torch.stack([torch.full((1, 28, 28), v / 127.5 - 1) for v in (50.0, 60.0, 70.0)])
    model.truth(batch(model, x, torch.tensor([2, 0, 2])))
    model.truth(batch(model, x, torch.tensor([1, 1, 1]), step=100))
    assert model.seen.tolist() == [True, False, True]
    assert model.example[:, 0, 0, 0].tolist() == [60, 0, 50]


def test_what_it_draws_has_its_examples_lightness():
    model = fresh().eval()
    model.truth(batch(model, torch.cat([disc(10, gray=g * 25) for g in range(1, 11)])[::10]))
    with torch.no_grad():
        for p in model.G.last.parameters():
            p.mul_(20)  # strong colors
    images = model.sample_images(40, 0)
    gray = model.example[torch.arange(40) % 10]
    assert images.shape == (40, 3, 28, 28)
    assert (color_space.gray_of(images).int() - gray.int()).abs().max() <= 1
    assert (images.amax(1) > images.amin(1)).any()

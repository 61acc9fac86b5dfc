"""The bounds of interval bound propagation: by hand, against an independent form, and against attacks."""

import math

import numpy as np
import pytest
import torch
from classifier_parts import first, new_net, noise, run
from torch import nn

from fashiongan import attacks, checkpoint, classifiers
from fashiongan.classifiers import Fitter, certified, recipe
from fashiongan.classifiers.certified import around, rectified, through, worst_case_loss

TRAINED = {"epochs": 8, "batch": 20, "lr": 5e-3, "eps": 0.1, "warmup": 0.4, "precision": "float32"}


@pytest.fixture(scope="module")
def fitter(garments):
    return run(first(garments, 240), "certified", math.inf, **TRAINED)[0]


@pytest.fixture(scope="module")
def nets(fitter):
    """One net with starting weights, and one that has learned."""
    return {"new": new_net("certified"), "fitted": fitter.net}


# By hand


def linear(weight, bias):
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_a_tiny_net_by_hand():
    """x = (0.5, 0.25) +- 0.125 through W = [[1, -2], [3, 1]], b = (0.25, -2), and ReLU.

    First output: 0.5 - 0.5 + 0.25 = 0.25, +- 3 * 0.125, that is -0.125 to 0.625, and 0 to 0.625 after ReLU.
    Second: 1.5 + 0.25 - 2 = -0.25, +- 4 * 0.125, that is -0.75 to 0.25, and 0 to 0.25.
    """
    center, radius = around(torch.tensor([[0.5, 0.25]]), 0.125)
    center, radius = through(linear([[1.0, -2.0], [3.0, 1.0]], [0.25, -2.0]), (center, radius))
    assert center.tolist() == [[0.25, -0.25]]
    assert radius.tolist() == [[0.375, 0.5]]
    center, radius = rectified((center, radius))
    assert center.tolist() == [[0.3125, 0.125]]
    assert radius.tolist() == [[0.3125, 0.125]]


def test_a_convolution_adds_the_radii_by_its_weights_sizes():
    conv = nn.Conv2d(1, 1, 2, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[[1.0, -1.0], [2.0, -4.0]]]]))
        conv.bias.fill_(1.0)
    center, radius = through(conv, (torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.5)))
    assert (center.item(), radius.item()) == (-1.0, 4.0)


def test_pixels_stay_between_black_and_white_and_others_do_not_move():
    x, allowed = torch.tensor([[0.0, 0.5, 1.0, 0.5]]), torch.tensor([[True, True, True, False]])
    center, radius = around(x, 0.25, allowed)
    assert (center - radius).tolist() == [[0.0, 0.25, 0.75, 0.5]]
    assert (center + radius).tolist() == [[0.25, 0.75, 1.0, 0.5]]


def test_the_worst_case_loss_by_hand():
    """Class 1 stays above class 0 by ln 2 and below class 2 by ln 4: its share is 1 / (1/2 + 1 + 4)."""
    margins = torch.tensor([[math.log(2), 0.0, -math.log(4)]])
    assert worst_case_loss(margins, torch.tensor([1])).item() == pytest.approx(math.log(5.5))


# The whole net


def propagated(net, x, y, eps):
    """Lower bounds of z_y - z_j in double precision, by lower and upper ends and by the weights' signs."""
    lower, upper = ((x.double() + d).clamp(0, 1) for d in (-eps, eps))

    def ends(layer, lower, upper):
        w, b = layer.weight.double(), layer.bias.double()
        f = nn.functional
        if isinstance(layer, nn.Conv2d):

            def product(h, w):
                return f.conv2d(h, w, None, layer.stride, layer.padding)

            b = b[:, None, None]
        else:
            product = f.linear
        low = product(lower, w.clamp(min=0)) + product(upper, w.clamp(max=0)) + b
        high = product(upper, w.clamp(min=0)) + product(lower, w.clamp(max=0)) + b
        return low.clamp(min=0), high.clamp(min=0)

    lower, upper = ends(net.first, lower, upper)
    lower, upper = ends(net.second, lower, upper)
    lower, upper = ends(net.hidden, lower.flatten(1), upper.flatten(1))
    w, b = net.judge.weight.double(), net.judge.bias.double()
    d = w[y][:, None] - w[None]
    worst = (d.clamp(min=0) * lower[:, None] + d.clamp(max=0) * upper[:, None]).sum(2)
    return worst + b[y][:, None] - b


@pytest.mark.parametrize("kind", ["new", "fitted"])
@pytest.mark.parametrize("eps", [0.0, 0.01, 0.1, 1.0])
def test_margins_are_those_of_lower_and_upper_ends(kind, eps, nets, garments):
    x, y = torch.cat([noise(20) / 255, garments.images[:20] / 255]), torch.arange(40) % 10
    expected = propagated(nets[kind], x, y, eps)
    assert np.allclose(nets[kind].margins(x, y, eps), expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", ["new", "fitted"])
def test_without_a_change_the_margins_are_the_nets(kind, nets, garments):
    x, y = garments.images[:30] / 255, garments.labels[:30]
    z = nets[kind](x)
    expected = z.gather(1, y[:, None]) - z
    for eps, allowed in ((0.0, None), (0.2, torch.zeros_like(x, dtype=torch.bool))):
        assert torch.allclose(nets[kind].margins(x, y, eps, allowed), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["new", "fitted"])
@pytest.mark.parametrize("mask", attacks.MASKS)
def test_the_bounds_hold_for_a_thousand_changes(kind, mask, nets, garments):
    """Half of them go as far as they may."""
    net, eps = nets[kind], 0.1
    x, y = garments.images[:20] / 255, garments.labels[:20]
    allowed = attacks.may_change(x, mask)
    margins, rng = net.margins(x, y, eps, allowed), torch.Generator().manual_seed(0)
    closest = math.inf
    for i in range(50):
        d = torch.rand(x.shape, generator=rng) * 2 - 1
        d = (d.sign() if i % 2 else d) * eps
        z = net((x + attacks.within(d, allowed)).clamp(0, 1))
        slack = z.gather(1, y[:, None]) - z - margins
        assert slack.min() > -1e-5
        closest = min(closest, float(slack[torch.arange(10) != y[:, None]].min()))
    assert closest > 0


def test_certified_is_right_and_above_all_others():
    net, x = new_net("certified"), noise(50) / 255
    y = net(x).argmax(1)
    assert certified(net, x, y, 0.0).all()
    assert not certified(net, x, (y + 1) % 10, 0.0).any()
    assert not certified(net, x, y, 1.0).any()


@pytest.mark.parametrize("attack", ["pgd", pytest.param("ensemble", marks=pytest.mark.slow)])
def test_the_certified_share_is_never_above_the_accuracy_under_attack(attack, fitter, garments):
    x, y = garments.images[240:280] / 255, garments.labels[240:280]
    proven = certified(fitter.net, x, y, 0.15)
    right = fitter.net(attacks.attack(attack, fitter.net, x, y, 0.15)).argmax(1) == y
    assert (right | ~proven).all(), "each that is certified withstands"
    assert 5 < proven.sum() < 35


def test_a_certified_share_counts_all_pictures_and_knows_the_mask(fitter, garments):
    pictures = first(garments, 600)
    shares = [classifiers.certified_accuracy(fitter.net, pictures, eps) for eps in (0.0, 0.1, 0.15, 0.3)]
    assert shares[0] == pytest.approx(classifiers.accuracy(fitter.net, pictures))
    assert shares == sorted(shares, reverse=True)
    assert shares[1] > 0.5
    assert shares[-1] == 0
    x, y = pictures.images / 255, pictures.labels
    one = certified(fitter.net, x, y, 0.15, x > 0).float().mean().item()
    assert classifiers.certified_accuracy(fitter.net, pictures, 0.15, "garment") == pytest.approx(one)
    assert one > shares[2]


# The fit


@pytest.mark.parametrize(
    ("warmup", "step", "grown"), [(0.5, 0, 0.1), (0.5, 4, 0.5), (0.5, 9, 1.0), (0.5, 19, 1.0), (0.0, 0, 1.0)]
)
def test_the_loss_by_hand(warmup, step, grown, garments):
    """20 steps: at step i of a warm-up of n, eps is (i + 1) / n of its value, and k has gone so far from 1 to 0.25."""
    changes = {"epochs": 2, "batch": 11, "warmup": warmup, "ordinary": 0.25, "eps": 0.2, "precision": "float32"}
    fitter = Fitter(recipe("certified", **changes), first(garments, 120))
    assert fitter.steps == 20
    x, y = fitter.data.images[:11] / 255, fitter.data.labels[:11]
    loss, logits = fitter.loss(x, y, step)
    z = fitter.net(x).detach().double()
    worst = -propagated(fitter.net, x, y, grown * 0.2).detach()

    def entropy(z):
        return (z.logsumexp(1) - z.gather(1, y[:, None]).squeeze(1)).mean().item()

    k = 1 - 0.75 * grown
    assert loss.item() == pytest.approx(k * entropy(z) + (1 - k) * entropy(worst), rel=1e-4)
    assert torch.allclose(logits.double(), z, atol=1e-5)


def test_an_adversary_changes_the_pictures_of_the_ordinary_loss_only(garments):
    changes = {"epochs": 2, "batch": 11, "warmup": 0.0, "adversarial": "fgsm", "precision": "float32"}
    fitters = {k: Fitter(recipe("certified", ordinary=k, **changes), first(garments, 120)) for k in (0.0, 1.0)}
    x, y = garments.images[:11] / 255, garments.labels[:11]
    bounded = fitters[0.0].loss(x, y, 19)[0]
    assert torch.allclose(bounded, worst_case_loss(fitters[0.0].net.margins(x, y, 0.1), y))
    loss, logits = fitters[1.0].loss(x, y, 19)
    assert torch.allclose(loss, nn.functional.cross_entropy(logits, y))
    assert not torch.equal(logits, fitters[1.0].net(x))


def test_a_fit_records_what_is_certified_and_its_header_holds_it(garments, idx_root, test_garments, tmp_path):
    out = tmp_path / "a.safetensors"
    records = list(classifiers.fit(recipe("certified", epochs=3, batch=25, lr=5e-3), out, root=idx_root))
    ends = [r for r in records if r.held_out is not None]
    assert len(ends) == 3
    assert all(0 <= r.certified <= r.held_out + 1e-6 for r in ends)
    assert all(r.certified is None for r in records if r.held_out is None)
    net = classifiers.load(out)
    assert classifiers.info(out).certified == classifiers.certified_accuracy(net, test_garments, 0.1)
    dense = tmp_path / "b.safetensors"
    records = list(classifiers.fit(recipe("dense", epochs=1, batch=55), dense, root=idx_root))
    assert {r.certified for r in records} == {None}
    assert "certified" not in checkpoint.header_entries(dense)


def test_a_fit_goes_on_from_another_without_its_warm_up(fitter, garments, tmp_path):
    path = tmp_path / "a.safetensors"
    classifiers.save(path, fitter.net, classifiers.FitInfo())
    changes = {"start": str(path), "epochs": 1, "batch": 20, "warmup": 0.0, "lr": 1e-4, "precision": "float32"}
    pictures = first(garments, 240)
    on = Fitter(recipe("certified", **changes), pictures)
    assert all(torch.equal(v, checkpoint.halved(fitter.net.state_dict()[k])) for k, v in on.net.state_dict().items())
    (*_, last) = on.run(math.inf)
    assert last.certified >= classifiers.certified_accuracy(fitter.net, fitter.held_out, 0.1) - 0.1
    assert not torch.equal(on.net.judge.weight, classifiers.load(path).judge.weight)

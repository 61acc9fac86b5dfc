"""Attacks: by hand on linear nets, with closed forms; within ball, box and mask; and against another library's."""

import math
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fashiongan import attacks, classifiers
from fashiongan.attacks import ATTACKS, L2, LINF
from fashiongan.data import datasets
from fashiongan.errors import StudioError

EPS = 0.1


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(classes=3, pixels=16, seed=1):
    """A net whose logits are W x, and W: the gradient does not depend on the picture."""
    w = torch.randn(classes, pixels, generator=rng(seed))
    return (lambda x: x.flatten(1) @ w.T), w


def gray(n, side=4, seed=0):
    """(n, 1, side, side), far enough from black and white that no attack of 0.2 meets the box."""
    return 0.3 + 0.4 * torch.rand(n, 1, side, side, generator=rng(seed))


@pytest.fixture(scope="module")
def net(garments):
    """A net that knows the ten shapes, but can be fooled."""
    fitter = classifiers.Fitter(classifiers.recipe("dense", epochs=6, batch=25), garments)
    list(fitter.run())
    return fitter.net


@pytest.fixture(scope="module")
def pictures(idx_root):
    """(x, y) of 60 test pictures in 0..1."""
    test = datasets.load("fashion-mnist", split="test", root=idx_root)
    return test.images[:60].float() / 255, test.labels[:60]


def right(net, x, y):
    return float((net(x).argmax(1) == y).float().mean())


# By hand


def test_fgsm_by_hand():
    """Two classes: the loss grows with the other's logit less one's own, so the step is eps along that sign."""
    net, w = linear(classes=2)
    x, y = gray(5), torch.tensor([0, 1, 0, 1, 0])
    result = attacks.fgsm(net, x, y, EPS)
    for i in range(5):
        up = (w[1 - y[i]] - w[y[i]]).sign().view(1, 4, 4)
        assert torch.allclose(result[i], x[i] + EPS * up)


def test_fgsm_towards_a_class_by_hand():
    net, w = linear(classes=2)
    x, y = gray(2), torch.tensor([0, 0])
    result = attacks.fgsm(net, x, y, EPS, target=torch.tensor([1, 0]))
    up = (w[1] - w[0]).sign().view(1, 4, 4)
    assert torch.allclose(result[0], x[0] + EPS * up)
    assert torch.allclose(result[1], x[1] - EPS * up), "towards what it is: away from the other"


def test_three_classes_pull_in_proportion_to_their_probability():
    """d CE / dx = sum_k p_k w_k - w_y."""
    net, w = linear()
    x, y = gray(4), torch.tensor([0, 1, 2, 0])
    result, _, _ = attacks.slope(net, x, attacks.error(y))
    p = F.softmax(net(x), 1)
    assert torch.allclose(result.flatten(1), p @ w - w[y], atol=1e-6)


def test_a_pictures_gradient_does_not_shrink_with_the_batch():
    net, _ = linear()
    x, y = gray(6), torch.zeros(6, dtype=torch.long)
    whole, _, _ = attacks.slope(net, x, attacks.error(y))
    alone, _, _ = attacks.slope(net, x[:1], attacks.error(y[:1]))
    assert torch.allclose(whole[:1], alone, atol=1e-6)


@pytest.mark.parametrize("norm", [LINF, L2])
def test_pgd_finds_the_best_point_of_the_ball_of_a_linear_net(norm):
    """Which is x + eps sign(v) in the cube and x + eps v / |v| in the round ball, v the difference of the two rows."""
    net, w = linear(classes=2)
    x, y = gray(3), torch.tensor([0, 1, 1])
    result = attacks.pgd(net, x, y, EPS, None, rng(), norm=norm, steps=200, size=0.5)
    for i in range(3):
        v = (w[1 - y[i]] - w[y[i]]).view(1, 4, 4)
        best = v.sign() if norm is LINF else v / v.norm()
        assert torch.allclose(result[i], x[i] + EPS * best, atol=1e-3)


def test_pgd_within_a_mask_spends_its_whole_length_there():
    net, w = linear(classes=2)
    x, y = gray(1), torch.tensor([0])
    allowed = torch.zeros_like(x, dtype=torch.bool)
    allowed[..., :2] = True
    result = attacks.pgd(net, x, y, EPS, allowed, rng(), norm=L2, steps=200, size=0.5)
    v = (w[1] - w[0]).view(1, 1, 4, 4) * allowed
    assert torch.allclose(result, x + EPS * v / v.norm(), atol=1e-3)


def test_noise_moves_every_allowed_pixel_by_eps_up_or_down():
    x = gray(20)
    d = attacks.noise(None, x, None, EPS, None, rng()) - x
    assert torch.allclose(d.abs(), torch.full_like(d, EPS))
    assert 0.4 < (d > 0).float().mean() < 0.6


@pytest.mark.parametrize(
    ("d", "eps", "cube", "ball"),
    [
        ([0.3, -0.4], 0.2, [0.2, -0.2], [0.12, -0.16]),
        ([0.1, -0.1], 0.2, [0.1, -0.1], [0.1, -0.1]),
        ([0.0, 0.0], 0.2, [0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_projections_by_hand(d, eps, cube, ball):
    d = torch.tensor(d).view(1, 1, 1, 2)
    for norm, expected in ((LINF, cube), (L2, ball)):
        assert torch.allclose(norm.project(d, eps), torch.tensor(expected).view(1, 1, 1, 2))
        assert torch.allclose(norm.project(d, torch.full((1, 1, 1, 1), eps)), torch.tensor(expected).view(1, 1, 1, 2))


@pytest.mark.parametrize("norm", [LINF, L2])
def test_random_starts_fill_the_ball(norm):
    d = norm.start(torch.zeros(4000, 1, 1, 2), rng())
    lengths = norm.length(d).flatten()
    assert lengths.max() <= 1 + 1e-6
    # The share of the ball within half its radius is a quarter, in two dimensions.
    assert (lengths < 0.5).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert d.mean((0, 1, 2)).abs().max() < 0.05


def test_restarts_keep_the_first_that_fools_and_the_most_wrong_of_the_rest():
    """A net with a narrow hole in its defence, which only some random starts fall into."""

    def net(x):
        hole = ((x.flatten(1)[:, 0] - 0.58).abs() < 0.004).float()
        return torch.stack([torch.full((len(x),), 0.5), hole], 1) + 0 * x.flatten(1).sum(1, keepdim=True)

    x, y = torch.full((200, 1, 1, 1), 0.5), torch.zeros(200, dtype=torch.long)
    shares = [1 - right(net, attacks.pgd(net, x, y, EPS, None, rng(), steps=2, restarts=n), y) for n in (1, 5)]
    assert 0 < shares[0] < shares[1]


def test_margin_and_targeted_dlr_by_hand():
    z, y, target = (
        torch.tensor([[5.0, 3.0, 1.0, 0.0], [1.0, 4.0, 2.0, 0.0]]),
        torch.tensor([0, 0]),
        torch.tensor([1, 2]),
    )
    assert attacks.margin(z, y).tolist() == [2.0, -3.0]
    # Equation 7: -(z_y - z_t) / (z_1 - (z_3 + z_4) / 2), the z sorted downwards
    assert attacks.targeted_dlr(y, target)(z).tolist() == pytest.approx([-2 / 4.5, 1 / 3.5])


def test_apgd_checkpoints_come_ever_closer():
    """p = 0, 0.22, 0.41, 0.57, 0.7, 0.8, 0.87, 0.93, 0.99 of a hundred steps (section 3.1)."""
    assert attacks.checkpoints(100) == {22, 41, 57, 70, 80, 87, 93, 99}


@pytest.mark.parametrize(("done", "part"), [(0, 0.8), (0.0011, 0.4), (0.03, 0.1), (0.3, 0.8 / 2**6), (1, 0.8 / 2**9)])
def test_squares_shrink(done, part):
    assert attacks.share(done) == part


@pytest.mark.parametrize("attack", [attacks.apgd, attacks.square, attacks.ensemble])
def test_the_ensembles_parts_fool_a_linear_net_wherever_it_can_be(attack):
    """The margin of a linear net shrinks by at most eps |w_y - w_k|_1: a bound that needs no attack."""
    net, w = linear(classes=4, pixels=36, seed=3)
    x = gray(60, side=6)
    y = net(x).argmax(1)
    others = torch.arange(4) != y[:, None]
    gap = (net(x).gather(1, y[:, None]) - net(x))[others].view(60, 3)
    enough = (gap / (w[y][:, None] - w[None]).abs().sum(2)[others].view(60, 3)).amin(1)
    eps = float(enough.sort().values[30:32].mean())  # between two of them, so that none is at the very edge
    beatable = enough < eps
    assert eps < 0.3, "away from the box"
    won = net(attack(net, x, y, eps, None, rng())).argmax(1) != y
    assert not (won & ~beatable).any()
    # Only the whole tries every class; a part aims at the likeliest class or at random directions.
    assert (won & beatable).sum() >= (1 if attack is attacks.ensemble else 0.75) * beatable.sum()


# Over the catalogue


@pytest.fixture(autouse=True)
def few_queries(monkeypatch):
    """The ensemble's last part queries the net 5,000 times; these tests need far fewer queries."""
    quick = partial(attacks.ensemble, queries=100)
    monkeypatch.setitem(ATTACKS, "ensemble", replace(ATTACKS["ensemble"], run=quick))


def strength(name, eps, x):
    """eps for an attack of a cube, or about as large a change for one of a round ball."""
    return eps if ATTACKS[name].norm is LINF else torch.full((len(x), 1, 1, 1), 28 * eps)


@pytest.mark.slow
def test_a_euclidean_attack_may_be_as_strong_as_in_papers(net, pictures):
    """Up to 10 in length; a change of each pixel goes from black to white at most."""
    x, y = pictures[0][:4], pictures[1][:4]
    far = (attacks.attack("pgd-l2", net, x, y, 2.5) - x).flatten(1).norm(dim=1)
    assert far.max() <= 2.5 + 1e-5
    assert far.min() > 2
    assert attacks.check_eps(10, "pgd-l2") == 10
    for name, eps in (
        ("pgd-l2", 10.1),
        ("pgd", 1.1),
        ("pgd-l2", math.nan),
        ("pgd-l2", -1),
        ("noise", "2"),
        ("fgsm", True),
    ):
        with pytest.raises(StudioError, match=f"^eps cannot be {eps} for {name}: it takes a number from 0 to 10?"):
            attacks.check_eps(eps, name)


# The ensemble runs three of the others, and its parts have a test of their own.
each_attack = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "ensemble" else name for name in ATTACKS]
)


@each_attack
@pytest.mark.parametrize("mask", attacks.MASKS)
def test_results_lie_in_ball_and_box_and_leave_the_rest_alone(name, mask, net, pictures):
    x, y = pictures[0][:12], pictures[1][:12]
    x = torch.where(x < 0.1, 0.0, x)
    result = attacks.attack(name, net, x, y, 0.2, mask)
    d = result - x
    far = d.flatten(1).norm(dim=1) if ATTACKS[name].norm is L2 else d.flatten(1).abs().amax(1)
    assert far.max() <= 0.2 + 1e-5
    assert far.min() > 0.15, "it uses what it may"
    assert result.min() >= 0
    assert result.max() <= 1
    black = x == 0
    assert black.any()
    assert bool((d[black] == 0).all()) == (mask == "garment")


@pytest.mark.parametrize("name", ATTACKS)
def test_accuracy_falls_and_no_blind_noise_beats_pgd(name, net, pictures):
    x, y = pictures
    result = attacks.attack(name, net, x, y, strength(name, 0.3, x))
    if name != "noise":
        assert right(net, result, y) < right(net, x, y) - 0.2
    blind = attacks.attack("noise", net, x, y, 0.3, "none")
    assert right(net, attacks.attack("pgd", net, x, y, 0.3), y) <= right(net, blind, y)


@pytest.mark.parametrize("name", [k for k, a in ATTACKS.items() if a.targeted])
def test_a_target_is_hit_more_often(name, net, pictures):
    x, y = pictures[0][pictures[1] != 3], pictures[1][pictures[1] != 3]
    target = torch.full_like(y, 3)
    eps = strength(name, 0.3, x)

    def hit(z):
        return float((net(z).argmax(1) == 3).float().mean())

    aimed = hit(attacks.attack(name, net, x, y, eps, target=target))
    assert aimed > hit(x) + 0.2
    assert aimed > hit(attacks.attack(name, net, x, y, eps))


@each_attack
def test_the_same_rng_gives_the_same_picture_and_zero_strength_changes_nothing(name, net, pictures):
    x, y = pictures[0][:4], pictures[1][:4]
    before = torch.get_rng_state()
    one, two = (attacks.attack(name, net, x, y, 0.05, rng=rng(7)) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(attacks.attack(name, net, x, y, 0), x)
    assert torch.equal(torch.get_rng_state(), before)


@each_attack
def test_each_picture_may_have_its_own_strength(name, net, pictures):
    x, y = pictures[0][:1].expand(3, -1, -1, -1), pictures[1][:1].expand(3)
    eps = torch.tensor([0.01, 0.05, 0.2]).view(3, 1, 1, 1)
    d = (attacks.attack(name, net, x, y, eps) - x).flatten(1)
    far = d.norm(dim=1) if ATTACKS[name].norm is L2 else d.abs().amax(1)
    assert (far <= eps.flatten() * 1.001).all()
    assert far[0] < far[1] < far[2]


def test_the_mask_covers_the_pixels_of_the_garment():
    x = torch.tensor([0.0, 1 / 255, 1.0]).view(1, 1, 1, 3)
    assert attacks.may_change(x, "garment").flatten().tolist() == [False, True, True]
    assert attacks.may_change(x, "none") is None


def test_a_result_outside_ball_or_mask_is_never_reported(monkeypatch, net, pictures):
    x, y = pictures[0][:2].clamp(0.05, 0.9), pictures[1][:2]
    x[0, 0, 0, 0] = 0
    for result in (x + 0.02, x - 0.06, torch.where(x == 0, 0.005, x)):
        monkeypatch.setitem(ATTACKS, "wild", replace(ATTACKS["fgsm"], run=lambda *_, result=result: result))
        with pytest.raises(StudioError, match="broke its own rules"):
            attacks.attack("wild", net, x, y, 0.01, "garment")


@pytest.mark.parametrize("eps", [-0.1, 1.1, math.nan, math.inf, "much", None, True])
def test_a_bad_strength_is_named(eps, net, pictures):
    with pytest.raises(StudioError, match=r"eps cannot be .*: it takes a number from 0 to 1"):
        attacks.attack("fgsm", net, *pictures, eps)


def test_other_bad_input_is_named(net, pictures):
    x, y = pictures
    for arguments, message in (
        (("magic", net, x, y, 0.1), "no attack called 'magic'.*noise, fgsm, pgd"),
        (("fgsm", net, x, y, 0.1, "hat"), "mask cannot be 'hat'"),
        (("noise", net, x, y, 0.1, "none", None, y), "noise cannot be sent towards a class: choose one of fgsm"),
        (("ensemble", net, x, y, 0.1, "none", None, y), "ensemble cannot be sent"),
    ):
        with pytest.raises(StudioError, match=message):
            attacks.attack(*arguments)
    with pytest.raises(StudioError, match="28 x 28, not 1 x 4 x 4"):
        attacks.attack("fgsm", net, gray(2), torch.tensor([0, 1]), 0.1)


# Another library's


@pytest.mark.slow
@pytest.mark.skipif(not Path(datasets.DEBIAN).is_dir(), reason="the real Fashion-MNIST is not installed")
class TestBesideArt:
    """The Adversarial Robustness Toolbox on the same net and pictures."""

    @pytest.fixture(scope="class")
    def real(self):
        """A bundled net, 500 real test pictures, and the net as ART wants it."""
        art = pytest.importorskip("art.estimators.classification")
        net = classifiers.load("dense")
        test = datasets.load("fashion-mnist", split="test", root=datasets.DEBIAN)
        theirs = art.PyTorchClassifier(net, torch.nn.CrossEntropyLoss(), (1, 28, 28), 10, clip_values=(0, 1))
        return net, test.images[:500].float() / 255, test.labels[:500], theirs

    @pytest.mark.parametrize("eps", [0.01, 0.025, 0.1])
    def test_fgsm_pixel_for_pixel(self, real, eps):
        net, x, y, theirs = real
        fgsm = sys.modules["art"].attacks.evasion.FastGradientMethod(theirs, eps=eps, batch_size=500)
        expected = torch.tensor(fgsm.generate(x.numpy(), y.numpy()))
        assert torch.allclose(attacks.attack("fgsm", net, x, y, eps), expected, atol=1e-6)

    @pytest.mark.parametrize(("name", "norm", "eps"), [("pgd", "inf", 0.02), ("pgd-l2", 2, 0.3)])
    def test_pgd_to_within_a_point(self, real, name, norm, eps):
        net, x, y, theirs = real
        settings = {"norm": norm, "eps": eps, "eps_step": eps * 2.5 / 40, "max_iter": 40, "num_random_init": 1}
        pgd = sys.modules["art"].attacks.evasion.ProjectedGradientDescent(
            theirs, batch_size=500, verbose=False, **settings
        )
        expected = right(net, torch.tensor(pgd.generate(x.numpy(), y.numpy())), y)
        assert right(net, attacks.attack(name, net, x, y, eps), y) == pytest.approx(expected, abs=0.01)

    def test_apgd_is_as_strong(self, real):
        net, x, y, theirs = real
        eps = 0.02
        apgd = sys.modules["art"].attacks.evasion.AutoProjectedGradientDescent(
            theirs, norm="inf", eps=eps, eps_step=2 * eps, max_iter=100, batch_size=500, verbose=False
        )
        expected = right(net, torch.tensor(apgd.generate(x.numpy(), y.numpy())), y)
        ours = right(net, attacks.apgd(net, x, y, eps, None, rng()), y)
        assert ours <= expected + 0.01
        ensemble, pgd = (right(net, attacks.attack(name, net, x, y, eps), y) for name in ("ensemble", "pgd-5"))
        assert ensemble <= pgd

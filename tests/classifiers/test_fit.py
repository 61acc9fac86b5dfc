"""Fits: which pictures are learned from and held out, each step by hand, and the records of a fit."""

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from classifier_parts import first, refused, run

from fashiongan import classifiers
from fashiongan.classifiers import CLASSIFIERS, Fitter, recipe
from fashiongan.data import datasets

# What is learned from


@pytest.mark.parametrize(("n", "held"), [(60_000, 5_000), (70_000, 5_000), (59_999, 4_999), (600, 50), (12, 1)])
def test_the_split_holds_out_5000_or_a_twelfth(n, held):
    before = torch.get_rng_state()
    learn, measure = classifiers.split(n)
    assert len(measure) == held
    assert torch.cat([learn, measure]).sort().values.equal(torch.arange(n))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_split_is_random_and_the_same_every_time():
    torch.manual_seed(1)
    learn, held = classifiers.split(60_000)
    torch.manual_seed(2)
    assert all(torch.equal(a, b) for a, b in zip((learn, held), classifiers.split(60_000), strict=True))
    assert held.double().mean().item() == pytest.approx(30_000, abs=1_000)
    assert torch.bincount(held // 6_000).min() > 400


def test_held_out_pictures_are_never_learned_from_and_all_others_once_an_epoch(garments):
    """Each picture carries its number in its first pixel."""
    pictures = first(garments, 120)
    images = pictures.images.clone()
    images[:, 0, 0, 0] = torch.arange(120)
    fitter = Fitter(recipe("dense", epochs=2, batch=11), replace(pictures, images=images))
    learned, measured = [], []

    def look(net, args):
        (learned if net.training else measured).extend((args[0][:, 0, 0, 0] * 255).round().int().tolist())

    fitter.net.register_forward_pre_hook(look)
    list(fitter.run())
    learn, held = (i.tolist() for i in classifiers.split(120))
    assert (len(learn), len(held)) == (110, 10)
    for epoch in (learned[:110], learned[110:]):
        assert sorted(epoch) == learn
        assert epoch != learn, "shuffled"
    assert learned[:110] != learned[110:]
    assert measured == held * 2


def test_labels_stay_with_their_pictures(garments):
    fitter = Fitter(recipe("dense", batch=16), garments)
    for part in (fitter.data, fitter.held_out):
        for image, label in zip(part.images[:20], part.labels[:20], strict=True):
            again = (garments.images == image).all((1, 2, 3)).nonzero().item()
            assert garments.labels[again] == label


def test_the_test_pictures_are_not_read_before_the_last_step(monkeypatch, idx_root, tmp_path):
    events, read = [], datasets.fashion_mnist
    monkeypatch.setattr(datasets, "fashion_mnist", lambda split, root: (events.append(split), read(split, root))[1])
    for record in classifiers.fit(recipe("dense", epochs=2, batch=50), tmp_path / "a.safetensors", root=idx_root):
        events.append(record.step)
    assert events[0] == "train"
    assert events[1:-1] == sorted(events[1:-1])
    assert events[-2:] == [22, "test"]


def test_the_test_pictures_decide_nothing(fitted, idx_writer, tmp_path, same):
    root = idx_writer(tmp_path / "other", test=30)
    out = tmp_path / "again.safetensors"
    list(classifiers.fit(classifiers.load(fitted[0]).recipe, out, root=root))
    assert classifiers.info(out).tested == 30
    assert same(classifiers.load(out).state_dict(), classifiers.load(fitted[0]).state_dict())


def test_augmentation_is_for_learning_only(garments):
    """Pictures bright on the left: mirrored ones are bright in column 22 however they are shifted."""
    images = torch.zeros(120, 1, 28, 28, dtype=torch.uint8)
    images[..., :14] = 255
    fitter = Fitter(
        recipe("dense", epochs=1, batch=110, augment="flip,shift"), replace(first(garments, 120), images=images)
    )
    seen = {True: [], False: []}
    fitter.net.register_forward_pre_hook(lambda net, args: seen[net.training].append(args[0]))
    list(fitter.run())
    learned, measured = torch.cat(seen[True]), torch.cat(seen[False])
    assert 0.3 < learned[:, 0, 14, 22].mean() < 0.7
    assert ((learned.amax(3) == 0).any(2)).float().mean() > 0.5, "moved up or down"
    assert torch.equal(measured, images[:10] / 255)


# How it is learned


def fitter_of_100_steps(garments, **changes):
    return Fitter(recipe("dense", epochs=10, batch=11, **changes), first(garments, 120))


def test_a_constant_rate_is_constant(garments):
    fitter = fitter_of_100_steps(garments, lr=0.01)
    assert fitter.steps == 100
    assert {fitter.rate(step) for step in range(100)} == {0.01}


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.001), (2, 0.001), (4, 0.002), (10, 0.005), (19, 0.0095), (20, 0.01), (60, 0.005), (99, 0.000125)],
)
def test_one_cycle_climbs_for_a_fifth_and_descends_to_zero(step, rate, garments):
    assert fitter_of_100_steps(garments, lr=0.01, schedule="one cycle").rate(step) == pytest.approx(rate)


def test_the_rate_reaches_the_optimiser(garments):
    fitter = fitter_of_100_steps(garments, schedule="one cycle")
    used = []
    fitter.opt.register_step_pre_hook(lambda opt, *_: used.extend(g["lr"] for g in opt.param_groups))
    list(fitter.run())
    assert used == [fitter.rate(step) for step in range(100)]
    assert used[0] < used[20] > used[99]


@pytest.mark.parametrize(("smoothing", "decay"), [(0.0, 0.0), (0.3, 0.0), (0.0, 5.0), (0.2, 2.0)])
def test_one_step_by_hand(smoothing, decay, garments):
    """Cross-entropy against (1 - s) of the answer and s over all ten, then AdamW's first step: lr g / |g|."""
    lr = 0.01
    fitter = Fitter(recipe("dense", epochs=1, batch=110, lr=lr, smoothing=smoothing, decay=decay), first(garments, 120))
    w = {k: v.double().numpy().copy() for k, v in fitter.net.state_dict().items()}
    (record,) = fitter.run()

    x, y = fitter.data.images.flatten(1).numpy() / 255, fitter.data.labels.numpy()
    expected = (1 - smoothing) * np.eye(10)[y] + smoothing / 10
    h = np.maximum(x @ w["hidden.weight"].T + w["hidden.bias"], 0)
    z = h @ w["judge.weight"].T + w["judge.bias"]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert record.loss == pytest.approx(-(expected * np.log(p)).sum(1).mean(), rel=1e-5)
    assert record.accuracy == pytest.approx((z.argmax(1) == y).mean())

    dz = (p - expected) / 110
    dh = dz @ w["judge.weight"] * (h > 0)
    gradients = {
        "judge.weight": dz.T @ h,
        "judge.bias": dz.sum(0),
        "hidden.weight": dh.T @ x,
        "hidden.bias": dh.sum(0),
    }
    for name, result in fitter.net.state_dict().items():
        g = gradients[name]
        moved = w[name] * (1 - lr * decay) - lr * g / (np.abs(g) + 1e-8)
        sure = (np.abs(g) > 1e-6) | (g == 0)  # of what is nearly 0, float32 may miss the sign
        assert sure.mean() > 0.9, name
        assert np.allclose(result[torch.tensor(sure)], moved[sure], atol=lr / 50), name


@pytest.mark.parametrize(
    "name", [name if name in ("dense", "cnn") else pytest.param(name, marks=pytest.mark.slow) for name in CLASSIFIERS]
)
def test_the_seed_decides_every_bit_and_other_generators_nothing(name, garments, same):
    def weights(seed, elsewhere):
        torch.manual_seed(elsewhere)
        before = torch.get_rng_state()
        fitter, _ = run(first(garments, 60), name, epochs=1, batch=27, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        return fitter.net.state_dict()

    a = weights(seed=7, elsewhere=1)
    assert same(a, weights(seed=7, elsewhere=2))
    assert not same(a, weights(seed=8, elsewhere=1))


def test_the_seed_decides_weights_order_and_dropout(garments):
    one, other = (Fitter(recipe("conv", seed=seed, batch=20), first(garments, 60)) for seed in (1, 2))
    assert not torch.equal(one.net.first.weight, other.net.first.weight)
    assert not torch.equal(one.shuffle[0], other.shuffle[0])
    x = torch.ones(1, 64, 14, 14)
    assert one.net.drop.rng is one.rng
    assert not torch.equal(one.net.train().drop(x), other.net.train().drop(x))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dense", {"epochs": 4, "batch": 10}),
        ("conv", {"epochs": 2, "batch": 10, "lr": 1e-3}),
        pytest.param("cnn", {"epochs": 2, "batch": 10, "augment": ""}, marks=pytest.mark.slow),
        pytest.param("robust", {"epochs": 3, "batch": 10}, marks=pytest.mark.slow),
        pytest.param("certified", {"epochs": 4, "batch": 10}, marks=pytest.mark.slow),
    ],
)
def test_every_net_learns_ten_shapes(name, changes, garments):
    fitter, records = run(first(garments, 240), name, **changes)
    assert records[-1].held_out >= 0.96
    assert records[0].loss > 2 > records[-1].loss
    assert classifiers.accuracy(fitter.net, fitter.held_out) == pytest.approx(records[-1].held_out)


def test_bfloat16_is_for_learning_only(garments):
    kinds = {True: set(), False: set()}
    for precision in ("float32", "bfloat16"):
        fitter = Fitter(recipe("dense", epochs=1, batch=55, precision=precision), first(garments, 120))
        fitter.net.hidden.register_forward_hook(lambda _layer, _x, y: kinds[fitter.net.training].add(y.dtype))  # noqa: B023
        list(fitter.run())
        assert fitter.net.hidden.weight.dtype == torch.float32
    assert kinds == {True: {torch.float32, torch.bfloat16}, False: {torch.float32}}


# Records


def test_records_add_up(garments):
    """110 pictures to learn from in batches of 20: epochs end within steps 6, 11 and 17."""
    fitter, records = run(first(garments, 120), epochs=3, batch=20)
    assert [n.step for n in records] == list(range(1, 18))
    assert {n.steps for n in records} == {17}
    assert [n.step for n in records if n.held_out is not None] == [6, 11, 17]
    assert [n.epoch for n in records] == pytest.approx([n.step * 20 / 110 for n in records])
    assert all(n.images_per_second > 0 for n in records)
    for before, after in pairwise(records):
        assert 20 / (after.seconds - before.seconds) == pytest.approx(after.images_per_second, rel=1e-3)
    assert records[-1].held_out == pytest.approx(classifiers.accuracy(fitter.net, fitter.held_out))


def test_a_record_holds_the_means_since_the_previous_record(garments):
    changes = {"epochs": 3, "batch": 20, "seed": 5}
    _, often = run(first(garments, 120), **changes)
    _, rare = run(first(garments, 120), pace=math.inf, **changes)
    assert [n.step for n in rare] == [6, 11, 17]
    before, seconds = 0, 0.0
    for n in rare:
        steps = often[before : n.step]
        assert n.loss == pytest.approx(sum(s.loss for s in steps) / len(steps), rel=1e-5)
        assert n.accuracy == pytest.approx(sum(s.accuracy for s in steps) / len(steps))
        assert n.images_per_second == pytest.approx(20 * len(steps) / (n.seconds - seconds))
        assert n.held_out == steps[-1].held_out
        before, seconds = n.step, n.seconds


def test_the_interval_of_records_does_not_change_the_fit(garments, same):
    """Measuring switches the cnn's batch norm to eval mode: learning goes on in training mode."""
    changes = {"epochs": 2, "batch": 27}
    (often, _), (rare, _) = (run(first(garments, 60), "cnn", pace, **changes) for pace in (0.0, math.inf))
    assert same(often.net.state_dict(), rare.net.state_dict())
    assert often.net.norms[0].num_batches_tracked == often.steps == 5


def test_a_net_is_frozen_after_its_fit(garments):
    fitter, _ = run(first(garments, 60), epochs=1, batch=20)
    assert not fitter.net.training
    assert not any(p.requires_grad for p in fitter.net.parameters())


def test_a_fit_that_diverges_is_refused_and_writes_nothing(idx_root, tmp_path):
    """A decay of 10 at a rate of 1 multiplies every weight by -9 a step."""
    wild = recipe("dense", lr=1.0, decay=10.0, batch=11)
    records = []
    message = refused(
        r"diverged at step \d+: try a lower learning rate",
        lambda: records.extend(classifiers.fit(wild, tmp_path / "a.safetensors", root=idx_root)),
    )
    assert int(re.search(r"step (\d+)", message)[1]) <= 50, "seen by the end of the first epoch"
    assert all(math.isfinite(n.loss) for n in records)
    assert not (tmp_path / "a.safetensors").exists()

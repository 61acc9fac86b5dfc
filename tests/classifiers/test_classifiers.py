"""Classifiers: report 001's exact nets, fits that repeat to the bit and never see the test, and files one can trust."""

import json
import math
import os
import pickle
import re
import shlex
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save as pack

from fashiongan import checkpoint, classifiers, cli
from fashiongan.classifiers import CLASSIFIERS, Fitter, recipe, store
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.gans.recipe import knobs

WIDTHS = {"dense": 128, "conv": 128 * 7 * 7, "cnn": 128, "robust": 128}
TINY = ["--epochs", "2", "--batch", "25"]


def new_net(name, seed=0):
    """A net with starting weights, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLASSIFIERS[name](replace(recipe(name), labels=datasets.CLASSES)).eval().requires_grad_(False)


def noise(n, seed=0):
    """(n, 1, 28, 28) uint8."""
    return torch.randint(0, 256, (n, 1, 28, 28), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def first(garments, n):
    return replace(garments, images=garments.images[:n], labels=garments.labels[:n])


def run(pictures, name="dense", pace=0.0, **changes):
    """The fitter after a fit, and its records."""
    fitter = Fitter(recipe(name, **changes), pictures)
    return fitter, list(fitter.run(pace))


def refused(match, work, *args, **kwargs):
    """The one sentence of a StudioError."""
    with pytest.raises(StudioError, match=match) as caught:
        work(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.fixture(scope="module")
def fitted(idx_root, tmp_path_factory):
    """A dense net's file, as `fit` writes it, and the records of its fit."""
    path = tmp_path_factory.mktemp("fitted") / "dense.safetensors"
    return path, list(classifiers.fit(recipe("dense", epochs=3, batch=25), path, root=idx_root))


@pytest.fixture(scope="module")
def test_garments(idx_root):
    return datasets.load("fashion-mnist", split="test", root=idx_root)


@pytest.fixture
def parts(fitted):
    """The tensors and the header of that file."""
    with checkpoint.opened(fitted[0]) as (f, header):
        return {k: f.get_tensor(k) for k in f.keys()}, dict(header)  # noqa: SIM118  f is no dict


# The nets


@pytest.mark.parametrize(("name", "count"), [("dense", 101_770), ("conv", 269_322)])
def test_report_001s_nets_have_its_numbers_of_weights(name, count):
    assert sum(p.numel() for p in new_net(name).parameters()) == count


def test_the_cnn_is_small():
    assert 100_000 < sum(p.numel() for p in new_net("cnn").parameters()) < 300_000


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_shapes(name):
    net, x = new_net(name), noise(3) / 255
    assert net.features(x).shape == (3, WIDTHS[name])
    assert net(x).shape == (3, 10)
    assert net(x[:0]).shape == (0, 10)
    with torch.autocast("cpu", torch.bfloat16):
        assert net(x).dtype == torch.float32


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 28, 28), "not 3 x 28 x 28"),
        ((2, 1, 32, 32), "not 1 x 32 x 32"),
        ((2, 1, 28, 32), "not 1 x 28 x 32"),
        ((1, 28, 28), "not 28 x 28"),
    ],
)
def test_a_wrong_shape_is_named(name, shape, message):
    refused(message, new_net(name), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(40, 3, 28, 28), (40, 1, 32, 32)])
def test_only_gray_pictures_of_28_pixels_are_fitted(shape, garments):
    images = torch.zeros(shape, dtype=torch.uint8)
    refused("gray pictures of 28 x 28", Fitter, recipe("dense"), replace(first(garments, 40), images=images))


def test_dense_by_hand():
    net, x = new_net("dense"), noise(5)
    w = {k: v.double().numpy() for k, v in net.state_dict().items()}
    h = np.maximum(x.flatten(1).numpy() / 255 @ w["hidden.weight"].T + w["hidden.bias"], 0)
    assert 0.2 < (h > 0).mean() < 0.8
    assert np.allclose(net.features(x / 255), h, atol=1e-5)
    assert np.allclose(net(x / 255), h @ w["judge.weight"].T + w["judge.bias"], atol=1e-5)


def keras_same(x, weight, bias, stride):
    """Keras's "same" convolution: ceil(n / stride) places, and of an odd pad the larger half at the right and below."""
    n, k = x.shape[-1], weight.shape[-1]
    pad = (math.ceil(n / stride) - 1) * stride + k - n
    before, after = pad // 2, pad - pad // 2
    x = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    seen = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", seen, weight, optimize=True) + bias[:, None, None]


def test_conv_by_hand():
    net, x = new_net("conv"), noise(2)
    w = {k: v.double().numpy() for k, v in net.state_dict().items()}
    seen = []
    for layer in (net.first, net.second):
        layer.register_forward_hook(lambda _layer, _x, y: seen.append(y.numpy()))
    features = net.features(x / 255)
    h = x.numpy() / 255 * 2 - 1
    for name, result, size in zip(("first", "second"), seen, (14, 7), strict=True):
        y = keras_same(h, w[f"{name}.weight"], w[f"{name}.bias"], stride=2)
        assert result.shape[2:] == (size, size)
        assert np.allclose(result, y, atol=1e-5)
        h = np.where(y > 0, y, 0.3 * y)
    assert np.allclose(features, h.reshape(2, -1), atol=1e-5)
    assert np.allclose(net(x / 255), h.reshape(2, -1) @ w["judge.weight"].T + w["judge.bias"], atol=1e-5)


def test_conv_drops_three_tenths_in_training_only():
    net, x = new_net("conv"), noise(8) / 255
    net.drop.rng = torch.Generator().manual_seed(0)
    for layer in (net.first, net.second):
        layer.register_forward_pre_hook(lambda layer, x: shares.append((x[0] == 0).float().mean().item()))
    shares = []
    bare = net.features(x)
    assert (bare == 0).float().mean() < 0.001
    net.train()
    shown = net.features(x)
    kept = shown != 0
    assert 1 - kept.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert shares[3] - shares[1] == pytest.approx(0.3 * (1 - shares[1]), abs=0.02), "after the first layer too"
    assert shown.abs().mean().item() == pytest.approx(bare.abs().mean().item(), rel=0.2), (
        "what is kept makes up for the rest"
    )


def blocks(picture, side):
    """(n, n) -> (n / side, n / side): the largest of each block."""
    n = len(picture) // side
    return picture.reshape(n, side, n, side).max((1, 3))


def see_through(net, which):
    """Convolutions that copy channel 0 and know nothing else: the numbered ones on, the others off."""
    for i, conv in enumerate(net.convs):
        conv.weight.zero_()
        conv.weight[0, 0, 1, 1] = float(i in which)
    for norm in net.norms:
        norm.eps = 0.0


@pytest.mark.parametrize("second", [(), (1,), (3,), (5,), (1, 3, 5)])
def test_the_second_convolution_of_a_pair_adds_to_the_first(second):
    """Off, it changes nothing; on, it doubles. Two pools of 2 keep the largest pixel of each block of 4."""
    net, x = new_net("cnn"), noise(1)
    see_through(net, {0, 2, 4, *second})
    features = net.features(x / 255)[0]
    assert features[0].item() == pytest.approx(2 ** len(second) * blocks(x[0, 0].numpy() / 255, 4).mean(), rel=1e-5)
    assert not features[1:].any()


def test_cnns_pools_come_after_the_pairs_at_28_and_14_pixels():
    net, sizes = new_net("cnn"), []
    for conv in net.convs:
        conv.register_forward_hook(lambda _conv, x, y: sizes.append((x[0].shape[2], y.shape[2])))
    net.features(noise(1) / 255)
    assert sizes == [(28, 28), (28, 28), (14, 14), (14, 14), (7, 7), (7, 7)]


@pytest.mark.parametrize("layer", range(6))
def test_cnns_norms_come_before_its_relus(layer):
    net, x = new_net("cnn"), noise(1)
    see_through(net, {0, 2, 4})
    norm = net.norms[layer]
    norm.running_mean.fill_(0.25)
    norm.running_var.fill_(0.25)
    norm.weight.fill_(2.0)
    norm.bias.fill_(-1.0)

    def normed(h):
        return np.maximum((h - 0.25) / 0.5 * 2 - 1, 0)

    h = x[0, 0].numpy() / 255
    for i in range(6):
        if i % 2 == 0:
            h = normed(h) if i == layer else h
        elif i == layer:
            h = normed(np.zeros_like(h)) + h
        if i in (1, 3):
            h = blocks(h, 2)
    assert net.features(x / 255)[0, 0].item() == pytest.approx(h.mean(), rel=1e-5)


# Recipes


@pytest.mark.parametrize(("name", "epochs"), [("dense", 10), ("conv", 50), ("cnn", 16), ("robust", 12)])
def test_each_net_brings_its_own_defaults(name, epochs):
    assert recipe(name).epochs == epochs
    assert recipe(name).classifier == name


def test_report_001s_settings():
    plain = {"schedule": "constant", "decay": 0.0, "smoothing": 0.0, "augment": "", "precision": "float32"}
    for name, lr, batch in (("dense", 1e-3, 128), ("conv", 1e-4, 256)):
        assert recipe(name) == CLASSIFIERS[name].recipe_type(classifier=name, lr=lr, batch=batch, **plain)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("supernet", {}, "no classifier called 'supernet'.*dense, conv, cnn"),
        ("", {}, "no classifier called ''"),
        ("dense", {"width": 64}, "no setting called 'width'.*epochs, batch, seed, lr"),
        ("dense", {"labels": ("a", "b")}, "no setting called 'labels'"),
        ("dense", {"epochs": 0}, "epochs cannot be 0: it takes a whole number from 1 to 10000"),
        ("conv", {"epochs": 1.5}, "epochs cannot be 1.5: it takes a whole number"),
        ("cnn", {"batch": 1}, "batch cannot be 1: it takes a whole number from 2 to 4096"),
        ("dense", {"batch": True}, "batch cannot be True"),
        ("dense", {"lr": float("nan")}, "lr cannot be nan: it takes a number from 1e-07 to 1"),
        ("dense", {"lr": "fast"}, "lr cannot be 'fast'"),
        ("dense", {"seed": -1}, "seed cannot be -1"),
        ("dense", {"decay": 11}, "decay cannot be 11.0: it takes a number from 0 to 10"),
        ("dense", {"smoothing": 1.0}, "smoothing cannot be 1.0: it takes a number from 0 to 0.9"),
        ("dense", {"schedule": "linear"}, "schedule cannot be linear: it takes one of constant, one cycle"),
        ("cnn", {"augment": "zoom"}, "augment cannot be zoom.*flip,shift,cutout"),
        ("cnn", {"precision": "float16"}, "precision cannot be float16: it takes one of float32, bfloat16"),
    ],
)
def test_a_bad_recipe_is_refused_with_the_allowed_values(name, changes, message):
    refused(message, recipe, name, **changes)


def test_a_batch_larger_than_the_pictures_is_named(garments):
    assert Fitter(recipe("dense", batch=550), garments).steps == 10
    refused("batch cannot be 551: there are 550 pictures", Fitter, recipe("dense", batch=551), garments)


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
    for part in (fitter.data, fitter.held):
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
    assert classifiers.info(out)["tested"] == 30
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


@pytest.mark.parametrize("name", CLASSIFIERS)
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
        ("cnn", {"epochs": 2, "batch": 10, "augment": ""}),
        ("robust", {"epochs": 3, "batch": 10}),
    ],
)
def test_every_net_learns_ten_shapes(name, changes, garments):
    fitter, records = run(first(garments, 240), name, **changes)
    assert records[-1].held_out >= 0.96
    assert records[0].loss > 2 > records[-1].loss
    assert classifiers.accuracy(fitter.net, fitter.held) == pytest.approx(records[-1].held_out)


def test_bfloat16_is_for_learning_only(garments):
    kinds = {True: set(), False: set()}
    for precision in ("float32", "bfloat16"):
        fitter = Fitter(recipe("dense", epochs=1, batch=55, precision=precision), first(garments, 120))
        fitter.net.hidden.register_forward_hook(lambda _layer, _x, y: kinds[fitter.net.training].add(y.dtype))  # noqa: B023
        list(fitter.run())
        assert fitter.net.hidden.weight.dtype == torch.float32
    assert kinds == {True: {torch.float32, torch.bfloat16}, False: {torch.float32}}


# News


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
    assert records[-1].held_out == pytest.approx(classifiers.accuracy(fitter.net, fitter.held))


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


# What a net predicts


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_features_and_logits_are_those_of_the_net(name):
    net, x = new_net(name), noise(7)
    seen, logits = classifiers.features(net, x)
    assert seen.shape == (7, WIDTHS[name])
    assert seen.dtype == logits.dtype == torch.float32
    assert torch.allclose(seen, net.features(x / 255), atol=1e-5)
    assert torch.allclose(logits, net(x / 255), atol=1e-5)
    assert torch.allclose(classifiers.logits(net, x), logits, atol=1e-6)
    assert torch.allclose(net.judge(seen), logits, atol=1e-6)
    assert logits.std() > 0.01


@pytest.mark.parametrize(("name", "n"), [("dense", 1003), ("conv", 20), ("cnn", 20)])
def test_predictions_do_not_depend_on_the_batch(name, n):
    net, x = new_net(name), noise(n)
    seen, logits = classifiers.features(net, x)
    assert len(seen) == len(logits) == n
    assert torch.allclose(classifiers.logits(net, x), logits, atol=1e-5)
    for i in {0, n // 2 - 2, n // 2, n - 4, n - 1}:
        alone = classifiers.features(net, x[i : i + 1])
        assert torch.allclose(alone[0][0], seen[i], atol=1e-5)
        assert torch.allclose(alone[1][0], logits[i], atol=1e-5)


@pytest.mark.parametrize("name", ["conv", "cnn"])
@pytest.mark.parametrize("look", [classifiers.logits, lambda net, x: classifiers.features(net, x)[1]])
def test_a_net_in_training_is_evaluated_in_eval_mode(name, look):
    net, x = new_net(name), noise(4)
    calm = look(net, x)
    assert torch.equal(look(net.train(), x), calm)


def test_confusion_counts_by_class_and_name(fitted, test_garments):
    net = classifiers.load(fitted[0])
    mixed = replace(test_garments, labels=(test_garments.labels // 2).roll(1))
    table = [[0] * 10 for _ in range(10)]
    for label, predicted in zip(mixed.labels, classifiers.logits(net, mixed.images).argmax(1), strict=True):
        table[label][predicted] += 1
    assert classifiers.confusion(net, mixed) == table
    assert [sum(row) for row in table] == mixed.counts
    assert table != [list(column) for column in zip(*table, strict=True)]
    right = sum(table[i][i] for i in range(10))
    assert classifiers.accuracy(net, mixed) == pytest.approx(right / 200)


# Files


def test_a_file_gives_back_the_net_to_the_last_bit(garments, tmp_path, same):
    for name in CLASSIFIERS:
        fitter, _ = run(first(garments, 60), name, epochs=1, batch=27)
        path = tmp_path / "deep" / f"{name}.safetensors"
        classifiers.save(path, fitter.net, {"note": name})
        for where in (path, str(path)):
            net = classifiers.load(where)
            assert same(net.state_dict(), fitter.net.state_dict())
        assert net.recipe == fitter.recipe
        assert type(net) is type(fitter.net)
        assert net.recipe.labels == datasets.CLASSES
        assert not net.training
        assert not any(p.requires_grad for p in net.parameters())
        assert classifiers.info(path) == {"note": name}
        x = garments.images[:20]
        assert torch.allclose(classifiers.logits(net, x), classifiers.logits(fitter.net, x), atol=1e-4)


def test_a_file_records_its_command_and_its_accuracy_it_does(fitted, test_garments):
    path, records = fitted
    info, net = classifiers.info(path), classifiers.load(path)
    assert info["command"] == "python -m fashiongan fit dense --epochs 3 --batch 25"
    assert info["tested"] == len(test_garments) == 200
    assert [sum(row) for row in info["confusion"]] == test_garments.counts
    assert info["confusion"] == classifiers.confusion(net, test_garments)
    assert info["accuracy"] == sum(info["confusion"][i][i] for i in range(10)) / 200
    assert info["accuracy"] == pytest.approx(classifiers.accuracy(net, test_garments))
    assert info["accuracy"] > 0.96
    assert info["held_out"] == records[-1].held_out
    assert info["seconds"] == round(records[-1].seconds, 1)
    assert info["torch"] == torch.__version__
    assert info["device"].startswith("CPU")
    assert records[-1].step == records[-1].steps == 66


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dense", {}),
        ("conv", {"epochs": 1, "lr": 1e-7, "schedule": "one cycle"}),
        ("cnn", {"augment": "", "precision": "float32", "decay": 0.0, "smoothing": 0.0, "schedule": "constant"}),
        ("cnn", {"augment": "flip,shift,cutout", "seed": 3, "batch": 64, "lr": 0.1 + 0.2}),
    ],
)
def test_the_command_in_the_header_makes_the_same_recipe(name, changes, monkeypatch):
    recipes = []
    monkeypatch.setattr(classifiers, "fit", lambda r, *_: (recipes.append(r), (n for n in ()))[1])
    expected = recipe(name, **changes)
    words = shlex.split(classifiers.command(replace(expected, labels=datasets.CLASSES)))
    assert words[:5] == ["python", "-m", "fashiongan", "fit", name]
    assert len(words) == 5 + 2 * len(changes)
    cli.main(words[3:])
    assert recipes == [expected]


@pytest.mark.parametrize("name", ["nothing", "", "no/such.safetensors", "../dcgan", "."])
def test_a_missing_classifier_is_named_with_the_bundled_ones(name, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    refused(r"There is no classifier .*none yet", classifiers.load, name)
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "mine.safetensors").write_bytes(fitted[0].read_bytes())
    refused(r"There is no classifier .*\(mine\)", classifiers.load, name)
    assert store.bundled() == ["mine"]
    assert classifiers.load("mine").recipe.classifier == "dense"
    assert classifiers.info("mine") == classifiers.info(fitted[0])


def test_classifiers_and_gans_are_not_taken_for_each_other(fitted, trainer_of, tmp_path):
    trainer = trainer_of("dcgan")
    path = checkpoint.save(tmp_path / "dcgan.safetensors", trainer.gan, trainer.average, {})
    assert str(path) in refused("holds no classifier", classifiers.load, path)
    refused("recipe in this file cannot be read", checkpoint.load, fitted[0])


def test_a_file_cut_anywhere_is_refused(fitted, tmp_path):
    whole, path = fitted[0].read_bytes(), tmp_path / "cut.safetensors"
    for place in (0, 1, 7, 8, 9, 200, len(whole) // 2, len(whole) - 4, len(whole) - 1):
        path.write_bytes(whole[:place])
        assert "cut.safetensors" in refused("damaged", classifiers.load, path)
        refused("damaged", classifiers.info, path)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize(
    "content", [b"a text file\n", pickle.dumps(Bomb()), pack({"a": torch.zeros(1)})], ids=["text", "pickle", "foreign"]
)
def test_what_is_no_classifier_is_refused_unopened(content, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refused("damaged|was not written by the studio", classifiers.load, path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "transposed", "double", "integer"])
def test_weights_that_do_not_fit_are_refused(change, parts, tmp_path):
    tensors, header = parts
    name, path = "hidden.weight", tmp_path / "altered.safetensors"
    weight = tensors.pop(name)
    match change:
        case "extra":
            tensors |= {name: weight, "extra": torch.zeros(1)}
        case "shape":
            tensors[name] = weight[:-1]
        case "transposed":
            tensors[name] = weight.T
        case "double":
            tensors[name] = weight.double()
        case "integer":
            tensors[name] = weight.int()
    checkpoint.write(path, tensors, header)
    refused(f"{path}.*altered", classifiers.load, path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classifier": "conv"}, "do not fit its recipe"),
        ({"classifier": "supernet"}, "no classifier called 'supernet'"),
        ({"classifier": []}, "no classifier called"),
        ({"classifier": None}, "no classifier called"),
        ({"labels": None}, "holds no classifier"),
        ({"labels": 7}, "holds no classifier"),
        ({"labels": ["a"] * 9}, "do not fit its recipe"),
        ({"labels": ["a"] * 10**5}, "do not fit its recipe"),
        ({"epochs": 0}, "epochs cannot be 0"),
        ({"epochs": "many"}, "epochs cannot be 'many'"),
        ({"epochs": 1e999}, "epochs cannot be inf"),
        ({"lr": float("nan")}, "lr cannot be nan"),
        ({"lr": 10**400}, "lr cannot be 1000"),
        ({"augment": ["flip"]}, "augment cannot be"),
        ({"seed": -1}, "seed cannot be -1"),
        ({"surprise": 1}, "no setting called 'surprise'"),
        ({"__class__": "x"}, "no setting called '__class__'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_recipe_with_false_fields_is_refused(fields, message, parts, tmp_path):
    tensors, header = parts
    changed = {**json.loads(header["classifier"]), **fields}
    path = tmp_path / "lying.safetensors"
    checkpoint.write(path, tensors, {**header, "classifier": json.dumps(changed)})
    refused(message, classifiers.load, path)


@pytest.mark.parametrize("name", ["classifier", "labels"])
def test_a_recipe_must_name_its_net_and_labels(name, parts, tmp_path):
    tensors, header = parts
    fields = {k: v for k, v in json.loads(header["classifier"]).items() if k != name}
    checkpoint.write(tmp_path / "a.safetensors", tensors, {**header, "classifier": json.dumps(fields)})
    refused("holds no classifier", classifiers.load, tmp_path / "a.safetensors")


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", "7", '"dense"', "{", "[" * 100_000], ids=lambda t: t[:9])
def test_a_recipe_that_is_none_is_refused(text, parts, tmp_path):
    tensors, header = parts
    checkpoint.write(tmp_path / "a.safetensors", tensors, {**header, "classifier": text})
    refused("holds no classifier", classifiers.load, tmp_path / "a.safetensors")


# The command line


def call(*argv):
    """The exit code, whether returned or raised."""
    try:
        return cli.main([str(a) for a in argv])
    except SystemExit as e:
        return e.code


def test_fit_writes_a_file_and_tells_its_accuracy(capsys, idx_root, test_garments):
    assert (
        call("fit", "dense", *TINY, "--device", "cpu", "--data-root", idx_root, "--out", "deep/mine.safetensors") == 0
    )
    out, err = capsys.readouterr()
    assert out == ""
    net = classifiers.load("deep/mine.safetensors")
    assert (net.recipe.epochs, net.recipe.batch, net.recipe.lr) == (2, 25, 1e-3)
    share = 100 * classifiers.accuracy(net, test_garments)
    assert err.splitlines()[-1] == f"{share:.2f} % of 200 test pictures named right: deep/mine.safetensors"
    assert "44/44" in err
    assert "held out" in err


def test_fit_writes_under_runs_by_default(capsys, tmp_path):
    assert call("fit", "dense", "--epochs", "1", "--batch", "275", "--smoothing", "0.1") == 0
    files = [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()]
    assert files == ["runs/classifiers/dense.safetensors"]
    assert "fit dense --epochs 1 --batch 275 --smoothing 0.1" in classifiers.info(files[0])["command"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "classifier"),
        (["supernet"], "no classifier called 'supernet'.*dense, conv, cnn"),
        (["dense", "--widht", "9"], "--widht"),
        (["dense", "--epochs"], "--epochs"),
        (["dense", "--epochs", "0"], "epochs cannot be 0: it takes a whole number from 1 to 10000"),
        (["conv", "--lr", "fast"], "lr cannot be 'fast': it takes a number from 1e-07 to 1"),
        (["cnn", "--augment", "zoom"], "augment cannot be zoom"),
        (["dense", "--batch", "551"], "batch cannot be 551: there are 550 pictures"),
        (["dense", "--device", "toaster"], "no device 'toaster'"),
        (["dense", "--data-root", "nowhere"], "No Fashion-MNIST in nowhere"),
    ],
)
def test_fit_refuses_bad_input_in_one_sentence(argv, message, capsys, tmp_path):
    assert call("fit", *argv) == 2
    out, err = capsys.readouterr()
    lines = [line for line in err.split("\n") if line and not line.startswith("\r")]
    assert out == ""
    assert len(lines) == 1, err
    assert re.search(message, lines[0])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(("name", "epochs"), [("dense", 10), ("conv", 50), ("cnn", 16), ("robust", 12), (None, 10)])
def test_the_help_of_fit_lists_the_defaults_of_the_net_that_is_named(name, epochs, capsys):
    assert call("fit", *([name] if name else []), "--help") == 0
    out = re.sub(r"\s+", "", capsys.readouterr().out)
    assert f"howofteneverypictureisseen[awholenumberfrom1to10000](default:{epochs})" in out
    kind = CLASSIFIERS[name].recipe_type if name else classifiers.Recipe
    for k in knobs(kind).values():
        allowed = f"[{k.allowed()}]" if k.choices or k.lo is not None else ""
        default = f"(default:{k.default})" if k.default != "" else ""
        assert f"--{k.name}" in out
        assert re.sub(r"\s+", "", k.text + allowed + default) in out
    for other, cls in CLASSIFIERS.items():
        assert re.sub(r"\s+", "", f"{other}: {cls.title}") in out


def test_ctrl_c_stops_a_fit_and_writes_nothing(capsys, monkeypatch, tmp_path):
    def interrupted(*args):
        for record in fit(*args):
            signal.raise_signal(signal.SIGINT)
            yield record

    fit = classifiers.fit
    monkeypatch.setattr(classifiers, "fit", interrupted)
    assert call("fit", "dense", *TINY) == 130
    assert capsys.readouterr().err.endswith("Stopped.\n")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.slow
def test_fit_as_a_process(python):
    code, out, err = python("-m", "fashiongan", "fit", "dense", *TINY, "--device", "cpu", "--out", "mine.safetensors")
    assert (code, out) == (0, ""), err
    assert re.search(r"^\d+\.\d\d % of 200 test pictures named right: mine.safetensors$", err.splitlines()[-1])
    assert classifiers.load("mine.safetensors").recipe.classifier == "dense"


# The classifiers that come with the studio


@pytest.mark.parametrize("name", store.bundled())
def test_bundled_classifiers_are_small_and_good(name):
    info, net = classifiers.info(name), classifiers.load(name)
    assert net.recipe.classifier == name
    assert net.recipe.labels == datasets.CLASSES
    assert info["tested"] == 10_000
    assert [sum(row) for row in info["confusion"]] == [1_000] * 10
    assert info["accuracy"] == pytest.approx(sum(info["confusion"][i][i] for i in range(10)) / 10_000)
    assert info["accuracy"] >= {"cnn": 0.935, "conv": 0.895, "dense": 0.885, "robust": 0.84}[name]
    assert classifiers.find(name).stat().st_size < 3_000_000
    assert shlex.split(info["command"])[:5] == ["python", "-m", "fashiongan", "fit", name]


@pytest.mark.slow
@pytest.mark.skipif(not Path(datasets.DEBIAN).is_dir(), reason="the real Fashion-MNIST is not installed")
@pytest.mark.parametrize("name", store.bundled())
def test_bundled_classifiers_have_the_accuracy_in_their_headers(name):
    test = first(datasets.load("fashion-mnist", split="test", root=datasets.DEBIAN), 1_000)
    measured = classifiers.accuracy(classifiers.load(name), test)
    assert measured == pytest.approx(classifiers.info(name)["accuracy"], abs=0.02)


def test_a_fit_starts_from_another_checkpoint(fitted, garments):
    path, _ = fitted
    before = classifiers.load(path)
    fitter = Fitter(recipe("dense", start=str(path), batch=25), garments)
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), fitter.net.parameters(), strict=True))
    list(fitter.run())
    assert not torch.equal(before.judge.weight, fitter.net.judge.weight)
    assert f"--start {path}" in classifiers.command(fitter.recipe)


def test_a_fit_starts_from_a_checkpoint_of_its_own_kind_only(fitted, garments):
    path, _ = fitted
    refused(
        "A conv of these classes cannot start from .*, a dense of", Fitter, recipe("conv", start=str(path)), garments
    )
    merged = recipe("dense", start=str(path), merge="Shirt+Coat")
    refused("A dense of these classes cannot start from", Fitter, merged, garments)
    refused("There is no classifier 'nowhere'", Fitter, recipe("dense", start="nowhere"), garments)

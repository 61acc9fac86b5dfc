"""The classifiers' nets, as report 001 has them, their recipes, and what they predict."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from classifier_parts import WIDTHS, first, new_net, noise, refused
from torch import nn

from fashiongan import classifiers
from fashiongan.classifiers import CLASSIFIERS, Fitter, networks, recipe

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
    net, sizes = new_net("cnn").train(), []  # in evaluation the convolutions are not called: see `normed`
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


@pytest.mark.parametrize(
    ("name", "epochs"), [("dense", 10), ("conv", 50), ("cnn", 16), ("robust", 12), ("certified", 30)]
)
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


@pytest.mark.parametrize("stride", [1, 2])
def test_a_folded_batch_norm_gives_what_the_two_layers_give(stride):
    rng = torch.Generator().manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3, stride, 1, bias=False), nn.BatchNorm2d(5).eval()
    with torch.no_grad():
        for v in (norm.weight, norm.bias, norm.running_mean):
            v.copy_(torch.randn(5, generator=rng))
        norm.running_var.copy_(torch.rand(5, generator=rng) + 0.5)
    x = torch.randn(2, 3, 8, 8, generator=rng)
    assert torch.allclose(networks.normed(x, conv, norm), norm(conv(x)), atol=1e-5)
    norm.train()
    assert torch.allclose(networks.normed(x, conv, norm).mean((0, 2, 3)), norm.bias, atol=1e-5), "a batch's own mean"

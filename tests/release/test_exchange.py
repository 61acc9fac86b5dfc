"""Checkpoints from other programs and for them: a DCGAN of PyTorch's example draws the same pictures here, and an
exported generator draws the same pictures in onnxruntime."""

import collections
import functools
import json
import os
import re
import time

import numpy as np
import pytest
import torch
from few import few
from safetensors.torch import save_file
from torch import nn

from fashiongan import checkpoint, cli, gans
from fashiongan.gans import sampling
from fashiongan.release import export_onnx
from fashiongan.training import transfer


def net(size=64, z=100, width=64, channels=3, seed=0):
    """The generator of pytorch/examples/dcgan/main.py, or with fewer or more layers for other sizes."""
    torch.manual_seed(seed)
    base, doublings = gans.networks.stages(size)
    filters = [width * min(2**i, 8) for i in range(doublings)][::-1]
    layers = [nn.ConvTranspose2d(z, filters[0], base, 1, 0, bias=False)]
    for a, b in zip(filters, [*filters[1:], channels], strict=True):
        layers += [nn.BatchNorm2d(a), nn.ReLU(True), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):  # as after training
            layer.weight.data.normal_(1, 0.2)
            layer.bias.data.normal_(0, 0.2)
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 2)
    return nn.Sequential(*layers, nn.Tanh()).eval()


def named(G, prefix="main."):
    return collections.OrderedDict((prefix + name, value) for name, value in G.state_dict().items())


def call(argv):
    try:
        return cli.main([str(a) for a in argv])
    except SystemExit as e:
        return e.code


@pytest.fixture
def refused(capsys):
    def check(argv, match):
        assert call(argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1, err
        assert re.search(match, err), err

    return check


def same_pictures(path, G):
    """The checkpoint draws what the original net draws, to one of 255."""
    gan = checkpoint.load(path)
    z, c = sampling.draw(gan, 7, 3)
    with torch.no_grad():
        theirs = ((G(z[:, :, None, None]) + 1) * 127.5).round().clamp(0, 255)
    ours = sampling.render(gan, z, c)
    assert (ours.float() - theirs).abs().max() <= 1
    assert ours.float().std() > 5
    return gan


@pytest.mark.parametrize(("size", "channels"), [(64, 3), (64, 1), (32, 3), (28, 1), (128, 3)])
def test_the_net_of_pytorchs_example_draws_the_same_here(size, channels, tmp_path, capsys):
    G = net(size, 30, 8, channels)
    torch.save(named(G), tmp_path / "netG.pth")
    assert call(["import", "netG.pth", "--gan", "dcgan", "--classes", "cat, dog"]) == 0
    assert f"netG.safetensors: dcgan, {size} x {size}" in capsys.readouterr().err
    gan = same_pictures("netG.safetensors", G)
    r = gan.recipe
    assert (r.gan, r.size, r.channels, r.z_dim, r.width, r.labels) == ("dcgan", size, channels, 30, 8, ("cat", "dog"))
    assert checkpoint.info("netG.safetensors").command == "python -m fashiongan import netG.pth --gan dcgan"
    assert call(["sample", "netG.safetensors", "--n", 4, "--out", "a.png"]) == 0


def test_the_examples_own_sizes_fit(tmp_path):
    G = net()
    torch.save(named(G), tmp_path / "netG_epoch_24.pth")
    assert call(["import", "netG_epoch_24.pth", "--gan", "dcgan", "--out", "faces.safetensors"]) == 0
    assert same_pictures("faces.safetensors", G).recipe.width == 64


D = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 7)).state_dict()
WRAPPED = {
    "module": lambda G: named(G, "module.main."),
    "twice": lambda G: named(G, "module.module.main."),
    "bare": lambda G: named(G, ""),
    "state_dict": lambda G: {
        "state_dict": named(G),
        "epoch": 7,
        "optimizer": {"state": {}, "param_groups": [{"lr": 1}]},
    },
    "both nets": lambda G: {"netD": D, "netG": named(G), "epoch": 3},
    "nested": lambda G: {"model": {"discriminator": D, "generator": named(G)}},
    "lightning": lambda G: {
        "state_dict": {**{f"discriminator.{k}": v for k, v in D.items()}, **named(G, "generator.main.")}
    },
    "average": lambda G: {"g": {k: v + 1 for k, v in named(G).items()}, "g_ema": named(G)},
    "half": lambda G: {k: v.half() if v.is_floating_point() else v for k, v in named(G).items()},
    "no counts": lambda G: {k: v for k, v in named(G).items() if "num_batches" not in k},
}


@pytest.mark.parametrize("how", WRAPPED)
@pytest.mark.parametrize("kind", ["zip", "old"])
def test_a_state_dict_is_taken_out_of_what_programs_wrap_round_it(how, kind, tmp_path):
    G = net(28, 20, 8, 1)
    torch.save(WRAPPED[how](G), tmp_path / "a.pth", _use_new_zipfile_serialization=kind == "zip")
    assert call(["import", "a.pth", "--gan", "dcgan"]) == 0
    if how == "half":
        G.load_state_dict({k: v.half().float() if v.is_floating_point() else v for k, v in G.state_dict().items()})
    same_pictures("a.safetensors", G)


def test_a_foreign_safetensors_file_is_taken_too(tmp_path):
    G = net(64, 20, 8, 3)  # main.10 must not come before main.3
    save_file({f"module.main.{k}": v for k, v in G.state_dict().items()}, tmp_path / "g.safetensors")
    assert call(["import", "g.safetensors", "--gan", "dcgan", "--out", "mine.safetensors"]) == 0
    same_pictures("mine.safetensors", G)


def test_training_starts_from_an_imported_generator(tmp_path, trainer_of, same):
    torch.save(named(net(28, 16, 8, 1)), tmp_path / "netG.pth")
    assert call(["import", "netG.pth", "--gan", "dcgan"]) == 0
    recipe = transfer.recipe("netG.safetensors", steps=2, batch=16)
    start = transfer.begin(recipe.replace(labels=("a",)))
    assert "100 % of the generator's weights" in start.recipe.start_note
    gan = gans.build(start.recipe)
    start.fill(gan)
    assert same(gan.G.state_dict(), checkpoint.load("netG.safetensors").G.state_dict())


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def changed(**values):
    return {**named(net(28, 20, 8, 1)), **values}


def without(*names):
    return {k: v for k, v in named(net(28, 20, 8, 1)).items() if k not in names}


def of_layers(*layers):
    return named(nn.Sequential(*layers))


UP = [nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False)]
NORM_1 = [f"main.1.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]
BAD = {
    "a bias": (lambda: changed(**{"main.6.bias": torch.zeros(1)}), r"it has a tensor 'main.6.bias'"),
    "spectral norm": (lambda: changed(**{"main.0.weight_u": torch.zeros(1)}), r"it has a tensor 'main.0.weight_u'"),
    "a bias inside": (
        lambda: of_layers(nn.ConvTranspose2d(20, 16, 7, bias=False), nn.BatchNorm2d(16), nn.ConvTranspose2d(16, 8, 3)),
        r"it has a tensor 'main.2.bias'",
    ),
    "3 x 3": (lambda: changed(**{"main.6.weight": torch.zeros(8, 1, 3, 3)}), "main.6.weight has kernels of 3 x 3"),
    "1 x 1 at first": (lambda: changed(**{"main.0.weight": torch.zeros(20, 16, 1, 1)}), "main.0.weight has kernels of"),
    "filters that do not meet": (
        lambda: changed(**{"main.3.weight": torch.zeros(16, 9, 4, 4)}),
        "main.3.weight ends in 9 filters and main.6.weight begins with 8",
    ),
    "filters that do not double": (
        lambda: of_layers(
            *(nn.ConvTranspose2d(20, 24, 7, bias=False), nn.BatchNorm2d(24)),
            *(nn.ConvTranspose2d(24, 8, 4, 2, 1, bias=False), *UP[1:]),
        ),
        r"does not fit dcgan: main.0.weight is 20 x 24 x 7 x 7, where .* width 8 for 28 pixels has 20 x 16 x 7 x 7",
    ),
    "a missing norm": (lambda: without(*NORM_1), "'main.3.weight' is 16 x 8 x 4 x 4, where batch norm should be"),
    "a missing mean": (lambda: without("main.1.running_mean"), "'main.1.weight' is 16, where batch norm should be"),
    "a discriminator": (lambda: {f"main.{k}": v for k, v in D.items()}, "no DCGAN of a known shape"),
    "a perceptron": (lambda: of_layers(nn.Linear(9, 9), nn.Linear(9, 9)), "it has a tensor 'main.0.bias'"),
    "not finite": (
        lambda: changed(**{"main.1.bias": torch.full((16,), float("nan"))}),
        "'main.1.bias' holds numbers that are not finite",
    ),
    "five channels": (lambda: changed(**{"main.6.weight": torch.zeros(8, 5, 4, 4)}), "pictures of 5 channels"),
    "too wide": (lambda: named(net(28, 4, 300, 1)), "width cannot be 300"),
    "two unnamed nets": (lambda: {"one": D, "two": D}, r"holds several nets \(one, two\)"),
    "no tensors": (lambda: {"epoch": 3}, "holds no tensors"),
    "a list": (lambda: [torch.zeros(3)], "holds no state dict but a list"),
    "one tensor": (lambda: torch.zeros(3), "holds no state dict but a Tensor"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_one_sentence_that_names_the_tensor(what, refused, tmp_path):
    make, match = BAD[what]
    torch.save(make(), tmp_path / "netG.pth")
    refused(["import", "netG.pth", "--gan", "dcgan"], match)
    assert [p.name for p in tmp_path.iterdir()] == ["netG.pth"]


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda p: torch.save({"G": Bomb()}, p), r"holds more than tensors, .*torch.save\(netG.state_dict"),
        (lambda p: torch.save(net(28, 4, 4, 1), p), "holds more than tensors"),
        (lambda p: torch.save({"G": Bomb()}, p, _use_new_zipfile_serialization=False), "holds more than tensors"),
        (lambda p: p.write_bytes(b"<!doctype html><html>"), "is a web page"),
        (lambda p: p.write_bytes(b""), "it is empty"),
        (lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "is a pointer of Git LFS"),
        (lambda p: p.write_bytes(bytes(range(255, 100, -1))), "is neither a file of PyTorch nor safetensors"),
        (lambda p: torch.jit.save(torch.jit.trace(nn.Linear(1, 1), torch.zeros(1, 1)), p), "is a TorchScript program"),
        (lambda p: p.write_bytes((10).to_bytes(8, "little") + b"{cut"), "neither a file of PyTorch nor safetensors"),
        (lambda p: p.mkdir(), "There is no file"),
    ],
)  # fmt: skip
def test_what_is_no_state_dict_is_one_sentence_and_runs_nothing(make, match, refused, tmp_path):
    make(tmp_path / "netG.pth")
    refused(["import", "netG.pth", "--gan", "dcgan"], match)
    assert [p.name for p in tmp_path.iterdir()] == ["netG.pth"]


def test_a_cut_file_is_one_sentence(refused, tmp_path):
    torch.save(named(net(28, 4, 4, 1)), tmp_path / "whole.pth")
    (tmp_path / "netG.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:-2000])
    refused(["import", "netG.pth", "--gan", "dcgan"], "damaged or cut short")


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (["nothing.pth", "--gan", "dcgan"], "no file nothing.pth"),
        (["a.pth"], "--gan"),
        (["a", "--gan", "wgan"], "wgan"),
    ],
)
def test_import_refuses_bad_arguments(argv, match, refused):
    refused(["import", *argv], match)


# Export


@functools.cache
def generators():
    """One GAN of the catalogue for each generator and way to draw from it; others share their export."""
    kinds = {}
    for name, cls in gans.GANS.items():
        if not cls.from_pictures:
            key = (cls.generate, cls.latents, cls.conditional, code_of(cls))
            kinds.setdefault(key, name)
    return list(kinds.values())


def code_of(cls):
    """The class of its generator, for a net of any sizes."""
    recipe = cls.recipe_type(gan=next(n for n, c in gans.GANS.items() if c is cls)).replace(labels=("a", "b"))
    return type(checkpoint.skeleton(recipe).G)


@pytest.fixture(scope="module")
def runtime():
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    return pytest.importorskip("onnxruntime")


def drawn(session, gan, n, seed=0):
    """What the exported model draws, and what the GAN draws from the same latents: (n, C, S, S) of 0..255."""
    z, c = sampling.draw(gan, n, seed)
    shares = torch.full((n, len(gan.recipe.labels)), 0.0)
    shares[:, 1], shares[:, 2] = 0.25, 0.75
    c = shares if gan.conditional and seed % 2 else c
    feed = {"z": z.numpy()} | ({"classes": gan.one_hot(c).numpy()} if gan.conditional else {})
    (images,) = session.run(["images"], feed)
    return images * 255, sampling.render(gan, z, c).numpy().astype(np.float32)


# One of them in `make check`, since torch takes a second or two to trace a net.
@pytest.mark.slow
@pytest.mark.parametrize("gan", few(chosen=("mlpgan",)))
def test_an_exported_generator_draws_the_same_in_onnxruntime(gan, runtime, trainer_of):
    if gan not in generators():  # known late, since it takes a second to build all the nets
        return
    trainer = trainer_of(gan)
    trainer.update()
    model = trainer.gan.eval().requires_grad_(False)
    begin = time.perf_counter()
    session = runtime.InferenceSession(export_onnx.model(model, gan), providers=["CPUExecutionProvider"])
    print(f"{gan}: {time.perf_counter() - begin:.1f} s")
    for n in (1, 2, 5):  # N is free
        ours, theirs = drawn(session, model, n, seed=n)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 1
        assert ours.min() >= 0
        assert ours.max() <= 255
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["name"], facts["gan"]) == (gan, gan)
    assert json.loads(facts["classes"]) == (list(model.recipe.labels) if model.conditional else [])


def test_most_of_the_catalogue_is_exported():
    assert sum(not cls.from_pictures for cls in gans.GANS.values()) >= 20
    assert {"dcgan", "studio", "projected", "stylegan", "began", "progan"} <= set(generators())


@pytest.mark.slow
def test_a_bundled_checkpoint_is_exported_by_the_command_line(runtime, capfd, tmp_path):
    assert call(["export", "studio", "--out", "g.onnx"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("g.onnx: ")
    assert "from z (N, 64)" in err
    assert "classes (N, 10): 0 T-shirt/top, 1 Trouser" in err
    assert err.splitlines()[-1] == "to images (N, 1, 28, 28) in 0..1"
    assert len(err.splitlines()) == 3
    session = runtime.InferenceSession("g.onnx", providers=["CPUExecutionProvider"])
    ours, theirs = drawn(session, checkpoint.load("studio"), 20)
    assert np.abs(ours - theirs).max() <= 1
    assert [p.name for p in tmp_path.iterdir()] == ["g.onnx"]


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (["nothing", "--out", "g.onnx"], "no checkpoint 'nothing'"),
        (["dcgan"], "--out"),
        (["colorizer", "--out", "g.onnx"], "colorizer cannot be exported: colorizer draws from a picture"),
        (["dcgan", "--out", "taken/g.onnx"], "taken/g.onnx cannot be written"),
    ],
)
def test_export_refuses_bad_arguments(argv, match, refused, tmp_path):
    pytest.importorskip("onnxscript")
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    refused(["export", *argv], match)
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_without_the_packages_export_says_what_to_install(refused, monkeypatch):
    monkeypatch.setattr(export_onnx.importlib.util, "find_spec", lambda name: None)
    refused(["export", "dcgan", "--out", "g.onnx"], "Exporting needs onnx and onnxscript: pip install onnx onnxscript.")

"""The verb fit on the command line, and the classifiers that come with the studio."""

import re
import shlex
import signal
from pathlib import Path

import pytest
import torch
from classifier_parts import TINY, first, refused

from fashiongan import classifiers, cli
from fashiongan.classifiers import CLASSIFIERS, Fitter, recipe, store
from fashiongan.data import datasets
from fashiongan.gans.recipe import knobs

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
    assert "fit dense --epochs 1 --batch 275 --smoothing 0.1" in classifiers.info(files[0]).command


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


@pytest.mark.parametrize(
    ("name", "epochs"), [("dense", 10), ("conv", 50), ("cnn", 16), ("robust", 12), ("certified", 30), (None, 10)]
)
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
def test_fit_as_a_process(forked):
    code, out, err = forked("-m", "fashiongan", "fit", "dense", *TINY, "--device", "cpu", "--out", "mine.safetensors")
    assert (code, out) == (0, ""), err
    assert re.search(r"^\d+\.\d\d % of 200 test pictures named right: mine.safetensors$", err.splitlines()[-1])
    assert classifiers.load("mine.safetensors").recipe.classifier == "dense"


# The classifiers that come with the studio


@pytest.mark.parametrize("name", store.bundled())
def test_bundled_classifiers_are_small_and_good(name):
    info, net = classifiers.info(name), classifiers.load(name)
    assert net.recipe.classifier == name
    assert net.recipe.labels == datasets.CLASSES
    assert info.tested == 10_000
    assert [sum(row) for row in info.confusion] == [1_000] * 10
    assert info.accuracy == pytest.approx(sum(info.confusion[i][i] for i in range(10)) / 10_000)
    assert info.accuracy >= {"cnn": 0.935, "conv": 0.895, "dense": 0.885, "robust": 0.84, "certified": 0.8}[name]
    assert (info.certified is not None) == (name == "certified")
    assert info.certified is None or (net.recipe.eps, info.certified > 0.65) == (0.1, True)
    assert classifiers.find(name).stat().st_size < 3_000_000
    assert shlex.split(info.command)[:5] == ["python", "-m", "fashiongan", "fit", name]


@pytest.mark.slow
@pytest.mark.skipif(not Path(datasets.DEBIAN).is_dir(), reason="the real Fashion-MNIST is not installed")
@pytest.mark.parametrize("name", store.bundled())
def test_bundled_classifiers_have_the_accuracy_in_their_headers(name):
    test = first(datasets.load("fashion-mnist", split="test", root=datasets.DEBIAN), 1_000)
    measured = classifiers.accuracy(classifiers.load(name), test)
    assert measured == pytest.approx(classifiers.info(name).accuracy, abs=0.02)


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

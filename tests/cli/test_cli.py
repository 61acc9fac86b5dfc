"""What is typed: answers, and one sentence with exit code 2 for bad input."""

import json
import re
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fashiongan import checkpoint, cli, gans
from fashiongan.color import color_space
from fashiongan.data import datasets
from fashiongan.gans.recipe import Recipe, knobs
from fashiongan.latent import spec

TINY = ["--width", "8", "--z-dim", "16", "--batch", "16", "--steps", "3"]


@pytest.fixture(scope="module")
def model(trainer_of, tmp_path_factory):
    """model(gan): a checkpoint file of it."""
    folder = tmp_path_factory.mktemp("models")

    def make(gan):
        path = folder / f"{gan}.safetensors"
        if not path.exists():
            trainer = trainer_of(gan)
            trainer.update()
            checkpoint.save(path, trainer.gan, trainer.average, checkpoint.HeaderInfo())
        return path

    return make


def call(command, argv):
    """The exit code, whether returned or raised."""
    try:
        return command([str(a) for a in argv])
    except SystemExit as e:
        return e.code


@pytest.fixture
def refused(capsys):
    """refused(command, argv): the one sentence on standard error, after exit code 2 and nothing on standard output."""

    def check(command, argv, match):
        assert call(command, argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.find("\n") == len(err) - 1, err
        assert "Traceback" not in err
        assert re.search(match, err), err
        return err

    return check


def test_list_shows_every_gan(capsys):
    assert call(cli.train, ["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(gans.GANS)
    for line, (name, cls) in zip(lines, gans.GANS.items(), strict=True):
        assert line.startswith(name)
        assert str(cls.year) in line
        assert cls.paper in line
        assert cls.title in line


@pytest.mark.parametrize("gan", [*gans.GANS, None])
def test_help_shows_the_text_and_range_of_every_knob(gan, capsys):
    assert call(cli.train, [gan, "--help"] if gan else ["--help"]) == 0
    out = re.sub(r"\s+|(?<=-)\s+", "", capsys.readouterr().out)
    for k in knobs(gans.GANS[gan].recipe_type if gan else Recipe).values():
        assert f"--{k.name.replace('_', '-')}" in out
        for words in (k.text, k.allowed() if k.lo is not None else ""):
            assert re.sub(r"\s+", "", words) in out


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        ([], "Name a GAN.*dcgan"),
        (["dcgam"], "no GAN called 'dcgam'.*dcgan"),
        (["dcgan", "--widht", "9"], "--widht"),
        (["dcgan", "--width"], "--width"),
        (["dcgan", "--width", "9999"], "width cannot be 9999: it takes a whole number from 4 to 256"),
        (["dcgan", "--width", "8.5"], "width cannot be '8.5'"),
        (["dcgan", "--lr-g", "nan"], "lr_g cannot be nan"),
        (["dcgan", "--lr-g", "-1"], "lr_g cannot be -1"),
        (["dcgan", "--size", "30"], "size cannot be 30.*28"),
        (["dcgan", "--output", "relu"], "output cannot be relu.*tanh, sigmoid"),
        (["dcgan", "--epochs", "0"], "epochs cannot be 0"),
        (["dcgan", "--seed", "-1"], "seed cannot be -1"),
        (["dcgan", "--limit", "601"], "limit cannot be 601: there are 600"),
        (["dcgan", "--batch", "601"], "batch cannot be 601.*at most 600"),
        (["dcgan", "--classes", "Sock"], "no class 'Sock'.*9 Ankle boot"),
        (["dcgan", "--classes", "10"], "no class '10'"),
        (["dcgan", "--data", "nowhere"], "no data called 'nowhere'.*fashion-mnist"),
        (["dcgan", "--data-root", "nowhere"], "No Fashion-MNIST in nowhere"),
        (["dcgan", "--device", "toaster"], "no device 'toaster'"),
        (["dcgan", "--device", "cuda:99"], "no device 'cuda:99'"),
        (["--resume", "nowhere"], "no run to resume in nowhere"),
        (["dcgan", "--resume", "nowhere"], "--resume takes its recipe"),
        (["--resume", "nowhere", "--width", "8"], "--resume takes its recipe"),
    ],
)
def test_train_refuses_bad_input(argv, match, refused, tmp_path):
    refused(cli.train, argv, match)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_train_names_missing_and_damaged_data(refused, tmp_path, idx_writer, monkeypatch):
    root = idx_writer(tmp_path / "damaged")
    images = root / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-100])
    refused(cli.train, ["dcgan", "--data-root", root], "train-images-idx3-ubyte.gz is damaged or cut short")
    monkeypatch.delenv("FASHIONGAN_DATA")
    monkeypatch.setattr(datasets, "DEBIAN", tmp_path / "not installed")
    monkeypatch.setattr(datasets.socket, "create_connection", offline)
    assert datasets.HOW_TO_GET_IT in refused(cli.train, ["dcgan"], "apt-get install dataset-fashion-mnist")


def offline(*_, **__):
    raise OSError("Network is unreachable")


def test_train_refuses_a_folder_it_cannot_write(refused, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    for out in ("taken", "taken/run"):
        refused(cli.train, ["dcgan", *TINY, "--out", out], "taken.*cannot be written")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "a file"


def test_train_refuses_a_folder_that_holds_a_run(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text("{}", encoding="utf-8")
    refused(cli.train, ["dcgan", *TINY, "--out", "run"], "run already holds a run.*--resume run")
    assert (tmp_path / "run/recipe.json").read_text(encoding="utf-8") == "{}"


def test_train_shows_progress_on_standard_error_only(capsys, tmp_path):
    assert call(cli.train, ["dcgan", *TINY, "--classes", "Ankle boot", "--limit", "50", "--out", "run"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "50 pictures" in err
    assert "3/3" in err
    recipe = json.loads((tmp_path / "run/recipe.json").read_text(encoding="utf-8"))
    assert (recipe["classes"], recipe["limit"], recipe["width"], recipe["z_dim"]) == ("9", 50, 8, 16)
    assert call(cli.train, ["--resume", "run", "--steps", "5"]) == 0
    assert checkpoint.info("run").step == 5


def test_train_compiles_the_generator_on_a_cpu_if_there_is_a_compiler(refused, monkeypatch, tmp_path):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(type(self).__name__))
    monkeypatch.setenv("CXX", "no-such-compiler")
    refused(cli.train, ["dcgan", *TINY, "--out", "run", "--compile"], "--compile needs a C")
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("CXX", sys.executable)
    assert call(cli.train, ["dcgan", *TINY, "--out", "run"]) == 0
    assert compiled == []
    assert call(cli.train, ["--resume", "run", "--steps", "5", "--compile"]) == 0
    assert compiled == ["ConvG"]


def test_underscores_do_as_well_as_dashes(capsys):
    assert call(cli.train, ["dcgan", *TINY, "--lr_g", "1e-3", "--out", "run"]) == 0
    assert checkpoint.load("run").recipe.lr_g == 1e-3


@pytest.mark.parametrize(
    ("gan", "label", "columns"), [("dcgan", None, 4), ("cdcgan", None, 10), ("cdcgan", "Dress", 4)]
)
def test_sample_writes_a_png_that_describes_itself(gan, label, columns, model, capsys):
    argv = ["sample", model(gan), "--n", "12", "--seed", "7", "--truncation", "0.5", "--out", "deep/grid.png"]
    assert call(cli.main, argv + (["--label", label] if label else [])) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "deep/grid.png" in err
    with Image.open("deep/grid.png") as im:
        description = json.loads(im.text["fashiongan"])
        rows = -(-12 // columns)
        assert im.size == (columns * 30 + 2, rows * 30 + 2)
        first = np.asarray(im.convert("L"))[2:30, 2:30]
    assert {k: description[k] for k in ("checkpoint", "n", "seed", "label", "truncation")} == {
        "checkpoint": str(model(gan)),
        "n": 12,
        "seed": 7,
        "label": label,
        "truncation": 0.5,
    }
    again = checkpoint.load(description["checkpoint"]).sample_images(
        description["n"], description["seed"], description["label"], description["truncation"]
    )
    assert np.array_equal(first, again[0, 0].numpy())


def test_sample_in_color_describes_the_palette_and_keeps_the_lightness(model):
    argv = ["sample", model("dcgan"), "--n", "12"]
    assert call(cli.main, [*argv, "--colors", "teal,#B03A2E", "--out", "grid.png"]) == 0
    with Image.open("grid.png") as im:
        look = spec.parse(im.text["fashiongan"])
        assert im.mode == "RGB"
    assert look.palette == ("#008080", "#b03a2e")
    assert call(cli.main, [*argv, "--colours", "teal,#B03A2E", "--out", "s.npz"]) == 0
    with np.load("s.npz") as found:
        images = torch.from_numpy(found["images"]).permute(0, 3, 1, 2)
    gray = spec.picture(checkpoint.load(look.checkpoint), look)
    assert images.shape == (12, 3, 28, 28)
    assert (color_space.gray_of(images).int() - gray.int()).abs().max() <= 3


@pytest.mark.parametrize(
    ("gan", "label", "labels"),
    [
        ("dcgan", None, [-1] * 12),
        ("cdcgan", None, [*range(10), 0, 1]),
        ("cdcgan", "3", [3] * 12),
        ("infogan", "3", [-1] * 12),
    ],
)
def test_sample_writes_an_npz(gan, label, labels, model):
    assert (
        call(cli.main, ["sample", model(gan), "--n", "12", "--out", "s.npz", *(["--label", label] if label else [])])
        == 0
    )
    with np.load("s.npz") as result:
        assert set(result) == {"images", "labels", "names"}
        assert result["names"].tolist() == list(checkpoint.load(model(gan)).recipe.labels)
        assert result["images"].dtype == np.uint8
        assert result["images"].shape == (12, 28, 28, 1)
        assert result["labels"].dtype == np.int64
        assert result["labels"].tolist() == labels
        again = checkpoint.load(model(gan)).sample_images(12, 0, label)
        assert np.array_equal(result["images"], again.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (["--out", "grid.gif"], r"--out cannot be grid.gif: its name must end in .png, .*.zip or .npz, or be"),
        (["--out", "grid.tif"], "--out cannot be grid"),
        ([], "--out"),
        (["--out", "g.png", "--n", "0"], "--n cannot be 0"),
        (["--out", "g.png", "--n", "x"], "--n.*'x'"),
        (["--out", "g.png", "--n", "9999999"], "--n cannot be 9999999"),
        (["--out", "g.png", "--seed", "-1"], "--seed cannot be -1"),
        (["--out", "g.png", "--seed", str(2**64)], "--seed cannot be"),
        (["--out", "g.png", "--truncation", "nan"], "--truncation cannot be nan"),
        (["--out", "g.png", "--truncation", "-1"], "--truncation cannot be -1"),
        (["--out", "g.png", "--label", "Sock"], "no class 'Sock'.*3 Dress"),
        (["--out", "g.png", "--label", "10"], "no class '10'"),
        (["--out", "g.png", "--lable", "3"], "--lable"),
        (["--out", "g.png", "--colors", "nocolor"], "'nocolor' is no color"),
        (["--out", "g.png", "--colors", ""], "Give 1 to 16 colors"),
    ],
)
def test_sample_refuses_bad_input(argv, match, refused, model, tmp_path):
    refused(cli.main, ["sample", model("cdcgan"), *argv], match)
    assert list(tmp_path.iterdir()) == []


def test_sample_refuses_a_label_where_there_are_none(refused, model):
    refused(cli.main, ["sample", model("dcgan"), "--label", "3", "--out", "g.png"], "dcgan does not draw by class")


def test_sample_names_a_checkpoint_that_is_missing_or_damaged(refused, model, tmp_path):
    refused(cli.main, ["sample", "nothing", "--out", "g.png"], "no checkpoint 'nothing'")
    (tmp_path / "cut.safetensors").write_bytes(model("dcgan").read_bytes()[:-9])
    refused(cli.main, ["sample", "cut.safetensors", "--out", "g.png"], "cut.safetensors is damaged")


def test_sample_onto_an_unwritable_file_changes_nothing(refused, model, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    refused(cli.main, ["sample", model("dcgan"), "--out", "taken/g.png"], "cannot be written")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "a file"


@pytest.mark.parametrize("seed", [-1, 2**63])
@pytest.mark.parametrize("verb", ["sample", "evaluate", "attack", "colorize"])
def test_every_verb_refuses_a_seed_that_no_generator_takes(verb, seed, refused, tmp_path):
    name = "cnn" if verb == "attack" else "dcgan"
    argv = [verb, name, "--seed", seed] + ["--out", tmp_path / "x.png"] * (verb in ("sample", "colorize"))
    refused(cli.main, argv, rf"--seed cannot be {seed}: it takes a whole number from 0 to 9223372036854775807")


@pytest.mark.parametrize("argv", [[], ["simple"], ["--nonsense"]])
def test_main_refuses_an_unknown_verb(argv, refused):
    refused(cli.main, argv, "fashiongan")


def test_importing_the_command_line_is_light(python):
    heavy = (
        "import sys, fashiongan, fashiongan.cli; print(sorted({'torch', 'gradio', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert python("-c", heavy) == (0, "[]\n", "")


@pytest.mark.slow
def test_loading_a_checkpoint_does_not_import_the_compiler(python):
    code = "import sys, fashiongan.checkpoint as c; c.load('studio'); print('torch._dynamo' in sys.modules)"
    assert python("-c", code) == (0, "False\n", "")


@pytest.mark.slow
def test_the_commands_run_as_processes(python, model):
    from pathlib import Path

    code, out, err = python(Path(cli.__file__).parent.parent.parent / "train.py", "dcgam")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "dcgam" in err
    code, out, err = python("-m", "fashiongan", "sample", model("dcgan"), "--n", 4, "--out", "grid.png")
    assert (code, out) == (0, ""), err
    assert Image.open("grid.png").size == (62, 62)

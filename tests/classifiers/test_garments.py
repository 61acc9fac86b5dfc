"""The classifier of garments in color: what it sees, how it is fitted on a folder, and its file."""

import numpy as np
import pytest
import torch
from classifier_parts import refused
from PIL import Image

from fashiongan import checkpoint, classifiers, cli
from fashiongan.classifiers import ColorCnn, recipe, store
from fashiongan.data import datasets
from fashiongan.release import bundle

LABELS = ("high", "wide")


def net_of(labels=LABELS):
    return classifiers.build(classifiers.ColorCnnRecipe(classifier="garments", labels=labels)).eval()


def write(folder, n, seed, classes=LABELS):
    """Boxes of any color on nothing: transparent PNG files, n of the first class and half as many of the others."""
    rng = np.random.default_rng(seed)
    for kind, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(n // (1 + (kind > 0))):
            values = np.zeros((48, 48, 4), np.uint8)
            thin = int(rng.integers(8, 14))
            box = (slice(4, 44), slice(20, 20 + thin)) if kind == 0 else (slice(20, 20 + thin), slice(4, 44))
            values[box] = [*rng.integers(0, 255, 3), 255]
            Image.fromarray(values).save(folder / name / f"{i:02d}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("cutouts")
    write(root / "train", 48, 0)
    write(root / "validation", 12, 1)
    return root


def test_it_sees_transparent_parts_as_white():
    net = net_of()
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(3, 4, 64, 64, generator=rng)
    x[:, 3] = (x[:, 3] > 0.5).float()
    shown = torch.where(x[:, 3:] > 0.5, x[:, :3], 1.0)
    assert torch.allclose(net(x), net(shown), atol=1e-5)
    x[:, :3] = torch.where(x[:, 3:] > 0.5, x[:, :3], 0.3)
    assert torch.allclose(net(x), net(shown), atol=1e-5)
    assert net(shown).std() > 0


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 28, 28), (3, 64, 32)])
def test_pictures_that_it_cannot_see_are_one_sentence(shape):
    refused("sees color pictures of 64 x 64, 3 x 64 x 64, not", net_of(), torch.zeros(2, *shape))


def test_it_halves_the_sides_four_times_and_adds_in_between():
    net, sides = net_of().train(), []  # in evaluation the convolutions are not called: see `normed`
    for conv in net.convs:
        conv.register_forward_hook(lambda _conv, _x, y: sides.append(y.shape[2]))
    net(torch.rand(1, 3, 64, 64))
    assert sides == [32, 16, 16, 16, 8, 8, 8, 4, 4]
    net.eval()
    for norm in net.norms:
        norm.weight.data.zero_()  # each convolution gives 0 now: only what is added reaches the end
        norm.bias.data.zero_()
    net.norms[1].bias.data.fill_(1)
    net.norms[4].bias.data.fill_(2)
    net.norms[7].bias.data.fill_(3)
    assert net.features(torch.rand(1, 3, 64, 64)).unique().tolist() == [3]


@pytest.mark.slow
def test_a_fit_reads_the_folder_and_writes_half_precision(data, tmp_path, capsys):
    out = tmp_path / "mine.safetensors"
    argv = ["--epochs", "12", "--batch", "16", "--augment", "flip", "--precision", "float32", "--device", "cpu"]
    assert cli.main(["fit", "garments", "--data", str(data), *argv, "--out", str(out)]) == 0
    assert "of 18 test pictures named right" in capsys.readouterr().err
    info, net = classifiers.info(out), classifiers.load(out)
    assert net.recipe.labels == LABELS
    assert [sum(row) for row in info.confusion] == [12, 6]
    assert info.accuracy > 0.9
    validation = datasets.load(str(data / "validation"), size=64, fit="cutout")
    assert classifiers.accuracy(net, validation) == info.accuracy, "measured on the file, which is rounded"
    with checkpoint.opened(out) as (f, _):
        types = {k: f.get_slice(k).get_dtype() for k in f.keys()}  # noqa: SIM118
    assert types["convs.0.weight"] == types["judge.weight"] == "F16"
    assert types["norms.0.running_var"] == "F32"


def test_classes_are_shown_equally_often(data):
    """Twice as many high ones, and as many in an epoch; unless as they are found."""
    pictures = datasets.load(str(data / "train"), size=64, fit="cutout")
    assert pictures.counts == [48, 24]
    for balance, expected in (("even", 33), ("as found", sum(pictures.labels[classifiers.split(72)[0]] == 0))):
        fitter = classifiers.Fitter(recipe("garments", batch=22, balance=balance), pictures)
        shown = torch.cat([fitter.data.labels[fitter.shuffle[i]] for i in range(3)])
        assert int((shown == 0).sum()) == int(expected)


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        ([], "There is no folder train: give --data a folder with the folders train and validation"),
        (["--data", "nowhere"], "There is no folder nowhere/train"),
        (["--balance", "odd"], "balance cannot be odd: it takes one of as found, even"),
        (["--augment", "zoom"], "augment cannot be zoom"),
    ],
)
def test_bad_input_is_one_sentence(argv, match, capsys):
    assert cli.main(["fit", "garments", *argv, "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert match in err
    assert err.count("\n") == 1


def test_other_classes_to_test_on_are_one_sentence(tmp_path):
    write(tmp_path / "train", 24, 0)
    write(tmp_path / "validation", 4, 1, ("high", "round"))
    r = recipe("garments", data=str(tmp_path), epochs=1, batch=8, augment="", precision="float32")
    refused("has the classes high, round, not high, wide", lambda: list(classifiers.fit(r, tmp_path / "a.safetensors")))


def test_it_is_found_by_name_and_not_among_those_that_are_attacked(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "BUNDLED", tmp_path)
    for name in ("garments", "cnn"):
        net = net_of() if name == "garments" else classifiers.build(recipe("cnn"))
        store.save(tmp_path / f"{name}.safetensors", net, store.FitInfo())
    assert store.bundled() == ["cnn"]
    assert store.find("garments") == tmp_path / "garments.safetensors"


def test_the_bundled_one_is_small_and_good():
    path = store.BUNDLED / "garments.safetensors"
    if not path.is_file():
        pytest.skip("it is not bundled")
    info, net = classifiers.info(path), classifiers.load("garments")
    assert path.stat().st_size < 1_200_000
    assert isinstance(net, ColorCnn)
    assert len(net.recipe.labels) == 11
    assert info.tested == sum(map(sum, info.confusion)) > 300
    assert info.accuracy > 0.8
    assert str(path.parent) not in (info.command or "")
    card = bundle.classifier_cards()
    assert "**garments**" in card
    assert f"| {net.recipe.labels[0]} |" in card

"""enlarge SOURCE... --out: garments of 28 x 28 gray pixels, from files and from checkpoints, in color and cut out."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from fashiongan import cli

NOTHING = "nothing"


@pytest.fixture(scope="module")
def net(net_file, tmp_path_factory):
    return net_file(tmp_path_factory.mktemp("net") / "enlarger.safetensors", "enlarger")


@pytest.fixture(scope="module")
def drawer(trainer_of, tmp_path_factory):
    from fashiongan import checkpoint

    trainer = trainer_of("cdcgan")
    path = tmp_path_factory.mktemp("drawer") / "cdcgan.safetensors"
    return checkpoint.save(path, trainer.gan, trainer.average, checkpoint.HeaderInfo())


@pytest.fixture
def garment(garments, tmp_path):
    path = tmp_path / "coat.png"
    Image.fromarray(garments.images[4, 0].numpy()).save(path)
    return path


def run(*argv):
    return cli.main(["enlarge", *map(str, argv)])


def opened(data):
    with Image.open(data) as im:
        return np.asarray(im), json.loads(im.text["fashiongan"])


def test_a_picture_becomes_a_transparent_one_named_as_its_source(garment, net, tmp_path, capsys):
    assert run(garment, "--enlarger", net, "--seed", 3, "--label", "Dress", "--out", tmp_path / "out") == 0
    assert "1 picture in" in capsys.readouterr().err
    pixels, description = opened(tmp_path / "out" / "coat.png")
    assert pixels.shape == (64, 64, 4)
    assert (description["seed"], description["label"], description["enlarged by"]) == (3, "Dress", str(net))
    assert run(garment, "--enlarger", net, "--seed", 3, "--label", "Dress", "--out", tmp_path / "one.png") == 0
    assert np.array_equal(opened(tmp_path / "one.png")[0], pixels)
    assert run(garment, "--enlarger", net, "--seed", 4, "--label", "Dress", "--out", tmp_path / "other.png") == 0
    assert not np.array_equal(opened(tmp_path / "other.png")[0], pixels)


def test_variants_in_colors_on_a_background(garment, net, tmp_path):
    more = ("--n", 3, "--colour", "teal", "--color", "#B03A2E", "--background", "#ffeecc")
    assert run(garment, "--enlarger", net, *more, "--out", tmp_path / "out") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["coat-2.png", "coat-3.png", "coat.png"]
    pictures = [opened(tmp_path / "out" / name) for name in ("coat.png", "coat-2.png", "coat-3.png")]
    assert {pixels.shape for pixels, _ in pictures} == {(64, 64, 3)}
    assert pictures[1][1]["colours"] == ["#008080", "#b03a2e"]
    assert not np.array_equal(pictures[0][0], pictures[1][0])


def test_garments_of_a_checkpoint_are_named_by_seed_class_and_number(drawer, net, tmp_path):
    more = ("--n", 12, "--seed", 7, "--enlarger", net)
    assert run(drawer, *more, "--out", tmp_path / "all.zip") == 0
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        pictures = {name: opened(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    assert len(pictures) == 12
    assert {pixels.shape for pixels, _ in pictures.values()} == {(64, 64, 4)}
    description = pictures["cdcgan-seed7-dress-4.png"][1]
    assert (description["first"], description["label"], description["enlarger"]) == (3, "Dress", str(net))
    assert run(drawer, *more, "--label", "Dress", "--out", tmp_path / "dresses") == 0
    assert len(list((tmp_path / "dresses").glob("cdcgan-seed7-dress-*.png"))) == 12


def test_a_dark_garment_on_white_or_on_nothing_is_negated(garment, net, tmp_path):
    gray = np.asarray(Image.open(garment))
    Image.fromarray(255 - gray).save(tmp_path / "light.png")
    Image.fromarray(np.dstack([255 - gray] * 3 + [np.where(gray > 0, 255, 0)]).astype("uint8")).save(
        tmp_path / "cut.png"
    )
    results = []
    for name in ("coat", "light", "cut"):
        assert run(tmp_path / f"{name}.png", "--enlarger", net, "--out", tmp_path / "out") == 0
        results.append(opened(tmp_path / "out" / f"{name}.png")[0])
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Image.new("L", (64, 64)), "takes garments of 28 x 28 pixels, and this is 64 x 64"),
        (lambda: Image.new("RGB", (28, 28), "#b03a2e"), "takes gray garments, and this picture is in color"),
        (lambda: Image.new("RGB", (640, 480), "#b03a2e"), "and this is 640 x 480"),
    ],
)
def test_what_is_no_small_gray_garment_is_one_sentence_and_the_others_are_enlarged(
    make, sentence, garment, net, tmp_path, capsys
):
    make().save(tmp_path / "wrong.png")
    assert run(tmp_path / "wrong.png", garment, "--enlarger", net, "--out", tmp_path / "out") == 2
    assert sentence in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["coat.png"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--enlarger", "studio"), "studio draws garments, it does not enlarge them"),
        (("--enlarger", "nosuch"), "There is no checkpoint 'nosuch'"),
        (("--colour", "shiny"), "'shiny' is no color"),
        (("--background", "shiny"), "'shiny' is no color"),
        (("--n", 0), "from 1 to 16"),
        (("--n", 2, "--out", "a.png"), "for 2 pictures it takes a folder or a .zip"),
        (("--out", "a.gif"), "must end in .zip or .png, or be that of a folder"),
        (("--label", "sock"), "no class 'sock'"),
        (("--seed", -1), "--seed cannot be -1"),
    ],
)
def test_other_bad_input_is_one_sentence_too(more, sentence, garment, net, tmp_path, capsys):
    assert run(garment, "--enlarger", net, "--out", tmp_path / "out", *more) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_without_an_enlarger_and_for_other_generators_too(garment, net, tmp_path, capsys, monkeypatch):
    from fashiongan.hub import registry

    with monkeypatch.context() as without:
        without.setattr(registry, "bundled", lambda: ["studio"])
        assert run(garment, "--out", tmp_path / "out") == 2
    assert "There is no enlarger here yet: train one" in capsys.readouterr().err
    assert run("garments-128", "--enlarger", net, "--out", tmp_path / "out") == 2
    assert "draws 128 x 128 in color" in capsys.readouterr().err
    assert run(tmp_path / "nosuch.png", "--enlarger", net, "--out", tmp_path / "out") == 2
    assert "There is no such picture file" in capsys.readouterr().err

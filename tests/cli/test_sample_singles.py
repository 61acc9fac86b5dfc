"""sample --out FOLDER, x.zip, x.jpg and x.webp: single pictures named by what they show, and sheets of other kinds."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from fashiongan import checkpoint, cli
from fashiongan.gans.sampling import chosen

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@pytest.fixture(scope="module")
def model(trainer_of, tmp_path_factory):
    """model(gan): a checkpoint file of it."""

    def make(gan):
        path = tmp_path_factory.mktemp("models") / f"{gan}.safetensors"
        trainer = trainer_of(gan)
        checkpoint.save(path, trainer.gan, trainer.average, checkpoint.HeaderInfo())
        return path

    return make


def sample(path, out, *more, n=12):
    argv = ["sample", path, "--n", n, "--seed", 7, "--out", out, *more]
    return cli.main([str(a) for a in argv])


def pictures_of(out):
    """name -> (pixels, description)"""
    if out.suffix == ".zip":
        with zipfile.ZipFile(out) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    else:
        contents = {p.name: p.read_bytes() for p in out.iterdir()}
    result = {}
    for name, data in contents.items():
        with Image.open(io.BytesIO(data)) as im:
            result[name] = np.asarray(im), json.loads(im.text["fashiongan"])
    return result


@pytest.mark.parametrize("out", ["drawn/", "drawn.zip"])
def test_each_garment_is_a_file_named_by_seed_class_and_number(out, model, tmp_path, capsys):
    path = model("cdcgan")
    assert sample(path, tmp_path / out) == 0
    assert "12 pictures in" in capsys.readouterr().err
    files = pictures_of(tmp_path / out)
    gan = checkpoint.load(path)
    names = [re.sub("[^a-z]+", "-", gan.choices[int(c)].lower()) for c in chosen(gan, 12, None)]
    assert sorted(files) == sorted(f"cdcgan-seed7-{name}-{i + 1}.png" for i, name in enumerate(names))
    images = gan.sample_images(12, 7)
    for i, name in enumerate(names):
        pixels, description = files[f"cdcgan-seed7-{name}-{i + 1}.png"]
        assert np.array_equal(pixels, images[i, 0].numpy())
        assert (description["n"], description["seed"], description["first"]) == (1, 7, i) if i else True


def test_a_gan_without_classes_names_by_seed_and_number(model, tmp_path):
    assert sample(model("dcgan"), tmp_path / "plain", n=3) == 0
    assert sorted(pictures_of(tmp_path / "plain")) == [f"dcgan-seed7-{i}.png" for i in (1, 2, 3)]


def test_one_class_and_colors(model, tmp_path):
    path = model("cdcgan")
    assert sample(path, tmp_path / "one", "--label", "Dress", "--colors", "teal,#b03a2e", n=3) == 0
    files = pictures_of(tmp_path / "one")
    assert sorted(files) == [f"cdcgan-seed7-dress-color-{i}.png" for i in (1, 2, 3)]
    assert all(pixels.shape == (28, 28, 3) for pixels, _ in files.values())


def test_alpha_is_kept(model, tmp_path):
    path = model("enlarger")
    if checkpoint.load(path).channels != 4:
        pytest.skip("this net draws no alpha")
    assert sample(path, tmp_path / "alpha", n=2) == 0
    assert {pixels.shape[2] for pixels, _ in pictures_of(tmp_path / "alpha").values()} == {4}


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "JPEG"), ("a.jpeg", "JPEG"), ("a.webp", "WEBP"), ("a.PNG", "PNG")]
)
def test_a_sheet_in_other_formats(name, kind, model, tmp_path):
    assert sample(model("cdcgan"), tmp_path / name) == 0
    with Image.open(tmp_path / name) as im:
        assert im.format == kind
        assert im.size == (10 * 30 + 2, 2 * 30 + 2)


def test_a_folder_that_is_there_keeps_its_files(model, tmp_path):
    (tmp_path / "v1.0").mkdir()
    (tmp_path / "v1.0" / "mine.txt").write_text("mine", encoding="utf-8")
    assert sample(model("dcgan"), tmp_path / "v1.0", n=2) == 0
    assert len(list((tmp_path / "v1.0").iterdir())) == 3


def test_other_endings_and_too_large_sheets_are_one_sentence(model, tmp_path, capsys, monkeypatch):
    from fashiongan.cli import sample as verb

    path = model("dcgan")
    assert sample(path, tmp_path / "a.gif", n=2) == 2
    assert "must end in .png, .jpg, .jpeg, .webp, .zip or .npz, or be that of a folder" in capsys.readouterr().err
    monkeypatch.setitem(verb.SHEETS, ".webp", 20)
    assert sample(path, tmp_path / "a.webp", n=2) == 2
    assert "too large for .webp" in capsys.readouterr().err
    assert not list(tmp_path.glob("a.*"))


# ---------------------------------------------------------------- backgrounds


@pytest.fixture(scope="module")
def cut_out(net_file, tmp_path_factory):
    return net_file(tmp_path_factory.mktemp("alpha") / "garments.safetensors", "projected")


def test_garments_with_alpha_are_transparent_or_on_a_color(cut_out, tmp_path):
    for name, more in (("bare", ()), ("none", ("--background", "none")), ("red", ("--background", "#ff0000"))):
        assert sample(cut_out, tmp_path / name, *more, n=2) == 0
    bare, none, red = (
        [pixels for _, (pixels, _) in sorted(pictures_of(tmp_path / name).items())] for name in ("bare", "none", "red")
    )
    for a, b, c in zip(bare, none, red, strict=True):
        assert np.array_equal(a, b)
        alpha = a[..., 3:] / 255
        laid = a[..., :3] * alpha + np.array([255, 0, 0]) * (1 - alpha)
        assert np.abs(c - laid).max() <= 0.51


def test_sheets_and_arrays_too(cut_out, tmp_path):
    assert sample(cut_out, tmp_path / "white.png", n=4) == 0
    assert sample(cut_out, tmp_path / "none.png", "--background", "none", n=4) == 0
    assert sample(cut_out, tmp_path / "none.webp", "--background", "none", n=4) == 0
    modes = [Image.open(tmp_path / name).mode for name in ("white.png", "none.png", "none.webp")]
    assert modes == ["RGB", "RGBA", "RGBA"]
    assert Image.open(tmp_path / "none.png").getpixel((0, 0))[3] == 0
    assert sample(cut_out, tmp_path / "none.npz", n=4) == 0
    assert sample(cut_out, tmp_path / "red.npz", "--background", "red", n=4) == 0
    with np.load(tmp_path / "none.npz", allow_pickle=False) as none, np.load(tmp_path / "red.npz") as red:
        assert none["images"].shape == (4, 64, 64, 4)
        assert red["images"].shape == (4, 64, 64, 3)
        assert none["names"][none["labels"][1]] == "hat"


@pytest.mark.parametrize("background", ["none", "white", "#b03a2e"])
def test_a_background_of_garments_without_alpha_is_one_sentence(background, model, tmp_path, capsys):
    assert sample(model("dcgan"), tmp_path / "a", "--background", background, n=2) == 2
    assert "draws no alpha, so its garments keep the background that they have" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_a_jpeg_has_no_alpha_and_shiny_is_no_color(cut_out, tmp_path, capsys):
    assert sample(cut_out, tmp_path / "a.jpg", "--background", "none", n=2) == 2
    assert "A .jpg has no alpha" in capsys.readouterr().err
    assert sample(cut_out, tmp_path / "a.png", "--background", "shiny", n=2) == 2
    assert "'shiny' is no color" in capsys.readouterr().err


def test_garments_of_a_generator_in_color_in_asked_colors(cut_out, tmp_path):
    assert sample(cut_out, tmp_path / "colors", "--colors", "teal,#b03a2e", n=3) == 0
    files = pictures_of(tmp_path / "colors")
    assert {tuple(description["palette"]) for _, description in files.values()} == {("#008080",), ("#b03a2e",)}
    assert {pixels.shape for pixels, _ in files.values()} == {(64, 64, 4)}

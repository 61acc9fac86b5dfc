"""Data: three sources in order, damage named and never half read, classes and limits, folders of pictures."""

import gzip
import random
import struct
import time

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError

FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def offline(*_, **__):
    raise OSError("Network is unreachable")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no Fashion-MNIST and no network."""
    monkeypatch.delenv("FASHIONGAN_DATA")
    monkeypatch.setattr(datasets, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(datasets.socket, "create_connection", offline)


def refused(match, *args, **kwargs):
    with pytest.raises(StudioError, match=match) as caught:
        datasets.load(*(args or ("fashion-mnist",)), **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_synthetic_garments_have_the_real_ones_form(garments, idx_root):
    assert garments.images.dtype == torch.uint8
    assert garments.images.shape == (600, 1, 28, 28)
    assert garments.labels.dtype == torch.int64
    assert garments.counts == [60] * 10
    assert garments.names == datasets.CLASSES
    assert garments.source == str(idx_root)
    assert len(datasets.load("fashion-mnist", split="test")) == 200


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("below", ["", "FashionMNIST/raw"])
def test_plain_and_gzipped_files_where_people_have_them(suffix, below, idx_writer, tmp_path, garments):
    idx_writer(tmp_path / "root" / below, suffix)
    result = datasets.load("fashion-mnist", root=tmp_path / "root")
    assert torch.equal(result.images, garments.images)
    assert torch.equal(result.labels, garments.labels)


def test_sources_come_in_their_order(bare, idx_writer, tmp_path, monkeypatch):
    for i, name in enumerate(("given", "environment", "debian", "cache/fashiongan/FashionMNIST/raw")):
        idx_writer(tmp_path / name, train=20 + 10 * i, test=10)
    monkeypatch.setenv("FASHIONGAN_DATA", str(tmp_path / "environment"))
    assert len(datasets.load("fashion-mnist", root=tmp_path / "given")) == 20
    assert len(datasets.load("fashion-mnist")) == 30
    monkeypatch.delenv("FASHIONGAN_DATA")
    assert len(datasets.load("fashion-mnist")) == 40
    monkeypatch.setattr(datasets, "DEBIAN", tmp_path / "not installed")
    assert len(datasets.load("fashion-mnist")) == 50, "what was once downloaded needs no network"


def test_a_given_data_folder_is_not_replaced_by_another(tmp_path):
    refused(f"No Fashion-MNIST in {tmp_path}: expected train-images-idx3-ubyte", root=tmp_path)


def test_offline_the_error_names_three_remedies_at_once(bare):
    begin = time.monotonic()
    assert refused("not on this machine") == datasets.HOW_TO_GET_IT
    assert time.monotonic() - begin < 5
    for way in ("apt-get install dataset-fashion-mnist", "--data-root", "FASHIONGAN_DATA", "internet"):
        assert way in datasets.HOW_TO_GET_IT


def test_the_connection_check_has_a_short_timeout(bare, monkeypatch):
    calls = []
    monkeypatch.setattr(
        datasets.socket, "create_connection", lambda address, timeout: calls.append(timeout) or offline()
    )
    refused("not on this machine")
    assert calls
    assert calls[0] <= 5


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(name, suffix, idx_writer, tmp_path):
    root = idx_writer(tmp_path / "root", suffix, train=40, test=30)
    path = root / (name + suffix)
    good, split = path.read_bytes(), "train" if name.startswith("train") else "test"
    rng = random.Random(0)
    cuts = [0, 1, 4, 8, len(good) // 2, len(good) - 9, len(good) - 1] + [rng.randrange(len(good)) for _ in range(10)]
    for content in [good[:cut] for cut in cuts] + [b"hello", b"<html>not found</html>", bytes(100), b"\xff" * 100]:
        path.write_bytes(content)
        refused(f"{path} is damaged", split=split, root=root)


def test_longer_files_and_other_kinds_are_damaged_too(idx_writer, tmp_path):
    root = idx_writer(tmp_path / "root", "")
    path = root / FILES[0]
    good = path.read_bytes()
    for content in (
        good + b"\0",
        b"\0\0\x09" + good[3:],
        good[:4] + struct.pack(">I", 599) + good[8:],
        good[:4] + struct.pack(">3I", 2**31, 2**31, 2**31) + good[16:],
    ):
        path.write_bytes(content)
        refused(f"{path} is damaged", root=root)


def test_a_flipped_bit_in_a_gzipped_file_is_noticed(idx_writer, tmp_path):
    root = idx_writer(tmp_path / "root")
    path = root / f"{FILES[0]}.gz"
    good = bytearray(path.read_bytes())
    for place in random.Random(0).sample(range(20, len(good)), 20):
        bad = bytearray(good)
        bad[place] ^= 1
        path.write_bytes(bad)
        refused(f"{path} is damaged", root=root)


@pytest.mark.parametrize("name", FILES[:2])
def test_a_missing_file_is_named(name, idx_writer, tmp_path):
    root = idx_writer(tmp_path / "root")
    (root / f"{name}.gz").unlink()
    refused(name, root=root)


def test_files_that_do_not_belong_together(idx_writer, tmp_path):
    root = idx_writer(tmp_path / "root")
    labels = root / f"{FILES[1]}.gz"
    good = labels.read_bytes()
    labels.write_bytes((root / f"{FILES[3]}.gz").read_bytes())
    refused("do not belong together: 600 pictures, 200 labels", root=root)
    labels.write_bytes((root / f"{FILES[0]}.gz").read_bytes())
    refused("do not belong together", root=root)
    values = bytearray(gzip.decompress(good))
    values[-1] = 10
    labels.write_bytes(gzip.compress(values))
    refused("labels in .* go up to 10", root=root)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        ("9", [9]),
        ("Ankle boot", [9]),
        ("ankle BOOT", [9]),
        ("Dress,3", [3]),
        ("9, 0 ,Shirt", [0, 6, 9]),
        ("T-shirt/top", [0]),
        (",,1,", [1]),
    ],
)
def test_class_numbers(text, numbers):
    assert datasets.class_numbers(text, datasets.CLASSES) == numbers


@pytest.mark.parametrize("text", ["10", "-1", "Sock", "1;2", "1.0", "²", "٣", "Dress,Sock"])
def test_unknown_classes_are_refused_with_a_list_of_classes(text):
    with pytest.raises(StudioError, match=r"There is no class .*3 Dress.*9 Ankle boot"):
        datasets.class_numbers(text, datasets.CLASSES)


def test_select_takes_classes_and_a_balanced_limit(garments):
    assert datasets.select(garments, [], None).counts == [60] * 10
    two = datasets.select(garments, [3, 9], None)
    assert two.counts == [0, 0, 0, 60, 0, 0, 0, 0, 0, 60]
    assert two.names == datasets.CLASSES
    assert datasets.select(garments, [], 100).counts == [10] * 10
    assert sorted(datasets.select(garments, [], 25).counts) == [2] * 5 + [3] * 5
    assert datasets.select(garments, [3, 9], 5).counts in (
        [0, 0, 0, 3, 0, 0, 0, 0, 0, 2],
        [0, 0, 0, 2, 0, 0, 0, 0, 0, 3],
    )
    with pytest.raises(StudioError, match="limit cannot be 121: there are 120"):
        datasets.select(garments, [3, 9], 121)


def test_select_keeps_pictures_with_their_labels_in_order(garments):
    few = datasets.select(garments, [9], 3)
    assert torch.equal(few.images, garments.images[garments.labels == 9][:3])
    lopsided = datasets.Dataset(garments.images[:7], torch.tensor([0, 0, 0, 0, 0, 1, 1]), datasets.CLASSES, "here")
    assert datasets.select(lopsided, [], 6).counts[:2] == [4, 2]


def test_prepare_fills_in_the_facts(garments):
    recipe, result = datasets.prepare(gans.new_recipe("dcgan", classes="Dress", batch=60), loaded=garments)
    assert (recipe.classes, recipe.channels, recipe.labels, len(result)) == ("3", 1, datasets.CLASSES, 60)
    assert datasets.prepare(recipe, loaded=garments)[0] == recipe, "doing it again changes nothing"
    with pytest.raises(StudioError, match="batch cannot be 61: there are 60"):
        datasets.prepare(gans.new_recipe("dcgan", classes="Dress", batch=61), loaded=garments)


def save(path, im):
    path.parent.mkdir(parents=True, exist_ok=True)
    im.save(path)


def test_a_colored_folder(colored):
    result = datasets.load(str(colored))
    assert result.images.shape == (40, 3, 28, 28)
    assert result.images.dtype == torch.uint8
    assert result.names == ("gloves", "hats")
    assert result.counts == [20, 20]
    assert result.source == str(colored)
    original = np.asarray(Image.open(colored / "gloves/00.png")).transpose(2, 0, 1)
    assert np.array_equal(result.images[0].numpy(), original)


def test_a_gray_folder_has_one_channel(tmp_path):
    save(tmp_path / "d/a/1.png", Image.new("L", (28, 28), 77))
    save(tmp_path / "d/b/1.png", Image.new("RGB", (28, 28), (9, 9, 9)))
    result = datasets.load(str(tmp_path / "d"))
    assert result.images.shape == (2, 1, 28, 28)
    assert result.images[0].unique().tolist() == [77]
    assert result.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("mode", "color", "suffix"),
    [
        ("CMYK", (0, 255, 255, 0), ".jpg"),
        ("RGBA", (255, 0, 0, 255), ".png"),
        ("P", 1, ".png"),
        ("1", 1, ".png"),
        ("LA", (80, 255), ".png"),
    ],
)
def test_unusual_kinds_of_pictures(mode, color, suffix, tmp_path):
    im = Image.new(mode, (30, 30), color)
    if mode == "P":
        im.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    save(tmp_path / "d/a" / f"1{suffix}", im)
    result = datasets.load(str(tmp_path / "d"), size=32).images.float().mean((0, 2, 3)).tolist()
    expected = {"1": [255], "LA": [80]}.get(mode, [255, 0, 0])
    assert result == pytest.approx(expected, abs=6)


def test_pictures_are_cut_to_their_middle_and_reduced(tmp_path):
    im = Image.new("L", (200, 100), 0)
    im.paste(255, (50, 0, 150, 100))  # the centred square, and nothing else
    save(tmp_path / "d/a/1.png", im)
    result = datasets.load(str(tmp_path / "d"), size=16).images
    assert result.shape == (1, 1, 16, 16)
    assert result.min() == 255


def test_folders_that_are_none(tmp_path):
    refused("no data called 'nowhere'", "nowhere")
    (tmp_path / "empty/a").mkdir(parents=True)
    refused("no pictures in the sub-folders", str(tmp_path / "empty"))
    (tmp_path / "bare").mkdir()
    refused("There are no pictures in /", str(tmp_path / "bare"))


def test_resize(garments):
    images = garments.images[:10]
    assert datasets.resize(images, 28) is images
    doubled = datasets.resize(images, 56)
    assert doubled.shape == (10, 1, 56, 56)
    assert doubled.dtype == torch.uint8
    assert doubled.float().mean().item() == pytest.approx(images.float().mean().item(), abs=1)
    assert datasets.resize(torch.full((3, 3, 50, 50), 200, dtype=torch.uint8), 16).unique().tolist() == [200]
    stripes = torch.tensor([0, 200], dtype=torch.uint8).repeat(32).expand(1, 1, 64, 64)
    assert datasets.resize(stripes, 16)[..., 2:-2].float().std() < 5, "reduced without antialiasing"


@pytest.mark.skipif(not datasets.DEBIAN.is_dir(), reason="dataset-fashion-mnist is not installed")
@pytest.mark.parametrize(
    ("split", "n", "first"),
    [
        pytest.param("train", 60_000, [9, 0, 0, 3, 0], marks=pytest.mark.slow),
        ("test", 10_000, [9, 2, 1, 1, 6]),
    ],
)
def test_the_real_fashion_mnist(split, n, first):
    result = datasets.load("fashion-mnist", split=split, root=datasets.DEBIAN)
    assert result.images.shape == (n, 1, 28, 28)
    assert result.counts == [n // 10] * 10
    assert result.labels[:5].tolist() == first
    assert result.images.min() == 0
    assert result.images.max() == 255
    if split == "train":
        assert result.images.float().mean().item() / 255 == pytest.approx(0.2860, abs=1e-4)
        assert (result.images.double() / 255).std().item() == pytest.approx(0.3530, abs=1e-4)

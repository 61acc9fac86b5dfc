"""Fashion-MNIST in other clothes: IDX under other names, CSV, .npz, folders of PNG; and what only looks like it."""

import gzip

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic import idx_bytes, pictures_and_labels

from fashiongan import gans
from fashiongan.data import datasets, fashion_files
from fashiongan.errors import StudioError

DIGITS = (5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7)


def write(root, form, images, labels, stem="train"):
    """The pictures in one of the forms in which people have them."""
    root.mkdir(parents=True, exist_ok=True)
    other = {"train": ("train", "x_train", "y_train"), "t10k": ("test", "x_test", "y_test")}[stem]
    if form in ("dots", "dots.gz", "twice"):
        for what, values in (("images", images), ("labels", labels)):
            n = 3 if what == "images" else 1
            name = f"{stem}-{what}{'-' if form == 'twice' else '.'}idx{n}-ubyte"
            file = root / "archive" / name / name if form == "twice" else root / "archive" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(idx_bytes(values))
            if form == "dots.gz":
                file.rename(file.with_name(f"{name}.gz")).write_bytes(gzip.compress(idx_bytes(values)))
    elif form == "csv":
        head = "label," + ",".join(f"pixel{i + 1}" for i in range(784))
        rows = (",".join(map(str, [label, *im.flatten()])) for im, label in zip(images, labels, strict=True))
        (root / f"fashion-mnist_{other[0]}.csv").write_text("\r\n".join([head, *rows, ""]), encoding="utf-8")
    elif form == "npz":
        kept = dict(np.load(root / "fashion-mnist.npz")) if (root / "fashion-mnist.npz").exists() else {}
        np.savez(root / "fashion-mnist.npz", **kept, **{other[1]: images, other[2]: labels.astype(np.int64)})
    else:
        for i, (im, label) in enumerate(zip(images, labels, strict=True)):
            file = root / other[0] / str(label) / f"{i:05d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(im).save(file)
    return root


FORMS = ["dots", "dots.gz", "twice", "csv", "npz"]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_found_in_every_form(form, tmp_path, garments):
    images, labels = pictures_and_labels(600, 1)
    tests = pictures_and_labels(200, 2)
    root = write(write(tmp_path / "data", form, images, labels), form, *tests, "t10k")
    result = datasets.load("fashion-mnist", root=root)
    assert torch.equal(result.images, garments.images)
    assert torch.equal(result.labels, garments.labels)
    assert (result.names, result.remarks) == (datasets.CLASSES, ())
    assert result.digest == garments.digest
    assert len(datasets.load("fashion-mnist", split="test", root=root)) == 200
    named = datasets.load(str(root), size=32)
    assert named.names == datasets.CLASSES
    assert named.images.shape == (600, 1, 32, 32)


@pytest.mark.parametrize("name", ["fashion-mnist_train.csv", "fashion-mnist.npz"])
def test_a_file_of_it_is_data(name, tmp_path, garments):
    root = write(tmp_path / "data", name[-3:], *pictures_and_labels(600, 1))
    assert torch.equal(datasets.load(str(root / name)).images, garments.images)


@pytest.mark.parametrize("form", [*FORMS, "png"])
def test_other_pictures_under_its_names_are_told_and_get_numbers(form, tmp_path):
    images, _ = pictures_and_labels(60, 1)
    labels = np.array((DIGITS * 4)[:60], np.uint8)
    labels[-10:] = range(10)
    root = write(tmp_path / "data", form, images, labels)
    result = datasets.load("fashion-mnist", root=root)
    assert result.names == tuple("0123456789")
    assert "is not Fashion-MNIST but" in result.remarks[0]
    if form != "png":
        assert torch.equal(result.labels, torch.tensor(labels).long())
        assert "MNIST's handwritten digits" in result.remarks[0]


@pytest.mark.slow
def test_all_of_the_real_pictures_are_recognized_in_any_order(monkeypatch, tmp_path):
    images, labels = pictures_and_labels(600, 1)
    order = np.random.default_rng(0).permutation(600)
    assert datasets.load("fashion-mnist", root=write(tmp_path / "a", "csv", images[order], labels[order])).notes
    sums = tuple(int(images[labels == c].sum()) for c in range(10))
    monkeypatch.setattr(fashion_files, "SUMS", {sums})
    monkeypatch.setattr(fashion_files, "COUNTS", (600,))
    shuffled = datasets.load("fashion-mnist", root=tmp_path / "a")
    assert (shuffled.names, shuffled.notes) == (datasets.CLASSES, ())
    folder = write(tmp_path / "b", "png", images[order], labels[order])
    for size in (28, 32):
        assert datasets.load(str(folder), size=size).names == datasets.CLASSES
    assert datasets.load("fashion-mnist", root=folder).names == datasets.CLASSES


def test_a_run_on_fashion_mnist_keeps_its_names_whatever_the_files_are_taken_for(tmp_path, garments):
    root = write(tmp_path / "data", "npz", *pictures_and_labels(600, 1))
    old = gans.new_recipe("cdcgan").replace(labels=tuple("0123456789"))
    recipe, data = datasets.prepare(old, root)
    assert recipe.labels == data.names == old.labels
    assert torch.equal(data.images, garments.images)


@pytest.mark.skipif(not datasets.DEBIAN.is_dir(), reason="the real Fashion-MNIST is not installed")
@pytest.mark.parametrize("split", [pytest.param("train", marks=pytest.mark.slow), "test"])
def test_the_real_one_is_recognized(split):
    real = datasets.load("fashion-mnist", split=split, root=datasets.DEBIAN)
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))
    assert fashion_files.recognized(real.images[:, 0], real.labels)
    assert fashion_files.recognized(real.images[order, 0], real.labels[order])
    assert not fashion_files.recognized(real.images[order[1:], 0], real.labels[order[1:]])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b"a,b\n1,2\n"),
        ("x.csv", b"label,pixel1\n" + b",".join([b"1"] * 784 + [b"300"])),
        ("x.csv", b"\xff\xfe"),
        ("x.npz", b"PK\x03\x04"),
        ("x.npz", b"no archive"),
    ],
)
def test_files_that_hold_no_pictures_are_one_sentence(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudioError, match=f"{name}"):
        datasets.load(str(tmp_path / name))

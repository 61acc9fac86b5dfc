"""Folders and archives as people have them: training, `check`, `evaluate FOLDER` and an upload read them alike."""

import io
import json
import os
import shlex
import types
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import cli, gans, limits
from fashiongan.data import datasets, layout, zip_archive
from fashiongan.errors import StudioError
from fashiongan.evaluation import sources
from fashiongan.gans import sampling
from fashiongan.gans.recipe import flags


def picture(shade, form="PNG", size=32):
    """A picture file's bytes: a lighter square on a ground of that shade of red."""
    im = Image.new("RGB", (size, size), (shade, 10, 10))
    im.paste((250, 250, 250), (size // 4, size // 4, size // 2, size // 2))
    out = io.BytesIO()
    im.save(out, form, **({"lossless": True} if form == "WEBP" else {}))
    return out.getvalue()


zip_later = pytest.mark.parametrize("packed", ["folder", pytest.param("zip", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture(params=["folder", "zip"])
def packed(request, tmp_path):
    """packed({name: bytes}): these files as a folder, or as a ZIP file. Its name is "set"."""

    def make(files):
        if request.param == "zip":
            with zipfile.ZipFile(tmp_path / "set.zip", "w") as z:
                for name, content in files.items():
                    z.writestr(name, content)
            return tmp_path / "set.zip"
        for name, content in files.items():
            (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / name).write_bytes(content)
        return tmp_path / "set"

    return make


def everywhere(place):
    """The data set as training reads it, after every other place was seen to read the same."""
    dataset = datasets.load(str(place), size=32)
    scored = sources.draw(place)
    assert torch.equal(scored.images, dataset.images)
    assert scored.remarks == dataset.remarks
    if len(dataset.names) > 1:
        assert scored.names == dataset.names
        assert torch.equal(scored.labels, dataset.labels)
    if place.suffix == ".zip":
        uploaded = datasets.load(str(zip_archive.unpacked(place)), size=32)  # what the Train tab does with an upload
        assert torch.equal(uploaded.images, dataset.images)
        assert (uploaded.names, uploaded.remarks[1:]) == (dataset.names, dataset.remarks[1:])
    return dataset


def shades(dataset):
    """The shade of every picture, by class."""
    corner = dataset.images[:, 0, 0, 0]
    return {name: corner[dataset.labels == i].tolist() for i, name in enumerate(dataset.names)}


SPLIT = {
    "train/hat/1.png": picture(1),
    "train/shoe/1.png": picture(2),
    "test/hat/1.png": picture(3),
    "test/shoe/1.png": picture(4),
    "validation/hat/1.png": picture(5),
}


@pytest.mark.parametrize("above", ["", "archive/data/"])
def test_of_a_split_data_set_the_training_part_is_read(packed, above):
    place = packed({above + name: content for name, content in SPLIT.items()} | {"readme.md": b"# Hats"})
    dataset = everywhere(place)
    assert shades(dataset) == {"hat": [1], "shoe": [2]}
    assert dataset.remarks[0] == (
        "Only train is read. Left out: test (2 pictures), validation (1 picture); to take one of them, name its "
        f"folder, such as {place}/{above}test."
    )
    assert shades(datasets.load(f"{place}/{above}test", size=32)) == {"hat": [3], "shoe": [4]}


def test_a_split_without_classes_and_one_within_each_class(packed):
    flat = everywhere(packed({"Training/1.png": picture(1), "VAL/1.png": picture(2)}))
    assert shades(flat) == {"set": [1]}


def test_a_split_within_each_class(packed):
    files = {f"{name}/{part}/1.png": picture(i) for i, name in enumerate(("hat", "shoe")) for part in ("train", "test")}
    place = packed(files)
    dataset = everywhere(place)
    assert shades(dataset) == {"hat": [0], "shoe": [1]}
    assert dataset.remarks[0].startswith("Only train is read. Left out: test (2 pictures)")


def test_classes_that_are_called_like_parts_of_a_split_are_classes(packed):
    dataset = everywhere(packed({"train/1.png": picture(1), "bus/1.png": picture(2), "car/1.png": picture(3)}))
    assert dataset.names == ("bus", "car", "train")


def test_single_folders_are_stepped_into_and_what_systems_leave_behind_is_passed_over(packed):
    junk = {
        "__MACOSX/archive/dataset/hat/._1.png": b"\0\5\x16\7",
        "archive/.DS_Store": b"\0\0\0\1Bud1",
        "archive/dataset/hat/._1.png": b"\0\5\x16\7",
        "archive/dataset/hat/Thumbs.db": b"\xd0\xcf\x11\xe0",
        "desktop.ini": b"[x]",
    }
    dataset = everywhere(
        packed({"archive/dataset/hat/1.png": picture(1), "archive/dataset/shoe/1.png": picture(2)} | junk)
    )
    assert shades(dataset) == {"hat": [1], "shoe": [2]}
    assert not [r for r in dataset.remarks if "Skipped" in r]


@pytest.mark.parametrize("parts", [("train", "validation"), ("images",)])
def test_masks_beside_the_pictures_are_no_class(parts, tmp_path):
    """And serve where garments are cut out."""
    for part in (*parts, "masks"):
        (tmp_path / "set" / part).mkdir(parents=True)
        mask = Image.new("L", (32, 32))
        mask.paste(255, (8, 8, 24, 24))
        content = io.BytesIO()
        mask.save(content, "PNG")
        (tmp_path / "set" / part / "1.png").write_bytes(content.getvalue() if part == "masks" else picture(5))
    dataset = everywhere(tmp_path / "set")
    assert shades(dataset) == {"set" if "train" in parts else "images": [5]}
    assert not dataset.survey.skipped
    cut = datasets.load(str(tmp_path / "set"), size=32, fit="cutout").images
    assert cut[0, 3].unique().tolist()[0] == 0
    assert cut[0, 3, 16, 16] == 255


def test_classes_that_are_masks_are_a_class(packed):
    assert everywhere(packed({"hat/1.png": picture(1), "masks/1.png": picture(2)})).names == ("hat", "masks")


def test_one_class_deep_down_is_called_by_its_folder(packed):
    assert everywhere(packed({"a/b/hats/1.png": picture(1), "a/b/hats/2.png": picture(2)})).names == ("hats",)


@pytest.mark.parametrize(
    ("name", "form"),
    [("1", "PNG"), ("1.jpeg.txt", "JPEG"), ("1.dat", "WEBP"), ("1.avif", "AVIF"), ("1.png", "BMP"), ("1.JFIF", "JPEG"),
     ("1.jp2", "JPEG2000"), ("1.tga", "TGA"), ("1.ppm", "PPM"), ("1.ico", "PNG")],
)  # fmt: skip
def test_pictures_are_found_by_content_whatever_their_name_ends_in(name, form, packed):
    dataset = everywhere(packed({f"hat/{name}": picture(90, form), "shoe/1.png": picture(2)}))
    assert dataset.names == ("hat", "shoe")
    assert dataset.images[0, 0, 0, 0].item() == pytest.approx(90, abs=10)


def test_what_is_not_used_is_counted_and_named_with_the_reason(packed):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
    place = packed(
        {
            "hat/1.png": picture(1),
            "shoe/1.png": picture(2),
            "shoe/2.png": picture(2)[:70],
            "hat/phone.heic": heic,
            "hat/notes.txt": b"Hats, by hand",
            "loose.png": picture(3),
        }
    )
    dataset = everywhere(place)
    assert shades(dataset) == {"hat": [1], "shoe": [2]}
    skipped = dict(dataset.survey.skipped)
    assert set(skipped) == {"shoe/2.png", "hat/phone.heic", "hat/notes.txt", "loose.png"}
    assert skipped["hat/notes.txt"] == "not a picture"
    assert skipped["shoe/2.png"] == "not a picture that can be read"
    assert skipped["loose.png"] == "in no class's folder"
    assert "pillow-heif" in skipped["hat/phone.heic"]
    assert dataset.remarks[0].startswith("Skipped 4 files: ")


def test_many_unused_files_are_counted_by_reason(packed):
    files = {f"hat/{i}.txt": b"text" for i in range(9)} | {"hat/a.pdf": b"%PDF-1.4 " + bytes(40)}
    dataset = everywhere(packed(files | {"hat/1.png": picture(1)}))
    assert dataset.remarks[0] == (
        "Skipped 10 files: 9 (not a picture), such as hat/0.txt; 1 (a PDF: save its pictures as PNG), hat/a.pdf."
    )


def test_a_folder_without_any_picture_says_what_there_is(packed):
    place = packed({"hat/1.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "shoe/1.txt": b"text"})
    for read in (lambda: datasets.load(str(place)), lambda: sources.draw(place, 9)):
        with pytest.raises(StudioError, match=r"here are no pictures in .*1\.heic \(HEIC.*pillow-heif.*1\.txt \(not a"):
            read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_opened(tmp_path):
    (tmp_path / "set/hat").mkdir(parents=True)
    (tmp_path / "set/hat/1.png").write_bytes(picture(1))
    os.mkfifo(tmp_path / "set/hat/pipe.png")
    assert datasets.load(str(tmp_path / "set")).survey.skipped == (("hat/pipe.png", "not a file"),)


LONG = "a very long name of a class " * 8
NAMES = (
    *("帽子", "Ñandú, grande", "a+b", "x:y", "Hat", "hat", "HAT ", LONG, "3", "12", "a, b", "a", "b", '"quoted"', "-1"),
)


def test_classes_are_in_natural_order(packed):
    dataset = everywhere(packed({f"{i}/1.png": picture(i) for i in range(1, 13)}))
    assert dataset.names == tuple(map(str, range(1, 13)))
    assert shades(dataset) == {str(i): [i] for i in range(1, 13)}


def test_every_class_can_be_chosen_whatever_its_name(packed):
    dataset = everywhere(packed({f"{name}/{'长' * 60}.png": picture(i) for i, name in enumerate(NAMES)}))
    assert set(dataset.names) == set(NAMES)
    for i, name in enumerate(NAMES):
        (number,) = datasets.class_numbers(name, dataset.names)
        assert dataset.names[number] == name
        assert dataset.images[dataset.labels == number][0, 0, 0, 0] == i
    every = datasets.class_numbers(",".join(dataset.names), dataset.names)
    assert every == list(range(len(NAMES)))
    joined = datasets.merge(dataset, "a+b+Hat,x:y+hat").names
    assert {frozenset(name.split(" or ")) for name in joined if " or " in name} == {
        frozenset(("a+b", "Hat")), frozenset(("x:y", "hat"))
    }  # fmt: skip


def test_a_run_keeps_its_classes_where_their_names_are_numbers(packed):
    place = packed({f"{i}/{j}.png": picture(i) for i in (1, 2, 3, 10) for j in "ab"})
    recipe, data = datasets.prepare(gans.new_recipe("cdcgan", data=str(place), classes="3,10", batch=2))
    assert (recipe.classes, set(data.images[:, 0, 0, 0].tolist())) == ("2,3", {3, 10})
    again, same = datasets.prepare(recipe)
    assert again == recipe
    assert torch.equal(same.images, data.images)
    (flag,) = [w for w in shlex.split(flags(recipe)) if w.count(",") == 1]
    assert flag == "3,10", "the command says what reads as the same classes"
    drawn = types.SimpleNamespace(choices=dict(enumerate(recipe.labels)), recipe=recipe)
    assert [sampling.number(drawn, label) for label in ("10", "2", "0", 2)] == [3, 1, 0, 2]


def test_a_run_from_before_the_natural_order_reads_its_data_in_the_old_one(packed):
    place = packed({f"{i}/1.png": picture(i) for i in (1, 2, 10)})
    old = gans.new_recipe("cdcgan", data=str(place), batch=2).replace(labels=("1", "10", "2"))
    recipe, data = datasets.prepare(old)
    assert recipe.labels == data.names == ("1", "10", "2")
    assert data.labels.tolist() == [0, 1, 2]
    assert data.images[:, 0, 0, 0].tolist() == [1, 10, 2]
    with pytest.raises(StudioError, match=r"The classes in .* are 1, 2, 10; those of this run are a, b: name the data"):
        datasets.prepare(old.replace(labels=("a", "b")))


def test_names_in_a_zip_that_does_not_say_that_they_are_utf_8(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as z:
        z.writestr("hats/1.png", picture(1))
        z.writestr("a/1.png", picture(2))
    raw = (tmp_path / "set.zip").read_bytes()
    (tmp_path / "set.zip").write_bytes(raw.replace(b"hats/", "\u0448a/".encode()[:3] + b"s/"))
    assert datasets.load(str(tmp_path / "set.zip")).names == ("a", "\u0448as")


@pytest.mark.slow
@zip_later
def test_1_005_classes_are_refused_before_training(packed):
    place = packed({f"product {i}/1.png": picture(i % 200, size=8) for i in range(1005)})
    with pytest.raises(StudioError, match=r"There are 1,005 classes in .*, and at most 1,000 can be trained"):
        datasets.load(str(place))
    assert len(sources.draw(place, 2000).images) == 1005


@pytest.mark.slow
def test_names_that_no_checkpoint_could_keep_are_refused(packed):
    place = packed({f"{'帽' * 83} {i}/1.png": picture(1, size=8) for i in range(998)})
    with pytest.raises(StudioError, match="too long to be kept in a checkpoint"):
        datasets.load(str(place))


TABLE = 'file,class\n1.png,hat\n2.png,"shoe, left"\n3.png,hat\nlost.png,hat\n'


@pytest.mark.parametrize(
    ("prefix", "table"),
    [
        ("", TABLE),
        ("archive/", TABLE),
        ("images/", TABLE),
        ("", "\ufeff" + TABLE.replace(",", ";").replace("shoe;", "shoe,")),
        ("", TABLE.replace("file,class", "Filename,Label").replace("1.png", "1")),
        ("images/", TABLE.replace("\n1.png", "\nimages\\1.png").replace("lost", "./lost")),
    ],
)
def test_classes_from_a_table(prefix, table, packed):
    inner = prefix if prefix == "images/" else ""
    files = {f"{prefix}{i}.png": picture(i) for i in (1, 2, 3, 4)}
    at = prefix.removesuffix(inner) + "labels.csv"
    dataset = everywhere(packed(files | {at: table.encode()}))
    assert shades(dataset) == {"hat": [1, 3], "shoe, left": [2]}
    skipped = dict(dataset.survey.skipped)
    assert skipped == {"lost.png": "named in labels.csv, but not there", f"{prefix}4.png": "not in labels.csv"}


def test_a_table_beside_the_folder(tmp_path):
    (tmp_path / "set").mkdir()
    for i in (1, 2):
        (tmp_path / f"set/{i}.png").write_bytes(picture(i))
    (tmp_path / "labels.csv").write_text("file,class\nset/1.png,hat\nset/2.png,shoe\n", encoding="utf-8")
    assert shades(everywhere(tmp_path / "set")) == {"hat": [1], "shoe": [2]}
    (tmp_path / "labels.csv").write_text("file,class\nset/1.png,shoe\nset/2.png,hat\n", encoding="utf-8")
    assert shades(everywhere(tmp_path / "set")) == {"hat": [2], "shoe": [1]}, "a changed table is read again"


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"\xff\xfe\0", b"file\n1.png\n", b'file,class\n"' + b"x" * 200_000]
)
def test_a_table_that_is_none_is_one_sentence(content, packed):
    place = packed({"1.png": picture(1), "labels.csv": content})
    with pytest.raises(StudioError, match=r"labels\.csv (has no columns|cannot be read|is damaged)"):
        datasets.load(str(place))


@zip_later
def test_the_command_line_says_it(packed, capsys):
    place = packed(SPLIT | {"train/hat/notes.txt": b"text"})
    assert cli.main(["check", str(place), "--size", "28", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["names"] == ["hat", "shoe"]
    assert result["skipped"] == [["train/hat/notes.txt", "not a picture"]]
    assert cli.main(["check", str(place), "--size", "28", "--device", "cpu"]) == 0
    assert "Only train is read." in capsys.readouterr().out


def test_files_within_a_class_keep_their_order():
    names = ["hat/b/1.png", "hat/2.png", "hat/10.png", "hat/a/9.png", "hat/a/c/1.png"]
    assert sorted(names, key=layout.walk_order) == [
        "hat/10.png", "hat/2.png", "hat/a/9.png", "hat/a/c/1.png", "hat/b/1.png"
    ]  # fmt: skip


def test_many_classes_are_found_quickly():
    names = tuple(f"product {i}, in {i % 7} + colors" for i in range(1000))
    assert datasets.class_numbers(",".join(names), names) == list(range(1000))
    assert len(names) == limits.MAX_LABELS
    assert np.all(np.diff(datasets.class_numbers(",".join(map(str, range(1000))), names)) == 1)

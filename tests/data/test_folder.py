"""Folders as people have them: read once, whatever lies in them."""

import json
import os
import time

import numpy as np
import pytest
import torch
from PIL import Image
from synthetic import black_png

from fashiongan import cli, gans
from fashiongan.data import datasets, folder
from fashiongan.errors import StudioError
from fashiongan.training import recommend


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fashiongan" / "folders"


@pytest.fixture
def place(tmp_path):
    """A folder of two classes, three good pictures."""
    root = tmp_path / "garments"
    rng = np.random.default_rng(0)
    for name in ("hats/1.png", "hats/2.jpg", "gloves/1.png"):
        save(root / name, Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8).repeat(2, 0).repeat(2, 1)))
    return root


def save(path, im):
    path.parent.mkdir(parents=True, exist_ok=True)
    im.save(path)


def skipped(place):
    return dict(folder.read(place, 28)[2].skipped)


def test_the_summary_counts_pictures_and_classes(place):
    images, labels, survey = folder.read(place, 28)
    assert images.shape == (3, 3, 28, 28)
    assert labels.tolist() == [0, 1, 1]
    assert (survey.names, survey.counts) == (("gloves", "hats"), (1, 2))
    assert survey.smallest == survey.largest == (80, 80)
    assert not survey.gray
    assert survey.remarks() == ()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", "cut", "cut jpeg"])
def test_a_broken_picture_is_skipped_and_named(content, place):
    broken = place / "hats" / ("z.jpg" if content == "cut jpeg" else "z.png")
    if isinstance(content, str):
        save(broken, Image.effect_noise((64, 64), 50))
        content = broken.read_bytes()[: broken.stat().st_size // 2]
    broken.write_bytes(content)
    assert skipped(place) == {f"hats/{broken.name}": "not a picture that can be read"}
    assert len(datasets.load(str(place))) == 3
    assert datasets.load(str(place)).remarks == (
        f"Skipped 1 file: hats/{broken.name} (not a picture that can be read).",
    )


def test_pictures_too_small_and_too_large_are_skipped(place, monkeypatch):
    save(place / "hats/dot.png", Image.new("RGB", (1, 1)))
    (place / "hats/wall.png").write_bytes(black_png(30_000, 30_000))
    (place / "hats/big.png").write_bytes(black_png(12_000, 12_000))
    assert skipped(place) == {
        "hats/dot.png": "1 x 1 pixels are too few",
        "hats/wall.png": "too many pixels",
        "hats/big.png": "12,000 x 12,000 pixels are too many",
    }


def test_a_link_out_of_the_folder_is_not_followed(place, tmp_path):
    save(tmp_path / "secret.png", Image.new("RGB", (28, 28)))
    (place / "hats/link.png").symlink_to(tmp_path / "secret.png")
    (place / "hats/more").symlink_to(tmp_path)
    (place / "hats/twin.png").symlink_to(place / "hats/1.png")
    (place / "all").symlink_to(tmp_path)
    assert skipped(place) == dict.fromkeys(("all", "hats/link.png", "hats/more"), "a link out of the folder")
    assert len(datasets.load(str(place))) == 4


@pytest.mark.parametrize("name", ["Überzieher/ñandú 1.PNG", "帽子/😀.jpg", "a/b/c/deep.webp"])
def test_names_in_any_script_and_folders_within_folders(name, place):
    save(place / name, Image.new("RGB", (40, 40), (200, 0, 0)))
    result = datasets.load(str(place))
    assert len(result) == 4
    assert name.split("/")[0] in result.names


@pytest.mark.parametrize(
    ("im", "expected"),
    [
        (Image.fromarray(np.full((30, 30), 32768, np.uint16)), 127),
        (Image.fromarray(np.full((30, 30), 40_000, np.int32)), 155),
        (Image.new("CMYK", (30, 30), (0, 0, 0, 255)), 0),
        (Image.new("L", (30, 30), 90), 90),
    ],
)
def test_deep_and_printed_pictures_keep_their_tone(im, expected, tmp_path):
    save(tmp_path / "d/a/1.tif", im)
    images, _, survey = folder.read(tmp_path / "d", 28)
    assert images.float().mean().item() == pytest.approx(expected, abs=2)
    assert survey.gray


def test_the_first_frame_of_an_animated_picture_counts(tmp_path):
    (tmp_path / "d/a").mkdir(parents=True)
    frames = [Image.new("L", (30, 30), v) for v in (200, 10)]
    frames[0].save(tmp_path / "d/a/1.gif", save_all=True, append_images=frames[1:])
    assert folder.read(tmp_path / "d", 28)[0].unique().tolist() == [200]


def wide(color="blue"):
    """60 x 30: a square of that color in the middle of white."""
    im = Image.new("RGB", (60, 30), "white")
    im.paste(Image.new("RGB", (20, 20), color), (20, 5))
    return im


def test_fill_cuts_out_the_middle():
    seen = np.asarray(folder.square(wide(), 30, "fill"))
    assert (seen[5:25, 5:25] == (0, 0, 255)).all()
    assert (seen == (255, 255, 255)).all(2).sum() == 30 * 30 - 20 * 20


def test_fit_shows_all_of_it_on_the_color_of_its_border():
    im = Image.new("RGB", (60, 30), (10, 20, 30))
    im.paste(Image.new("RGB", (60, 10), (200, 0, 0)), (0, 10))
    seen = np.asarray(folder.square(im, 60, "fit"))
    assert (seen[:25] == (10, 20, 30)).all()
    assert (seen[27:33] == (200, 0, 0)).all()
    assert (seen[35:] == (10, 20, 30)).all()


def test_garment_is_cut_out_and_centred_on_white():
    im = Image.new("RGB", (64, 64), (40, 160, 40))
    im.paste(Image.new("RGB", (10, 20), (200, 0, 0)), (3, 40))
    seen = np.asarray(folder.square(im, 64, "garment")).astype(int)
    assert (seen[:, [0, 63]] == 255).all()
    assert (seen[[0, 63]] == 255).all()
    rows, columns = (np.abs(seen - (200, 0, 0)).max(2) < 30).nonzero()
    assert rows.min() <= 5  # it fills the square, but for a margin
    assert rows.max() >= 58
    assert abs(columns.mean() - 31.5) < 1


@pytest.mark.parametrize("im", [Image.new("RGB", (40, 40), (9, 9, 9)), Image.effect_noise((40, 40), 90).convert("RGB")])
def test_a_picture_without_a_garment_is_shown_whole(im):
    assert folder.square(im, 40, "garment").tobytes() == folder.square(im, 40, "fit").tobytes()


@pytest.mark.parametrize("fit", ["fill", "fit", "garment"])
def test_transparent_pixels_become_white(fit):
    im = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    im.paste(Image.new("RGBA", (20, 20), (0, 0, 255, 255)), (10, 10))
    seen = np.asarray(folder.square(im, 40, fit))
    assert (seen[0, 0] == 255).all()
    assert (seen[20, 20] == (0, 0, 255)).all()


def test_fits_are_kept_apart_and_reach_a_run(tmp_path):
    save(tmp_path / "d/a/1.png", wide())
    save(tmp_path / "d/a/2.png", wide("red"))
    recipes = [gans.new_recipe("dcgan", data=str(tmp_path / "d"), fit=fit, batch=2) for fit in ("fill", "fit")]
    one, other = (datasets.prepare(recipe)[1] for recipe in recipes)
    assert not torch.equal(one.images, other.images)


def test_a_photograph_is_turned_by_its_exif_orientation(tmp_path):
    im = Image.new("RGB", (40, 40))
    im.paste("white", (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    (tmp_path / "d").mkdir()
    im.save(tmp_path / "d/1.jpg", exif=exif, quality=95)
    seen = folder.read(tmp_path / "d", 28)[0][0, 0].float()
    assert seen[:, 20:].mean() > 250
    assert seen[:, :8].mean() < 5


def test_a_long_strip_is_skipped_where_it_would_be_shown_whole(place):
    save(place / "hats/strip.png", Image.new("RGB", (2000, 20)))
    assert "strip" in dict(folder.read(place, 28, "fit")[2].skipped)["hats/strip.png"]
    assert skipped(place) == {}


def test_a_flat_folder_is_one_class(tmp_path):
    save(tmp_path / "capes/1.png", Image.new("RGB", (28, 28)))
    result = datasets.load(str(tmp_path / "capes"))
    assert (result.names, result.counts) == (("capes",), [1])


def test_twins_are_counted(place):
    save(place / "gloves/2.png", Image.open(place / "hats/1.png"))
    save(place / "gloves/3.png", Image.open(place / "hats/1.png").point(lambda v: min(255, v + 2)))
    survey = folder.read(place, 28)[2]
    assert (survey.identical, survey.alike) == (1, 1)
    assert "1 picture came twice, and 1 picture looked like an earlier one" in survey.remarks()[0]


def test_rare_classes_are_named():
    survey = folder.Survey(("a", "b"), (100, 9), (64, 64), (64, 64), False, 0, 0, ())
    assert survey.remarks() == ("Of some classes there are few pictures, beside the others: b.",)


def test_many_skipped_files_are_not_all_named():
    survey = folder.Survey(("a",), (1,), (64, 64), (64, 64), False, 0, 0, tuple((str(i), "why") for i in range(1200)))
    assert survey.remarks()[0].endswith("4 (why) and 1,195 more.")


def test_none_that_can_be_read_is_one_sentence(tmp_path, cache):
    (tmp_path / "d/a").mkdir(parents=True)
    (tmp_path / "d/a/1.jpg").write_text("text", encoding="utf-8")
    with pytest.raises(StudioError, match=r"None of the 1 file in .* is a picture that can be read\."):
        folder.read(tmp_path / "d", 28)
    assert list(cache.iterdir()) == []


def test_the_second_time_no_picture_is_opened(place, monkeypatch):
    first = folder.read(place, 28)
    monkeypatch.setattr(folder, "tile", lambda *_: pytest.fail("opened again"))
    again = folder.read(place, 28)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert first[2] == again[2]


@pytest.mark.parametrize("change", ["another file", "another picture", "one less", "another size"])
def test_a_change_is_seen(change, place):
    before = folder.read(place, 28)[0]
    size = 28
    match change:
        case "another file":
            save(place / "hats/3.png", Image.new("RGB", (28, 28)))
        case "another picture":
            save(place / "hats/1.png", Image.new("RGB", (28, 28)))
            os.utime(place / "hats/1.png", (time.time() + 5, time.time() + 5))
        case "one less":
            (place / "hats/1.png").unlink()
        case "another size":
            size = 32
    after = folder.read(place, size)[0]
    assert before.shape != after.shape or not torch.equal(before, after)


def test_a_cut_cache_is_made_again(place, cache):
    first = folder.read(place, 28)[0]
    next(cache.glob("*.json")).unlink()
    assert torch.equal(folder.read(place, 28)[0], first)
    assert not list(cache.glob("*.part"))


def test_a_large_array_stays_on_the_disk(place, monkeypatch):
    modes, load = [], np.load
    monkeypatch.setattr(folder.np, "load", lambda *args, **how: modes.append(how["mmap_mode"]) or load(*args, **how))
    datasets.load(str(place))
    monkeypatch.setattr(folder, "MAPPED", 1)
    result = datasets.load(str(place))
    assert modes == [None, "c"]
    recipe, kept = datasets.prepare(gans.new_recipe("cdcgan", data=str(place), batch=2), loaded=result)
    assert kept.images.data_ptr() == result.images.data_ptr()  # not copied into memory
    assert recipe.labels == ("gloves", "hats")


def test_the_recommended_recipe(place):
    result = datasets.load(str(place), size=64)
    recipe = recommend.recipe(result, gans.new_recipe("studio", data="garments", size=64))
    assert (recipe.gan, recipe.width, recipe.batch, recipe.augment) == ("studio", 32, 3, "colour,shift,cutout")
    assert recipe.balance == "as found"
    few = datasets.Dataset(result.images[[0, 1, 1, 1, 1, 1]], torch.tensor([0, 1, 1, 1, 1, 1]), ("a", "b"), "")
    assert recommend.recipe(few, gans.new_recipe("studio", data="garments")).balance == "even"
    one = datasets.Dataset(result.images, result.labels * 0, ("a",), "")
    boots = recommend.recipe(one, gans.new_recipe("dcgan", data="garments", fit="fit"))
    assert (boots.gan, boots.gamma, boots.fit) == ("studio", 1.0, "fit")
    assert boots.epochs * len(one) / boots.batch == 6000
    assert recommend.seconds(recipe.replace(width=4, epochs=10), result, "cpu") > 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 seconds"), (720, "12 minutes"), (12_600, "3.5 hours"), (181_440, "2.1 days")]
)
def test_durations(seconds, text):
    assert recommend.duration(seconds) == text


def test_check_on_the_command_line(place, capsys):
    (place / "hats/z.png").write_text("text", encoding="utf-8")
    assert cli.main(["check", str(place), "--size", "28", "--device", "cpu"]) == 0
    output = capsys.readouterr().out
    assert "3 pictures, color, 80 x 80; kept at 28 x 28" in output
    assert "Skipped 1 file: hats/z.png" in output
    assert "python train.py studio --data" in output
    assert cli.main(["check", str(place), "--size", "28", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["counts"] == [1, 2]
    assert result["seconds"] >= 0
    assert cli.main(["check", str(place), "--size", "29"]) == 2
    assert "size cannot be 29" in capsys.readouterr().err


def test_pictures_with_an_uncertain_mask_are_counted_and_shown_whole(tmp_path):
    rng = np.random.default_rng(0)
    tmp_path = tmp_path / "set"  # beside the cache
    tmp_path.mkdir()
    for i in range(2):
        (tmp_path / "hats").mkdir(exist_ok=True)
        noise = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "hats" / f"{i}.png")
    plain = Image.new("RGB", (64, 64), "white")
    plain.paste((20, 40, 90), (16, 16, 48, 48))
    plain.save(tmp_path / "hats" / "plain.png")
    progress = []
    images, _, survey = folder.read(tmp_path, 32, "cutout", lambda done, of: progress.append((done, of)))
    assert survey.unsure == 2
    assert any("In 2 pictures of 3 it is not sure what the garment is" in r for r in survey.remarks())
    assert images[:2, 3, 8:24, 8:24].min() > 200
    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert folder.read(tmp_path, 32, "cutout")[2] == survey
    assert not folder.read(tmp_path, 32, "fill")[2].unsure

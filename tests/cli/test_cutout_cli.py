"""python -m fashiongan cutout: one PNG a picture, and what is refused."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fashiongan import cli


def coat(path, size=(90, 120), ground="white", **options):
    im = Image.new("RGB", size, ground)
    wide, high = size
    ImageDraw.Draw(im).rectangle((wide // 3, high // 4, 2 * wide // 3 - 1, 3 * high // 4 - 1), "#204080")
    im.save(path, **options)
    return path


def run(*argv):
    return cli.main(["cutout", *map(str, argv)])


def test_each_picture_becomes_one_png_with_alpha_named_as_its_source(tmp_path, capsys):
    a, b = coat(tmp_path / "a.png"), coat(tmp_path / "b.jpg", (120, 90))
    assert run(a, b, "--out", tmp_path / "out") == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "out" / "b.png") as im:
        assert (im.mode, im.size) == ("RGBA", (120, 90))
        alpha = np.asarray(im.getchannel("A"))
    assert alpha[45, 60] == 255
    assert alpha[2, 2] == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 pictures in" in err
    assert "100%" in err


@pytest.mark.parametrize(("color", "rgb"), [("white", (255,) * 3), ("black", (0,) * 3), ("#b03a2e", (176, 58, 46))])
def test_a_color_around(tmp_path, color, rgb):
    assert run(coat(tmp_path / "a.png"), "--out", tmp_path / "b.png", "--background", color) == 0
    with Image.open(tmp_path / "b.png") as im:
        assert im.getpixel((2, 2)) == (*rgb, 255)
        assert im.getpixel((45, 60)) == (32, 64, 128, 255)


def test_a_bad_file_is_reported_and_the_others_are_colored(tmp_path, capsys):
    (tmp_path / "bad.png").write_text("no picture", encoding="utf-8")
    (tmp_path / "cut.jpg").write_bytes(coat(tmp_path / "whole.jpg", (300, 300)).read_bytes()[:900])
    good = coat(tmp_path / "good.png")
    assert run(tmp_path / "bad.png", tmp_path / "cut.jpg", good, "--out", tmp_path / "out") == 2
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.png"]
    err = capsys.readouterr().err
    assert err.count("no picture that can be read") == 2
    assert "Traceback" not in err


def test_a_picture_of_one_shade_is_used_whole_with_a_remark(tmp_path, capsys):
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    assert run(tmp_path / "a.png", "--out", tmp_path / "b.png") == 0
    assert "all of one shade" in capsys.readouterr().err
    with Image.open(tmp_path / "b.png") as im:
        assert im.getchannel("A").getextrema() == (255, 255)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["nosuch.png", "--out", "o"], "There is no picture file nosuch.png"),
        (["a.png", "--out", "a.png"], "would overwrite a.png"),
        (["a.png", "--out", "o.png", "--background", "nosuch"], "nosuch"),
    ],
)
def test_refused_in_one_sentence(tmp_path, monkeypatch, capsys, argv, sentence):
    monkeypatch.chdir(tmp_path)
    coat(tmp_path / "a.png")
    assert run(*argv) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_fit_cutout_has_its_own_flags(capsys):
    with pytest.raises(SystemExit):
        cli.main(["fit", "cutout"])
    assert "--data, --minutes, --out" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["fit", "cutout", "--help"])
    assert "--start" in capsys.readouterr().out

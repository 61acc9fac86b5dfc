"""The palette of a garment in a picture: its colors and not the ground's, or one clear sentence."""

import io

import pytest
from PIL import Image, ImageDraw

from fashiongan.color import color_space
from fashiongan.colorize import reference
from fashiongan.data import cutout
from fashiongan.errors import StudioError

STRIPES = ("#b03a2e", "#1f3c88", "#f0e442")


def file(im, kind="PNG"):
    data = io.BytesIO()
    im.save(data, kind)
    return data.getvalue()


def shirt(ground="#f5f5f5", colors=STRIPES, mode="RGB"):
    """A striped square in the middle of a plain ground."""
    im = Image.new(mode, (240, 240), ground)
    pen = ImageDraw.Draw(im)
    for i, color in enumerate(colors):
        high = 120 // len(colors)
        pen.rectangle((60, 60 + i * high, 180, 59 + (i + 1) * high), fill=color)
    return im


def near(a, b):
    return float((color_space.lab_of(a) - color_space.lab_of(b)).norm()) < 6


@pytest.mark.slow
@pytest.mark.parametrize("ground", ["#f5f5f5", "#000000", "#7fa27f"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_garments_colors_and_not_the_grounds(ground, kind):
    found = reference.palette(file(shirt(ground), kind))
    assert 3 <= len(found.colors) <= 6
    assert all(any(near(color, c) for c in found.colors) for color in STRIPES)
    assert not any(near(ground, c) for c in found.colors)
    assert found.note == ""
    assert reference.palette(file(shirt(ground), kind)) == found


def test_transparency_is_no_color(tmp_path):
    im = shirt((255, 0, 255, 0), mode="RGBA")
    path = tmp_path / "shirt.png"
    im.save(path)
    assert reference.palette(path).colors == reference.palette(file(im)).colors
    assert set(reference.palette(path).colors) == set(STRIPES)


def test_a_gray_picture_has_a_gray_palette_and_says_so():
    found = reference.palette(file(shirt(colors=("#222222", "#777777", "#aaaaaa"))))
    assert found.note == reference.GRAY
    for color in found.colors:
        red, green, blue = color_space.parse(color)
        assert max(red, green, blue) - min(red, green, blue) <= 1


def test_where_no_garment_is_found_all_of_the_picture_counts_and_it_is_said(monkeypatch):
    im = shirt()
    monkeypatch.setattr(cutout, "find_garment", lambda im: cutout.CutOut(Image.new("L", im.size, 255), unsure=True))
    found = reference.palette(file(im))
    assert found.note == reference.ALL_OF_IT
    assert any(near("#f5f5f5", c) for c in found.colors)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"no picture", "no picture that can be read"),
        (file(Image.new("RGB", (90, 90), "teal")), "all of one shade"),
        (file(Image.new("RGBA", (90, 90), (1, 2, 3, 0))), "all of it is transparent"),
    ],
)
def test_what_shows_no_garment_is_one_sentence(data, match):
    with pytest.raises(StudioError, match=match):
        reference.palette(data)

"""Somebody's own picture: cut out, centred, bright on black; or one sentence."""

import io
import resource

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from synthetic import black_png

from fashiongan.data import cutout, images
from fashiongan.errors import StudioError

SHIRT = [(30, 20), (60, 20), (82, 42), (72, 52), (62, 43), (62, 105), (28, 105), (28, 43), (18, 52), (8, 42)]


def shirt(background, cloth, mode="RGB", scale=4, print_=None):
    im = Image.new("RGB", (90 * scale, 120 * scale), background)
    pen = ImageDraw.Draw(im)
    pen.polygon([(x * scale, y * scale) for x, y in SHIRT], fill=cloth)
    if print_:
        pen.rectangle([40 * scale, 55 * scale, 50 * scale, 65 * scale], fill=print_)
    return im.convert(mode)


def data(im, kind="PNG", **options):
    out = io.BytesIO()
    im.save(out, kind, **options)
    return out.getvalue()


def looks(source, size=28, channels=1):
    return cutout.garment(images.opened(source), size, channels)


def overlap(a, b):
    a, b = a > 30, b > 30
    return (a & b).sum() / (a | b).sum()


EXPECTED = looks(data(shirt("white", (40, 60, 120))))


def test_a_dark_shirt_on_white_becomes_a_bright_one_on_black_that_fills_the_picture():
    x = EXPECTED
    assert x.shape == (1, 28, 28)
    assert x.dtype == torch.uint8
    assert x[0, :, 0].max() < 30  # 85 high and 74 wide: as high as the picture, with black at its sides
    rows = (x[0] > 30).any(1)
    assert rows[0]
    assert rows[-1]
    middle = x[0, 8:24, 10:18]
    assert middle.min() > 150  # bright: the negative of a dark cloth


@pytest.mark.parametrize(
    "source",
    [
        data(shirt((240, 238, 235), (40, 60, 120)), "JPEG", quality=80),
        data(shirt("black", (200, 180, 90))),
        data(shirt((30, 120, 60), (200, 60, 50))),  # neither black nor white behind it
        data(shirt("white", (40, 60, 120), print_="white")),  # a print of the background's color stays
        data(shirt("white", (40, 60, 120), "CMYK"), "JPEG"),
        data(shirt("white", (40, 60, 120), "P"), "GIF"),
        data(shirt("white", (40, 60, 120)), "WEBP"),
        data(shirt("white", (40, 60, 120), "L")),
        data(shirt("white", (40, 60, 120), "1")),
        data(shirt("white", (40, 60, 120), scale=1)),
        data(shirt("white", (225, 225, 220))),  # pale on white
    ],
    ids=["jpeg", "on black", "on green", "print", "CMYK", "GIF", "WebP", "gray", "1 bit", "small", "pale"],
)
def test_the_same_shirt_in_many_shapes(source):
    assert overlap(looks(source), EXPECTED) > 0.9


def test_a_transparent_picture_is_cut_out_where_it_is_opaque():
    im = shirt("white", (40, 60, 120)).convert("RGBA")
    mask = shirt("black", "white", "L")
    im.putalpha(mask)
    assert overlap(looks(data(im)), EXPECTED) > 0.95
    with pytest.raises(StudioError, match="no garment to see"):
        looks(data(Image.new("RGBA", (50, 50), (200, 10, 10, 0))))


def test_sixteen_bits_and_floats_are_not_cut_off():
    gray = np.asarray(shirt("white", (40, 60, 120), "L")).astype(np.uint16) * 257
    assert overlap(looks(data(Image.fromarray(gray))), EXPECTED) > 0.9


def test_a_camera_held_sideways():
    turned = shirt("white", (40, 60, 120)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it right by 90 degrees to see it upright
    assert overlap(looks(data(turned, "JPEG", exif=exif)), EXPECTED) > 0.9


def test_the_first_frame_of_an_animation():
    frames = [shirt("white", c) for c in ((40, 60, 120), "white")]
    assert overlap(looks(data(frames[0], "GIF", save_all=True, append_images=frames[1:])), EXPECTED) > 0.9


def test_a_picture_of_the_data_stays_what_it_is(garments):
    one = garments.images[4]
    assert torch.equal(looks(data(Image.fromarray(one[0].numpy()))), one)


def test_a_mask_by_hand_counts_on_a_picture_of_the_data_too(garments):
    one = Image.fromarray(garments.images[4, 0].numpy())
    upper = Image.new("L", one.size)
    upper.paste(255, (0, 0, 28, 10))
    assert not torch.equal(cutout.garment(one, 28, 1, cutout.CutOut(upper, by_hand=True)), garments.images[4])


def test_colors_and_other_sizes():
    x = looks(data(shirt("black", (200, 60, 20))), 64, 3)
    assert x.shape == (3, 64, 64)
    assert x[:, 40, 32].tolist() == pytest.approx([214, 64, 40], abs=8)  # stretched to full light, and no part darker


def test_a_picture_of_one_shade_is_one_sentence():
    for im in (
        Image.new("L", (80, 80)),
        Image.new("RGB", (1, 1), "white"),
        Image.new("L", (28, 28)),
        Image.new("L", (1, 1)),
    ):
        with pytest.raises(StudioError, match="no garment to see"):
            looks(data(im))


@pytest.mark.parametrize("source", [b"", b"hello, I am text", b"\x89PNG\r\n\x1a\n" + b"x" * 99, b"<svg></svg>"])
def test_a_file_that_is_no_picture_is_one_sentence(source):
    with pytest.raises(StudioError, match="no picture that can be read"):
        looks(source)


def test_a_truncated_picture_is_one_sentence():
    whole = data(shirt("white", (40, 60, 120)), "JPEG")
    with pytest.raises(StudioError, match="no picture that can be read"):
        looks(whole[: len(whole) // 2])


@pytest.mark.parametrize(("side", "bits"), [(20_000, 1), (6_000, 1), (13_312, 8)])
def test_a_huge_picture_is_refused_by_its_header(side, bits, tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(black_png(side, side, bits))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(StudioError, match="at most 25 megapixels"):
        looks(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB: nothing of it was decoded


def test_a_strip_is_one_sentence():
    with pytest.raises(StudioError, match="too long a strip"):
        looks(data(Image.new("L", (3000, 10), 90)))


# What is neither on black nor on a plain ground: the net


def room(seed=0, size=(320, 240)):
    """A picture of many colors, with no ground that could be filled."""
    values = np.random.default_rng(seed).integers(60, 200, (12, 16, 3)).astype(np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


class Finds(torch.nn.Module):
    """A stub for a trained net: very bright pixels are garment, with the given probability."""

    def __init__(self, sure=60.0):
        super().__init__()
        self.sure = sure

    def forward(self, x):
        return (x.amin(1, keepdim=True) - 0.9) * self.sure


def with_garments(*boxes, size=(320, 240)):
    im = room(size=size)
    for box in boxes:
        ImageDraw.Draw(im).rectangle(box, "white")
    return im


@pytest.fixture
def net(monkeypatch):
    from fashiongan.data import cutout_net

    def use(stand_in):
        monkeypatch.setattr(cutout_net, "load", lambda *_: stand_in)

    use(Finds())
    return use


def test_in_a_room_the_net_finds_it_and_background_is_none_of_it_to_the_bit(net):
    im = with_garments((80, 40, 239, 199))
    cut = cutout.find_garment(im)
    alpha = np.asarray(cut.alpha)
    assert (cut.note, cut.unsure, cut.alpha.size) == ("", False, im.size)
    assert alpha[60:180, 100:220].min() == 255
    assert not alpha[:, :70].any()


def test_two_garments_are_both_cut_out_with_a_remark(net):
    cut = cutout.find_garment(with_garments((30, 40, 129, 199), (190, 40, 289, 199)))
    assert "2 parts" in cut.note
    assert "all are cut out" in cut.note
    assert np.asarray(cut.alpha)[120, [80, 240]].tolist() == [255, 255]


def test_a_picture_without_a_garment_is_used_whole_with_a_remark(net):
    cut = cutout.find_garment(room())
    assert cut.unsure
    assert "No garment" in cut.note
    assert cut.alpha.getextrema() == (255, 255)
    assert cutout.garment(room(), 28, 1, cut).shape == (1, 28, 28)


def test_a_picture_with_an_uncertain_mask_is_used_whole(net):
    net(Finds(sure=3.0))
    cut = cutout.find_garment(with_garments((80, 40, 239, 199)))
    assert cut.unsure
    assert "not sure" in cut.note


def test_a_small_garment_is_cut_out_with_a_remark(net):
    cut = cutout.find_garment(with_garments((150, 100, 179, 129)))
    assert not cut.unsure
    assert "only 1" in cut.note
    assert np.asarray(cut.alpha)[115, 165] == 255


def test_white_on_white_of_which_a_flood_fill_finds_shadows_is_the_nets(monkeypatch):
    from fashiongan.data import cutout_net

    im = Image.new("RGB", (120, 120), "white")
    ImageDraw.Draw(im).rectangle((30, 30, 89, 89), (238, 238, 236))
    ImageDraw.Draw(im).rectangle((30, 30, 34, 89), (215, 215, 210))
    calls = []
    monkeypatch.setattr(cutout_net, "load", lambda *_: calls.append(1) or Finds())
    cutout.find_garment(im)
    assert calls


@pytest.mark.parametrize("ground", ["white", "black", "#1e783c"])
def test_on_a_plain_ground_no_net_is_run(monkeypatch, ground):
    from fashiongan.data import cutout_net

    monkeypatch.setattr(cutout_net, "load", lambda *_: pytest.fail("the net was loaded"))
    im = shirt(ground, (200, 60, 150))
    cut = cutout.find_garment(im)
    assert cut.note == ""
    expected = np.asarray(cutout.flood_filled(im.convert("RGBA"))) > 127
    actual = np.asarray(cut.alpha) > 127
    assert (expected & actual).sum() / (expected | actual).sum() > 0.97


def test_twelve_megapixels_take_bounded_memory(net):
    im = with_garments((1000, 800, 2999, 2199), size=(4000, 3000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cut = cutout.find_garment(im)
    assert cut.alpha.size == im.size
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # kB

"""The service of the Colorize tab: garments by source, sheets of them, and downloads."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import checkpoint, gans, limits
from fashiongan.color.palettes import CLASSIC, PALETTES
from fashiongan.colorize.engine import ColorizeSpec, Gray
from fashiongan.data import sheets
from fashiongan.data.datasets import CLASSES
from fashiongan.errors import StudioError
from fashiongan.hub import registry
from fashiongan.studio import Studio, colorize, in_color
from fashiongan.studio.colorize import ColorizeRequest, ColorizeService, Garment


@pytest.fixture
def desk(tmp_path, idx_root, tiny, monkeypatch):
    """A ColorizeService with one colorizer and one GAN that is not a colorizer."""
    monkeypatch.setattr(registry, "bundled", list)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, labels in (("colorizer", CLASSES), ("dcgan", ())):
            gan = gans.build(tiny(name, steps=1).replace(labels=labels))
            checkpoint.save(tmp_path / "runs" / name / "checkpoint.safetensors", gan, gan.G, checkpoint.HeaderInfo())
    return ColorizeService(Studio(tmp_path / "runs", str(idx_root), "cpu"))


def as_the_page_gets(value):
    from fashiongan.ui.shared import edge  # late, since it brings gradio, which takes two seconds

    return edge.answer(value)


def preview_of(desk, request):
    """A preview as the page receives it."""
    return as_the_page_gets(desk.preview(request))


def picture(tmp_path, size=(60, 40), name="a.png"):
    im = Image.new("L", size)
    im.paste(160, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    im.save(tmp_path / name)
    return tmp_path / name


def decoded(url):
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as im:
        return np.asarray(im.convert("RGB"))


def test_only_colorizers_are_listed_and_others_refused(desk):
    [name] = desk.names()
    assert name.endswith("runs/colorizer")
    other = name.removesuffix("colorizer") + "dcgan"
    with pytest.raises(StudioError, match="choose a colorizer"):
        desk.preview(ColorizeRequest(Garment(), ColorizeSpec(), other))
    with pytest.raises(StudioError, match="There is no checkpoint"):
        desk.preview(ColorizeRequest(Garment(), ColorizeSpec(), "../etc"))


def test_without_any_checkpoint_the_error_names_the_remedy(tmp_path, idx_root, monkeypatch):
    monkeypatch.setattr(registry, "bundled", list)
    with pytest.raises(StudioError, match="no colorizer here yet: train one"):
        ColorizeService(Studio(tmp_path / "none", str(idx_root), "cpu")).preview(
            ColorizeRequest(Garment(), ColorizeSpec())
        )


def test_a_preview_describes_the_garment(desk):
    result = preview_of(desk, ColorizeRequest(Garment(number=3), ColorizeSpec(("#b03a2e",))))
    before, after = decoded(result["before"]), decoded(result["after"])
    assert before.shape == after.shape == (28, 28, 3)
    assert (before[..., 0] == before[..., 2]).all()
    assert (after[..., 0] != after[..., 2]).any()
    assert (result["class"], result["size"], result["sharp"]) == (CLASSES[3], [28, 28], True)
    assert result["pictures"] == 200
    assert result["colors"] == []
    classic = preview_of(desk, ColorizeRequest(Garment(number=3), ColorizeSpec(("#b03a2e",)), classic=True))
    assert classic["colors"] == [CLASSIC[3]]


def test_variant_i_large_is_variant_i_small(desk):
    request = ColorizeRequest(Garment(number=1), ColorizeSpec(PALETTES["Sport"], seed=5))
    small = as_the_page_gets(list(desk.variants(request, 5)))
    assert len(set(small)) == 5
    for i, url in enumerate(small):
        large = preview_of(desk, ColorizeRequest(request.garment, request.spec, variant=i))["after"]
        assert abs(decoded(large).astype(int) - decoded(url).astype(int)).max() <= 2  # sums in another order


def test_an_upload_is_shown_small_and_downloaded_in_full(desk, tmp_path):
    path = picture(tmp_path, (1300, 700), "coat.png")
    garment = Garment("own", key=desk.add(path, "coat.png"))
    result = preview_of(desk, ColorizeRequest(garment, ColorizeSpec(("teal",))))
    assert result["shape"] == [512, 276]
    assert result["size"] == [1300, 700]
    assert result["after"].startswith("data:image/jpeg")
    assert not result["was_colored"]
    data, name = desk.download(ColorizeRequest(garment, ColorizeSpec(("teal",)), variant=2))
    assert name == "coat-colored.png"
    with Image.open(io.BytesIO(data)) as im:
        assert im.size == (1300, 700)
        assert json.loads(im.text[sheets.KEY])["variant"] == 2
    path.unlink()
    with pytest.raises(StudioError, match="upload it again"):
        desk.download(ColorizeRequest(garment, ColorizeSpec()))


def test_old_uploads_are_forgotten(desk, tmp_path, monkeypatch):
    desk.uploads.size = 2
    keys = [desk.add(picture(tmp_path, (40 + i, 30), f"{i}.png"), f"{i}.png") for i in range(3)]
    assert desk.uploads.keys() == keys[1:]
    with pytest.raises(StudioError, match="no longer here"):
        desk.preview(ColorizeRequest(Garment("own", key=keys[0]), ColorizeSpec()))


@pytest.mark.parametrize(
    "drawing", ["", "abc", "data:image/png;base64,AAAA", "§", pytest.param("A" * 3_000_000, id="long")]
)
def test_a_bad_drawing_is_refused(desk, drawing):
    with pytest.raises(StudioError):
        desk.preview(ColorizeRequest(Garment("drawn", drawing=drawing), ColorizeSpec()))


def test_a_garment_in_every_palette_and_many_in_one(desk):
    request = ColorizeRequest(Garment(), ColorizeSpec(PALETTES["IBM"]))
    result = desk.palettes(request)
    assert list(result) == list(PALETTES)
    assert all(len(tiles) == min(len(PALETTES[name]), colorize.EACH) for name, tiles in result.items())
    garments = [Garment(number=i) for i in range(12)]
    many = desk.many(request, garments)
    assert len(many) == limits.PALETTE_GARMENTS
    # Each takes the next color: the first equals the second's only where the palette has one color.
    for i in (0, 3):
        alone = preview_of(desk, ColorizeRequest(garments[i], request.spec, variant=i % 5))["after"]
        assert abs(decoded(alone).astype(int) - many[i].permute(1, 2, 0).numpy().astype(int)).max() <= 2


def test_sheets_have_their_description(desk, tmp_path):
    key = desk.add(picture(tmp_path), "a.png")
    request = ColorizeRequest(Garment("own", key=key), ColorizeSpec(PALETTES["Earth"]))
    for garments, size in (([], (6 * 264 + 8, 10 * 264 + 8)), ([Garment(), request.garment], (2 * 264 + 8, 264 + 8))):
        data, name = desk.sheet(request, garments)
        assert name == "colorways.png"
        with Image.open(io.BytesIO(data)) as im:
            assert im.size == size
            description = json.loads(im.text[sheets.KEY])
        assert description["sheet"].startswith("many" if garments else "one garment")


def test_a_test_picture_that_there_is_not(desk):
    with pytest.raises(StudioError, match="numbered from 0 to 199"):
        desk.preview(ColorizeRequest(Garment(number=200), ColorizeSpec()))


# The mask that somebody corrected


def mask_url(mask):
    return "data:image/png;base64," + base64.b64encode(sheets.png(Image.fromarray(mask))).decode()


def test_a_corrected_mask_is_the_garment():
    gray = Gray(torch.full((1, 1, 40, 60), 90, dtype=torch.uint8), None)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    result = colorize.masked(gray, mask_url(mask))
    assert (result.mask[0, 0] > 0.5).equal(torch.from_numpy(mask) > 127)
    assert colorize.masked(gray, colorize.ALL).mask.min() == 1
    assert colorize.masked(gray, "") is gray


@pytest.mark.parametrize(
    ("mask", "sentence"), [(mask_url(np.zeros((40, 60), np.uint8)), "No garment is left"), ("nonsense!", "no picture")]
)
def test_a_mask_drawn_to_nothing_is_one_sentence(mask, sentence):
    gray = Gray(torch.full((1, 1, 40, 60), 90, dtype=torch.uint8), None)
    with pytest.raises(StudioError, match=sentence):
        colorize.masked(gray, mask)


def test_a_download_holds_the_corrected_mask_that_it_was_made_with(tmp_path, desk):
    path = tmp_path / "mine.png"
    Image.fromarray(np.full((40, 60, 3), (200, 120, 90), np.uint8)).save(path)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    garment = Garment("own", key=desk.add(path, "mine.png"), mask=mask_url(mask))
    request = ColorizeRequest(garment, ColorizeSpec(colors=("#b03a2e",)))
    data, _ = desk.download(request)
    description = json.loads(Image.open(io.BytesIO(data)).text["fashiongan"])
    again = replace(request, garment=replace(garment, mask=description["mask"]))
    assert desk.download(again)[0] == data
    plain = replace(request, garment=replace(garment, mask=""))
    assert "mask" not in json.loads(Image.open(io.BytesIO(desk.download(plain)[0])).text["fashiongan"])
    everything = replace(request, garment=replace(garment, mask=colorize.ALL))
    assert json.loads(Image.open(io.BytesIO(desk.download(everything)[0])).text["fashiongan"])["mask"] == "all"


def test_the_palette_of_an_uploaded_picture(tmp_path):
    im = Image.new("RGB", (90, 90), "white")
    im.paste("#b03a2e", (20, 20, 70, 50))
    im.paste("#1f3c88", (20, 50, 70, 70))
    im.save(tmp_path / "shirt.png")
    assert in_color.of_photograph(tmp_path / "shirt.png").colors == ("#b03a2e", "#1f3c88")


def test_a_transparent_upload_is_shown_on_white_and_saved_with_its_alpha(tmp_path, desk):
    im = Image.new("RGBA", (60, 40), (90, 90, 90, 0))
    im.paste((140, 140, 140, 255), (15, 8, 45, 32))
    im.save(tmp_path / "a.png")
    request = ColorizeRequest(Garment("own", key=desk.add(tmp_path / "a.png", "a.png")), ColorizeSpec(("teal",)))
    shown = desk.preview(request).after
    assert shown.shape == (3, 40, 60)
    assert shown[:, 0, 0].tolist() == [255] * 3
    with Image.open(io.BytesIO(desk.download(request)[0])) as saved:
        assert saved.mode == "RGBA"
        assert saved.getchannel("A").tobytes() == im.getchannel("A").tobytes()
        inside = saved.getpixel((30, 20))
    assert inside[:3] == tuple(shown[:, 20, 30].tolist())


def test_the_endpoint_keeps_alpha(tmp_path, desk):
    from fashiongan.ui.api import ColorEndpoints

    im = Image.new("RGBA", (60, 40), (140, 140, 140, 255))
    im.paste((0, 0, 0, 0), (0, 0, 60, 10))
    im.save(tmp_path / "a.png")
    for path in ColorEndpoints(desk).color(str(tmp_path / "a.png"), "teal", n=2):
        with Image.open(path) as out:
            assert out.mode == "RGBA"
            assert out.getchannel("A").tobytes() == im.getchannel("A").tobytes()

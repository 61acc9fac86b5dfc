"""The Colorize tab in a real browser: colors, palettes, dots, variants, colorways, uploads, drawings, downloads."""

import base64
import io
import json
import re

import gradio as gr
import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image

from fashiongan import limits
from fashiongan.color import color_space, palettes
from fashiongan.colorize import engine
from fashiongan.data import sheets
from fashiongan.errors import StudioError
from fashiongan.studio.colorize import ColorizeService, Garment
from fashiongan.ui.colorize import drawing, tab

pytestmark = pytest.mark.slow
HUE = 35  # degrees from the requested hue, of garments that are nothing but shapes and noise


@pytest.fixture
def page(visit):
    return opened(visit())


def opened(page):
    page.get_by_role("tab", name="Colorize").click()
    return calm(page)


def calm(page):
    """Wait until the picture shows the chosen settings."""
    page.wait_for_timeout(250)
    page.wait_for_function(
        "() => { const d = document.querySelector('.dye'); return d?.dataset.state === 'ready'"
        " && d.dataset.ways > 0 && d.getAttribute('aria-busy') === 'false' && !d.querySelector('.stale'); }"
    )
    return page


def request_of(page):
    return json.loads(page.locator(".dye").get_attribute("data-shown"))


def source(page, selector):
    return page.locator(selector).get_attribute("src")


def picture(url):
    """(1, 3, H, W) uint8 of a data URL."""
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as im:
        return torch.from_numpy(np.asarray(im.convert("RGB")).copy()).permute(2, 0, 1)[None]


def hue_off(x, color, where=None):
    """Degrees between the hue of a picture's light pixels, or of those in a box of rows and columns, and a color's."""
    lab = color_space.lab(x.float() / 255)
    inside = lab[:, 0] > 45
    if where:
        chosen = torch.zeros_like(inside)
        chosen[(slice(None), *where)] = True
        inside &= chosen
    a, b = (lab[:, k][inside].mean() for k in (1, 2))
    assert torch.hypot(a, b) > 8, "that is gray"
    wanted = color_space.lab_of(color)
    off = torch.rad2deg(torch.atan2(b, a) - torch.atan2(wanted[2], wanted[1]))
    return abs(float((off + 180) % 360 - 180))


def after(page):
    return picture(source(page, "[data-part=after]"))


def well(page, name, value):
    page.get_by_label(f"color of {name}", exact=True).fill(value)
    return calm(page)


def set_number(page, selector, value):
    field = page.locator(f"{selector} input").first
    field.fill(str(value))
    field.press("Tab")


def click_garment(page, x, y):
    box = page.locator(".stage").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    return calm(page)


def test_it_opens_on_a_garment_in_color_with_everything_there(page):
    before, now = picture(source(page, "[data-part=before]")), after(page)
    assert before.shape == now.shape == (1, 3, 28, 28)
    assert (before[:, 0] == before[:, 1]).all()
    assert hue_off(now, palettes.PALETTES[tab.START][0]) < HUE
    assert page.locator(".variants .tile").count() == tab.VARIANTS
    assert page.locator(".ways .way").count() == len(palettes.PALETTES) >= 8
    assert page.locator(".safe").count() == len(tab.BLIND) >= 1
    assert page.locator(".dye > .error").is_hidden()
    names = page.get_by_role("tab").all_inner_texts()
    assert names == ["Sample", "Train", "Colorize", "Robustness", "Compare"]


@pytest.mark.parametrize("color", ["#c0392b", "#2471a3", "#1e8449"])
def test_a_chosen_color_is_obeyed_and_lightness_kept(page, color):
    well(page, "the garment", color)
    now = after(page)
    assert hue_off(now, color) < HUE
    gray = picture(source(page, "[data-part=before]"))[:, :1]
    assert (color_space.gray_of(now).int() - gray.int()).abs().max() <= 1


def test_swatches_palettes_and_modes(page):
    set_number(page, "#gray_number", 3)
    calm(page)
    page.get_by_label("#0072b2 of Okabe-Ito").click()
    calm(page)
    assert request_of(page)["spec"]["colors"] == ["#0072b2"]
    assert hue_off(after(page), "#0072b2") < HUE
    page.locator("[data-palette=Autumn]").click()
    calm(page)
    assert request_of(page)["spec"]["colors"] == list(palettes.PALETTES["Autumn"])
    assert page.locator("[data-palette=Autumn]").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="The net's own idea").click()
    calm(page)
    assert request_of(page)["spec"]["colors"] == []
    page.get_by_role("button", name="Report 001's class colors").click()
    calm(page)
    assert request_of(page)["classic"] is True
    # The synthetic test picture 3 is of class 3.
    assert hue_off(after(page), palettes.CLASSIC[3]) < HUE
    assert page.get_by_label("color of the garment", exact=True).input_value() == palettes.CLASSIC[3]


def test_a_variant_is_chosen_and_counted(page):
    first = source(page, "[data-part=after]")
    page.locator(".variants .tile").nth(2).click()
    calm(page)
    assert request_of(page)["variant"] == 2
    assert source(page, "[data-part=after]") == source(page, ".variants .tile:nth-child(3) img") != first
    assert hue_off(after(page), palettes.PALETTES[tab.START][2]) < HUE
    set_number(page, "#variants", 3)
    page.wait_for_function("() => document.querySelector('.dye').dataset.variants === '3'")
    assert request_of(page)["variant"] == 2
    set_number(page, "#variants", 2)
    page.wait_for_function("() => document.querySelector('.dye').dataset.variants === '2'")
    assert request_of(page)["variant"] == 0


def test_ideas_differ_and_another_seed_has_others(page):
    page.get_by_role("button", name="The net's own idea").click()
    calm(page)
    urls = [x.get_attribute("src") for x in page.locator(".variants img").all()]
    assert len(set(urls)) == len(urls)
    page.locator("#dye_roll").click()
    page.wait_for_function("s => document.querySelector('.variants img').src !== s", arg=urls[0])


def test_strength_is_live_from_gray_to_more(page):
    chroma = []
    for value in (0, 0.5, 1):
        set_number(page, "#strength", value)
        page.wait_for_function(
            "v => JSON.parse(document.querySelector('.dye').dataset.shown).spec.strength === v", arg=value
        )
        calm(page)
        chroma.append(float(color_space.lab(after(page).float() / 255)[:, 1:].abs().mean()))
    assert chroma[0] < 1 < chroma[1] < chroma[2]


def test_a_dot_colors_its_place_can_be_moved_and_removed(page, tmp_path):
    im = Image.new("L", (100, 100))
    im.paste(150, (8, 20, 92, 80))
    im.save(tmp_path / "wide.png")
    upload(page, tmp_path / "wide.png")
    calm(page)
    well(page, "the garment", "#c0392b")
    click_garment(page, 0.25, 0.5)
    assert page.locator(".dot").count() == 1
    well(page, "dot 1", "#2471a3")
    x = after(page)
    assert hue_off(x, "#2471a3", (slice(40, 60), slice(15, 30))) < HUE
    assert hue_off(x, "#c0392b", (slice(25, 75), slice(60, 85))) < HUE
    [placed] = request_of(page)["spec"]["hints"]
    assert placed["x"] == pytest.approx(0.25, abs=0.01)
    page.locator(".dot").press("ArrowRight")
    calm(page)
    assert request_of(page)["spec"]["hints"][0]["x"] == pytest.approx(placed["x"] + 0.02)
    page.locator(".dot").press("Delete")
    calm(page)
    assert request_of(page)["spec"]["hints"] == []
    page.get_by_role("button", name="Add a dot").press("Enter")
    calm(page)
    assert page.locator(".dot").count() == 1
    page.get_by_role("button", name="remove dot 1").click()
    calm(page)
    assert page.locator(".dot").count() == 0


def test_there_is_an_end_to_dots(page):
    for _ in range(limits.HINTS):
        page.get_by_role("button", name="Add a dot").click()
    page.get_by_role("button", name="Add a dot").click()
    page.locator(".dye > .error").get_by_text(f"{limits.HINTS} places on a garment can be colored").wait_for()
    assert page.locator(".dot").count() == limits.HINTS
    page.get_by_role("button", name="Remove all dots").click()
    calm(page)
    assert page.locator(".dot").count() == 0
    assert page.locator(".dye > .error").is_hidden()


def test_two_tones_on_one_garment(page):
    set_number(page, "#gray_number", 0)
    calm(page)
    page.locator("[data-palette=Sport]").click()
    set_number(page, "#tones", 2)
    page.get_by_label("color of lower").wait_for()
    calm(page)
    first, second = palettes.PALETTES["Sport"][:2]
    assert page.get_by_label("color of upper").input_value() == first
    assert page.get_by_label("color of lower").input_value() == second
    x = after(page)
    assert hue_off(x, first, (slice(4, 10), slice(8, 20))) < HUE
    assert hue_off(x, second, (slice(18, 24), slice(8, 20))) < HUE


def test_the_divider_moves_by_mouse_and_keys(page):
    divider = page.locator(".dye .divider")
    at = int(divider.get_attribute("aria-valuenow"))
    divider.press("ArrowRight")
    assert int(divider.get_attribute("aria-valuenow")) == at + 5
    divider.press("Home")
    assert divider.get_attribute("aria-valuetext") == "0 % gray"
    divider.press("End")
    box, stage = divider.bounding_box(), page.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.5, box["y"] + 100, steps=4)
    page.mouse.up()
    assert int(divider.get_attribute("aria-valuenow")) == pytest.approx(50, abs=2)
    assert page.locator(".dot").count() == 0, "that was no click on the garment"


def test_colorways_of_a_garment_and_of_many(page):
    tile = page.get_by_label(f"Sport, {palettes.PALETTES['Sport'][3]}")
    tile.click()
    calm(page)
    assert request_of(page)["spec"]["colors"] == list(palettes.PALETTES["Sport"])
    assert request_of(page)["variant"] == 3
    assert tile.get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Many garments in these colors").click()
    page.wait_for_function("() => document.querySelector('.dye').dataset.ways === '10'")
    page.get_by_label("garment 5").click()
    page.wait_for_function("() => JSON.parse(document.querySelector('.dye').dataset.shown).garment.number === 11")
    calm(page)
    assert page.locator("#gray_number input").input_value() == str(tab.FIRST + 4) == "11"
    assert request_of(page)["variant"] == 4
    assert hue_off(after(page), palettes.PALETTES["Sport"][4]) < HUE


def test_a_download_has_its_description_and_makes_the_same_picture(page, studio):
    set_number(page, "#gray_number", 3)
    calm(page)
    page.locator(".variants .tile").nth(1).click()
    calm(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download PNG").click()
    assert saved.value.suggested_filename == "garment-3-colored.png"
    with Image.open(saved.value.path()) as im:
        told, made = json.loads(im.text[sheets.KEY]), torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)
    assert told["made by"] == "FashionGAN Studio"
    assert told["variant"] == 1
    colorizing = ColorizeService(studio)
    gray = colorizing.gray(tab.Garment(number=3))
    gan = engine.colorizer(studio.gan(told["colorized by"]))
    again = engine.colored(gan, gray, engine.colorize_spec(told), 1, told["keep_background"], told["variant"])[0]
    assert torch.equal(again, made)


@pytest.mark.parametrize("many", [False, True])
def test_a_sheet_is_downloaded(page, many):
    if many:
        page.get_by_role("button", name="Many garments in these colors").click()
        page.wait_for_function("() => document.querySelector('.dye').dataset.ways === '10'")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the sheet").click()
    with Image.open(saved.value.path()) as im:
        assert im.width == 8 + (5 if many else 6) * 264
        assert "sheet" in json.loads(im.text[sheets.KEY])


def photograph(path, size=(700, 500), tint=(205, 125, 100), **more):
    """A garment on white."""
    im = Image.new("RGB", size, "white")
    w, h = size
    im.paste(tuple(tint), (w // 4, h // 5, 3 * w // 4, 4 * h // 5))
    im.save(path, **more)
    return path


def upload(page, *paths):
    page.get_by_label("My own").check()
    page.locator("#gray_upload input[type=file]").set_input_files(list(paths))
    page.wait_for_function("() => JSON.parse(document.querySelector('.dye').dataset.shown || '{}').garment?.key")


def test_an_upload_in_color_is_grayed_colored_and_downloaded_in_full(page, tmp_path):
    page.get_by_label("My own").check()
    page.locator(".dye > .error").get_by_text("Upload a picture of a garment").wait_for()
    upload(page, photograph(tmp_path / "jacket.jpg", (1100, 800), quality=95))
    calm(page)
    about = page.locator(".dye .about").inner_text()
    assert "jacket.jpg" in about
    assert "1100 x 800 pixels" in about
    assert "It was in color: it is made gray first." in about
    well(page, "the garment", "#2471a3")
    shown = after(page)
    assert max(shown.shape[2:]) == 512
    assert hue_off(shown, "#2471a3", (slice(120, 250), slice(180, 330))) < HUE
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download PNG").click()
    assert saved.value.suggested_filename == "jacket-colored.png"
    with Image.open(saved.value.path()) as im, Image.open(tmp_path / "jacket.jpg") as original:
        assert im.size == (1100, 800)
        full = torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)[None]
        rgb = torch.from_numpy(np.asarray(original.convert("RGB")).copy()).permute(2, 0, 1)[None]
    assert (color_space.gray_of(full).int() - color_space.gray_of(rgb).int()).abs().max() <= 1
    assert (full[0, :, :80] == 255).all(), "the background stays white"


def test_several_uploads_are_a_sheet(page, tmp_path):
    files = [photograph(tmp_path / f"{i}.png", (90 + i, 70), (90, 90, 90)) for i in range(3)]
    upload(page, *files)
    calm(page)
    page.get_by_role("button", name="Many garments in these colors").click()
    page.wait_for_function("() => document.querySelector('.dye').dataset.ways === '3'")
    first = request_of(page)["garment"]["key"]
    page.get_by_label("garment 3").click()
    page.wait_for_function("k => JSON.parse(document.querySelector('.dye').dataset.shown).garment.key !== k", arg=first)
    calm(page)
    assert "92 x 70 pixels" in page.locator(".dye .about").inner_text()


def odd(tmp_path, what):
    path = tmp_path / f"{what}.png"
    if what == "transparent":
        im = Image.new("RGBA", (60, 80))
        im.paste((120, 120, 120, 255), (10, 10, 50, 70))
        im.save(path)
    elif what == "animated":
        path = path.with_suffix(".gif")
        frames = [Image.new("L", (50, 50), 60 * k) for k in range(1, 4)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif what == "one-pixel":
        Image.new("L", (1, 1), 90).save(path)
    elif what == "sixteen-bit":
        Image.fromarray((np.arange(4096).reshape(64, 64) * 16).astype(np.uint16)).save(path)
    return path


@pytest.mark.parametrize("what", ["transparent", "animated", "one-pixel", "sixteen-bit"])
def test_odd_pictures_are_colored(page, tmp_path, what):
    upload(page, odd(tmp_path, what))
    calm(page)
    assert source(page, "[data-part=after]").startswith("data:image/")


@pytest.mark.parametrize("what", ["text", "broken", "huge", "strip"])
def test_what_is_no_picture_is_refused_in_one_sentence(page, tmp_path, what):
    path = tmp_path / "a.png"
    if what == "text":
        path.write_text("no picture", encoding="utf-8")
    elif what == "broken":
        photograph(tmp_path / "b.png", (300, 300))
        path.write_bytes((tmp_path / "b.png").read_bytes()[:200])
    elif what == "huge":
        Image.new("L", (6000, 6000)).save(path)
    else:
        Image.new("L", (900, 10)).save(path)
    page.get_by_label("My own").check()
    page.locator("#gray_upload input[type=file]").set_input_files(path)
    said = {"huge": "at most 25 megapixels", "strip": "too long a strip"}.get(what, "is no picture that can be read")
    page.get_by_text(said).first.wait_for()


def test_the_mask_over_ones_own_picture_is_corrected_with_a_brush(page, tmp_path):
    im = Image.new("RGB", (120, 120), "white")
    im.paste((40, 60, 120), (40, 20, 80, 100))
    im.save(tmp_path / "a.png")
    upload(page, tmp_path / "a.png")
    calm(page)
    page.locator(".dye .mask summary").click()
    corner = (..., slice(85, 110), slice(4, 30))
    assert (after(page)[corner].float().std(1) < 3).all(), "what is background stays gray"
    page.get_by_role("button", name="All of the picture").click()
    page.wait_for_function("() => JSON.parse(document.querySelector('.dye').dataset.shown).garment.mask === 'all'")
    calm(page)
    page.get_by_role("button", name="Forget my corrections").click()
    page.wait_for_function("() => !JSON.parse(document.querySelector('.dye').dataset.shown).garment.mask")
    calm(page)
    page.locator(".dye [data-mask=remove]").click()
    assert page.locator(".dye [data-mask][aria-pressed=true]").inner_text() == "Remove"
    page.locator(".dye .mask input").fill("40")
    box = page.locator(".dye .masked").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2)
    page.mouse.down()
    for share in (0.3, 0.6, 0.98):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + share * box["height"])
    page.mouse.up()
    page.locator(".dye > .error").get_by_text("No garment is left in the mask").wait_for()
    assert page.locator(".dye .masked").is_visible(), "it can be mended"
    page.get_by_role("button", name="Forget my corrections").click()
    calm(page)


def test_a_drawing_by_hand_is_colored(page):
    page.get_by_label("Drawn by hand").check()
    calm(page)
    shirt = source(page, "[data-part=before]")
    assert picture(shirt).float().mean() > 40, "a T-shirt to begin with"
    page.get_by_role("button", name="Clear").click()
    box = page.locator(".dye .draw canvas").bounding_box()
    page.locator("[data-part=brush]").fill("50")
    page.mouse.move(box["x"] + 60, box["y"] + 110)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 110, steps=6)
    page.mouse.up()
    page.wait_for_function("s => document.querySelector('[data-part=before]').src !== s", arg=shirt)
    calm(page)
    well(page, "the garment", "#c0392b")
    assert hue_off(after(page), "#c0392b") < HUE


def test_colors_are_taken_from_a_photograph(page):
    im, out = Image.new("RGB", (200, 200), "white"), io.BytesIO()
    im.paste("#b03a2e", (50, 30, 150, 110))
    im.paste("#1f3c88", (50, 110, 150, 170))
    im.save(out, "PNG")

    def take(data):
        with page.expect_file_chooser() as chooser:
            page.locator("#dye_photograph").click()
        chooser.value.set_files({"name": "reference.png", "mimeType": "image/png", "buffer": data})

    take(out.getvalue())
    page.wait_for_function(
        "() => JSON.parse(document.querySelector('.dye').dataset.shown).spec.colors[0] === '#b03a2e'"
    )
    assert "#1f3c88" in request_of(calm(page))["spec"]["colors"]
    take(b"dear diary")
    page.get_by_text("no picture that can be read").first.wait_for()


def test_a_garment_is_sent_here_from_the_sample_tab(visit):
    page = visit()
    page.wait_for_function("() => document.querySelector('#sheet img')?.naturalWidth")
    page.locator("#send_colorize").click()
    page.wait_for_function("() => JSON.parse(document.querySelector('.dye')?.dataset.shown || '{}').garment?.key")
    calm(page)
    assert re.search(r"studio-seed0-[a-z0-9-]+\.png · ", page.locator(".dye .about").inner_text())


def test_without_a_colorizer_it_says_so(visit, monkeypatch):
    monkeypatch.setattr(ColorizeService, "names", lambda self: [])
    page = visit()
    page.get_by_role("tab", name="Colorize").click()
    page.locator(".dye > .error").get_by_text("There is no colorizer here yet: train one").wait_for()
    assert page.locator(".dye .content").is_hidden()


def test_a_test_picture_that_there_is_not(page):
    set_number(page, "#gray_number", 5000)
    page.locator(".dye > .error").get_by_text("There is no test picture 5000").wait_for()
    set_number(page, "#gray_number", 1)
    calm(page)
    assert page.locator(".dye > .error").is_hidden()


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_shows_the_garment_first_and_nothing_sticks_out(visit, width):
    page = visit()
    page.set_viewport_size({"width": width, "height": 780})
    opened(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.locator(".stage").bounding_box()["y"] < page.locator("#gray_kind").bounding_box()["y"]


def test_it_is_readable_in_the_dark(visit):
    page = opened(visit(color_scheme="dark"))
    text, ground = page.evaluate(
        "() => [getComputedStyle(document.querySelector('.dye .hint')).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )

    def light(css):
        rgb = torch.tensor(color_space.parse(css)) / 255
        return float(color_space.linear(rgb) @ torch.tensor([0.2126, 0.7152, 0.0722]))

    dark, pale = sorted((light(text), light(ground)))
    assert dark < 0.05
    assert (pale + 0.05) / (dark + 0.05) > 4.5


# For programs


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def colors_of(path):
    with Image.open(path) as im:
        told = json.loads(im.text[sheets.KEY])
        return told, torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)[None]


def test_colorize_for_programs(client, tmp_path):
    path = photograph(tmp_path / "a.png", (300, 200), (110, 110, 110))
    found = client.predict(
        picture=handle_file(str(path)),
        colours="#c0392b, teal",
        n=2,
        seed=3,
        strength=1.2,
        checkpoint="colorizer",
        api_name="/colorize",
    )
    assert len(found) == 2
    for file, color in zip(found, ("#c0392b", "teal"), strict=True):
        told, x = colors_of(file)
        assert x.shape == (1, 3, 200, 300)
        assert (told["seed"], told["strength"]) == (3, 1.2)
        assert hue_off(x, color, (slice(60, 140), slice(100, 200))) < HUE
    [classic] = client.predict(
        picture=handle_file(str(path)), classic=True, label="Bag", checkpoint="colorizer", api_name="/colorize"
    )
    assert colors_of(classic)[0]["colours"] == [palettes.CLASSIC[8]]
    [placed] = client.predict(
        picture=handle_file(str(path)),
        hints='[{"x": 0.5, "y": 0.5, "colour": "#1e8449"}]',
        checkpoint="colorizer",
        api_name="/colorize",
    )
    assert hue_off(colors_of(placed)[1], "#1e8449", (slice(80, 120), slice(130, 170))) < HUE


def test_programs_may_take_the_colors_of_another_picture(client, tmp_path):
    path, shirt = photograph(tmp_path / "a.png"), photograph(tmp_path / "b.png", tint=(176, 58, 46))
    [file] = client.predict(
        picture=handle_file(str(path)), reference=handle_file(str(shirt)), checkpoint="colorizer", api_name="/colorize"
    )
    assert colors_of(file)[0]["colours"] == ["#b03a2e"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"colours": "#zzz"}, "is no color"),
        ({"n": 0}, "n takes a number from 1 to 16"),
        ({"strength": 3}, "Strength goes from 0"),
        ({"label": "Crown"}, "no class 'Crown'"),
        ({"hints": "{}"}, "hints takes a JSON list"),
        ({"hints": '[{"x": 2, "y": 0, "colour": "red"}]'}, "A hint's place"),
        ({"hints": "[7]"}, "no description of colors"),
        ({"checkpoint": "../../etc/passwd"}, "no checkpoint"),
        ({"checkpoint": "dcgan"}, "choose a colorizer"),
        ({"seed": -1}, "whole number from 0"),
    ],
)
def test_programs_are_refused_in_one_sentence(arguments, sentence, client, tmp_path):
    path = photograph(tmp_path / "a.png", (60, 40))
    with pytest.raises(Exception, match=sentence):
        client.predict(picture=handle_file(str(path)), **arguments, api_name="/colorize")


@pytest.mark.parametrize("path", ["/etc/passwd", "http://127.0.0.1:9/a.png", "HTTPS://example.org/a.png"])
def test_neither_the_servers_files_nor_addresses_are_read(client, url, path):
    import httpx

    dependency = next(i for i, d in enumerate(client.config["dependencies"]) if d["api_name"] == "colorize")
    values = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "", 1, "", 0, 1, False, 1, "[]", "", True]
    body = {"data": values, "fn_index": dependency, "session_hash": "abc"}
    joined = httpx.post(f"{url}gradio_api/queue/join", json=body)
    if path.lower().startswith("http"):
        assert joined.status_code == 400
        assert "not fetched" in joined.text
        return
    assert "event_id" in joined.json()
    with httpx.stream("GET", f"{url}gradio_api/queue/data?session_hash=abc", timeout=20) as answer:
        lines = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    [done] = [m for m in lines if m["msg"] == "process_completed"]
    assert done["success"] is False
    assert "root:" not in json.dumps(done)


@pytest.mark.parametrize(
    "request_json",
    [None, 7, [], {}, {"spec": 3}, {"spec": {}, "garment": 5}, {"spec": {"tones": "x"}, "garment": {"number": 1}},
     {"spec": {"seed": float("nan")}, "garment": {"number": 1}}, {"spec": {}, "garment": {"number": True}},
     {"spec": {"hints": [1]}, "garment": {"number": 1}}, {"spec": {}, "garment": {"kind": tab.OWN}},
     {"spec": {}, "garment": {"number": 1}, "variant": 99}, {"spec": {}, "garment": {"number": 1}, "checkpoint": 5}],
)  # fmt: skip
def test_anything_may_be_sent_to_the_panel(request_json):
    with pytest.raises(StudioError):
        tab.read(request_json).request()


@pytest.mark.parametrize(
    ("shown", "data"),
    [
        (Garment("own", key="b"), {"data-upload": "b"}),
        (Garment("test", 7), {"data-number": 7}),
        (Garment("drawn", drawing="x"), {}),
    ],
)
def test_of_a_sheet_of_many_the_garment_that_is_shown_is_pressed(shown, data):
    garments = [shown, Garment("own", key="a"), Garment("test", 8)]
    sheet = drawing.many([torch.zeros(3, 2, 2)] * 3, garments, shown, several=True)
    [(_, _, tiles)] = sheet.ways
    pressed, *others = [values for _, values, _ in tiles]
    assert pressed["aria-pressed"] is True
    assert {name: v for name, v in pressed.items() if name in ("data-upload", "data-number")} == data
    assert [values["aria-pressed"] for values in others] == [False, False]
    assert [values["data-wear"] for values in (pressed, *others)] == [0, 1, 2]


@pytest.mark.parametrize("data", [None, {}, {"number": -1}, {"number": "7"}, {"number": True}, 5])
def test_a_tile_of_no_test_picture_is_refused(data):
    with pytest.raises(StudioError):
        tab.garment_of(gr.EventData(None, data))


@pytest.mark.parametrize(
    ("garment", "uploads", "expected"),
    [
        ({"kind": tab.TEST, "number": 197}, [], [("test", (197 + i) % 200, "") for i in range(10)]),
        ({"kind": tab.OWN, "key": "a"}, ["a"], [("own", 0, "a"), *(("test", i, "") for i in range(9))]),
        ({"kind": tab.OWN, "key": "b"}, ["a", "b"], [("own", 0, "a"), ("own", 0, "b")]),
        ({"kind": tab.OWN, "key": "b"}, list("abcdefghijklm"), [("own", 0, key) for key in "abcdefghij"]),
        ({"kind": tab.DRAWN, "drawing": "x"}, [], [("drawn", 0, ""), *(("test", i, "") for i in range(9))]),
    ],
)
def test_a_sheet_of_many_is_ones_own_pictures_or_test_pictures(garment, uploads, expected):
    garments = tab.read({"spec": {}, "garment": garment, "uploads": uploads}).sheet(200)
    assert [(g.kind, g.number, g.key) for g in garments] == expected

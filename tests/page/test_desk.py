"""The designer's desk in a real browser: links, undo and redo, keys, saved files, and what a slider does."""

import io
import json
import zipfile
from urllib.parse import urlencode

import pytest
from PIL import Image
from test_board import click, look, upload
from test_sample import NEW_PICTURE, changed, choose, fetch, named, source

pytestmark = pytest.mark.slow


@pytest.fixture
def page(visit):
    page = visit()
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    return page


def address(page):
    """The page's address, once it tells of the picture."""
    page.wait_for_timeout(300)
    return page.url


def set_slider(page, i, value):
    old = source(page)
    page.locator(f"#slider_{i} input[type=number]").fill(str(value))
    page.locator(f"#slider_{i} input[type=number]").press("Enter")
    return changed(page, old)


def pressing(page, key):
    """Press a key outside all fields, and wait for another picture."""
    old = source(page)
    page.evaluate("() => document.activeElement?.blur()")
    page.keyboard.press(key)
    return changed(page, old)


def at_another_machine(visit, page):
    other = visit()
    other.goto(address(page))
    other.wait_for_function(NEW_PICTURE, arg="")
    named(other)
    return other


def test_a_link_opens_the_same_sheet(page, visit):
    old = source(page)
    choose(page, "label", "Dress")
    changed(page, old)
    set_slider(page, 2, 1.5)
    other = at_another_machine(visit, page)
    assert look(other) == look(page)
    assert fetch(other).tobytes() == fetch(page).tobytes()
    assert other.locator("#slider_2 input[type=number]").input_value() == "1.5"
    assert other.locator("#label input").input_value() == "Dress"


def test_a_link_opens_the_same_garment_among_its_neighbours(page, visit):
    click(page, 0.35, 0.4)
    page.locator("#mix > button").click()
    old = source(page)
    page.locator("#share input[type=number]").fill("0.4")
    page.locator("#share input[type=number]").press("Enter")
    changed(page, old)
    other = at_another_machine(visit, page)
    assert look(other) == look(page)
    assert "Dress number 14 of seed 0" in other.locator("#chosen").inner_text()
    other.locator("#mix > button").click()
    assert other.locator("#share input[type=number]").input_value() == "0.4"
    assert (
        other.locator("#large img").get_attribute("src").split("/")[-2:]
        == (page.locator("#large img").get_attribute("src").split("/")[-2:])
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dear diary", "This link is broken"),
        ('{"version":1,"checkpoint":"studio","n":1000}', "This link is broken"),
        ('{"version":7,"checkpoint":"studio"}', "another version of the studio"),
        ('{"version":1,"checkpoint":"nosuch"}', "'nosuch', which is not here"),
        ('{"version":1,"checkpoint":"hub:nobody/nothing"}', "'hub:nobody/nothing', which is not here"),
        ('{"version":1,"checkpoint":"../../etc/passwd"}', "which is not here"),
        ('{"version":1,"checkpoint":"studio","label":"Hat"}', "Hat"),
    ],
)
def test_a_link_that_cannot_be_opened_is_one_sentence_and_the_page_is_there(visit, url, text, sentence):
    page = visit()
    page.goto(f"{url}?{urlencode({'sample': text})}")
    page.locator(".toast-body").get_by_text(sentence).first.wait_for()
    page.wait_for_function(NEW_PICTURE, arg="")
    assert look(page)["checkpoint"] == "studio"
    assert page.locator(".toast-body").count() == 1


def test_undo_and_redo_of_all_that_changes_the_picture(page):
    shots = [look(page)]
    assert page.locator("#undo").is_disabled()
    set_slider(page, 1, 2)
    shots.append(look(page))
    old = source(page)
    page.locator("#roll").click()
    changed(page, old)
    shots.append(look(page))
    click(page, 0.35, 0.4)
    shots.append(look(page))
    old = source(page)
    choose(page, "checkpoint", "dcgan (bundled)")
    changed(page, old)
    named(page)
    shots.append(look(page))
    assert page.locator("#redo").is_disabled()
    for shot in shots[-2::-1]:
        pressing(page, "z")
        assert look(page) == shot
    assert page.locator("#undo").is_disabled()
    assert page.locator("#seed input").input_value() == "0"
    for shot in shots[1:]:
        pressing(page, "y")
        assert look(page) == shot


def test_arrows_choose_a_garment_enter_opens_it_and_k_keeps_it(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # the fourth
    page.keyboard.press("ArrowDown")  # number 14
    ring, sheet = page.locator("#sheet .ring").bounding_box(), page.locator("#sheet img").bounding_box()
    assert abs((ring["x"] + ring["width"] / 2 - sheet["x"]) / sheet["width"] - 0.35) < 0.01
    assert abs((ring["y"] + ring["height"] / 2 - sheet["y"]) / sheet["height"] - 0.375) < 0.02
    page.keyboard.press("k")
    page.get_by_text("Board (1)").wait_for()
    pressing(page, "Enter")
    assert "Dress number 14 of seed 0" in page.locator("#chosen").inner_text()
    page.keyboard.press("k")  # the same garment, among its neighbours
    page.get_by_text("on the board already").first.wait_for()
    pressing(page, "Escape")
    assert look(page)["n"] == 40
    pressing(page, "r")
    assert look(page)["seed"] != 0


def test_k_without_a_garment_says_what_to_do(page):
    page.keyboard.press("k")
    page.wait_for_timeout(300)
    assert "Board (1)" not in page.locator("#board").inner_text()


def test_keys_do_nothing_while_one_types(page):
    old = source(page)
    page.locator("#checkpoint input").click()
    page.keyboard.type("rkz?")
    page.wait_for_timeout(500)
    assert source(page) == old
    assert not page.locator("#keys dialog").is_visible()
    assert page.locator("#sheet .ring:visible").count() == 0
    page.keyboard.press("Escape")


def test_arrows_on_a_slider_move_the_slider(page):
    old = source(page)
    page.locator("#slider_1 input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    changed(page, old)
    assert look(page)["sliders"][0] == pytest.approx(0.1)
    assert page.locator("#sheet .ring:visible").count() == 0


def test_the_keys_are_listed(page):
    page.keyboard.press("?")
    page.locator("#keys dialog").get_by_text("re-roll").wait_for()
    page.keyboard.press("Escape")
    page.locator("#keys dialog").wait_for(state="hidden")


def saved(page, button):
    with page.expect_download() as download:
        page.locator(button).click()
    return download.value


def test_a_garment_is_saved_enlarged_under_its_name(page):
    click(page, 0.35, 0.4)
    old = source(page)
    choose(page, "across", "One garment")
    changed(page, old)
    choose(page, "scale", "8 times")
    download = saved(page, "#save_one")
    assert download.suggested_filename == "studio-seed0-dress-14-x8.png"
    with Image.open(download.path()) as im:
        assert im.size == (224, 224)
        assert json.loads(im.info["fashiongan"]) == look(page)
        assert im.resize((28, 28), Image.Resampling.NEAREST).resize((224, 224), 0).tobytes() == im.tobytes()


def test_all_are_saved_as_a_zip_of_described_pictures(page):
    download = saved(page, "#save_all")
    assert download.suggested_filename == "studio-seed0-sheet-40.zip"
    with zipfile.ZipFile(download.path()) as archive:
        names = archive.namelist()
        assert len(names) == 40
        assert names[13] == "studio-seed0-dress-14.png"
        with Image.open(io.BytesIO(archive.read(names[13]))) as im:
            told, small = json.loads(im.info["fashiongan"]), im.convert("L").tobytes()
    assert (told["first"], told["n"], told["label"]) == (13, 1, "Dress")
    sheet = fetch(page).convert("L")
    scale = sheet.width // 302
    cell = sheet.crop([scale * x for x in (92, 32, 120, 60)]).resize((28, 28), Image.Resampling.NEAREST)
    assert cell.tobytes() == small


def test_a_slider_shows_what_it_does_to_the_chosen_garment(page):
    strip = page.locator("#keys figure img")
    page.locator("#slider_1").hover()
    strip.wait_for()
    first = strip.get_attribute("src")
    assert strip.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])") == [304, 64]
    assert page.locator("#keys figcaption").inner_text() == "Darker … lighter"
    page.locator("#slider_2").hover()
    page.wait_for_function("old => document.querySelector('#keys figure img').src !== old", arg=first)
    page.locator("#masthead").hover()
    strip.wait_for(state="hidden")
    page.locator("#slider_1 input[type=range]").focus()  # the keyboard gets it too
    strip.wait_for()
    assert strip.get_attribute("src") == first


def test_what_a_slider_does_is_shown_in_the_colors_that_the_sheet_gets_meanwhile(page):
    """A search for colors takes seconds, in which the pointer goes on to a slider. Keys leave it there."""
    old = source(page)
    choose(page, "palette", "Jewel")
    changed(page, old)
    page.locator("#slider_2").hover()
    strip = page.locator("#keys figure img")
    strip.wait_for()
    assert strip.evaluate(SPREAD) > 20
    for key, colored in (("z", False), ("y", True)):
        pressing(page, key)
        page.wait_for_function(f"async colored => (await ({SPREAD})({STRIP}) > 20) === colored", arg=colored)
    page.keyboard.press("ArrowRight")  # the first garment, which was shown
    before = strip.get_attribute("src")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"old => {STRIP}.src !== old", arg=before)


def test_a_gray_sheet_is_shown_in_a_palette_live(page, visit):
    old = source(page)
    choose(page, "palette", "Jewel")
    changed(page, old)
    assert look(page)["palette"][0] == "#0b6e4f"
    assert colorful(fetch(page))
    set_slider(page, 1, 1.5)
    assert colorful(fetch(page))
    assert fetch(at_another_machine(visit, page)).tobytes() == fetch(page).tobytes()
    click(page, 0.35, 0.4)  # a garment keeps its own color among its neighbours
    assert len(look(page)["palette"]) == 1
    page.locator("#slider_2").hover()
    strip = page.locator("#keys figure img")
    strip.wait_for()
    assert strip.evaluate(SPREAD) > 20
    old = source(page)
    choose(page, "palette", "as drawn")
    changed(page, old)
    assert "palette" not in look(page)
    assert fetch(page).mode == "L"


STRIP = "document.querySelector('#keys figure img')"
SPREAD = """async i => {
  await i.decode();
  const c = Object.assign(document.createElement('canvas'), {width: i.naturalWidth, height: i.naturalHeight});
  const g = c.getContext('2d');
  g.drawImage(i, 0, 0);
  const d = g.getImageData(0, 0, c.width, c.height).data;
  let most = 0;
  for (let k = 0; k < d.length; k += 4) most = Math.max(most, Math.abs(d[k] - d[k + 1]), Math.abs(d[k] - d[k + 2]));
  return most;
}"""


def colorful(im):
    red, green, _ = im.convert("RGB").split()
    return max(abs(a - b) for a, b in zip(red.tobytes(), green.tobytes(), strict=True)) > 40


def test_colors_of_ones_own_and_what_is_no_color(page):
    old = source(page)
    page.locator("#palette input").fill("#b03a2e, navy")
    page.locator("#palette input").press("Enter")
    changed(page, old)
    assert look(page)["palette"] == ["#b03a2e", "#000080"]
    page.locator("#palette input").fill("shiny")
    page.locator("#palette input").press("Enter")
    page.locator(".toast-body").get_by_text("shiny").first.wait_for()


def test_a_palette_is_taken_from_a_photograph(page):
    im, out = Image.new("RGB", (200, 200), "white"), io.BytesIO()
    im.paste("#b03a2e", (50, 30, 150, 100))
    im.paste("#1f3c88", (50, 100, 150, 170))
    im.save(out, "PNG")
    old = source(page)
    upload(page, "#photograph", "reference.png", "image/png", out.getvalue())
    changed(page, old)
    assert len(look(page)["palette"]) >= 2
    assert colorful(fetch(page))
    upload(page, "#photograph", "reference.png", "image/png", b"dear diary")
    page.get_by_text("no picture that can be read").first.wait_for()


def like(page, *places):
    page.locator("#keys .like").click()
    box = page.locator("#sheet img").bounding_box()
    for across, down in places:
        page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def test_more_like_these_in_rounds_that_a_link_repeats(page, visit):
    old = source(page)
    like(page, (0.35, 0.1), (0.35, 0.4))  # two dresses
    assert source(page) == old  # a click likes, and opens nothing
    assert page.locator("#sheet .liked").count() == 2
    page.locator("#keys .more").click()
    old = changed(page, old)
    first = look(page)
    assert (first["n"], first["label"]) == (40, "Dress")
    assert first["liked"]
    assert page.locator("#sheet .liked").count() == 0
    page.locator("#roll").click()
    old = changed(page, old)
    rolled = look(page)
    assert rolled["liked"] == first["liked"]
    assert rolled["seed"] != first["seed"]
    like(page, (0.1, 0.1), (0.3, 0.1), (0.5, 0.1))
    page.locator("#keys .more").click()
    changed(page, old)
    second = look(page)
    assert second["liked"] != first["liked"]
    assert fetch(at_another_machine(visit, page)).tobytes() == fetch(page).tobytes()
    pressing(page, "z")
    assert look(page) == rolled
    pressing(page, "Escape")  # back to the sheet that its seed alone gives
    assert "liked" not in look(page)


def test_classes_of_liked_garments_may_be_blended_and_one_is_not_enough(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    assert page.locator("#keys .more").is_disabled()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    page.locator("#keys .blend").check()
    old = source(page)
    page.locator("#keys .more").click()
    changed(page, old)
    assert sum(share > 0 for share in look(page)["shares"]) == 2


BLOCKED = """Object.defineProperty(Window.prototype, 'localStorage', {
  configurable: true, get() { throw new DOMException('denied', 'SecurityError'); } });
delete window.localStorage;"""


def test_with_storage_blocked_the_page_works_and_the_board_lasts_for_the_visit(page):
    page.add_init_script(BLOCKED)
    page.goto(page.url.split("?")[0])
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    click(page, 0.35, 0.4)
    page.locator("#keep").click()
    page.get_by_text("Board (1)").wait_for()


def test_a_board_of_ten_thousand_is_one_sentence(page):
    entry = {"checkpoint": "studio", "n": 1, "seed": 0, "first": 1}
    board = json.dumps({"board": [entry] * 10_000}).encode()
    page.get_by_text("Board", exact=True).click()
    upload(page, "#board_load", "board.json", "application/json", board)
    page.get_by_text("This file holds 10000 garments: a board has room for 60.").first.wait_for()


ABOVE = """([selector, x, y]) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const shown = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
  return shown?.closest('#keys, #pictures')?.id;
}"""


def test_on_a_phone_no_label_shows_through_the_pictures_that_stay_in_view(page):
    page.set_viewport_size({"width": 390, "height": 844})
    slider = page.locator("#slider_2 input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    strip = page.locator("#keys figure")
    strip.wait_for()
    for selector, place in (("#keys figure", "keys"), ("#sheet img", "pictures")):
        for by in (40, 40, 40):  # something else lies beneath each time
            page.mouse.wheel(0, by)
            page.wait_for_timeout(200)
            assert {page.evaluate(ABOVE, [selector, x, y]) for x in (0.1, 0.4) for y in (0.3, 0.6)} == {place}


def test_a_photograph_s_colors_are_offered_for_gray_garments_only(page):
    assert page.locator("#photograph").is_visible()
    old = source(page)
    choose(page, "checkpoint", "colorizer (bundled)")
    changed(page, old)
    assert page.locator("#palette").count() == page.locator("#photograph:visible").count() == 0
    old = source(page)
    choose(page, "checkpoint", "studio (bundled)")
    changed(page, old)
    assert page.locator("#photograph").is_visible()

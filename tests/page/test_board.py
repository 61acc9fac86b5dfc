"""Exploring from a garment, the board and a start from one's own picture, in a real browser."""

import io
import json

import pytest
from PIL import Image, ImageDraw
from test_sample import NEW_PICTURE, changed, choose, fetch, named, source

pytestmark = pytest.mark.slow


@pytest.fixture
def page(visit):
    page = visit()
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    return page


def look(page):
    return json.loads(fetch(page).info["fashiongan"])


def click(page, across, down):
    """Click the sheet at these shares of its width and height."""
    old, box = source(page), page.locator("#sheet img").bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
    changed(page, old)


def upload(page, button, name, kind, content):
    """Choose a file for an upload button, whose own input lies outside it."""
    with page.expect_file_chooser() as chooser:
        page.locator(button).click()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": content})


def test_a_click_locks_a_garment_and_shows_its_neighbours(page):
    click(page, 0.35, 0.4)  # the second row's fourth: number 14, a dress
    assert "Dress number 14 of seed 0" in page.locator("#chosen").inner_text()
    near = look(page)
    assert near["n"] == 9
    assert near["label"] == "Dress"
    old = source(page)
    page.locator("#roll").click()
    changed(page, old)
    click(page, 0.4, 0.1)
    assert look(page)["latents"] != near["latents"]
    old = source(page)
    page.locator("#back").click()
    changed(page, old)
    assert look(page)["n"] == 40
    assert not page.locator("#back").is_visible()


def test_layers_of_the_flagship_take_another_garments_fabric(page):
    click(page, 0.35, 0.4)
    page.locator("#mix > button").click()
    old = source(page)
    page.locator("#cut input[type=number]").fill("2")
    page.locator("#cut input[type=number]").press("Enter")
    changed(page, old)
    made = look(page)
    assert made["checkpoint"] == "studio"
    assert made["cut"] == 2
    assert made["other"]


def test_the_keyboard_reaches_the_neighbours_too(page):
    old = source(page)
    choose(page, "across", "Nine neighbours of a garment")
    changed(page, old)
    assert look(page)["n"] == 9
    assert "T-shirt/top number 1 of seed 0" in page.locator("#chosen").inner_text()


def test_a_kept_garment_survives_a_reload_and_is_reopened_pixel_for_pixel(page):
    click(page, 0.35, 0.4)
    old = source(page)
    choose(page, "across", "One garment")
    changed(page, old)
    old = source(page)
    page.locator("#slider_1 input[type=number]").fill("1.5")
    page.locator("#slider_1 input[type=number]").press("Enter")
    changed(page, old)
    kept, told = fetch(page).tobytes(), look(page)
    assert told["ways"] == "measured"
    page.locator("#keep").click()
    page.get_by_text("Board (1)").wait_for()
    page.goto(page.url.split("?")[0])  # its address would open the same garment
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    page.get_by_text("Board (1)").click()
    old = source(page)
    page.locator("#shelf img").first.click()
    changed(page, old)
    assert look(page) == told
    assert fetch(page).tobytes() == kept
    with page.expect_download() as download:
        page.locator("#board_json").click()
    board = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert board["board"] == [{k: v for k, v in told.items() if k != "made by"}]
    # What was exported is a board for another visitor, in whose browser there was none.
    page.locator("#remove").click()
    page.locator("#board").get_by_text("Empty yet").wait_for()
    upload(page, "#board_load", "board.json", "application/json", json.dumps(board).encode())
    page.get_by_text("Board (1)").wait_for()


@pytest.mark.parametrize("name", ["notes.json", "photo.png"])
def test_a_file_that_is_no_board_is_one_sentence(page, name):
    page.get_by_text("Board", exact=True).click()
    upload(page, "#board_load", name, "text/plain", b"dear diary")
    page.get_by_text("not a board of the studio").first.wait_for()


def shirt():
    im = Image.new("RGB", (360, 480), "white")
    points = [(30, 20), (60, 20), (82, 42), (72, 52), (62, 43), (62, 105), (28, 105), (28, 43), (18, 52), (8, 42)]
    ImageDraw.Draw(im).polygon([(4 * x, 4 * y) for x, y in points], fill=(40, 60, 120))
    out = io.BytesIO()
    im.save(out, "JPEG")
    return out.getvalue()


def test_a_picture_of_ones_own_becomes_a_garment_to_change(page):
    page.get_by_text("Start from my picture").click()
    old = source(page)
    upload(page, "#own_file", "shirt.jpg", "image/jpeg", shirt())
    page.locator("#own_panel [data-done=true]").wait_for()
    changed(page, old)
    told = look(page)
    assert (told["n"], told["checkpoint"]) == (1, "studio")
    assert told["latents"]
    upload(page, "#own_file", "shirt.png", "image/png", b"I am a text")
    page.get_by_text("no picture that can be read").first.wait_for()


def started(page, act):
    """Do what starts the search again, and wait for its end: the two pictures of the panel."""
    before = page.locator("#own_panel img").first.get_attribute("src")
    act()
    page.wait_for_function(
        "before => document.querySelector('#own_panel img').src !== before && "
        "document.querySelector('#own_panel [data-done=true]')",
        arg=before,
    )
    return page.locator("#own_panel img").first.get_attribute("src")


def test_the_mask_over_a_picture_of_ones_own_is_corrected_and_it_starts_again(page):
    page.get_by_text("Start from my picture").click()
    assert not page.locator("#own .mask").is_visible(), "there is no picture yet"
    upload(page, "#own_file", "shirt.jpg", "image/jpeg", shirt())
    page.locator("#own_panel [data-done=true]").wait_for()
    found = page.locator("#own_panel img").first.get_attribute("src")
    page.locator("#own .mask summary").click()
    whole = started(page, page.get_by_role("button", name="All of the picture").click)
    assert whole != found
    assert started(page, page.get_by_role("button", name="Forget my corrections").click) == found
    page.locator("#own [data-mask=remove]").click()
    page.locator("#own .mask input").fill("40")

    def stroke(*places):
        page.locator("#own .masked").scroll_into_view_if_needed()
        box = page.locator("#own .masked").bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        page.mouse.move(*at[0])
        page.mouse.down()
        for x, y in at[1:]:
            page.mouse.move(x, y, steps=5)
        page.mouse.up()

    upper, old = started(page, lambda: stroke((0.1, 0.85), (0.9, 0.85))), source(page)
    assert upper not in (found, whole), "the start is of the upper half alone"
    stroke((0.15, 0.02), (0.15, 0.98), (0.5, 0.98), (0.5, 0.02), (0.85, 0.02), (0.85, 0.98))
    page.get_by_text("No garment is left in the mask").first.wait_for()
    assert page.locator("#own .masked").is_visible(), "it can be mended"
    assert source(page) == old, "what was drawn stays"
    assert started(page, page.get_by_role("button", name="Forget my corrections").click) == found

"""The Sample tab in a real browser."""

import base64
import io
import json
import re
import statistics

import pytest
from PIL import Image
from safetensors import torch as safetensors

from fashiongan import checkpoint
from fashiongan.hub import registry
from fashiongan.ui.shared import show

pytestmark = pytest.mark.slow

NEW_PICTURE = """(old) => { const i = document.querySelector('#sheet img');
  return i && i.src !== old && i.complete && i.naturalWidth > 0 }"""
MOVE = """async ([slider, value]) => {
  const input = document.querySelector(`#${slider} input[type=range]`);
  const image = () => document.querySelector('#sheet img');
  const old = image().src, begin = performance.now();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, value);
  input.dispatchEvent(new Event('input', {bubbles: true}));
  while (!(image() && image().src !== old && image().complete && image().naturalWidth))
    await new Promise(r => setTimeout(r, 2));
  return performance.now() - begin;
}"""


@pytest.fixture
def page(visit):
    page = visit()
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    return page


def named(page):
    """Wait until the sliders are named: the first time for a checkpoint that takes a second or two."""
    page.wait_for_function("() => / … |Code/.test(document.querySelector('#slider_1').innerText)")


def source(page):
    return page.locator("#sheet img").get_attribute("src")


def changed(page, old):
    page.wait_for_function(NEW_PICTURE, arg=old)
    page.wait_for_timeout(300)
    return source(page)


def fetch(page):
    """The shown picture as the browser would save it."""
    data = page.evaluate("""async () => {
      const r = await fetch(document.querySelector('#sheet img').src), bytes = new Uint8Array(await r.arrayBuffer());
      return btoa(bytes.reduce((s, x) => s + String.fromCharCode(x), ''));
    }""")
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_garments_are_there_when_the_page_opens(page):
    im = fetch(page)
    look = json.loads(im.info["fashiongan"])
    assert look["checkpoint"] == "studio"
    assert look["n"] == 40
    assert im.width >= 1000  # enlarged by whole pixels, so that it is sharp


def test_dragging_a_slider_moves_the_picture_and_coming_back_restores_it(page):
    first = fetch(page).tobytes()
    slider = page.locator("#slider_1 input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    old = source(page)
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    for k in range(12):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.03 * k), middle)
    page.mouse.up()
    changed(page, old)
    value = float(page.locator("#slider_1 input[type=number]").input_value())
    assert value > 2
    # What is shown in the end belongs to where the slider came to rest, not to somewhere on the way.
    settled(page, lambda sliders: sliders[0] == pytest.approx(value))
    page.locator("#level").click()
    assert settled(page, lambda sliders: not any(sliders)).tobytes() == first


def settled(page, at_rest):
    """The sheet whose sliders are `at_rest`: pictures of where a slider was may come in between."""
    for _ in range(100):
        image = fetch(page)
        if at_rest(json.loads(image.info["fashiongan"])["sliders"]):
            return image
        page.wait_for_timeout(100)
    raise AssertionError("The sheet never came to rest.")


def test_a_class_is_chosen_by_name(page):
    old = source(page)
    page.locator("#label input").click()
    page.get_by_role("option", name="Dress", exact=True).click()
    changed(page, old)
    assert json.loads(fetch(page).info["fashiongan"])["label"] == "Dress"


def test_another_checkpoint_without_classes(page):
    old = source(page)
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name="dcgan (bundled)", exact=True).click()
    changed(page, old)
    assert json.loads(fetch(page).info["fashiongan"])["checkpoint"] == "dcgan"
    assert not page.locator("#label").is_visible()
    assert "python train.py dcgan" in page.locator("#about").inner_text()


def test_re_roll_draws_other_garments_from_a_seed_that_is_shown(page):
    old = source(page)
    page.locator("#roll").click()
    changed(page, old)
    seed = int(page.locator("#seed input").input_value())
    assert seed != 0
    assert json.loads(fetch(page).info["fashiongan"])["seed"] == seed


def test_the_download_carries_its_description(page):
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "studio-seed0-sheet-40.png"
    with Image.open(download.value.path()) as im:
        assert set(json.loads(im.info["fashiongan"])) >= {"checkpoint", "seed", "label", "sliders", "truncation", "n"}


def test_a_number_out_of_range_is_one_sentence(page):
    page.locator("#seed input").fill("-5")
    page.locator("#seed input").press("Enter")
    page.get_by_text("less than minimum").or_(page.get_by_text("Seed takes a number")).first.wait_for()


def test_a_slider_answers_in_the_blink_of_an_eye(page):
    times = [page.evaluate(MOVE, ["slider_2", str(round(-3.6 + 0.6 * i, 1))]) for i in range(12)]
    print(f"slider to picture: median {statistics.median(times):.0f} ms of {len(times)}")
    # The promise is 150 ms on two idle cores; this bound only has to catch a page that became slow.
    assert statistics.median(times) < 1000


def test_a_phone_shows_the_picture_above_the_sliders(visit):
    page = visit()
    page.set_viewport_size({"width": 360, "height": 760})
    page.wait_for_function(NEW_PICTURE, arg="")
    picture, slider = page.locator("#sheet").bounding_box(), page.locator("#slider_1").bounding_box()
    assert picture["y"] < slider["y"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def shown_whole(page, selector):
    """Whether an element lies inside the window."""
    box, window = page.locator(selector).bounding_box(), page.viewport_size
    return box["y"] >= 0 and box["y"] + box["height"] <= window["height"] and box["x"] + box["width"] <= window["width"]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1366, 768), (1920, 1080)])
def test_the_first_screen_has_the_sheet_and_all_that_moves_it(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    moves = ("#checkpoint", "#label", "#across", "#seed", "#roll", "#n", "#truncation", "#slider_1", "#slider_6")
    assert [s for s in ("#sheet img", *moves) if not shown_whole(page, s)] == []
    page.add_style_tag(content="#folds { min-height: 1500px }")  # as with a full board
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(300)
    assert page.evaluate("() => scrollY") > 0
    assert shown_whole(page, "#sheet img")


def test_on_a_phone_the_picture_stays_while_the_sliders_scroll(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#slider_6").scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)
    assert page.evaluate("() => scrollY") > 0
    assert shown_whole(page, "#sheet img")
    assert page.locator("#sheet").bounding_box()["height"] <= 0.45 * 844
    assert page.locator("#slider_6").bounding_box()["height"] >= 44


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("truncated", "is damaged or not a safetensors file"),
        ("text", "is a text file and no checkpoint"),
        ("unknown GAN", "There is no GAN called 'stylish'"),
    ],
)
def test_a_bad_checkpoint_is_one_sentence_and_the_page_goes_on(visit, studio, kind, sentence):
    good = registry.find("dcgan").read_bytes()
    bad = {
        "truncated": good[: len(good) // 2],
        "text": b"hello",
        "unknown GAN": safetensors.save(
            safetensors.load(good),
            {"format": checkpoint.FORMAT, "recipe": json.dumps({"gan": "stylish", "channels": 1, "labels": []})},
        ),
    }
    path = studio.folder / "bad" / "checkpoint.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bad[kind])
    page = visit()
    page.wait_for_function(NEW_PICTURE, arg="")
    old = source(page)
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name="bad (yours)", exact=True).click()
    page.locator(".toast-body, .toast-wrap").get_by_text(sentence).first.wait_for()
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name="dcgan (bundled)", exact=True).click()
    changed(page, old)
    path.unlink()


def test_the_same_picture_is_written_once_and_whole(studio, monkeypatch):
    gan = studio.gan("dcgan")
    images = gan.sample_images(4, 0)
    first = show.described_sheet(images, 2, "{}")
    written = []
    monkeypatch.setattr(show.files, "write", lambda path, data, durable: written.append(path))
    assert show.described_sheet(images, 2, "{}") == first
    assert written == []
    assert show.described_sheet(images, 2, '{"seed": 1}') != first
    assert len(written) == 1


def choose(page, box, option):
    page.locator(f"#{box} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def test_infogans_codes_are_sliders_and_its_kinds_a_grid(page):
    old = source(page)
    choose(page, "checkpoint", "infogan (bundled)")
    old = changed(page, old)
    page.locator("#slider_1").get_by_text("Code 1").wait_for()
    assert page.locator("#slider_1 input[type=range]").get_attribute("max") == "2"
    # The third is the first direction, named by what it does to the left and to the right.
    assert re.match(r"[A-Z][a-z]+ … [a-z ]+(, mostly)?\n", page.locator("#slider_3").inner_text())
    assert page.locator("#slider_3 input[type=range]").get_attribute("max") == "4"
    choose(page, "across", "Each kind along Code 2")
    old = changed(page, old)
    look = json.loads(fetch(page).info["fashiongan"])
    assert look["across"] == 2
    im = fetch(page)
    assert im.height > im.width  # ten kinds by nine values
    choose(page, "label", "Kind 3")
    changed(page, old)
    assert json.loads(fetch(page).info["fashiongan"])["label"] == "Kind 3"


def test_another_checkpoint_takes_back_sliders_that_reach_too_far(page):
    old = source(page)
    page.locator("#slider_1 input[type=number]").fill("3")
    page.locator("#slider_1 input[type=number]").press("Enter")
    old = changed(page, old)
    choose(page, "checkpoint", "infogan (bundled)")
    changed(page, old)
    assert json.loads(fetch(page).info["fashiongan"])["sliders"][0] == 2


def test_the_film_of_a_training_is_one_fold_away(page):
    old = source(page)
    choose(page, "checkpoint", "infogan (bundled)")
    changed(page, old)
    page.get_by_role("button", name="How it learned").click()
    film = page.locator("#film img")
    film.wait_for()
    assert film.evaluate("i => i.decode().then(() => i.naturalWidth)") > 200

"""The Sample tab where an enlarger and a generator with alpha are here: enlarged sheets, grounds, chosen colors."""

import io
import json
import time
import zipfile

import pytest
from gradio_client import Client, handle_file
from PIL import Image
from test_board import click, look
from test_desk import address, saved
from test_sample import NEW_PICTURE, changed, choose, fetch, named, source

from benchmarks import layout
from fashiongan.data import cutout
from fashiongan.errors import StudioError
from fashiongan.latent import color_search
from fashiongan.studio import Studio, in_color
from fashiongan.ui.sample import desk, upload
from fashiongan.ui.shared import checkpoints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory, net_file):
    folder = tmp_path_factory.mktemp("enlarged") / "runs"
    for name, gan in (("large-1", "enlarger"), ("alpha-1", "projected")):
        net_file(folder / name / "checkpoint.safetensors", gan)
    return folder


@pytest.fixture(scope="module")
def workshop(runs, idx_root):
    return Studio(runs, data_root=str(idx_root), device="cpu")


@pytest.fixture(scope="module")
def enlarger(workshop):
    """The enlarger that the page takes: the bundled one, or that among the runs."""
    return in_color.enlargers(workshop)[0]


@pytest.fixture(scope="module")
def side(workshop, enlarger):
    """The pixels a side of what it draws."""
    return workshop.gan(enlarger).recipe.size


@pytest.fixture(scope="module")
def enlarged_url(workshop, launch):
    with launch(workshop) as url:
        yield url


@pytest.fixture
def page(visit, enlarged_url):
    page = visit(enlarged_url)
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    return page


def test_a_switch_enlarges_the_sheet_and_the_chosen_garment(page, visit, enlarged_url, enlarger, side):
    old = source(page)
    page.locator("#enlarge input").check()
    changed(page, old)
    assert look(page)["enlarger"] == enlarger
    assert fetch(page).width % (10 * (side + 2) + 2) == 0
    click(page, 0.35, 0.4)
    assert "Dress number 14 of seed 0" in page.locator("#chosen").inner_text()
    assert (look(page)["n"], fetch(page).width % (3 * (side + 2) + 2)) == (9, 0)
    other = visit(enlarged_url)
    other.goto(address(page))
    other.wait_for_function(NEW_PICTURE, arg="")
    assert fetch(other).tobytes() == fetch(page).tobytes()
    assert other.locator("#enlarge input").is_checked()
    old = source(page)
    page.locator("#enlarge input").uncheck()
    changed(page, old)
    assert "enlarger" not in look(page)


BACKGROUNDS = """() => ['#sheet', '#pictures'].map(
  (x) => getComputedStyle(document.querySelector(x)).backgroundColor)"""


def test_beside_an_enlarged_garment_is_no_black(page):
    assert page.evaluate(BACKGROUNDS) == ["rgb(0, 0, 0)"] * 2
    old = source(page)
    page.locator("#enlarge input").check()
    changed(page, old)
    assert page.evaluate(BACKGROUNDS) == ["rgb(255, 255, 255)"] * 2


def test_garments_with_alpha_are_saved_on_a_ground_or_transparent(page, side):
    assert page.locator("#ground:visible").count() == 0
    old = source(page)
    page.locator("#enlarge input").check()
    changed(page, old)
    click(page, 0.35, 0.4)
    modes = []
    for ground in ("white", "transparent", "#ff0000"):
        page.locator("#ground input").fill(ground)
        page.locator("#ground input").press("Enter")
        with Image.open(saved(page, "#save_one").path()) as im:
            modes.append(im.mode)
            assert json.loads(im.info["fashiongan"])["enlarger"]
    assert modes == ["RGB", "RGBA", "RGB"]
    choose(page, "ground", "transparent")
    with zipfile.ZipFile(saved(page, "#save_all").path()) as archive:
        pictures = [Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    assert {(im.mode, im.size) for im in pictures} == {("RGBA", (side, side))}


def test_garments_of_a_generator_in_color_are_found_by_a_color(page):
    old = source(page)
    choose(page, "checkpoint", "alpha-1 (yours)")
    old = changed(page, old)
    named(page)
    assert page.locator("#enlarge:visible").count() == 0
    page.locator("#palette input").fill("#b03a2e")
    page.locator("#palette input").press("Enter")
    changed(page, old)
    assert look(page)["palette"] == ["#b03a2e"]
    assert page.locator("#ground:visible").count() == 1


def test_a_search_for_colors_says_how_far_it_is(page, monkeypatch):
    old = source(page)
    choose(page, "checkpoint", "alpha-1 (yours)")
    old = changed(page, old)
    named(page)
    search, begun = color_search.search, []
    monkeypatch.setattr(color_search, "search", lambda *of: begun.append(time.sleep(0.3)) or search(*of))
    monkeypatch.setattr(color_search, "AT_ONCE", 10)
    monkeypatch.setattr(desk, "SEARCHED", 0.1)
    page.evaluate(HEARD)
    page.locator("#palette input").fill("#1f77b4")
    page.locator("#palette input").press("Enter")
    changed(page, old)
    told = page.evaluate("() => window.told")
    sentences = [f"In these colors: {done} of 40 garments." for done in (10, 20, 30)]
    assert [text for text in told if text] == sentences
    assert len(begun) == 4
    assert page.locator("#pictures .note").is_hidden()
    assert look(page)["palette"] == ["#1f77b4"]
    assert page.locator("#undo").is_enabled()


HEARD = """() => {
  window.told = [];
  const note = () => document.querySelector('#pictures .note:not([hidden])')?.textContent || '';
  new MutationObserver(() => { if (note() !== window.told.at(-1)) window.told.push(note()); })
    .observe(document.querySelector('#pictures'), {subtree: true, childList: true, attributes: true});
}"""


def test_an_enlarger_chosen_as_a_generator_says_what_its_garments_are(page, enlarger):
    def caption():
        return page.locator("#chosen").inner_text()

    assert "Click a garment" in caption()
    old = source(page)
    choose(page, "checkpoint", checkpoints.title(enlarger))
    old = changed(page, old)
    assert "examples, one of each class" in caption()
    assert "such as studio, and then Enlarge" in caption()
    click(page, 0.05, 0.1)
    changed(page, old)
    assert "Chosen" in caption()
    page.locator("#back").click()
    page.wait_for_function("() => document.querySelector('#chosen').innerText.includes('examples')")


def test_what_draws_from_a_picture_cannot_start_from_a_visitors_own(workshop, enlarger):
    own = Image.new("RGB", (64, 64), "white")
    cut = cutout.CutOut(Image.new("L", (64, 64), 255), by_hand=True)
    with pytest.raises(StudioError, match="enlarger draws from a picture, not from latents alone: choose a generator"):
        next(upload.guesses(workshop, own, cut, enlarger, ""))


def test_with_the_switch_every_control_has_its_place(page):
    for size in layout.SIZES:
        layout.resize(page, size)
        found = layout.measured(page, "Sample", size, True)
        assert not found.first_screen + found.bad, size
        assert page.locator("#enlarge input").is_visible()


def test_programs_enlarge_garments_and_pictures(enlarged_url, runs, garments, side, tmp_path):
    client = Client(enlarged_url, verbose=False)
    paths = client.predict(checkpoint="studio", n=3, label="Dress", colours="teal", api_name="/enlarge")
    pictures = [Image.open(path) for path in paths]
    assert [(im.mode, im.size) for im in pictures] == [("RGBA", (side, side))] * 3
    assert json.loads(pictures[0].info["fashiongan"])["palette"] == ["#008080"]
    Image.fromarray(garments.images[0, 0].numpy()).save(tmp_path / "a.png")
    own = handle_file(str(tmp_path / "a.png"))
    paths = client.predict(picture=own, n=2, background="#ffeecc", api_name="/enlarge")
    assert [Image.open(path).mode for path in paths] == ["RGB", "RGB"]
    Image.new("RGB", (64, 64), "#b03a2e").save(tmp_path / "b.png")
    with pytest.raises(Exception, match="takes garments of 28 x 28 pixels, and this is 64 x 64"):
        client.predict(picture=handle_file(str(tmp_path / "b.png")), api_name="/enlarge")
    with pytest.raises(Exception, match="draws 64 x 64 in color"):
        client.predict(checkpoint=(runs / "alpha-1").as_posix(), api_name="/enlarge")

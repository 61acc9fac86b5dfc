"""The Hub on the page: typed into every tab's list, offered as a catalogue, and sent to."""

import time

import pytest

from fashiongan.studio import Studio

pytestmark = pytest.mark.slow
DRAWN = "() => document.querySelector('#sheet img')?.naturalWidth"
LISTED = "t => [...document.querySelectorAll('[role=option]')].some(o => o.textContent.includes(t))"


@pytest.fixture
def hub_page(serve, weights, tmp_path, idx_root, launch, visit):
    """hub_page(trouble=None, catalogue=None): a studio of its own and a stand-in for the Hub; page, studio, server."""
    opened = []

    def start(trouble=None, catalogue=None):
        server = serve({"me/boots": {"boots.safetensors": weights}, "us/all": {"a.safetensors": weights}}, trouble)
        studio = Studio(tmp_path / "runs", str(idx_root), "cpu", catalogue=catalogue)
        context = launch(studio)
        page = visit(at=context.__enter__())
        opened.append((page, context))
        page.wait_for_function(DRAWN)
        return page, studio, server

    yield start
    for page, context in opened:
        page.close()  # before its server goes, or it would complain
        context.__exit__(None, None, None)


def type_into(page, place, text):
    field = page.locator(f"{place} input").first
    field.fill(text)
    field.press("Enter")


def test_a_place_is_typed_into_the_sample_tab_drawn_from_and_listed(hub_page):
    page, studio, _ = hub_page()
    before = page.locator("#sheet img").get_attribute("src")
    type_into(page, "#checkpoint", "hub:me/boots")
    page.wait_for_function("old => document.querySelector('#sheet img').src !== old", arg=before)
    page.wait_for_function("() => document.querySelector('#checkpoint input').value === 'boots (Hub: me/boots)'")
    assert "hub:me/boots" in studio.names()
    page.locator("#label input").wait_for()  # cdcgan: it draws by class


def test_what_is_not_to_be_had_is_told_and_the_last_one_stays(hub_page):
    page, *_ = hub_page()
    before = page.locator("#sheet img").get_attribute("src")
    for typed, said in (
        ("hub:me/nothing", "There is no such repository on the Hub"),
        ("hub:me", "names no checkpoint on the Hub: write hub:user/name"),
        ("nosuch", "There is no checkpoint 'nosuch' here: choose one from the list"),
    ):
        type_into(page, "#checkpoint", typed)
        page.get_by_text(said).first.wait_for()
        page.wait_for_function("() => document.querySelector('#checkpoint input').value === 'studio (bundled)'")
    assert page.locator("#sheet img").get_attribute("src") == before


def test_a_place_is_typed_into_compare_and_robustness(hub_page):
    page, *_ = hub_page()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#compare img").first.wait_for()
    type_into(page, "#models", "hub:me/boots")
    page.locator("#compare").get_by_text("boots (Hub: me/boots)").first.wait_for()
    page.get_by_role("tab", name="Robustness").click()
    page.get_by_label("One that a GAN draws").check()
    page.locator("#robust_gan input").wait_for()
    before = page.locator("#robust img").first.get_attribute("src")
    type_into(page, "#robust_gan", "hub:me/boots")
    page.wait_for_function("old => document.querySelector('#robust img').src !== old", arg=before)


def test_the_catalogue_is_offered_after_the_page_is_there(hub_page):
    page, studio, _ = hub_page(catalogue="us/all")
    while not studio.library.requested:
        page.wait_for_timeout(100)
    page.wait_for_timeout(500)  # for the answer to reach the page
    page.locator("#checkpoint input").click()
    page.wait_for_function(LISTED, arg="a (Hub: us/all)")
    assert not page.locator("#catalogue").is_visible()


def test_a_silent_catalogue_keeps_nobody_waiting_and_is_one_quiet_sentence(hub_page):
    page, *_ = hub_page("silent", catalogue="us/all")  # returns once the first sheet is there
    page.locator("#catalogue").get_by_text(
        "Only the bundled checkpoints are here for now, us/all is missing"
    ).wait_for()
    assert page.locator(".toast-body").count() == 0


def test_a_checkpoint_is_sent_from_the_train_tab(hub_page, tiny):
    page, studio, server = hub_page()
    run = studio.start(tiny("cdcgan", steps=4))
    while run.alive:
        time.sleep(0.05)
    page.get_by_role("tab", name="Train").click()
    page.locator("#hub").get_by_text("Save to the Hub").click()
    repository = page.locator("#repo input, #repo textarea").first
    repository.fill("no name")
    page.locator("#push").click()
    page.get_by_text("names no checkpoint on the Hub").first.wait_for()
    assert not [entry for entry in server.log if entry[0] == "POST"]
    repository.fill("me/mine")
    page.locator("#push").click()
    page.locator("#pushed").get_by_text("Sent: ").wait_for()
    sent = server.repos["me/mine"]
    assert sent[f"{run.out.name}.safetensors"] == (run.out / "checkpoint.safetensors").read_bytes()
    assert f"hub:me/mine/{run.out.name}.safetensors" in sent["README.md"].decode()
    assert "hf_good" not in page.content()

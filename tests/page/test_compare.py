"""The Compare tab in a real browser: the same seeds side by side, neighbours, scores that sort, scoring and duels."""

import json
import threading
from dataclasses import replace

import httpx
import pytest

from fashiongan import checkpoint, gans
from fashiongan.classifiers import store
from fashiongan.errors import StudioError
from fashiongan.evaluation import evaluate, features, sources
from fashiongan.evaluation.report import Report
from fashiongan.hub import registry
from fashiongan.ui.compare import tab

pytestmark = pytest.mark.slow
FIRST = ["acgan", "lsgan", "studio"]


def report(frechet, copying=0.0):
    """A report as `evaluate` writes it, with one of its scores."""
    return {
        "n": 10_000,
        "judge": {"classifier": "cnn", "sha256": "0123456789abcdef"},
        "against": {"real": 10_000},
        "scores": {"frechet": {"value": frechet, "real": 0.4, "halves": 0.5}},
        "originality": {"pixels": {"ratio": 1.0, "copying": copying}},
        "training": {"images_per_second": frechet},
        "verdict": f"A distance of {frechet}.",
    }


@pytest.fixture
def scored(studio):
    """scored(name=report): store these reports as scores; they are removed after the test."""
    written = []

    def write(**reports):
        for name, found in reports.items():
            place = studio.report_file(registry.find(name))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(found), encoding="utf-8")
            written.append(place)

    yield write
    for place in written:
        place.unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def nobody_scored(studio, monkeypatch):
    """Bundled checkpoints without stored scores or curves."""
    info = checkpoint.header_info
    monkeypatch.setattr(checkpoint, "header_info", lambda path: replace(info(path), report=None, curves=None))


@pytest.fixture
def page(visit):
    return opened(visit())


def opened(page):
    page.get_by_role("tab", name="Compare").click()
    return ready(page)


def ready(page):
    page.wait_for_function("() => document.querySelector('.compare')?.dataset.state === 'ready'")
    return page


def drawn(page, names, seed):
    """Wait until these are shown."""
    page.wait_for_function(
        "([names, seed]) => { const d = JSON.parse(document.querySelector('.compare')?.dataset.drawn || '[]');"
        " return JSON.stringify(d.slice(0, 2)) === JSON.stringify([names, seed]) }",
        arg=[names, seed],
    )


def shown_sources(page, row):
    return page.locator(f".grid button[data-row='{row}'] img").evaluate_all("all => all.map(i => i.src)")


def set_seed(page, value):
    field = page.locator("#compare_seed input")
    field.fill(str(value))
    field.press("Tab")


def unfold_duel(page, steps):
    page.get_by_text("A duel of equals").click()
    page.locator("#rivals .token-remove").nth(2).wait_for()
    page.wait_for_timeout(500)  # what is unfolded is mounted with its first values
    page.locator("#duel_steps input").fill(str(steps))
    page.locator("#duel_steps input").press("Tab")


def test_the_same_seeds_stand_side_by_side_and_a_reroll_draws_others(page):
    drawn(page, FIRST, 0)
    rows = page.locator(".grid tr")
    assert [t.split("\n")[:2] for t in rows.locator("th .name").all_inner_texts()] == [
        [letter, f"{name} (bundled)"] for letter, name in zip("ABC", FIRST, strict=True)
    ]
    assert [len(shown_sources(page, r)) for r in range(3)] == [10, 10, 10]
    left = [page.locator(f".grid button[data-column='4'] >> nth={r}").bounding_box()["x"] for r in range(3)]
    assert max(left) - min(left) < 1
    first = shown_sources(page, 0)
    assert len(set(first)) == 10
    labels = page.locator(".grid button").evaluate_all("all => all.map(b => b.getAttribute('aria-label'))")
    assert labels[21] == "Picture 2 of studio (bundled), asked for: Trouser"
    page.locator("#compare_roll").click()
    page.wait_for_function("old => document.querySelector('.grid img').src !== old", arg=first[0])
    assert not set(first) & set(shown_sources(page, 0))
    set_seed(page, 0)
    drawn(page, FIRST, 0)
    assert shown_sources(page, 0) == first


def test_neighbours_stand_beneath_and_a_picture_in_focus_is_shown_beside_its_own(page):
    page.locator("#near input").check()
    page.locator(".grid .near img").nth(29).wait_for()
    assert page.locator(".grid tr.near").count() == 3  # real garments' features are not kept here
    assert ("scored on this machine" in page.locator("[data-part=lacking]").inner_text()) == (
        features.SCORER in store.bundled()
    )
    page.locator(".grid button[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("() => document.activeElement.dataset.row + document.activeElement.dataset.column") == "11"
    told = page.locator(".loupe p").inner_text()
    assert told.startswith("Picture 2 of lsgan (bundled). Nearest real garment in pixels: ")
    assert page.locator(".loupe img").evaluate_all("all => all.map(i => i.src)") == [
        shown_sources(page, 1)[1],
        page.locator(".grid tr.near img").nth(11).get_attribute("src"),
    ]
    assert told.startswith(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
    assert page.locator(".grid button[tabindex='0']").count() == 1  # one stop for the Tab key


def test_a_pointer_that_rests_on_a_picture_finds_its_neighbour(page):
    assert page.locator(".loupe img").count() == 0
    page.locator(".grid button").nth(3).hover()
    page.locator(".loupe p").get_by_text("Nearest real garment in pixels").wait_for()
    assert page.locator(".loupe img").count() == 2
    assert page.locator(".grid tr.near").count() == 0


def test_scores_sort_mark_the_best_and_flag_copies(visit, scored):
    scored(acgan=report(9.0), lsgan=report(4.0), studio=report(0.2, copying=-8.0))
    page = opened(visit())
    names = page.locator(".scores tbody tr:not(.floor) .name")
    assert [t.split("\n")[0] for t in names.all_inner_texts()] == ["A", "B", "C"]
    button = page.get_by_role("button", name="Frechet distance")
    heading = page.locator(".scores th", has=button)
    assert heading.get_attribute("aria-sort") == "none"
    for order, expected in (("ascending", "CBA"), ("descending", "ABC"), ("ascending", "CBA")):
        button.focus()
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == order
        assert [t.split("\n")[0] for t in names.all_inner_texts()] == list(expected)
    assert page.evaluate("() => document.activeElement.dataset.key") == "frechet"
    best = page.locator(".scores td.best")
    # The copies' 0.2 does not count; the last column is speed, of which more is better.
    assert [t.split() for t in best.all_inner_texts()] == [["★", "best:", "4.00"], ["★", "best:", "9.00"]]
    assert page.locator(".copies").all_inner_texts() == ["copies its training pictures"]
    last = page.locator(".scores tbody tr").last
    assert last.inner_text().split("\t")[:2] == ["real garments", "0.40"]
    assert "one half of the real" in last.locator("td").first.get_attribute("title")
    assert "10,000 samples each" in page.locator("[data-part=caption]").inner_text()
    assert "cnn (sha256 0123456789ab)" in page.locator("[data-part=caption]").inner_text()
    assert page.locator(".verdicts li").nth(1).inner_text().endswith("A distance of 4.0.")
    assert page.locator("#score").is_disabled()
    page.wait_for_function("() => document.querySelectorAll('[data-plot=bars] .bars .point').length === 3")


def test_what_nobody_scored_is_told_and_absent(page, studio):
    assert page.locator(".verdicts li").first.inner_text().endswith("Not scored yet: press Score them.")
    assert not page.locator(".scored").is_visible()
    assert not page.locator(".barred").is_visible()
    assert not page.locator(".curved").is_visible()
    assert page.locator("[data-part=uncurved]").inner_text() == (
        "No curves are kept of acgan (bundled), lsgan (bundled), studio (bundled)."
    )


def test_too_few_models_are_one_sentence_and_a_bad_seed_another(page):
    set_seed(page, -3)
    error = page.locator(".compare .error")
    error.get_by_text("Seed takes a whole number from 0 to 2147483647.").wait_for()
    set_seed(page, 2)
    drawn(page, FIRST, 2)
    error.wait_for(state="hidden")
    for _ in range(2):
        page.locator("#models .token-remove").first.click()
    page.get_by_text("Choose at least two models").wait_for()
    assert not page.locator(".compare .content").is_visible()


def test_scoring_goes_on_without_the_page_and_is_seen_again(page, studio, scored, monkeypatch):
    go = threading.Event()

    def slow(samples, root):
        yield evaluate.Step(1, 4, "looking at real garments")
        assert go.wait(60)
        yield evaluate.Step(4, 4, "done", Report.from_json(report(3.0)))

    monkeypatch.setattr(sources, "draw", lambda path: path)
    monkeypatch.setattr(evaluate, "evaluate", slow)
    scored()
    page.locator("#score").click()
    progress = page.get_by_text("Scoring acgan: looking at real garments, 25 % · then lsgan, studio")
    progress.wait_for()
    set_seed(page, 5)
    drawn(page, FIRST, 5)  # the page answers meanwhile
    page.reload()
    opened(page)
    progress.wait_for()
    assert page.locator(".compare [role=progressbar]").get_attribute("aria-valuenow") == "25"
    page.locator(".verdicts li").nth(2).get_by_text("Waiting to be scored.").wait_for()
    page.locator("#score[disabled]").wait_for()
    go.set()
    page.wait_for_function("() => document.querySelector('.compare').dataset.scored === '3'")
    page.locator(".compare .scorer").wait_for(state="hidden")
    assert page.locator(".verdicts li").first.inner_text().endswith("A distance of 3.0.")
    for name in FIRST:
        studio.report_file(registry.find(name)).unlink()


def test_a_duel_queues_runs_of_one_budget_and_they_come_into_the_list(page, studio, monkeypatch, tiny, endless):
    endless()  # so that the duel waits
    unfold_duel(page, 7)
    page.locator("#duel_go").click()
    page.locator("#queued").get_by_text("Queued: dcgan, lsgan, wgan-gp, 7 steps each.").wait_for()
    recipes = [w.recipe for w in studio.waiting]
    assert [(r.gan, r.steps) for r in recipes] == [("dcgan", 7), ("lsgan", 7), ("wgan-gp", 7)]
    assert len({(r.data, r.seed, r.batch, r.width) for r in recipes}) == 1
    owners = {w.owner for w in studio.waiting}
    assert len(owners) == 1
    assert "" not in owners
    studio.waiting[:] = []
    studio.stop()
    run = studio.start(tiny("lsgan", steps=3))
    page.wait_for_timeout(4000)  # the page looks every three seconds
    page.locator("#models input").click()
    page.get_by_role("option", name=f"{run.out.name} (yours)").click()
    drawn(page, [*FIRST, run.out.as_posix()], 0)
    page.locator("[data-plot=curves] .scatterlayer path.js-line").nth(1).wait_for(state="attached")
    page.locator("[data-part=which]").select_option("g_loss")
    page.wait_for_function("() => document.querySelectorAll('[data-plot=curves] .scatterlayer .trace').length === 1")


@pytest.mark.parametrize("gan", gans.GANS)
def test_every_duellist_gets_as_many_steps_of_as_many_pictures(gan):
    recipe = tab.duellist(gan, 500)
    assert (recipe.steps, recipe.batch, recipe.seed, recipe.data) == (500, 64, 0, "fashion-mnist")
    assert recipe.width == gans.new_recipe(gan, **gans.find(gan).recipe_type.quick).width


def test_a_duel_of_no_length_is_not_one_of_the_usual_length():
    with pytest.raises(StudioError, match="steps cannot be 0"):
        tab.duellist("dcgan", None)


@pytest.mark.parametrize("steps", ["0", "-5"])
def test_a_duel_that_cannot_be_is_refused_whole(page, studio, steps):
    unfold_duel(page, steps)
    page.locator("#duel_go").click()
    page.locator(".toast-body, .toast-wrap").get_by_text(f"steps cannot be {steps}").first.wait_for()
    assert studio.waiting == []


def test_a_phone_scrolls_the_pictures_and_not_the_page(visit, scored):
    scored(acgan=report(9.0), lsgan=report(4.0))
    page = visit()
    page.set_viewport_size({"width": 360, "height": 800})
    opened(page)
    page.locator("#near input").check()
    page.locator(".grid .near img").first.wait_for()
    # Nothing sticks out, not even what is only read aloud in the table's last column.
    assert "best" in page.locator(".scores tbody td").nth(3).get_attribute("class")
    around = """() => {
      const all = [];
      for (let e = document.querySelector('.compare'); e; e = e.parentElement) all.push(e.scrollWidth);
      return Math.max(...all);
    }"""
    assert page.evaluate(around) == 360
    scrolled = page.locator("[data-part=grid]").evaluate("e => { e.scrollLeft = 120; return e.scrollLeft }")
    assert scrolled == 120
    assert page.locator(".grid button").first.bounding_box()["width"] >= 44  # a finger's width


@pytest.mark.parametrize("asked", [None, 7, "dcgan", {}, [], [[], 0], [["dcgan"], 0], [["dcgan", "/etc/passwd"], 0]])
def test_raw_questions_are_answered_with_a_sentence(url, asked):
    config = httpx.get(f"{url}config").json()
    panel = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "compare")
    for function in ("models", "pictures", "neighbours"):
        answer = httpx.post(
            f"{url}gradio_api/component_server",
            json={"session_hash": "x", "component_id": panel, "fn_name": function, "data": asked},
        )
        assert answer.status_code == 200
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("seed", [True, 1.5, -1, None, "0"])
def test_a_raw_seed_is_checked(studio, seed):
    with pytest.raises(StudioError, match="Seed takes a whole number"):
        tab.chosen(studio, [["dcgan", "cdcgan"], seed])

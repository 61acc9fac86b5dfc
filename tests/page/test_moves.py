"""What a move of a slider costs the page: values for few widgets, two requests, and no new style sheet."""

import re
from dataclasses import fields

import pytest
from gradio.blocks import Block
from test_sample import MOVE, NEW_PICTURE, named

from fashiongan.errors import StudioError
from fashiongan.latent.spec import SampleSpec
from fashiongan.ui import build
from fashiongan.ui.sample import desk, explore
from fashiongan.ui.sample.state import History, Values

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def events(studio):
    return list(build(studio).fns.values())


def test_gradio_hands_no_progress_to_widgets_of_events_that_show_none(events):
    """Else each message of any event updates every widget that any event has updated before."""
    of_page = [event for event in events if any(block is not None for block, _ in event.targets)]  # and not gr.api's
    hidden = [event for event in of_page if event.show_progress == "hidden"]
    assert len(hidden) > 50
    assert [event.name for event in hidden if event.show_progress_on is None or len(event.show_progress_on)] == []


def test_a_move_of_a_slider_is_answered_by_four_values(events, studio):
    """And by no update of a widget's properties, for which gradio builds the widget anew."""
    (moved,) = (event for event in events if event.name == "shown" and len(event.targets) > 10)
    assert {name for _, name in moved.targets} == {"input"}
    assert not moved.preprocess, "each widget would have its value read in another thread"
    answer = desk.Desk(studio, explore.Sheets(studio)).drawn(Values.of(SampleSpec("studio", 40)), History())
    assert len(answer) == len(moved.outputs) == 4
    assert [value for value in answer if isinstance(value, Block)] == []
    assert [value for value in answer if isinstance(value, dict) and "__type__" in value] == []


def test_a_move_of_a_slider_is_two_requests_and_a_picture_and_no_new_style(visit):
    page = visit()
    page.wait_for_function(NEW_PICTURE, arg="")
    named(page)
    page.wait_for_timeout(500)
    asked = []
    page.on("request", lambda r: None if r.url.endswith("favicon.ico") else asked.append(r.url))
    page.evaluate("""() => {
      window.styled = 0;
      const count = list => { window.styled += list.length; };
      new MutationObserver(count).observe(document.head, {childList: true, subtree: true, characterData: true});
    }""")
    page.evaluate(MOVE, ["slider_1", "2"])
    page.wait_for_timeout(500)
    kinds = [re.sub(r".*(queue/join|queue/data|file=).*", r"\1", url) for url in asked]
    assert sorted(kinds) == ["file=", "queue/data", "queue/join"]
    assert page.evaluate("() => window.styled") == 0
    assert page.locator("#undo").is_enabled()
    assert page.locator("#redo").is_disabled()
    assert page.locator("#large").is_hidden()


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (0, 7, "not the values"), (2, None, "not the values"), (3, "1", "not the values"), (5, "x", "not the values"),
        (7, [], "not the values"), (10, {"path": "/etc/passwd"}, "not the values"), (11, "Hat", "no class 'Hat'"),
        (12, None, "Number of garments takes"), (13, float("nan"), "Seed takes"), (13, -1, "Seed takes"),
        (14, True, "not the values"), (15, 1e9, "A slider takes"), (21, None, "not the values"), (21, 99, "grid takes"),
        (7, "nosuch", "ways takes one of"), (8, "nosuch", "is no color"), (0, "{", "not a description"),
    ],
)  # fmt: skip
def test_values_that_no_widget_sends_are_one_sentence(studio, place, value, sentence):
    v = Values.of(SampleSpec("studio", 40, ways="measured"))
    sent = [*[getattr(v, f.name) for f in fields(v) if f.name not in ("sliders", "across")], *v.sliders, 0]
    sheets = desk.Desk(studio, explore.Sheets(studio))
    assert sheets.sample(Values.from_widgets(*sent)) == sheets.sample(v)
    sent[place] = value
    if sentence == "not a description":
        sent[-1] = -1  # a locked garment is shown
    with pytest.raises(StudioError, match=sentence):
        sheets.shown(History(), *sent)


def test_a_seed_with_a_fraction_is_rounded(studio):
    v = Values.of(SampleSpec("studio", 40, seed=4))
    sent = [*[getattr(v, f.name) for f in fields(v) if f.name not in ("sliders", "across")], *v.sliders, 0]
    sent[13] = 3.7
    assert Values.from_widgets(*sent) == v

"""What a move of a slider costs the page: values for few widgets, two requests, and no new style sheet."""

import re

import pytest
from gradio.blocks import Block
from test_sample import MOVE, NEW_PICTURE, named

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

"""Many visitors: the long work of one does not delay another's slider, and no visitor changes another's page."""

import threading
import time

import pytest
from gradio_client import Client
from malformed import Visitor

from fashiongan import limits as all_limits
from fashiongan.errors import StudioError
from fashiongan.ui import build, launch_settings
from fashiongan.ui.shared import show

pytestmark = pytest.mark.slow


def limits(page):
    """Each kind of work with how many of it may go on at once, and each handler with its kind."""
    blocks = page.fns.values()
    return {f.name: (f.concurrency_id, f.concurrency_limit) for f in blocks if f.fn is not None}


def test_each_kind_of_work_has_places_of_its_own(studio):
    found = limits(build(studio))
    slow = {
        name: found[name][0] for name in ("sample", "robustness_curve", "attack", "start", "imported", "walk", "push")
    }
    slider = found["shown"][0]
    assert slider == "sample"
    assert slider not in slow.values()
    assert len({slow["robustness_curve"], slow["attack"], slow["walk"], slow["push"]}) == 4
    assert found["robustness_curve"][1] == 1


def test_a_curve_does_not_freeze_a_slider(public_url):
    """While one visitor's curve is computed, another's slider is answered again and again."""
    over = threading.Event()

    def curve():
        client = Client(public_url, verbose=False)
        client.predict("cnn", "pgd", "0.05,0.1,0.2", "none", 60, api_name="/robustness_curve")
        over.set()

    visitor = Visitor(public_url)
    event = next(e for e in visitor.events if e["api_name"] == "shown")
    values = [visitor.components[i]["props"].get("value") for i in event["inputs"]]
    visitor.join(event["id"], values)  # loads the model
    computing = threading.Thread(target=curve, daemon=True)
    computing.start()
    time.sleep(0.5)
    for _ in range(5):
        status, text = visitor.join(event["id"], values)
        assert status == 200
        assert '"success":true' in text.replace(" ", "")
    assert not over.is_set()
    computing.join(120)  # a process that ends in the midst of a product of matrices is aborted


def test_only_so_many_visits_are_remembered():
    """benchmarks/hardening.py measures what that saves."""
    assert launch_settings()["state_session_capacity"] == all_limits.SESSIONS <= 200


def test_server_functions_have_places_too():
    inside, most, lock = [0], [0], threading.Lock()

    @show.at_most(2, waiting=3)
    def work(_):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.1)
        with lock:
            inside[0] -= 1
        return {"done": True}

    answers = []
    crowd = [threading.Thread(target=lambda: answers.append(tried(work))) for _ in range(12)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert most[0] == 2
    assert answers.count("done") == 5
    assert sum("Too many are asking" in a for a in answers) == 7
    assert tried(work) == "done"


def tried(work):
    from fashiongan.errors import StudioError

    try:
        return next(iter(work(None)))
    except StudioError as e:
        return str(e)


def test_a_palette_of_no_photograph_is_one_sentence():
    with pytest.raises(StudioError, match="Choose a picture first"):
        show.palette_of(None)

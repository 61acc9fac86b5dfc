"""What only shows where the page is hosted: in a frame without storage, and with more callers than places."""

import statistics
import threading
import time

import httpx
import pytest
from malformed import Visitor

from fashiongan import limits
from fashiongan.studio import Studio

pytestmark = pytest.mark.slow
# What a browser does in a frame of another origin, which every Space is, where it keeps nothing for such frames.
NO_STORAGE = """for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name,
  {configurable: true, get() { throw new DOMException('The operation is insecure.', 'SecurityError'); }});"""


def test_a_page_without_storage_works_for_the_visit_and_says_so(browser, url):
    context = browser.new_context()
    context.add_init_script(NO_STORAGE)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(url)
    page.locator("#sheet img").wait_for()
    page.locator("#no_storage").get_by_text("This browser keeps nothing for this page").wait_for()
    page.get_by_role("tab", name="Train").click()
    page.locator(".live").wait_for()
    assert errors == []
    context.close()


def test_who_finds_the_queue_full_hears_so_within_a_second(tmp_path, idx_root, launch, monkeypatch):
    go = threading.Event()

    def train_stop(self) -> bool:
        return go.wait(60)

    monkeypatch.setattr("fashiongan.ui.api.TrainingEndpoints.train_stop", train_stop)
    with launch(Studio(tmp_path / "runs", data_root=str(idx_root))) as url:
        caller = Visitor(url)
        stop = next(e["id"] for e in caller.events if e["api_name"] == "train_stop")
        codes, refused = [], []
        for i in range(limits.EVENTS + limits.EVENTS_AT_ONCE + 6):
            begin = time.monotonic()
            body = {"data": [], "fn_index": stop, "session_hash": f"s{i}", "event_data": None}
            codes.append(caller.http.post("/gradio_api/queue/join", json=body).status_code)
            if codes[-1] == 503:
                refused.append(time.monotonic() - begin)
        go.set()
        assert codes[:60] == [200] * 60
        assert codes[-1] == 503
        assert statistics.median(refused) < 1  # one may wait for a core
        assert httpx.get(url).status_code == 200

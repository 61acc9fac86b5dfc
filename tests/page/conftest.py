"""The real app on the synthetic garments, in a real browser."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from fashiongan.studio import Studio
from fashiongan.ui import build, launch_settings

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # gradio_client would report each Client otherwise
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
FLAGS += "--disable-component-update --disable-sync"
# A socket that is cut by a reload, or a stream that a reload has left, is gradio's own remark, not ours.
GRADIO_SAYS = ("AbortError", "Connection errored out", "Failed to fetch", "network error", "Unexpected error 404")
ENDED: list[int] = []


def pytest_sessionfinish(exitstatus):
    ENDED.append(int(exitstatus))


def pytest_unconfigure():
    """Leave at once. A page that has just been left may still be drawn for by a daemon thread, and Python's end cuts
    such a thread off within PyTorch, which then aborts the process: no test's fault, and no test's result."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ENDED[-1] if ENDED else 1)


@pytest.fixture(scope="session")
def studio(tmp_path_factory, idx_root):
    return Studio(tmp_path_factory.mktemp("studio") / "runs", data_root=str(idx_root), device="cpu")


@contextmanager
def launched(studio, root_path=None, **settings):
    """A studio's page, served: its address."""
    page = build(studio)
    settings = launch_settings(public=studio.public, studio=studio, **settings) | {
        "root_path": root_path,
        "prevent_thread_lock": True,
        "quiet": True,
        "server_name": "127.0.0.1",
    }
    _, url, _ = page.launch(**settings)
    yield url
    page.close()


@pytest.fixture(scope="session")
def launch():
    return launched


@pytest.fixture(scope="session")
def url(studio):
    with launched(studio) as url:
        yield url
        studio.stop()


@pytest.fixture(scope="session")
def public_url(tmp_path_factory, idx_root):
    """The page with the settings of a public host."""
    runs = tmp_path_factory.mktemp("public") / "runs"
    with launched(Studio(runs, data_root=str(idx_root), device="cpu", public=True)) as url:
        yield url


@pytest.fixture(autouse=True)
def idle(studio):
    yield
    studio.waiting.clear()
    studio.stop()


@pytest.fixture
def endless(studio, tiny):
    """Start a small run that lasts longer than any test."""
    return lambda gan="dcgan", owner="": studio.start(tiny(gan, steps=1_000_000), owner)


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, url):
    """visit(at=url): a new visitor's page, opened. A request to anywhere else is cut off.

    At the end: no error in any console, and nobody has tried.
    """
    contexts, complaints = [], []

    def open_page(at=url, **settings):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((at, "data:", "blob:")) else complaints.append(r.url))
        context.route(lambda u: not u.startswith((at, "data:", "blob:")), lambda route: route.abort())
        page.goto(at)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not [c for c in complaints if not any(known in c for known in GRADIO_SAYS)]


@pytest.fixture
def train_page(visit):
    def open_train(**settings):
        page = visit(**settings)
        page.get_by_role("tab", name="Train").click()
        page.locator(".live").wait_for()
        return page

    return open_train

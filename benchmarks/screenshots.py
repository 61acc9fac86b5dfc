"""Take screenshots of every tab: python benchmarks/screenshots.py  (`make screenshots`; needs Debian's chromium)

Four window sizes, light and dark, the first screen of each tab as a visitor meets it; the Train tab while it is
training. The PNGs go to screenshots/, which git ignores: look at them after every change of the page's looks.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from playwright.sync_api import Page, sync_playwright

from benchmarks.page import FLAGS, REPO, open_app

TABS = ("Sample", "Train", "Colorize", "Robustness", "Compare")
SIZES = ("1366x768", "1280x720", "1920x1080", "390x844")
THEMES = ("light", "dark")
READY = {  # a condition in the page that says that a tab shows what it has to show
    "Sample": "document.querySelector('#sheet img')?.naturalWidth",
    "Train": "+document.querySelector('.live')?.dataset.points > 20",
    "Colorize": "+document.querySelector('.dye')?.dataset.ways > 20",
    "Robustness": "'least' in (document.querySelector('.robust')?.dataset || {})",
    "Compare": "document.querySelector('.compare')?.dataset.state === 'ready'",
}


def opened(page: Page, tab: str) -> None:
    """Open a tab and wait until it is filled."""
    page.get_by_role("tab", name=tab).click()
    page.wait_for_function(READY[tab], timeout=90_000)
    page.wait_for_timeout(600)  # plots are drawn in a later frame


def begin_run(page: Page) -> None:
    """Start the quick look that the Train tab offers, so that its screenshots show a run."""
    page.get_by_role("tab", name="Train").click()
    page.locator("#start").click()
    page.wait_for_function(READY["Train"], timeout=180_000)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take screenshots of every tab.")
    parser.add_argument("--port", type=int, default=7891)
    parser.add_argument("--out", type=Path, default=REPO / "screenshots")
    parser.add_argument("--tabs", nargs="+", default=TABS, choices=TABS)
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="as 1280x720")
    parser.add_argument("--themes", nargs="+", default=THEMES, choices=THEMES)
    parser.add_argument("--whole", action="store_true", help="whole pages, not first screens")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as p:
        app, _ = open_app(args.port, runs)
        try:
            browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            take(browser, f"http://127.0.0.1:{args.port}", args)
            browser.close()
        finally:
            app.terminate()
            app.wait()


def take(browser: object, url: str, args: argparse.Namespace) -> None:
    """Write one PNG for each tab, size and theme."""
    running = False
    for theme, size in itertools.product(args.themes, args.sizes):
        width, height = map(int, size.split("x"))
        context = browser.new_context(  # type: ignore[attr-defined]
            viewport={"width": width, "height": height}, color_scheme=theme, has_touch=width < 500
        )
        page = context.new_page()
        page.goto(url)
        page.wait_for_function(READY["Sample"], timeout=90_000)
        if "Train" in args.tabs and not running:
            begin_run(page)
            running = True
        for tab in args.tabs:
            opened(page, tab)
            path = args.out / f"{tab.lower()}-{size}-{theme}.png"
            page.screenshot(path=path, full_page=args.whole)
            print(path.relative_to(args.out.parent), flush=True)
        context.close()


if __name__ == "__main__":
    main()

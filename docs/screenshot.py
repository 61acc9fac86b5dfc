"""Take the README's pictures and its film of the running app: python docs/screenshot.py  (needs Debian's chromium)"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.page import FLAGS
from benchmarks.screenshots import READY, opened
from fashiongan.studio import Studio
from fashiongan.ui import build, launch_settings

HERE = Path(__file__).parent
WINDOW = {"width": 1366, "height": 768}
SLIDER = "#slider_3 input[type=range]"
FRAMES, PAUSE = 14, 110  # pictures from one end of the slider to the other, and milliseconds each is shown
WIDE = 900  # pixels of the film


def film(page: Page) -> None:
    """Drag one slider from the middle to both ends and back, and write what is seen as slider.webp."""
    box = page.locator(SLIDER).bounding_box()
    assert box
    y, left, wide = box["y"] + box["height"] / 2, box["x"] + 8, box["width"] - 16
    page.mouse.move(left + wide / 2, y)
    page.mouse.down()
    frames = []
    for i in range(FRAMES):
        page.mouse.move(left + wide * i / (FRAMES - 1), y)
        page.wait_for_timeout(400)
        with Image.open(io.BytesIO(page.screenshot(clip={"x": 50, "y": 80, "width": 1266, "height": 580}))) as im:
            frames.append(im.convert("RGB").resize((WIDE, WIDE * 580 // 1266), Image.Resampling.LANCZOS))
    page.mouse.up()
    there = [*frames, *frames[-2:0:-1]]
    there[0].save(HERE / "slider.webp", save_all=True, append_images=there[1:], duration=PAUSE, loop=0, quality=70)


def main() -> None:
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as p:
        _, url, _ = build(Studio(Path(runs))).launch(**launch_settings(), prevent_thread_lock=True, quiet=True)
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport=WINDOW)
        page.goto(url)
        page.wait_for_function(READY["Sample"])
        page.wait_for_timeout(2000)
        page.screenshot(path=HERE / "studio.png")
        film(page)
        for tab in ("Colorize", "Robustness"):
            opened(page, tab)
            page.screenshot(path=HERE / f"{tab.lower()}.png")
        browser.close()


if __name__ == "__main__":
    main()

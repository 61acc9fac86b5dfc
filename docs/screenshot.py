"""Take the README's picture of the running app: python docs/screenshot.py  (needs Debian's chromium)"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fashiongan.studio import Studio
from fashiongan.ui import build, launch_settings

with sync_playwright() as p:
    _, url, _ = build(Studio()).launch(**launch_settings(), prevent_thread_lock=True, quiet=True)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
    page = browser.new_page(viewport={"width": 1180, "height": 720})
    page.goto(url)
    page.wait_for_function("() => document.querySelector('#sheet img')?.naturalWidth")
    page.locator("#n input[type=number]").fill("60")
    page.locator("#n input[type=number]").press("Enter")
    page.wait_for_timeout(3000)
    page.screenshot(path=Path(__file__).with_name("studio.png"))
    browser.close()

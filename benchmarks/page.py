"""Measure the page: python benchmarks/page.py  (needs Debian's chromium and the developers' requirements)

Starts the real app on the real Fashion-MNIST, drives it with headless Chromium, and prints one line for each promise:
start-up, first load and its weight, first loss point, pause and stop, slider to picture idle and while training, and
what watching costs a run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, sync_playwright

REPO = Path(__file__).resolve().parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RUN = {"gan": "dcgan", "batch": 64, "options": json.dumps({"width": 32})}  # the page's "Quick look" net
MOVE = """async ([slider, value]) => {
  const input = document.querySelector(`#${slider} input[type=range]`);
  const image = () => document.querySelector('#sheet img');
  const old = image().src, begin = performance.now();
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, value);
  input.dispatchEvent(new Event('input', {bubbles: true}));
  while (!(image() && image().src !== old && image().complete && image().naturalWidth))
    await new Promise(r => setTimeout(r, 2));
  return performance.now() - begin;
}"""

PREVIEW = """async (slider) => {
  const figure = document.querySelector('#keys figure'), image = figure.querySelector('img');
  const old = image.src, begin = performance.now();
  document.querySelector(`#${slider}`).dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
  while (figure.hidden || image.src === old || !image.complete) await new Promise(r => setTimeout(r, 2));
  return performance.now() - begin;
}"""


def say(what: str, value: str, promise: str) -> None:
    print(f"| {what} | {value} | {promise} |", flush=True)


def spread(values: list[float], unit: str, digits: int = 0) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f}, n={len(values)})"


def open_app(port: int, runs: str, *more: str) -> tuple[subprocess.Popen[bytes], float]:
    """The app in a process of its own, and the seconds until its first answer."""
    begin = time.monotonic()
    env = {**os.environ, "GRADIO_SERVER_PORT": str(port)}
    app = subprocess.Popen(
        [sys.executable, "app.py", "--runs", runs, *more], cwd=REPO, env=env, stdout=subprocess.DEVNULL
    )
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            return app, time.monotonic() - begin
        except OSError:
            time.sleep(0.02)


def sliders(page: Page, n: int) -> list[float]:
    """Milliseconds from a slider's move to its picture, decoded; the first three moves do not count."""
    places = [(-1) ** i * round(0.2 + 3.6 * i / (n + 3), 1) for i in range(n + 3)]
    return [page.evaluate(MOVE, ["slider_1", str(place)]) for place in places][3:]


def previews(page: Page, n: int) -> list[float]:
    """Milliseconds from pointing at a slider to the five pictures of what it does; the first three do not count."""
    return [page.evaluate(PREVIEW, f"slider_{1 + i % 6}") for i in range(n + 3)][3:]


def first_load(browser: object, url: str) -> tuple[float, int, int, float]:
    """Seconds until a visitor who was never here sees a sheet and can move a slider; requests and bytes until then;
    seconds until the sliders are named."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})  # type: ignore[attr-defined]
    page = context.new_page()
    network, sizes = context.new_cdp_session(page), []
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda e: sizes.append(int(e["encodedDataLength"])))
    begin = time.monotonic()
    page.goto(url, wait_until="commit")
    page.wait_for_function(
        "() => document.querySelector('#sheet img')?.naturalWidth && document.querySelector('#slider_1 input:enabled')",
        polling=20,
    )
    seconds, answers, size = time.monotonic() - begin, len(sizes), sum(sizes)
    page.wait_for_function("() => !/^Slider 1/.test(document.querySelector('#slider_1').innerText)", polling=20)
    context.close()
    return seconds, answers, size, time.monotonic() - begin


def button(page: Page, name: str, state: str) -> float:
    page.locator(name).wait_for()
    begin = time.monotonic()
    page.locator(name).click()
    page.wait_for_function("s => document.querySelector('.live').dataset.state === s", arg=state, polling=20)
    return time.monotonic() - begin


def pace(client: Client, seconds: float) -> float:
    """Steps a second of training. Asked for twice only, since every question slows the run."""
    first = client.predict(api_name="/train_status")
    time.sleep(seconds)
    last = client.predict(api_name="/train_status")
    return (last["step"] - first["step"]) / (last["seconds"] - first["seconds"])


def spent() -> float:
    """Seconds of a core that all of Chromium's processes have taken so far."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if b"/chromium" in (place / "cmdline").read_bytes():
                ticks += sum(map(int, (place / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[11:13]))
        except OSError:  # it has just ended
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page.")
    parser.add_argument("--port", type=int, default=7890)
    parser.add_argument("--n", type=int, default=40, help="slider moves")
    parser.add_argument("--pairs", type=int, default=20, help="looks at a run with and without a page watching")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of these looks")
    parser.add_argument("--load", action="store_true", help="the first load only")
    parser.add_argument("--sample", action="store_true", help="the first load and the Sample tab only")
    args = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    load = os.getloadavg()[0]
    print(f"`python benchmarks/page.py`, commit {commit}, {os.cpu_count()} CPU cores, load {load:.1f} before\n")
    print("| what | measured: median (min to max) | promised |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as p:
        app, _ = open_app(args.port, runs)
        app.terminate(), app.wait()
        starts = []
        rounds = 1 if args.load or args.sample else 3
        for _ in range(rounds):
            app, seconds = open_app(args.port, runs)
            starts.append(seconds)
            if len(starts) < rounds:
                app.terminate(), app.wait()
        say("`python app.py` to its first answer", spread(starts, "s", 1), "10 s")
        try:
            measure(p, Client(f"http://127.0.0.1:{args.port}", verbose=False), args)
        finally:
            app.terminate()
            app.wait()


def measure(p: object, client: Client, args: argparse.Namespace) -> None:
    url = f"http://127.0.0.1:{args.port}"

    def visit(tab: str) -> Page:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.wait_for_function("() => document.querySelector('#sheet img')?.naturalWidth")
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(2000)
        return page

    browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)  # type: ignore[attr-defined]
    loads = [first_load(browser, url) for _ in range(5)]
    say("first load to the first sheet and a slider that moves", spread([x[0] for x in loads], "s", 1), "2 s")
    say("first load to sliders that are named", spread([x[3] for x in loads], "s", 1), "2 s")
    say("its weight, as sent", f"{statistics.median(x[2] for x in loads) / 1e6:.1f} MB in {loads[-1][1]} answers", "")
    if args.load:
        browser.close()
        return
    page = visit("Sample")
    say("slider to picture, nothing training", spread(sliders(page, args.n), "ms"), "100 ms")
    say("pointing at a slider to its preview", spread(previews(page, args.n), "ms"), "250 ms")
    page.locator("#palette input").click()
    page.get_by_role("option", name="Jewel", exact=True).click()
    page.wait_for_timeout(2000)
    say("slider to picture in color, nothing training", spread(sliders(page, args.n), "ms"), "200 ms")
    page.locator("#undo").click()
    page.wait_for_timeout(2000)
    if args.sample:
        browser.close()
        return
    first, pauses, stops = [], [], []
    train = visit("Train")
    for _ in range(5):
        before = train.locator(".live").get_attribute("data-run")
        begin = time.monotonic()
        train.locator("#start").click()
        train.wait_for_function(
            "b => { const d = document.querySelector('.live').dataset; return d.run !== b && +d.points > 0 }",
            arg=before, polling=20,
        )  # fmt: skip
        first.append(time.monotonic() - begin)
        train.wait_for_timeout(3000)
        pauses.append(button(train, "#pause", "paused"))
        button(train, "#resume", "running")
        train.wait_for_timeout(1500)
        stops.append(button(train, "#stop", "stopped"))
        train.locator("#start").wait_for()
    say("Start to the first loss point on the page", spread(first, "s", 2), "5 s")
    say("Pause to a paused run on the page", spread(pauses, "s", 2), "1 s")
    say("Stop to a stopped run on the page", spread(stops, "s", 2), "1 s")
    train.close()
    client.predict(**RUN, steps=1_000_000, api_name="/train_start")
    say("slider to picture while training", spread(sliders(page, args.n), "ms"), "400 ms")
    page.close()
    watching(visit("Train"), client, args)
    client.predict(api_name="/train_stop")
    browser.close()


def watching(page: Page, client: Client, args: argparse.Namespace) -> None:
    """What a page on the Train tab costs the run that it shows.

    By turns with the page frozen, as browsers do with a tab in the background, and many times, since the pace of a run
    differs by a tenth from one moment to the next.
    """
    state = page.context.new_cdp_session(page)
    frozen, active, shares = [], [], []
    for _ in range(args.pairs):
        state.send("Page.setWebLifecycleState", {"state": "frozen"})
        frozen.append(pace(client, args.seconds))
        state.send("Page.setWebLifecycleState", {"state": "active"})
        before, begin = spent(), time.monotonic()
        active.append(pace(client, args.seconds))
        shares.append(100 * (spent() - before) / (time.monotonic() - begin) / (os.cpu_count() or 1))
    ratios = [a / b for a, b in zip(frozen, active, strict=True)]
    say("pace of a run alone, over its pace while watched", spread(ratios, "times", 3), "1.05 times")
    say("what the watching browser takes of the cores", spread(shares, "%", 1), "")


if __name__ == "__main__":
    main()

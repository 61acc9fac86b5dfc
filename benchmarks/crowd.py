"""Fifty visitors at once: python benchmarks/crowd.py  (needs the developers' requirements; no browser)

Clients sample from the real app for a minute, each as fast as it is answered, and a line is printed: how many sheets,
errors, how long they took, and what the app's memory did. With `--caller`, the studio is a Space, and
they are all signed out, strangers or the owner.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import threading
import time

import httpx
from hardening import CALLERS, memory, signed_in
from page import REPO, open_app

NAMES = ("studio", "cdcgan", "dcgan", "acgan")


def sheet(http: httpx.Client, name: str, seed: int) -> None:
    """Ask for a sheet of 40 as any client does, through the queue, and wait for it."""
    data = [name, "All classes", 40, seed, 1.0, *[0.0] * 6, 0, "layer", ""]
    event = http.post("/gradio_api/call/sample", json={"data": data}).raise_for_status().json()["event_id"]
    answer = http.get(f"/gradio_api/call/sample/{event}").text
    if "event: complete" not in answer:
        raise RuntimeError(answer[-200:])


def visit(http: httpx.Client, until: float, number: int, took: list[float], errors: list[str]) -> None:
    """One client, with checkpoints and seeds of its own."""
    i = 0
    while time.monotonic() < until:
        begin, i = time.monotonic(), i + 1
        try:
            sheet(http, NAMES[(number + i) % len(NAMES)], 1000 * number + i)
            took.append(time.monotonic() - begin)
        except Exception as e:
            errors.append(f"{type(e).__name__}: {e}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fifty visitors at once.")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--port", type=int, default=7892)
    parser.add_argument("--caller", choices=CALLERS, help="the studio is a Space, and this is who calls")
    args = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"`python benchmarks/crowd.py`, commit {commit}, {os.cpu_count()} CPU cores, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as runs, tempfile.TemporaryDirectory() as drawn:
        os.environ["GRADIO_TEMP_DIR"] = drawn
        sent = signed_in(args.caller)
        app, _ = open_app(args.port, runs, *([] if args.caller else ["--public"]))
        try:
            url = f"http://127.0.0.1:{args.port}"
            for name in NAMES:  # each is loaded once, whoever asks for it
                sheet(httpx.Client(base_url=url, timeout=120, **sent), name, 0)
            took: list[float] = []
            errors: list[str] = []
            readings = [memory(app.pid)]
            until = time.monotonic() + args.seconds
            crowd = [
                threading.Thread(
                    target=visit,
                    args=(httpx.Client(base_url=url, timeout=120, **sent), until, i, took, errors),
                    daemon=True,
                )
                for i in range(args.clients)
            ]
            for one in crowd:
                one.start()
            while any(one.is_alive() for one in crowd):
                time.sleep(5)
                readings.append(memory(app.pid))
        finally:
            app.terminate()
            app.wait()
    at = statistics.quantiles(took, n=20)
    print(
        f"{args.clients} clients for {args.seconds} s: {len(took)} sheets of 40, "
        f"{len(errors)} errors {errors[:3] or ''}"
    )
    print(f"  a sheet took {statistics.median(took):.2f} s (median), {at[-1]:.2f} s (p95)")
    half = readings[len(readings) // 2]
    print(f"  memory {readings[0]:.0f} MB before, {half:.0f} MB half way, {readings[-1]:.0f} MB at the end")


if __name__ == "__main__":
    main()

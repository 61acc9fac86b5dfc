"""Do harm to the page: python benchmarks/hardening.py  (needs the developers' requirements; no browser)

Sends a thousand malformed calls and uploads, by seed, to a public studio in a process of its own, and prints what a
visitor read, how long it took and what memory it cost; then opens two hundred foreign or damaged checkpoints. With
`--caller`, the studio is a Space, and the calls come from somebody who has not signed in, from a stranger who has, or
from the owner, who at the end presses Start.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO), str(REPO / "tests")]

from hostile import measured, spoiled
from malformed import Visitor, calls, leaks
from page import open_app
from signed import SPACE, account, cookie

from fashiongan.hub import registry


def memory(pid: int) -> float:
    """MB that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


CALLERS = {"signed-out": None, "stranger": "bob", "owner": "you"}


def signed_in(caller: str | None) -> dict[str, dict[str, str]]:
    """Make the app that is started next a Space, and return what its client sends as that caller: cookies."""
    if caller is None:
        return {}
    os.environ.update(SPACE)
    name = CALLERS[caller]
    return {"cookies": {"session": cookie(account(name))}} if name else {}


def page(n: int, seed: int, port: int, caller: str | None) -> None:
    with tempfile.TemporaryDirectory() as runs, tempfile.TemporaryDirectory() as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        sent = signed_in(caller)
        app, _ = open_app(port, runs, *([] if caller else ["--public"]))
        try:
            visitor = Visitor(f"http://127.0.0.1:{port}", **sent)
            for call in calls(n, f"{seed} warm"):  # models and data are loaded once, whoever asks for them
                visitor.send(call)
            before, begin, statuses, leaked, slow = memory(app.pid), time.monotonic(), Counter(), [], 0.0
            for call in calls(n, seed):
                start = time.monotonic()
                status, text = visitor.send(call)
                slow = max(slow, time.monotonic() - start)
                statuses[status] += 1
                leaked += [call] * bool(leaks(text))
            seconds, after = time.monotonic() - begin, memory(app.pid)
            made = sorted(p.name for p in Path(runs).iterdir())
            start = next(event for event in visitor.events if event["api_name"] == "start")
            visitor.join(start["id"], [visitor.components[i]["props"].get("value") for i in start["inputs"]])
            started = sorted(p.name for p in Path(runs).iterdir())
            alive = app.poll() is None and visitor.http.get("/").status_code == 200
        finally:
            app.terminate()
            app.wait()
    print(f"{n} malformed calls and uploads, seed {seed}, in {seconds:.0f} s, the slowest {slow:.1f} s")
    print(f"  by {caller or 'a visitor of a public studio'}")
    print(f"  runs begun: {made or 'none'}; when Start is pressed afterwards: {started or 'none'}")
    print(f"  answers by status: {dict(sorted(statuses.items()))}")
    print(f"  tracebacks or files shown to the visitor: {len(leaked)} {leaked[:3] or ''}")
    print(f"  the process {'lives' if alive else 'DIED'}; memory {before:.0f} MB before, {after:.0f} MB after")


def checkpoints(n: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        measured(registry.find("acgan"))  # what the first one costs, imports and all, is not theirs
        counts, seconds, megabytes, taken = Counter(), [], [], []
        for kind, path in spoiled(Path(folder), n, seed):
            message, took, cost = measured(path)
            taken += [kind] * (message is None)
            counts[kind] += 1
            seconds.append(took)
            megabytes.append(cost)
            path.unlink()
    print(f"{n} foreign or damaged checkpoints, seed {seed}: {dict(counts)}")
    print(f"  refused in one sentence: {n - len(taken)} {taken or ''}")
    print(f"  the slowest {max(seconds):.2f} s of work, the dearest {max(megabytes):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="Do harm to the page.")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=7891)
    parser.add_argument("--caller", choices=CALLERS, help="the studio is a Space, and this is who calls")
    args = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"`python benchmarks/hardening.py`, commit {commit}, load {os.getloadavg()[0]:.1f} before\n")
    if args.files:
        checkpoints(args.files, args.seed)
    page(args.calls, args.seed, args.port, args.caller)


if __name__ == "__main__":
    main()

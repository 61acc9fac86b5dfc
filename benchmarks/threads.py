"""How threads should wait for one another. Writes benchmarks/threads.md.

    python benchmarks/threads.py [--seconds 3]

`dcgan` of width 32 and batch 64 trains in a thread of a process whose main thread has used OpenMP too, as the page's
runs do: alone, beside a process that wants a tenth of a core, and beside one that wants a whole one. Each way of
waiting (see the head of `fashiongan/__init__.py`) has a process of its own; they take turns.
"""

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import fashiongan  # noqa: F401  says how threads wait, before torch is imported

ROUNDS = 5
NEIGHBOURS = {"alone": None, "beside a tenth of a core": 0.1, "beside a whole core": 1.0}
WAYS = {"ACTIVE": "as the studio has it", "": "as GNU's OpenMP has it by itself"}
BUSY = """import sys, time
share = float(sys.argv[1])
while True:
    until = time.perf_counter() + 0.04 * share
    while time.perf_counter() < until: pass
    time.sleep(0.04 * (1 - share))
"""


def train(seconds: float) -> None:
    """Print the pictures a second beside each neighbour."""
    import speed
    import torch

    from fashiongan import gans
    from fashiongan.data import datasets
    from fashiongan.training.trainer import Trainer

    torch.randn(500, 500).mm(torch.randn(500, 500)).relu()  # so that this thread has its helpers too
    recipe, pictures = datasets.prepare(gans.new_recipe("dcgan", batch=speed.BATCH, width=32))

    def measure() -> None:
        trainer = Trainer(recipe, pictures)
        for _ in range(speed.WARM):
            trainer.update()
        for share in NEIGHBOURS.values():
            other = subprocess.Popen([sys.executable, "-c", BUSY, str(share)]) if share else None
            print(speed.BATCH * speed.rate(trainer.update, "cpu", seconds))
            if other:
                other.kill()

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of five rounds (default: 3)")
    parser.add_argument("--way", choices=list(WAYS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way is not None:
        if not args.way:
            os.environ.pop("OMP_WAIT_POLICY", None)
        train(args.seconds)
    else:
        compare(args.seconds)


def compare(seconds: float) -> None:
    """Every way beside every neighbour, as a table."""
    import speed

    from fashiongan import files

    result: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            command = [sys.executable, __file__, "--seconds", str(seconds), f"--way={way}"]
            output = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
            result[way].append([float(line) for line in output.split()])
    rows = []
    for i, name in enumerate(NEIGHBOURS):
        ours, theirs = ([paces[i] for paces in result[way]] for way in WAYS)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        rows.append(
            f"| {name} | {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {median(ours):,.0f} "
            f"| {median(theirs):,.0f} |"
        )
    text = f"""# How threads wait for one another

A run in a thread, as the page has it (see the head of `benchmarks/threads.py`), with OMP_WAIT_POLICY=ACTIVE and
without; ratio first, of {ROUNDS} rounds by turns, with its range. By
`python benchmarks/threads.py --seconds {seconds:g}`, {speed.where("cpu")}.

| | times as fast | {" | ".join(f"{title}, pictures/s" for title in WAYS.values())} |
|---|---|---|---|
{chr(10).join(rows)}
"""
    print(text)
    files.write(Path(__file__).with_suffix(".md"), text.encode())


if __name__ == "__main__":
    main()

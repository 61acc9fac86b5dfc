"""Measure projection: python benchmarks/projection.py [CHECKPOINT]  (needs Fashion-MNIST)

Projects the first test pictures onto a checkpoint's latents and prints the mean PSNR of the first guess and the last,
how often the project's classifier sees the same class in the picture and in what was drawn, and the seconds of each.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fashiongan import checkpoint, classifiers
from fashiongan.data import datasets
from fashiongan.latent import inversion

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure projection.")
    parser.add_argument("checkpoint", nargs="?", default="cdcgan")
    parser.add_argument("--n", type=int, default=200, help="test pictures")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    gan, scorer = checkpoint.load(args.checkpoint), classifiers.load("cnn")
    targets = datasets.load("fashion-mnist", split="test", size=gan.recipe.size).images[: args.n]
    begin = time.perf_counter()
    inversion.pool(gan)
    once = time.perf_counter() - begin
    firsts, waits, lasts, drawn = [], [], [], []
    begin, cpu = time.perf_counter(), time.process_time()
    for target in targets:
        start = time.perf_counter()
        result = inversion.project(gan, args.checkpoint, target, inversion.seen(gan, target))
        firsts.append(next(result).psnr)
        waits.append(time.perf_counter() - start)
        *_, last = result
        lasts.append(last.psnr)
        drawn.append(last.picture)
    each, cpu = (time.perf_counter() - begin) / args.n, (time.process_time() - cpu) / args.n
    with torch.no_grad():
        same = [
            scorer(a[None] / 255).argmax() == scorer(b[None] / 255).argmax()
            for a, b in zip(targets, drawn)  # noqa: B905
        ]
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"`python benchmarks/projection.py {args.checkpoint} --n {args.n}`, commit {commit}, {args.threads} threads, "
          f"load {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    print(
        f"| first guess | {statistics.mean(firsts):.2f} dB, after {1000 * statistics.median(waits):.0f} ms |\n|---|---|"
    )
    print(f"| last | {statistics.mean(lasts):.2f} dB (worst {min(lasts):.1f}), class kept {sum(same) / args.n:.1%} |")
    print(f"| each | {each:.2f} s ({cpu:.2f} s of CPU time), and once {once:.2f} s for the pool |")


if __name__ == "__main__":
    main()

"""Measure the sliders: python benchmarks/sliders.py [CHECKPOINT]

Moves garments along each of a checkpoint's first sliders and prints, for each: Spearman's correlation of its position
and the measure that it is named after (the mean over garments), how often the project's classifier sees the same class
as in the unmoved garment (over all positions, and over the whole travel at once), and by how many standard deviations
of that measure the picture changes. The classifier only scores here: the sliders are computed without it.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fashiongan import checkpoint, classifiers
from fashiongan.latent import directions
from fashiongan.latent.attributes import ATTRIBUTES, measure

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the sliders of a checkpoint.")
    parser.add_argument("checkpoint", nargs="?", default="cdcgan")
    parser.add_argument("--kind", default="measured", choices=list(directions.KINDS))
    parser.add_argument("--n", type=int, default=200, help="garments")
    parser.add_argument("--sliders", type=int, default=8, help="the first so many")
    parser.add_argument("--reach", type=float, default=2.0, help="standard deviations of z each way")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    gan, scorer = checkpoint.load(args.checkpoint), classifiers.load("cnn")
    wall, cpu = time.perf_counter(), time.process_time()
    ways = directions.find(gan, args.kind)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(
        f"`python benchmarks/sliders.py {args.checkpoint} --kind {args.kind}`, commit {commit}, {args.n} garments at 9 "
        f"positions from -{args.reach:g} to {args.reach:g}; found in {wall:.2f} s ({cpu:.2f} s of CPU time, "
        f"{args.threads} threads, load {os.getloadavg()[0]:.1f})\n"
    )
    print("| slider | as shown | Spearman | class kept | at all positions | change, SD |\n|---|---|---|---|---|---|")
    positions = torch.linspace(-args.reach, args.reach, 9).tolist()
    for i in range(min(args.sliders, len(ways.names))):
        print(row(gan, scorer, ways, i, positions, args.n), flush=True)


@torch.no_grad()
def row(gan, scorer, ways, i: int, positions: list[float], n: int) -> str:
    x, rows = directions.swept(gan, ways.vectors[i : i + 1], positions, seed=12345, garments=n)
    steady = directions.rank_correlation(x)[0, list(ATTRIBUTES).index(ways.names[i])]
    flat = x.flatten(0, 2)
    seen = torch.cat([scorer(part.float() / 255).argmax(1) for part in flat.split(200)]).view(n, len(positions))
    kept = seen == seen[:, 4:5]
    others = kept[:, [p for p in range(len(positions)) if p != 4]].double().mean()
    values = measure(flat)[:, list(ATTRIBUTES).index(ways.names[i])].view(n, -1)
    within = torch.stack([values[rows == k, 4].std() for k in rows.unique()]).mean()
    change = (values[:, -1] - values[:, 0]).mean() / within
    whole = kept.all(1).double().mean()
    return f"| {ways.names[i]} | {ways.strengths[i]:.2f} | {steady:.3f} | {others:.1%} | {whole:.1%} | {change:.2f} |"


if __name__ == "__main__":
    main()

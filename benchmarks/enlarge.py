"""How an enlarger does: python benchmarks/enlarge.py [CHECKPOINT] [--n 1000]

Garments are Fashion-MNIST's first test pictures. Consistency is the PSNR in decibels between a garment and its enlarged
picture shrunk again: the mean, and the least of all. Times are those of 40 garments and of one, the median of five.
Without a checkpoint only times are measured, of an untrained net of the default size.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from fashiongan import checkpoint, gans
from fashiongan.colorize import enlarge
from fashiongan.data import datasets

COLOR = "#b03a2e"


def untrained():
    """An enlarger with random weights."""
    recipe = gans.new_recipe("enlarger").replace(channels=4, labels=("dress", "pants", "shirt", "shoes"))
    net = gans.build(recipe).eval().requires_grad_(False)
    return net.to(memory_format=torch.channels_last)


def milliseconds(work):
    work()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--n", type=int, default=1000, help="garments whose consistency is measured")
    args = parser.parse_args(argv)
    net = enlarge.load(args.checkpoint) if args.checkpoint else untrained()
    if args.checkpoint:
        garments = datasets.load("fashion-mnist", split="test")
        gray, labels = garments.images[: args.n, 0].contiguous(), [garments.names[i] for i in garments.labels[: args.n]]
        labels = [name if net.matching_class(name) >= 0 else None for name in labels]
        for what, color in (("its own colors", None), (COLOR, COLOR)):
            db = torch.cat([
                enlarge.consistency(part, enlarge.enlarged(net, part, labels[at : at + 100], color=color, first=at))
                for at, part in zip(range(0, len(gray), 100), gray.split(100), strict=True)
            ])  # fmt: skip
            print(f"Consistency in {what}: {db.mean():.1f} dB, least {db.min():.1f} dB, of {len(gray)} garments.")
    else:
        gray = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for n in (40, 1):
        own, hinted = (milliseconds(lambda c=c, n=n: enlarge.enlarged(net, gray[:n], color=c)) for c in (None, COLOR))
        print(f"{n} enlarged: {own:.0f} ms, in a color of choice {hinted:.0f} ms.")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPO, capture_output=True, text=True, encoding="utf-8", check=False
    )
    device = checkpoint.device_name(torch.device("cpu"))
    print(f"{args.checkpoint or 'An untrained enlarger'}, {device}; commit {commit.stdout.strip() or 'unknown'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How near garments come to a requested color: python benchmarks/choose_color.py CHECKPOINT [--n 4] [--seed 0]

Of each class and each color n garments are drawn. The distance is CIEDE2000 between the color and the garment's mean;
beside it stand that of the same garments before the dye, as the generator drew them, and that of garments drawn without
a color. Prints a table, and what it was measured on.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from fashiongan import checkpoint
from fashiongan.color import color_space
from fashiongan.color.difference import ciede2000
from fashiongan.latent import attributes, spec
from fashiongan.latent.spec import SampleSpec

COLORS = ("#b03a2e", "#1f77b4", "#2ca02c", "#e6c229", "#6a2c8f", "#202020", "#f0f0f0", "#d8c8a0", "#e75480", "#27406b")
NEAR = 8.0  # of CIEDE2000: the distance that a chosen color may have


def distances(images, color):
    """(n,): how far garments (n, C, H, W) are from a color."""
    lab = attributes.mean_color(images)
    return ciede2000(lab, color_space.lab_of(color).expand_as(lab))


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--n", type=int, default=4, help="garments of each class and color")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    gan = checkpoint.load(args.checkpoint)
    labels = list(gan.choices.values()) or [None]
    found, drawn, plain, seconds = [], [], [], 0.0  # a tensor (colors, n) for each class
    for label in labels:
        sample = SampleSpec(args.checkpoint, args.n, args.seed, label)
        asked = [replace(sample, palette=(color,)) for color in COLORS]
        begin = time.perf_counter()
        images = [spec.picture(gan, one) for one in asked]
        seconds += time.perf_counter() - begin
        found.append(torch.stack([distances(x, color) for x, color in zip(images, COLORS, strict=True)]))
        undyed = [spec.undyed(gan, one) for one in asked]
        drawn.append(torch.stack([distances(x, color) for x, color in zip(undyed, COLORS, strict=True)]))
        own = spec.picture(gan, sample)
        plain.append(torch.stack([distances(own, color) for color in COLORS]))
        print(f"{label}: {found[-1].mean():.1f}", file=sys.stderr)
    found, drawn, plain = torch.stack(found), torch.stack(drawn), torch.stack(plain)  # (classes, colors, n)
    print("| | distance | before the dye | of any garment | within 8 |\n|---|---|---|---|---|")
    rows = [(color, found[:, i], drawn[:, i], plain[:, i]) for i, color in enumerate(COLORS)]
    rows += [(label, found[i], drawn[i], plain[i]) for i, label in enumerate(labels)]
    for name, own, before, others in [*rows, ("**all**", found, drawn, plain)]:
        share = (own <= NEAR).double().mean()
        print(f"| {name} | {own.mean():.1f} | {before.mean():.1f} | {others.mean():.1f} | {share:.0%} |")
    head = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, cwd=REPO, capture_output=True, text=True, encoding="utf-8", check=False)
    print(
        f"\n{args.checkpoint}, {len(labels)} classes, {len(COLORS)} colors, {args.n} garments each, seed {args.seed}; "
        f"{seconds / found.numel():.2f} s a garment; commit {commit.stdout.strip() or 'unknown'}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

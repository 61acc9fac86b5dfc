"""How well photographs are colored inside their garment: python benchmarks/colorize_photos.py FOLDER [--n 376]

FOLDER is shared/data/garments-256: its validation photographs, whose senders no training saw, each with the mask of its
garment. A photograph is made gray and colored again as the Colorize tab does it, from one hint: the color that it has
there, in the mean over a square of a 25th of the garment's longer side. Hinted is where Colorize puts a color that is
asked for, or any place on the garment. Beside it is the hint's color all over the garment. Prints a table, and what it
was measured on.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from benchmarks.color_difference import ciede2000
from fashiongan import checkpoint
from fashiongan.color import color_space
from fashiongan.colorize import engine
from fashiongan.colorize.engine import ColorizeSpec, Gray, Hint, colored, colorizer

ASKED = ("#b03a2e", "#1f77b4", "#2ca02c", "#e6c229", "#6a2c8f", "#d2691e", "#008080", "#e75480")
REACHED = 10.0  # of CIEDE2000: within it a pixel has the requested color


def photograph(folder, row):
    """(1, 3, H, W) uint8, and its garment (1, 1, H, W) 0..1 from the mask."""
    file = folder / row["file"]
    rgb = torch.from_numpy(np.asarray(Image.open(file).convert("RGB")).copy()).permute(2, 0, 1)[None]
    mask = torch.from_numpy(np.asarray(Image.open(folder / "masks" / f"{file.stem}.png").convert("L")).copy())
    return rgb, ((mask.float() / 255 - 0.1) / 0.8).clamp(0, 1)[None, None]


def hint_at(rgb, alpha, y, x):
    """A Hint at pixel (y, x) with the garment's own color round it."""
    height, width = alpha.shape[-2:]
    inside = (alpha[0, 0] > 0.5).nonzero()
    reach = max(1, round(float((inside.amax(0) - inside.amin(0)).max()) / 50))
    part = (..., slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1))
    weight = alpha[part]
    own = (rgb[part].float() * weight).sum((0, 2, 3)) / weight.sum()
    return Hint((x + 0.5) / width, (y + 0.5) / height, color_space.hexed(tuple(own.round().int().tolist())))


def places(alpha, rng):
    """Where hints go, (row, column) in pixels: where Colorize puts them, and anywhere on the garment."""
    garment = alpha[0, 0] > 0.5
    height, width = garment.shape
    side = max(height, width)
    square = torch.zeros(side, side, dtype=torch.bool)  # Colorize looks for places in a square
    square[:height, :width] = garment
    ((y, x),) = engine.places(square, 1, [])
    inner = (alpha[0, 0] > 0.9).nonzero()
    any_ = inner[torch.randint(len(inner), (1,), generator=rng)][0].tolist()
    return {"Colorize's place": (int(y * side), int(x * side)), "any place": tuple(any_)}


def error(rgb, truth, alpha):
    """Mean square error in a* and b* inside the garment."""
    off = (color_space.lab(rgb.float() / 255)[:, 1:] - truth).square().mean(1, keepdim=True)
    return float((off * alpha).sum() / alpha.sum())


def db(errors):
    return -10 * np.log10(np.maximum(np.asarray(errors), 1e-6) / 255**2)


def measured(gan, folder, rows):
    """Per photograph: errors by name, how far requested colors are missed, and the background's largest change."""
    rng = torch.Generator().manual_seed(0)
    errors, missed, reached, ground = {}, [], [], 0
    for i, row in enumerate(rows):
        rgb, alpha = photograph(folder, row)
        gray = Gray(color_space.gray_of(rgb), alpha)
        truth = color_space.lab(rgb.float() / 255)[:, 1:]
        label = row["class"] if row["class"] in gan.choices.values() else None
        outside = alpha.expand(1, 3, -1, -1) == 0

        def note(name, out):
            errors.setdefault(name, []).append(error(out, truth, alpha))  # noqa: B023  called at once

        note("gray", color_space.colored(gray.values, torch.zeros_like(truth)))
        for name, (y, x) in places(alpha, rng).items():
            hint = hint_at(rgb, alpha, y, x)
            flat = color_space.lab_of(hint.color)[1:].view(1, 2, 1, 1).expand_as(truth)
            note(f"{name}: all over", color_space.colored(gray.values, flat))
            out = colored(gan, gray, ColorizeSpec(hints=(hint,), label=label, seed=i))
            note(f"{name}: hinted", out)
            if outside.any():
                change = (out.int() - gray.values.int()).abs()[outside].max()
                ground = max(ground, int(change))
        text = ASKED[i % len(ASKED)]
        goal = color_space.colored(gray.values, color_space.lab_of(text)[1:].view(1, 2, 1, 1).expand_as(truth))
        inside = alpha[0, 0] > 0.9
        out = colored(gan, gray, ColorizeSpec(colors=(text,), seed=i))
        actual, expected = (color_space.lab(v.float() / 255)[0][:, inside] for v in (out, goal))
        missed.append(float(ciede2000(actual.mean(1), expected.mean(1))))
        reached.append(float((ciede2000(actual.T, expected.T) <= REACHED).float().mean()))
    return errors, missed, reached, ground


def table(name, gan, folder, rows):
    errors, missed, reached, ground = measured(gan, folder, rows)
    senders = len({r["sender"] for r in rows})
    size = gan.recipe.size
    print(f"\n| {name}, {size} x {size}, n = {len(rows)} of {senders} senders | measured | wanted |\n|---|---|---|")
    for place in ("Colorize's place", "any place"):
        ours, flat = (db(errors[f"{place}: {kind}"]) for kind in ("hinted", "all over"))
        gain = ours - flat
        error_of_mean = gain.std(ddof=1) / len(gain) ** 0.5
        print(f"| {place}: PSNR in chroma inside the garment, one hint | {ours.mean():.2f} dB | |")
        print(f"| {place}: the hint's color all over the garment | {flat.mean():.2f} dB | |")
        print(f"| {place}: better by (standard error) | {gain.mean():.2f} ({error_of_mean:.2f}) dB | at least 3 |")
        print(f"| {place}: photographs that are better | {100 * (gain > 0).mean():.0f} % | |")
        pooled = [float(db(np.mean(errors[f"{place}: {kind}"]))) for kind in ("hinted", "all over")]
        print(f"| {place}: of the mean error, hinted and all over | {pooled[0]:.2f} and {pooled[1]:.2f} dB | |")
    print(f"| gray | {db(errors['gray']).mean():.2f} dB | |")
    print(f"| background: largest change, of 255 | {ground} | at most 1 |")
    print(f"| a requested color: CIEDE2000 in the mean, as a screen shows it | {np.mean(missed):.2f} | at most 5 |")
    print(f"| garment that it reaches (within {REACHED:g}) | {100 * np.mean(reached):.1f} % | at least 95 % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="shared/data/garments-256")
    parser.add_argument("--n", type=int, default=None, help="photographs, evenly from all of them; all by default")
    parser.add_argument("--split", default="validation", help="validation, or train for choices during development")
    parser.add_argument("--checkpoints", nargs="+", default=["colorizer-photos"], help="names, files or run folders")
    args = parser.parse_args()
    with (args.folder / "pictures.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["file"].startswith(f"{args.split}/")]
    if args.n is not None:
        rows = [rows[i * len(rows) // args.n] for i in range(min(args.n, len(rows)))]
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"commit {commit}, CPU, {torch.get_num_threads()} threads")
    for name in args.checkpoints:
        table(name, colorizer(checkpoint.load(name)), args.folder, rows)


if __name__ == "__main__":
    main()

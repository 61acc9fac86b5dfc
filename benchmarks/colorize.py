"""How well the colorizers color: python benchmarks/colorize.py [--n 1000] [--photos FOLDER]

Garments are Fashion-MNIST's first test pictures, which no training saw; photographs those of a folder with one
sub-folder a class, likewise. Prints a table, and what it was measured on.
"""

import argparse
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path

import torch

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from benchmarks.color_difference import colorfulness
from fashiongan import checkpoint, classifiers
from fashiongan.color import color_space, palettes
from fashiongan.color.difference import ciede2000
from fashiongan.colorize import engine
from fashiongan.colorize.engine import ColorizeSpec, Gray, Hint, colored, colorizer
from fashiongan.data import datasets

ASKED = ("#b03a2e", "#1f77b4", "#2ca02c", "#e6c229", "#6a2c8f", "#d2691e", "#008080", "#e75480")
REACHED = 10.0  # of CIEDE2000: within it a pixel has the requested color


def mean_lab(rgb, inside):
    """(3,) L*, a*, b*: the mean over the garment's pixels of (3, H, W) uint8."""
    return color_space.lab(rgb[None].float() / 255)[0][:, inside].mean(1)


def target(gray, inside, text):
    """(3, H, W): L* of the gray picture with the requested a and b, as far as a screen shows them."""
    ab = color_space.lab_of(text)[1:].view(1, 2, 1, 1).expand(1, 2, *gray.shape[-2:])
    return torch.cat([color_space.lightness(gray.float() / 255), color_space.shown(gray, ab)], 1)[0]


def garments(gan, n):
    test = datasets.load("fashion-mnist", split="test")
    scorer = classifiers.load("cnn")
    light, gray_off, obeyed, outright, reach, ground, halves, classic, variants = [], [], [], [], [], [], [], [], []
    before, after = [], []
    for i in range(n):
        gray = Gray(test.images[i : i + 1], None)
        inside = gray.values[0, 0] > engine.GARMENT
        text = ASKED[i % len(ASKED)]
        out = colored(gan, gray, ColorizeSpec(colors=(text,)))[0]
        lab = color_space.lab(out[None].float() / 255)[0]
        light.append((lab[:1] - color_space.lightness(gray.values[0].float() / 255)).abs().max())
        gray_off.append((color_space.gray_of(out[None]).int() - gray.values.int()).abs().max())
        goal = target(gray.values, inside, text)
        mean = lab[:, inside].mean(1)
        obeyed.append(ciede2000(mean, goal[:, inside].mean(1)))
        outright.append(ciede2000(mean, torch.cat([mean[:1], color_space.lab_of(text)[1:]])))
        far = ciede2000(lab[:, inside].T, goal[:, inside].T)
        reach.append((far <= REACHED).float().mean())
        black = gray.values[0, 0] == 0
        ground.append((lab[1:, black].norm(dim=0) > 3).float().mean())
        before.append(gray.values)
        after.append(color_space.gray_of(out[None]))
        own = engine.classic(gan, gray, int(test.labels[i]))
        ab = mean_lab(colored(gan, gray, own)[0], inside)[1:]
        goals = [target(gray.values, inside, c)[1:, inside].mean(1) for c in palettes.CLASSIC]
        classic.append(min(range(10), key=lambda k: float((ab - goals[k]).norm())) == int(test.labels[i]))
        rows = inside.any(1).nonzero().flatten()
        top, bottom = int(rows.min()), int(rows.max())
        places = [upper := top + (bottom - top) // 4, lower := bottom - (bottom - top) // 4]
        columns = [int(inside[r].nonzero().flatten().median()) for r in places if inside[r].any()]
        if len(columns) == 2:
            other = ASKED[(i + 3) % len(ASKED)]
            hints = tuple(
                Hint((c + 0.5) / 28, (r + 0.5) / 28, t) for c, r, t in zip(columns, places, (text, other), strict=True)
            )
            lab = color_space.lab(colored(gan, gray, ColorizeSpec(hints=hints)).float() / 255)[0]
            for part, t in ((slice(top, upper + 1), text), (slice(lower, bottom + 1), other)):
                here = torch.zeros_like(inside)
                here[part] = inside[part]
                halves.append(ciede2000(lab[:, here].mean(1), target(gray.values, here, t)[:, here].mean(1)))
        if i % 5 == 0:
            eight = [mean_lab(x, inside) for x in colored(gan, gray, ColorizeSpec(seed=i), 8)]
            variants.append(torch.stack([ciede2000(a, b) for a, b in combinations(eight, 2)]).mean())
    with torch.no_grad():
        named = [scorer(torch.cat(x).float() / 255).argmax(1) for x in (before, after)]

    def mean(x):
        return float(torch.stack(list(map(torch.as_tensor, x))).double().mean())

    print(f"| garments, n = {n} | measured | wanted |\n|---|---|---|")
    print(f"| lightness: largest difference, of 255 | {2.55 * float(max(light)):.2f} | at most 1 |")
    print(f"| gray: largest difference, of 255 | {int(max(gray_off))} | at most 1 |")
    print(f"| obedience: CIEDE2000 to the requested color, as a screen shows it | {mean(obeyed):.2f} | at most 5 |")
    print(f"| the same to the requested color itself | {mean(outright):.2f} | |")
    print(f"| two hints, each half's (n = {len(halves)}) | {mean(halves):.2f} | at most 5 |")
    print(f"| garment that a hint reaches (within {REACHED:g}) | {100 * mean(reach):.1f} % | at least 95 % |")
    print(f"| background pixels with chroma above 3 | {100 * mean(ground):.2f} % | at most 0.5 % |")
    print(f"| class stays | {100 * mean((named[0] == named[1]).float()):.2f} % | at least 99.5 % |")
    print(f"| eight variants without hints, mean pair (n = {len(variants)}) | {mean(variants):.1f} | at least 15 |")
    print(f"| classic: nearest to its own class's color | {100 * mean(classic):.2f} % | at least 99 % |")


def photographs(gan, folder):
    size = gan.recipe.size
    held = datasets.load(str(folder), size=size)
    psnr = {"hint": [], "constant": [], "gray": []}
    shown, real = [], []

    def db(ab, truth):
        return -10 * torch.log10(((ab - truth) / 255).square().mean())

    for i in range(len(held)):
        rgb = held.images[i : i + 1]
        gray = Gray(color_space.gray_of(rgb), None)
        truth = color_space.lab(rgb.float() / 255)[:, 1:]
        middle = truth[:, :, size // 2 - 2 : size // 2 + 3, size // 2 - 2 : size // 2 + 3].mean((2, 3))[0]
        hint = torch.tensor([[[0.5, 0.5, *(middle / color_space.CHROMA).tolist(), 1.0]]])
        y = gan.one_hot(held.labels[i : i + 1])
        z = torch.zeros(1, gan.recipe.z_dim)
        with torch.no_grad():
            ab = gan.G(gray.values, hint, z, y) * color_space.CHROMA
        flat = color_space.shown(gray.values, middle.view(1, 2, 1, 1).expand(1, 2, size, size))
        for name, x in (("hint", ab), ("constant", flat), ("gray", torch.zeros_like(ab))):
            psnr[name].append(db(x, truth))
        free = colored(gan, gray, ColorizeSpec(label=int(held.labels[i]), seed=i))
        shown.append(colorfulness(free))
        real.append(colorfulness(rgb))

    def mean(x):
        return float(torch.stack(x).mean())

    print(f"\n| photographs, n = {len(held)}, {size} x {size} | measured |\n|---|---|")
    print(f"| PSNR in chroma, one hint in the middle | {mean(psnr['hint']):.2f} dB |")
    print(f"| the hint's color all over | {mean(psnr['constant']):.2f} dB |")
    print(f"| gray | {mean(psnr['gray']):.2f} dB |")
    a, b = mean(shown), mean(real)
    print(f"| colorfulness without hints, of the photographs' own | {a:.1f} of {b:.1f} ({100 * (a / b - 1):+.0f} %) |")


def milliseconds(gan, side, repeats=15):
    gray = Gray(torch.randint(0, 256, (1, 1, side, side), dtype=torch.uint8), None)
    request = ColorizeSpec(colors=("#b03a2e",))
    colored(gan, gray, request)
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        colored(gan, gray, request)
        times.append(1000 * (time.perf_counter() - begin))
    times.sort()
    return f"{times[len(times) // 2]:.1f} ms ({times[0]:.1f} to {times[-1]:.1f}, n = {repeats})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000, help="test garments")
    parser.add_argument("--photos", type=Path, default=None, help="folder of photographs that no training saw")
    parser.add_argument("--garments", default="colorizer", help="checkpoint for garments")
    parser.add_argument("--photographs", default="colorizer-photos", help="checkpoint for photographs")
    args = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"commit {commit}, CPU, {torch.get_num_threads()} threads\n")
    gan = colorizer(checkpoint.load(args.garments))
    garments(gan, args.n)
    print(f"\n28 x 28 picture: {milliseconds(gan, 28)}; 1024 x 1024 upload: {milliseconds(gan, 1024)}")
    if args.photos:
        photographs(colorizer(checkpoint.load(args.photographs)), args.photos)


if __name__ == "__main__":
    main()

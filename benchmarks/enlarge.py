"""How an enlarger does: python benchmarks/enlarge.py [CHECKPOINT] [--n 100] [--data FOLDER] [--pairs 376]

Prints a table: what was measured, what is wanted of it, and on how many garments. It only measures: Fashion-MNIST's
test pictures and the photographs of FOLDER/validation, whose senders no training saw, decide nothing.

- Consistency: the PSNR in decibels between a garment and its enlarged picture shrunk again, of the first `--n` test
  pictures of each class of the enlarger that Fashion-MNIST has, and of its bags. In a color of choice a garment gets
  that color's lightness too, so there it is measured how far the lightness had to move, and nothing is wanted.
- Class kept: the scorer (the bundled classifier `cnn`) names the input's class, the classifier of cut-outs (`garments`)
  the enlarged picture's, both among the classes that both know (the enlarger's `matching_class`). It is the share of
  garments whose two names agree, with equally many garments of each class (of the held-out ones, the mean of the
  classes' shares). The ceiling is that of real pairs: a held-out cut-out, and itself shrunk. Beside it: the same with
  all the enlarger's classes to choose from, and how often the enlarged picture is named by the class that it truly has.
- Distance: between a held-out cut-out and what the nets make of it when it was shrunk to 28 pixels, Euclidean in the
  features of EfficientNet-Lite1, on white. Beside the enlarger: the bundled `colorizer` on those 28 pixels, with the
  true mask, then bicubic enlargement. Both get the garment's true mean color, or no color; neither gets its class.
- Times are those of 40 garments and of one, the median of five.

A second table has, for each class that Fashion-MNIST and the enlarger share, how many of Fashion-MNIST's garments keep
the class that the scorer names, the class given, and which the classifier of cut-outs names for the others. The class
itself is among these where it is the scorer that names another.

Without a checkpoint only times are measured, of an untrained net of the default size.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from fashiongan import checkpoint, classifiers, gans
from fashiongan.color import color_space
from fashiongan.colorize import engine, enlarge
from fashiongan.colorize.engine import ColorizeSpec, Gray
from fashiongan.data import datasets
from fashiongan.evaluation import features, in_color
from fashiongan.gans import efficientnet
from fashiongan.gans.shrinking import MARGIN, shrink, shrunk

DATA = REPO.parent / "shared" / "data" / "garments-256"
COLOR = "#b03a2e"
BAG = "Bag"  # the class of Fashion-MNIST that no enlarger has
CEILING = "themselves (the ceiling)"
PIECE = 100  # garments at a time
OFTEN = 3  # names in a row of the second table
LEAST_DB, LEAST_KEPT, MOST_MS = 28, 85, {40: 900, 1: 60}  # what is wanted


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


def garments(gan, n):
    """The first n test pictures of each class that Fashion-MNIST and the enlarger share, and n bags: (N, 28, 28) uint8,
    the enlarger's classes (N,), -1 for bags."""
    data = datasets.load(datasets.FASHION_MNIST, split="test")
    own = torch.tensor([gan.matching_class(name) for name in data.names])[data.labels]
    bags = data.labels == data.names.index(BAG)
    groups = [bags, *(own == k for k in own.unique().tolist() if k >= 0)]
    chosen = torch.cat([group.nonzero().flatten()[:n] for group in groups])
    return data.images[chosen, 0].contiguous(), own[chosen]


def enlarged(gan, gray, labels, color=None):
    """(N, S, S, 4) uint8: each garment in its class of `labels` (N,), or in none for -1."""
    names = [gan.recipe.labels[k] if k >= 0 else None for k in labels.tolist()]
    return torch.cat([
        enlarge.enlarged(gan, part, names[at : at + PIECE], color=color, first=at)
        for at, part in zip(range(0, len(gray), PIECE), gray.split(PIECE), strict=True)
    ])  # fmt: skip


def input_classes(gan, gray):
    """The enlarger's classes (N,) that the scorer names on gray garments (N, 28, 28) uint8: it may not name a bag."""
    net = classifiers.load(features.SCORER)
    numbers = torch.tensor([gan.matching_class(name) for name in net.recipe.labels])
    known = (numbers >= 0).nonzero().flatten()
    logits = torch.cat([classifiers.logits(net, part) for part in gray[:, None].split(PIECE)])
    return numbers[known][logits[:, known].argmax(1)]


def output_classes(gan, rgba, among):
    """The enlarger's classes (N,) that the classifier of cut-outs names on (N, 4, S, S) uint8, of those `among`."""
    net, columns = in_color.classifier_for([gan.recipe.labels[k] for k in among], "cpu")
    small = torch.cat([(in_color.resized(part, net.side) * 255).round().byte() for part in rgba.split(PIECE)])
    return torch.tensor(among)[classifiers.logits(net, small)[:, columns].argmax(1)]


def kept(gan, gray, rgba, labels):
    """Per cent, each the mean of the classes `labels` (N,): of garments whose class is kept, by the classes that both
    classifiers know, and by all the enlarger's; and of enlarged ones that are named by their label."""
    shared = labels.unique().tolist()
    expected, all_ = input_classes(gan, gray), list(range(len(gan.recipe.labels)))
    seen = output_classes(gan, rgba, shared)
    rights = seen == expected, output_classes(gan, rgba, all_) == expected, seen == labels
    return [100 * statistics.mean(float(right[labels == k].double().mean()) for k in shared) for right in rights]


def confusions(gan, gray, rgba, labels):
    """A row for each of the classes `labels` (N,): its name, how many garments, per cent that keep the class that the
    scorer names, and the most frequent names of the others with their per cent."""
    shared, names = labels.unique().tolist(), gan.recipe.labels
    expected, seen = input_classes(gan, gray), output_classes(gan, rgba, shared)
    for k in shared:
        own = labels == k
        lost = seen[own & (seen != expected)].bincount(minlength=len(names))
        often = [
            (100 * int(lost[i]) / int(own.sum()), names[i]) for i in lost.argsort(descending=True)[:OFTEN].tolist()
        ]
        shown = ", ".join(f"{name} {share:.0f} %" for share, name in often if share)
        yield names[k], int(own.sum()), f"{100 * float((seen == expected)[own].double().mean()):.0f} %", shown


def held_out(gan, folder, n):
    """Cut-outs (N, 4, S, S) uint8 of FOLDER/validation, evenly n of them, and the enlarger's classes (N,)."""
    data = datasets.load(str(folder / "validation"), size=gan.recipe.size, fit="cutout")
    n = min(n, len(data))
    chosen = torch.tensor([i * len(data) // n for i in range(n)])
    own = torch.tensor([gan.matching_class(name) for name in data.names])
    return data.images[chosen], own[data.labels[chosen]]


def small_of(rgba):
    """(N, 4, S, S) uint8 -> (N, 28, 28) uint8, as Fashion-MNIST would show it."""
    return torch.cat([(shrink(x.float() / 255)[:, 0] * 255).round().byte() for x in rgba.split(PIECE)])


def mean_color(rgba):
    """The mean color of a garment (4, S, S) uint8, as "#rrggbb"."""
    x = rgba.float()
    own = (x[:3] * x[3:]).sum((1, 2)) / x[3:].sum().clamp_min(1)
    return color_space.hexed(tuple(own.round().int().tolist()))


def bicubic(gan, truth, gray, colors):
    """The colorizer on 28 pixels, dark on white with the true masks, then bicubic: (N, 3, S, S) uint8."""
    net, size = engine.colorizer(checkpoint.load("colorizer")), gan.recipe.size
    inner = 2 * round(size / MARGIN / 2)  # the garment's square, without the margin of a cut-out
    edge, pictures = (size - inner) // 2, []
    for i, (x, small) in enumerate(zip(truth, gray, strict=True)):
        mask = shrunk(x[None, 3:].float() / 255).clamp(0, 1)
        spec = ColorizeSpec(seed=i, colors=(colors[i],) if colors else ())
        drawn = engine.colored(net, Gray(255 - small[None, None], mask), spec).float()
        drawn = F.interpolate(drawn, (inner, inner), mode="bicubic").clamp(0, 255)
        pictures.append(F.pad(drawn, [edge] * 4, value=255.0).round().byte())
    return torch.cat(pictures)


@torch.no_grad()
def seen(pictures):
    """The features (N, 1280) of EfficientNet-Lite1 of pictures (N, C, S, S) uint8."""
    net, parts = efficientnet.load(in_color.NET), []
    for part in pictures.split(in_color.BATCH):
        shown = in_color.resized(part, in_color.SIDE) * 2 - 1
        parts.append(net.pooled(shown.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts)


def distances(truth, drawn):
    """(N,): of each pair of pictures (N, C, S, S) uint8."""
    return (seen(truth) - seen(drawn)).norm(dim=1)


def consistency_rows(gan, gray, labels, own):
    for name, rgba, wanted in (
        ("its own colors", own, f"at least {LEAST_DB}"),
        (COLOR, enlarged(gan, gray, labels, COLOR), ""),
    ):
        db = torch.cat([enlarge.consistency(a, b) for a, b in zip(gray.split(PIECE), rgba.split(PIECE), strict=True)])
        yield f"consistency in {name}: mean", f"{db.mean():.1f} dB", wanted, len(db)
        yield f"consistency in {name}: least of all", f"{db.min():.1f} dB", wanted, len(db)


def class_rows(gan, fashion, pairs):
    """`fashion` and `pairs`: gray garments, pictures by what they are, and classes."""
    for (gray, pictures, labels), where in ((fashion, "Fashion-MNIST"), (pairs, "held-out cut-outs")):
        known = labels >= 0
        counts = torch.bincount(labels[known])
        least, most = int(counts[counts > 0].min()), int(counts.max())
        n = f"{int(known.sum())}: {least if least == most else f'{least} to {most}'} of each"
        for what, rgba in pictures.items():
            shared, of_all, named = kept(gan, gray[known], rgba[known], labels[known])
            wanted = "" if what == CEILING else f"at least {LEAST_KEPT}"
            title = f"{where}, {what}"
            yield f"class kept, {title}: of {int((counts > 0).sum())} classes", f"{shared:.1f} %", wanted, n
            yield f"class kept, {title}: of all {len(gan.recipe.labels)}", f"{of_all:.1f} %", "", n
            yield f"true class named, {title}", f"{named:.1f} %", "", n


def distance_rows(gan, truth, gray, uncolored):
    """`uncolored`: what the enlarger makes of `gray` without a class and a color, (N, S, S, 4) uint8."""
    none, hints = torch.full((1,), -1), [mean_color(x) for x in truth]
    hinted = torch.cat([enlarged(gan, one[None], none, color) for one, color in zip(gray, hints, strict=True)])
    for name, drawn, colors in (("no color", uncolored, []), ("the true mean color", hinted, hints)):
        ours = distances(truth, drawn.permute(0, 3, 1, 2))
        theirs = distances(truth, bicubic(gan, truth, gray, colors))
        better = 100 * float((ours < theirs).double().mean())
        yield f"distance in Lite1 features, {name}: enlarger", f"{ours.mean():.2f}", "", len(ours)
        yield f"distance in Lite1 features, {name}: colorizer and bicubic", f"{theirs.mean():.2f}", "", len(ours)
        yield f"distance in Lite1 features, {name}: factor", f"{theirs.mean() / ours.mean():.2f}", "above 1", len(ours)
        yield f"distance in Lite1 features, {name}: pairs that are nearer", f"{better:.0f} %", "", len(ours)


def time_rows(gan, gray):
    for n, most in MOST_MS.items():
        for name, color in (("its own colors", None), ("a color of choice", COLOR)):
            ms = milliseconds(lambda c=color, n=n: enlarge.enlarged(gan, gray[:n], color=c))
            yield f"{n} enlarged in {name}", f"{ms:.0f} ms", f"at most {most}", n


def with_checkpoint(gan, args, gray, labels, own):
    """The rows of a trained enlarger; `own` (N, S, S, 4) uint8 are what it makes of `gray` in their classes."""
    yield from consistency_rows(gan, gray, labels, own)
    none = torch.full_like(labels, -1)
    pictures = {"class given": own, "class not given": enlarged(gan, gray, none)}
    fashion = gray, {name: x.permute(0, 3, 1, 2) for name, x in pictures.items()}, labels
    truth, classes = held_out(gan, args.data, args.pairs)
    small = small_of(truth)
    uncolored = enlarged(gan, small, torch.full_like(classes, -1))
    named = enlarged(gan, small, classes).permute(0, 3, 1, 2)
    shared = torch.where(torch.isin(classes, labels), classes, -1)
    pairs = {CEILING: truth, "class given": named, "class not given": uncolored.permute(0, 3, 1, 2)}
    yield from class_rows(gan, fashion, (small, pairs, shared))
    yield from distance_rows(gan, truth, small, uncolored)
    yield from time_rows(gan, gray)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--n", type=int, default=100, help="garments of each class of Fashion-MNIST")
    parser.add_argument("--data", type=Path, default=DATA, help="shared/data/garments-256")
    parser.add_argument("--pairs", type=int, default=10_000, help="held-out cut-outs, all by default")
    args = parser.parse_args(argv)
    gan = enlarge.load(args.checkpoint) if args.checkpoint else untrained()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, capture_output=True, text=True, encoding="utf-8",
        check=False,
    )  # fmt: skip
    device = checkpoint.device_name(torch.device("cpu"))
    name = f"`{args.checkpoint}`" if args.checkpoint else "An untrained enlarger"
    print(f"{name}, {gan.recipe.size} x {gan.recipe.size}, {device}; commit {commit.stdout.strip() or 'unknown'}.\n")
    print("| measured | value | wanted | garments |\n|---|---|---|---|")
    if not args.checkpoint:
        rng = torch.Generator().manual_seed(0)
        print_rows(time_rows(gan, torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8, generator=rng)))
        return 0
    gray, labels = garments(gan, args.n)
    own = enlarged(gan, gray, labels)
    print_rows(with_checkpoint(gan, args, gray, labels, own))
    print("\n| class | garments | class kept | what the others are taken for |\n|---|---|---|---|")
    known = labels >= 0
    print_rows(confusions(gan, gray[known], own[known].permute(0, 3, 1, 2), labels[known]))
    return 0


def print_rows(rows):
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

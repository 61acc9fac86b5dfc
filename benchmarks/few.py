"""A hundred ankle boots: with augmentation and without. Writes benchmarks/few.md.

    python benchmarks/few.py [--seeds 0 1 2] [--device cuda]

The same net (studio, width 32, batch 32, smoothness 1) is trained for 6,000 steps on the first hundred boots (report
003's data), its discriminator seeing them as they are or augmented, and draws as many boots as there are others: the
5,900 of the training set that it never saw, and the 1,000 test pictures, which decide nothing. Distance: Frechet, in
the features of the scorer `cnn`, between those and these. Copying: C_T of Meehan et al. 2020 in features and in pixels,
below -3 copies, and the median distance to the nearest of the hundred, beside what unseen boots have. What each run did
is kept in runs/few.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fashiongan import checkpoint, classifiers, files, gans
from fashiongan.data import datasets
from fashiongan.data import sheets as picture_sheets
from fashiongan.evaluation import features, metrics
from fashiongan.gans import sampling
from fashiongan.training.trainer import Trainer, pick_device

BOOT, HUNDRED, STEPS = "Ankle boot", 100, 6000
WAYS = {"none": "", "colour,shift,cutout": "colour,shift,cutout"}
CLOSE = 1000  # pictures whose nearest of the hundred is looked for
RUNS = Path("runs", "few")
OUT = Path(__file__).with_name("few.md")


def trained(augment: str, seed: int, device: str, root: str | None) -> tuple[Trainer, float]:
    knobs = {"classes": BOOT, "limit": HUNDRED, "width": 32, "batch": 32, "steps": STEPS, "gamma": 1.0}
    recipe = gans.new_recipe("studio", **knobs, augment=augment, seed=seed)
    trainer = Trainer(*datasets.prepare(recipe, root), device)
    begin = perf_counter()
    while trainer.step < trainer.steps:
        trainer.update()
    trainer.means()
    return trainer, perf_counter() - begin


def scored(trainer: Trainer, root: str | None) -> tuple[dict[str, float], torch.Tensor]:
    """The figures of a trained net, and what it drew."""
    train = trainer.data.images.cpu()
    label = datasets.CLASSES.index(BOOT)
    others = datasets.load(datasets.FASHION_MNIST, root=root)
    others = others.images[others.labels == label][HUNDRED:]
    test = datasets.load(datasets.FASHION_MNIST, split="test", root=root)
    unseen = torch.cat([test.images[test.labels == label], others])
    drawn = sampling.render(trainer.gan, *sampling.draw(trainer.gan, len(unseen), 1), trainer.average)
    net = classifiers.load(features.SCORER, str(trainer.device))
    results = {"distance": 0.0, "unseen": len(unseen)}
    spaces = {
        "features": [classifiers.features(net, x)[0] for x in (train, unseen, drawn)],
        "pixels": [features.pixels(x) for x in (train, unseen, drawn)],
    }
    real, fake = (metrics.moments(x) for x in spaces["features"][1:])
    results["distance"] = metrics.frechet(real, fake)
    for space, (seen, held, ours) in spaces.items():
        held, ours = held[:CLOSE], ours[:CLOSE]  # the test boots come first
        near = metrics.nearest(held, seen)[0], metrics.nearest(ours, seen)[0]
        rng = torch.Generator().manual_seed(0)
        results[f"copying, {space}"] = metrics.copying(train=seen, test=held, generated=ours, rng=rng, cells=2)
        results[f"nearest, {space}"] = metrics.ratio_of_medians(near[1], near[0])
    return results, drawn


def written(founds: dict[str, list[dict[str, float]]], where: str, seeds: list[int]) -> str:
    names = ["distance", "copying, features", "copying, pixels", "nearest, features", "nearest, pixels", "seconds"]
    rows = []
    for way, runs in founds.items():
        cells = [
            f"{mean(r[n] for r in runs):.3g} ({min(r[n] for r in runs):.3g} to {max(r[n] for r in runs):.3g})"
            for n in names
        ]
        pairs = [a["distance"] / b["distance"] for a, b in zip(founds["none"], runs, strict=True)]
        rows.append(f"| {way} | {mean(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f}) | {' | '.join(cells)} |")
    unseen = founds["none"][0]["unseen"]
    return f"""# A hundred boots

studio, width 32, batch 32, smoothness 1, {STEPS:,} steps on 100 ankle boots; {unseen:,} drawn against {unseen:,} unseen
ones. Means over seeds {", ".join(map(str, seeds))}, with the smallest and the largest. Times better: the distance
without, over that with, seed by seed. By `python benchmarks/few.py`, {where}.

| augmentation | times better | {" | ".join(names)} |
|---|---|{"---|" * len(names)}
{chr(10).join(rows)}

![Boots: real ones, drawn without augmentation, and with](few.png)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--ways", nargs="*", default=list(WAYS), help="of augmentation (default: all)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    for seed in args.seeds:
        for way in args.ways:
            place = RUNS / f"{way.replace(',', '-')}-{seed}.json"
            if place.exists():
                continue
            RUNS.mkdir(parents=True, exist_ok=True)
            trainer, seconds = trained(WAYS[way], seed, device, args.data_root)
            result, drawn = scored(trainer, args.data_root)
            result |= {"seconds": seconds, "device": checkpoint.device_name(trainer.device)}
            sheets = [trainer.data.images[:16].cpu(), drawn[:16]]
            for name, images in zip(("real", place.stem), sheets, strict=True):
                picture_sheets.sheet(images, 16).save(RUNS.joinpath(f"{name}.png"))
            files.write(place, json.dumps(result).encode())
            print(way, seed, {k: round(v, 3) if isinstance(v, float) else v for k, v in result.items()}, flush=True)
    seeds = [s for s in args.seeds if all((RUNS / f"{w.replace(',', '-')}-{s}.json").exists() for w in WAYS)]
    if not seeds:
        return
    founds = {
        w: [json.loads((RUNS / f"{w.replace(',', '-')}-{s}.json").read_text(encoding="utf-8")) for s in seeds]
        for w in WAYS
    }
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    devices = {r["device"] for runs in founds.values() for r in runs}
    files.write(OUT, written(founds, f"commit {commit.strip()}, {', '.join(sorted(devices))}", seeds).encode())
    from PIL import Image

    rows = [Image.open(RUNS / f"{n}.png") for n in ("real", *(f"{w.replace(',', '-')}-{seeds[0]}" for w in WAYS))]
    canvas = Image.new("L", (rows[0].width, sum(r.height + 4 for r in rows)), 255)
    for i, r in enumerate(rows):
        canvas.paste(r.convert("L"), (0, i * (r.height + 4)))
    canvas.resize((canvas.width * 2, canvas.height * 2), Image.Resampling.NEAREST).save(OUT.with_suffix(".png"))


if __name__ == "__main__":
    main()

"""Whether any GAN breaks down soon: 200 steps of each, three seeds, on 2,000 pictures. Writes benchmarks/seeds.md.

    python benchmarks/seeds.py [--device cuda]
    python benchmarks/seeds.py studio --seeds 5         some GANs only: printed, not written

The table has, for each seed, how often the discriminator was right over the last 50 steps (mean of real and fake),
and how varied 64 pictures of the averaged generator are, as a share of the garments' own variety.
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fashiongan import checkpoint, files, gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.gans import losses
from fashiongan.gans.recipe import knobs
from fashiongan.training.trainer import Trainer, pick_device

STEPS, PICTURES, SEEDS, LAST = 200, 2000, 3, 50
OUT = Path(__file__).with_name("seeds.md")


def run(gan: str, seed: int, garments: datasets.Dataset, device: str) -> tuple[float, float]:
    """(the discriminator's accuracy, variety of the samples as a share of the garments') or StudioError where it
    diverged."""
    recipe_type = gans.find(gan).recipe_type
    narrow = recipe_type.quick.get("width", knobs(recipe_type)["width"].default) // 4
    arguments = {"width": narrow, "batch": 64, "seed": seed, "steps": STEPS, "limit": PICTURES}
    recipe, chosen = datasets.prepare(gans.new_recipe(gan, **arguments), loaded=garments)
    trainer = Trainer(recipe, chosen, device)
    right, seen, before = 0.0, 0, 0
    for tick in trainer.run(every=LAST):
        if tick.step > STEPS - LAST:
            right += (tick.step - before) * (tick.losses["d_accuracy_real"] + tick.losses["d_accuracy_fake"]) / 2
            seen += tick.step - before
        before = tick.step
    images, _ = trainer.samples()
    variety = losses.diversity(images.float()) / losses.diversity(chosen.images.float())
    return right / seen, float(variety)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gans", nargs="*", metavar="GAN", help="which (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many (default: 3)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    garments = datasets.load(datasets.FASHION_MNIST, root=args.data_root)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    rows, broken = [], 0
    seeds = range(args.seeds)
    for gan in args.gans or gans.GANS:
        cells = []
        for seed in seeds:
            try:
                accuracy, variety = run(gan, seed, garments, device)
                cells.append(f"{accuracy:.2f}, {variety:.2f}")
            except StudioError as e:
                cells.append(str(e))
                broken += 1
        rows.append(f"| {gan} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    where = f"commit {commit.strip()}, {checkpoint.device_name(torch.device(device))}"
    text = (
        f"""# Three seeds of every GAN

{STEPS} steps of each GAN on the same {PICTURES} pictures, for three seeds: its own recipe, but for a batch of 64 and a
net a quarter as wide as the "Quick look"'s. In each cell: how often the discriminator was right over the last {LAST}
steps (1 is always; for critics and energies, divided half-way between their two means), and the variety of 64
samples as a share of the garments' own. {broken} of {len(rows) * len(seeds)} runs ended in NaN. By `python
benchmarks/seeds.py`, {where}.

| GAN | {" | ".join(f"seed {s}" for s in seeds)} |
|---|{"---|" * len(seeds)}
"""
        + "\n".join(rows)
        + "\n"
    )
    if not args.gans:
        files.write(OUT, text.encode())


if __name__ == "__main__":
    main()

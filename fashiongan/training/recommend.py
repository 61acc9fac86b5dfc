"""What to train on a folder of pictures, and how long it will take here."""

import time
from typing import Any

from .. import gans
from ..data import datasets
from ..data.datasets import Dataset
from ..gans.recipe import Recipe
from .trainer import Trainer

FEW = 5000  # pictures below which the discriminator should see them augmented
STEPS = 20_000  # updates until garments are recognisable, measured in the runs behind clothing-128
SOON = 6_000  # updates after which training on few small pictures should stop (benchmarks/few.md)
UNEVEN = 4  # ratio of the largest to the smallest class above which classes are balanced
TIMED = 3  # updates


def recipe(garments: Dataset, requested: Recipe) -> Recipe:
    """A recipe to begin with: `studio` with the given data, size and fit, adapted to their number and size.

    From the runs behind `clothing-128`, a net half as wide above 48 pixels and a discriminator kept ten times as
    smooth; from the hundred boots of benchmarks/few.md, an augmented view of few pictures and twice as smooth a
    discriminator.
    """
    n, large = len(garments), requested.size > 48
    batch = min(32 if large else 64, n)
    changes: dict[str, Any] = {"data": requested.data, "size": requested.size, "fit": requested.fit, "batch": batch}
    changes["epochs"] = max(10, round((SOON if n < FEW and not large else STEPS) * batch / n))
    if large:
        changes["width"] = 32
    if n < FEW:
        changes["augment"] = "colour,shift,cutout"
    counts = [count for count in garments.counts if count]
    if max(counts) > UNEVEN * min(counts):
        changes["balance"] = "even"
    changes["gamma"] = 5.0 if large else 1.0 if n < FEW else 0.5
    return gans.new_recipe("studio", **changes)


def seconds(chosen: Recipe, garments: Dataset, device: str) -> float:
    """Estimate in seconds how long the run takes on this machine, by timing a few updates."""
    trainer = Trainer(*datasets.prepare(chosen, loaded=garments), device)
    for _ in range(2):
        trainer.update()
    trainer.means()  # waits for the device
    begin = time.perf_counter()
    for _ in range(TIMED):
        trainer.update()
    trainer.means()
    return (time.perf_counter() - begin) / TIMED * trainer.steps


def duration(seconds: float) -> str:
    """In words: '40 seconds', '12 minutes', '3.5 hours', '2.1 days'."""
    for unit, name in ((86_400, "days"), (3600, "hours")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

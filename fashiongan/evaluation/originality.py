"""The test for copies: how near samples lie to the training pictures, beside how near unseen real pictures lie."""

from dataclasses import replace

import torch
from torch import Tensor

from . import metrics
from .report import Nearness, Originality, Report

CLOSE = 1000  # how many generated, and how many held-out, pictures are searched for their nearest training picture


@torch.no_grad()
def originality(report: Report, space: str, train: Tensor, test: Tensor, fake: Tensor) -> Report:
    """Adds how near the samples lie to the training pictures, compared with how near unseen real pictures lie."""
    rng = torch.Generator().manual_seed(0)
    # A random choice: if the classes take turns, every k-th picture would be of one class.
    fake, test = (some_of(x, CLOSE, rng) for x in (fake, test))
    cells = max(1, min(10, len(train) // 50))
    unseen_distances, fake_distances = metrics.nearest(test, train)[0], metrics.nearest(fake, train)[0]
    measured = {
        "ratio": metrics.ratio_of_medians(fake_distances, unseen_distances),
        # Share of samples whose distance is at most half of the 1 % quantile of the unseen pictures' distances.
        "beside": float((fake_distances <= unseen_distances.quantile(0.01) / 2).double().mean()),
        "copying": metrics.copying(
            train=train, test=test, generated=fake, rng=rng, cells=cells, distances=(unseen_distances, fake_distances)
        ),
    }
    before = report.originality or Originality(len(fake))
    near = Nearness(**{k: round(v, 3) for k, v in measured.items()})
    updated = replace(before, features=near) if space == "features" else replace(before, pixels=near)
    return replace(report, originality=updated)


def some_of(x: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """n rows drawn at random without repetition; all rows, shuffled, if there are fewer than n."""
    return x[torch.randperm(len(x), generator=rng)[:n]]

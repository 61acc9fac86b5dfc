"""Distances between samples and real pictures in the features of a net, with equally many of each class on both sides.

The nets are those of `report.COLOR_NETS`. Features are float (N, d), one row a picture.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import StudioError
from . import metrics
from .real import Real
from .report import COLOR_NETS, COLOR_SCORES, Against, Report, Score

K = 5  # neighbours, for precision and recall
ENOUGH = 2  # times as many pictures as features for a Frechet distance: with fewer, covariances are mostly noise


@torch.no_grad()
def compare(report: Report, real: Real, features: Sequence[Tensor], fake: Tensor, net: str) -> Report:
    """Adds the scores in the features of a net, beside their floors: equally many training pictures in place of the
    samples (`real`), and two sets of training pictures (`halves`).

    `features` are those of the training pictures and of the unseen ones, if there are any. Without, one half of the
    training pictures takes their place, and the other half that of the training pictures.
    """
    rng = torch.Generator().manual_seed(0)
    classes, train, mine = len(real.train.names), real.train.labels, real.labels
    if real.unseen is None:
        order = torch.randperm(len(train), generator=rng)
        seen, unseen = order[: len(train) // 2], order[len(train) // 2 :]
        features, labels = (features[0][seen], features[0][unseen]), (train[seen], train[unseen])
    else:
        labels = train, real.unseen.labels
    counts = common(classes, labels[1], [x for x in (labels[0], mine) if x is not None])
    theirs, first = (pick(x, counts, rng) for x in (labels[1], labels[0]))
    some = torch.randperm(len(fake), generator=rng) if mine is None else pick(mine, counts, rng)
    n = min(len(theirs), len(some))
    unused = torch.ones(len(labels[0]), dtype=torch.bool)
    unused[first] = False
    left = unused.nonzero().flatten()
    second = left[torch.randperm(len(left), generator=rng)[:n]]
    held_out, pretended = features[1][theirs[:n]], features[0][first[:n]]
    pairs = {"value": (held_out, fake[some[:n]]), "real": (held_out, pretended)}
    if len(second) == n and real.unseen is not None:
        pairs["halves"] = (pretended, features[0][second])
    return measured(replace(report, against=Against(n, n)), pairs, net)


def measured(report: Report, pairs: dict[str, tuple[Tensor, Tensor]], net: str) -> Report:
    """Adds the net's scores of each pair of sets of features, by column."""
    scores = dict(report.scores or {})
    for key in (key for key in COLOR_SCORES if key.endswith(f"_{net}")):
        kind = key.removesuffix(f"_{net}")
        try:
            columns = {column: round(distance(kind, *pair, net), 4) for column, pair in pairs.items()}
        except StudioError as e:
            if str(e) not in report.remarks:
                report = report.remarked(str(e))
            continue
        error = metrics.kid_error(*pairs["value"]) if kind == "kid" else None
        scores[key] = Score(**columns, error=None if error is None else round(1000 * error, 4))
    return replace(report, scores=scores)


def distance(kind: str, real: Tensor, fake: Tensor, net: str) -> float:
    """One score of fakes against real pictures. StudioError if there are too few for it."""
    if kind == "kid":
        return 1000 * metrics.kid(real, fake)
    if kind == "frechet":
        least = ENOUGH * real.shape[1]
        if len(real) < least:
            raise StudioError(
                f"The Frechet distance in {COLOR_NETS[net]} is left out: it takes {least:,} pictures on each side, and "
                f"of {len(real):,} it means nothing; the kernel distance stands in for it."
            )
        return metrics.frechet(metrics.moments(real), metrics.moments(fake))
    manifold = metrics.prdc(real, fake, K)
    return manifold.precision if kind == "precision" else manifold.recall


def common(classes: int, labels: Tensor, others: Sequence[Tensor]) -> Tensor:
    """(classes,) int64: how many pictures of each class are compared. They are all of `labels`, or the same share of
    every class if another set has too few of one. StudioError if that leaves none."""
    need = torch.bincount(labels, minlength=classes)
    there = need > 0
    share = min([1.0, *(float((torch.bincount(x, minlength=classes) / need)[there].min()) for x in others)])
    counts = (need * share + 1e-6).long()
    if not counts.any():
        raise StudioError("The scores compare equally many of each class, and of one there is no sample: draw more.")
    return counts


def pick(labels: Tensor, counts: Tensor, rng: torch.Generator) -> Tensor:
    """Indices of `counts` pictures of each class, drawn at random, in random order."""
    order = torch.randperm(len(labels), generator=rng)
    kinds = labels[order]
    index = torch.cat([order[(kinds == c).nonzero().flatten()[:n]] for c, n in enumerate(counts.tolist())])
    return index[torch.randperm(len(index), generator=rng)]

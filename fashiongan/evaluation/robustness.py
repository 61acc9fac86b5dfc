"""How easily classifiers are fooled: accuracy against noise strength, and the share that is proven to stay right."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter

import torch
from torch import Tensor

from .. import attacks, checkpoint, classifiers, limits
from ..classifiers import PIECE, SIZE, Certified, Classifier, certified_accuracy, pieces
from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN
from ..plain import KEY, maybe
from . import features

Pairs = tuple[tuple[str, str, int], ...]  # (true class, predicted class, count); largest count first
Result = tuple[int, bool, float, float, float, Pairs, float]  # the last seven fields of `Point`

LEVELS = 255  # noise strengths are usually written in 255ths, the gray levels of a byte
PAIRS = 5  # a point keeps so many of the most confused pairs of classes
CERTIFIED = "certified"  # what the points of a certified bound have in place of an attack's name


@dataclass(frozen=True)
class Point:
    """A record of a curve: one classifier under one attack at one strength, for the pictures attacked so far.

    Of a certified bound: the attack is CERTIFIED, and the accuracy is the share that no attack can change."""

    step: int
    steps: int
    classifier: str
    attack: str
    mask: str
    eps: float
    n: int  # pictures attacked so far
    whole: bool  # whether these are all the pictures
    accuracy: float  # 0..1: share that is still classified correctly
    low: float  # lower and upper end of the 95 % confidence interval of the accuracy
    high: float
    confused: Pairs
    seconds: float  # spent on this point


def curve(
    nets: Mapping[str, Classifier],
    garments: Dataset,
    names: Sequence[str],
    epsilons: Sequence[float],
    masks: Sequence[str] = ("none",),
    *,
    target: str | None = None,
    seed: int = 0,
) -> Iterator[Point]:
    """Attack all the garments at every strength, weakest first, with one batch in memory at a time.

    Each point seeds a new rng from `seed`, so it does not depend on the other points of the call. With `target`, a
    class by name or number, the garments of that class are left out. First come, for each net that has them, the points
    of its certified bound: at these strengths and at 0. Raises StudioError for an unknown attack, target or strength,
    and if there is nothing to compute.
    """
    epsilons = sorted({attacks.check_eps(e, name) for e in epsilons for name in names})
    if not (nets and names and epsilons and masks and len(garments)):
        raise StudioError("A curve needs a classifier, an attack, a noise strength and a picture, or more of each.")
    for name in names:
        attacks.refuse(name, target is not None)
    attacked = {name: _garments_for(net, garments, target) for name, net in nets.items()}
    series = [
        (net, attack, mask, eps, attacked[net][0].images.split(batch(attack)))
        for eps in epsilons
        for mask in masks
        for attack in names
        for net in nets
    ]
    bounds = [] if all(attacks.find(name).norm is attacks.L2 for name in names) else _bounds(nets, epsilons, masks)
    steps, step = len(bounds) + sum(len(parts) for *_, parts in series), 0
    for net, mask, eps in bounds:
        step += 1
        yield Point(step, steps, net, CERTIFIED, mask, eps, *_proven(nets[net], attacked[net][0], eps, mask))
    for net, attack, mask, eps, parts in series:
        chosen, goal = attacked[net]
        for result in _attacked(nets[net], chosen, attack, eps, mask, parts, goal, seed):
            step += 1
            yield Point(step, steps, net, attack, mask, eps, *result)


def _bounds(
    nets: Mapping[str, Classifier], epsilons: Sequence[float], masks: Sequence[str]
) -> list[tuple[str, str, float]]:
    """The net, the mask and the strength of every point of a certified bound."""
    able = [name for name, net in nets.items() if isinstance(net, Certified)]
    return [(name, mask, eps) for name in able for mask in masks for eps in sorted({0.0, *epsilons})]


def _proven(net: Classifier, garments: Dataset, eps: float, mask: str) -> Result:
    """The last seven fields of a `Point` of a certified bound."""
    assert isinstance(net, Certified)
    start = perf_counter()
    share = certified_accuracy(net, garments, eps, mask)
    low, high = interval(round(share * len(garments)), len(garments))
    return len(garments), True, share, low, high, (), perf_counter() - start


def batch(attack: str) -> int:
    """Pictures per batch: fewer for slow attacks, so that every few seconds a record is yielded and Stop can take
    effect."""
    return max(25, min(PIECE, 40_000 // attacks.find(attack).passes))


def _garments_for(net: Classifier, garments: Dataset, target: str | None) -> tuple[Dataset, int | None]:
    """The garments with the classes of this net, and the number of the target class. With a target, garments that are
    of that class already are left out."""
    mine = datasets.merge(garments, net.recipe.merge)
    if mine.names != net.recipe.labels:
        raise StudioError(
            f"A classifier of {', '.join(net.recipe.labels)} cannot be asked about {', '.join(mine.names)}."
        )
    if target is None:
        return mine, None
    goals = datasets.class_numbers(target, mine.names)
    if len(goals) != 1:
        raise StudioError(f"target takes one class, not {target!r}.")
    others = (mine.labels != goals[0]).nonzero().flatten()
    if not len(others):
        raise StudioError(f"All the pictures are of the class {mine.names[goals[0]]} already: choose another target.")
    return replace(mine, images=mine.images[others], labels=mine.labels[others]), goals[0]


def _attacked(
    net: Classifier,
    garments: Dataset,
    attack: str,
    eps: float,
    mask: str,
    parts: Sequence[Tensor],
    goal: int | None,
    seed: int,
) -> Iterator[Result]:
    """Yields the last seven fields of `Point` after each batch."""
    device = next(net.parameters()).device
    rng = torch.Generator(device).manual_seed(seed)
    right, seen, start, taken = 0, 0, perf_counter(), Counter[tuple[int, int]]()
    for images in parts:
        (x,) = pieces(net, images)
        y = garments.labels[seen : seen + len(x)].to(device)
        target = None if goal is None else torch.full_like(y, goal)
        predicted = answers(net, attacks.attack(attack, net, x, y, eps, mask, rng, target)).argmax(1)
        right, seen = right + int((predicted == y).sum()), seen + len(x)
        taken.update(zip(y[predicted != y].tolist(), predicted[predicted != y].tolist(), strict=True))
        names = garments.names
        pairs = tuple((names[i], names[j], n) for (i, j), n in taken.most_common(PAIRS))
        low, high = interval(right, seen)
        yield seen, seen == len(garments), right / seen, low, high, pairs, perf_counter() - start


@torch.no_grad()
def answers(net: Classifier, x: Tensor) -> Tensor:
    """The classifier's confidences (N, classes) in 0..1."""
    return net(x).softmax(1)


def interval(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927). It stays within 0..1 even if none or all are correct."""
    z = 1.959964
    share, z2 = right / n, z * z / n
    middle = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(share * (1 - share) / n + z2 / n / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def garments(generated: str | None, limit: int | None, seed: int = 0, root: str | None = None) -> Dataset:
    """The first `limit` test pictures (all by default), or `limit` pictures that a GAN draws (1,000 by default).

    A generated garment has the class that the GAN was given or, if the GAN has no classes, the class that the scorer
    predicts. Raises StudioError if there are fewer test pictures, or if the GAN does not draw such garments.
    """
    if generated is None:
        test = datasets.load(datasets.FASHION_MNIST, split="test", root=root)
        return test if limit is None else first(test, limit)
    return drawn(checkpoint.load(generated), generated, limit or 1000, seed)


def first(garments: Dataset, n: int) -> Dataset:
    """The first n garments: published figures are measured on the first n test pictures too."""
    if n > len(garments):
        raise StudioError(f"limit cannot be {n}: there are {len(garments)} test pictures.")
    return replace(garments, images=garments.images[:n], labels=garments.labels[:n])


def drawn(gan: GAN, name: str, n: int, seed: int) -> Dataset:
    """n garments drawn by a GAN, with the classes that it was given, or that the scorer predicts if it has none."""
    r = gan.recipe
    if r.size != SIZE or r.channels != 1 or r.labels != datasets.CLASSES:
        raise StudioError(f"{name} does not draw Fashion-MNIST's garments in gray, {SIZE} x {SIZE}: choose another.")
    images = gan.sample_images(n, seed)
    if gan.conditional:
        labels = sampling.chosen(gan, n, None)
    else:
        labels = classifiers.logits(classifiers.load(features.SCORER), images).argmax(1)
    return Dataset(images, labels, datasets.CLASSES, name)


@dataclass(frozen=True)
class Confusion:
    """How many garments of a class were taken for another."""

    true: str = field(metadata={KEY: "class"})
    taken_for: str
    count: int


@dataclass(frozen=True)
class CurvePoint:
    """One point of a reported curve. Accuracies are 0..1."""

    eps: float
    eps_255: float
    accuracy: float
    interval: tuple[float, float]
    confused: tuple[Confusion, ...]
    seconds: float


@dataclass(frozen=True)
class BoundPoint:
    """One point of a certified bound: no attack of strength eps brings the accuracy (0..1) below `accuracy`."""

    eps: float
    eps_255: float
    accuracy: float


@dataclass(frozen=True)
class CurveReport:
    """One classifier's curve under one attack, as --json and the API give it."""

    classifier: str
    attack: str
    mask: str
    target: str | None
    pictures: str  # where they come from
    n: int
    points: tuple[CurvePoint, ...]
    certified: tuple[BoundPoint, ...] | None = maybe()  # of a classifier with bounds
    seed: int | None = maybe()
    device: str | None = maybe()


def report(
    points: Sequence[Point], source: str, target: str | None = None, seed: int | None = None, device: str | None = None
) -> CurveReport:
    """The report of one classifier's curve under one attack."""
    bound = tuple(BoundPoint(q.eps, q.eps * LEVELS, q.accuracy) for q in points if q.attack == CERTIFIED)
    attacked = [q for q in points if q.attack != CERTIFIED]
    curve = tuple(
        CurvePoint(
            q.eps,
            q.eps * LEVELS,
            q.accuracy,
            (q.low, q.high),
            tuple(Confusion(a, b, n) for a, b, n in q.confused),
            round(q.seconds, 2),
        )
        for q in attacked
    )
    p = attacked[0]
    return CurveReport(p.classifier, p.attack, p.mask, target, source, p.n, curve, bound or None, seed, device)


def summary(points: Sequence[Point]) -> str:
    """The curve as lines of text for a terminal."""
    attacked, proven = [p for p in points if p.attack != CERTIFIED], {p.eps: p for p in points if p.attack == CERTIFIED}
    p = attacked[0]
    lines = [f"{p.classifier}, {attacks.ATTACKS[p.attack].title}, mask {p.mask}, {p.n:,} pictures"]
    for p in attacked:
        worst = "; ".join(f"{n} {a} taken for {b}" for a, b, n in p.confused[:2])
        if p.eps in proven:
            worst = f"certified {100 * proven[p.eps].accuracy:5.1f} %  {worst}"
        lines.append(f"  {p.eps:.3f} ({p.eps * LEVELS:5.1f}/255)  {100 * p.accuracy:5.1f} %  {worst}")
    return "\n".join(lines)


def table(points: Sequence[Point]) -> str:
    """The points for which all pictures were attacked, as CSV with a header line."""
    out = io.StringIO()
    columns = ["classifier", "attack", "mask", "eps", "eps_255", "n", "accuracy", "low", "high", "confused"]
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for p in points:
        if p.whole:
            pairs = "; ".join(f"{n} {a} taken for {b}" for a, b, n in p.confused)
            rounded = {k: round(getattr(p, k), 6) for k in ("eps", "accuracy", "low", "high")}
            writer.writerow({**asdict(p), **rounded, "eps_255": round(p.eps * LEVELS, 3), "confused": pairs})
    return out.getvalue()


def epsilons(text: str, names: Sequence[str] = ("fgsm",)) -> list[float]:
    """Read strengths such as "0,0.025,8/255", which each of these attacks allows. StudioError for anything else."""
    values: list[float] = []
    for word in filter(None, (w.strip() for w in text.split(","))):
        above, _, below = word.partition("/")
        try:
            value = float(above) / float(below or 1)
        except (ValueError, ZeroDivisionError):
            value = math.nan
        if math.isnan(value):
            raise StudioError(f"eps cannot be {word}: it takes numbers from 0 to 1, such as 0,0.025,8/255.")
        for name in names:
            attacks.check_eps(value, name)
        values.append(value)
    if not 1 <= len(values) <= limits.EPSILONS:
        raise StudioError(f"eps takes from 1 to {limits.EPSILONS} numbers, separated by commas, such as 0,0.025,8/255.")
    return values

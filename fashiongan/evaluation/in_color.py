"""Scores of pictures in color, and of other sizes than 28, in the features of EfficientNet-Lite1.

That net has seen photographs of a thousand things, and its weights come with a package. It is not the net of the
projected discriminator (EfficientNet-Lite0), but kin of it: read the scores beside the class that the bundled
classifier confirms, and beside your own eyes. Every picture is seen at 128 x 128, transparent parts on white.

The samples are compared with real pictures that the generator has not seen, if the data hold such: see `real.py`. Both
sides have equally many pictures and, where classes are known, equally many of each class.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import checkpoint, classifiers, gans
from ..classifiers import Classifier, store
from ..data import datasets
from ..errors import StudioError
from ..gans import efficientnet
from ..gans.recipe import Recipe
from .color_distances import compare
from .features import cached, recall, sha256, state_hash
from .originality import originality
from .real import Real, real_pictures
from .report import LITE1, SELDOM, Report, Scorer, Step, verdict
from .sources import Samples

NET = "lite1"
CLASSIFIER = "garments"  # the classifier that names classes
SIDE = 128  # pixels a side at which the net sees every picture
SMALL = 32  # pixels a side of the pictures in which copies are searched for
BATCH = 32  # pictures in one pass of the net
HOW = f"{NET} at {SIDE} on white"  # part of the cached features' names: change it with the way pictures are shown


def scores(
    report: Report, samples: Samples, data: str | None, fit: str | None, device: str, root: str | None = None
) -> Iterator[Step]:
    """Score samples against the pictures of `data`, or of the generator's own data. Yields records; the last one
    carries the report. What cannot be computed becomes a remark."""
    yield Step(0, 1, "reading real pictures")
    try:
        net = efficientnet.load(NET, device)
        real = real_pictures(samples, data, fit, root)
    except StudioError as e:
        yield Step(1, 1, "done", report.remarked(str(e)))
        return
    report = replace(report, scorer=Scorer(LITE1, state_hash(net)))
    for remark in real.remarks:
        report = report.remarked(remark)
    places = [cached(net, d, HOW) for d in real.sets]
    missing = [(d, place) for d, place in zip(real.sets, places, strict=True) if not place.exists()]
    shown = [(d.images, "looking at real pictures") for d, _ in missing] + [(samples.images, "scoring")]
    steps = sum(-(-len(x) // BATCH) for x, _ in shown) + 4
    *computed, fake = yield from extract(net, shown, steps)
    for (_, place), new in zip(missing, computed, strict=True):
        checkpoint.write(place, {"features": new}, {})
    features = [recall(place).to(device) for place in places]
    work = comparisons(samples, real, features, fake.to(device), device)
    for i, (doing, add) in enumerate(work):
        yield Step(steps - len(work) + i, steps, doing)
        try:
            report = add(report)
        except StudioError as e:
            report = report.remarked(str(e))
    yield Step(steps, steps, "done", replace(report, verdict=verdict(report)))


def can(recipe: Recipe) -> bool:
    """Whether the net is installed and the pictures are here with which this recipe's generator is compared. One that
    draws from a picture is not: it would be scored for the few pictures that it keeps as examples."""
    here = recipe.data in (datasets.FASHION_MNIST, *datasets.LOCAL_ONLY) or Path(recipe.data).exists()
    return efficientnet.installed(NET) and here and not gans.find(recipe.gan).from_pictures


def comparisons(
    samples: Samples, real: Real, features: Sequence[Tensor], fake: Tensor, device: str
) -> list[tuple[str, Callable[[Report], Report]]]:
    """The steps that fill in a report: (description, function that adds the result). `features` are those of the
    training pictures and of the unseen ones, if there are any."""
    work: list[tuple[str, Callable[[Report], Report]]] = [
        ("comparing with real pictures", lambda r: compare(r, real, features, fake, NET)),
        ("counting classes", lambda r: count_classes(r, samples.images, real, device)),
    ]
    if real.unseen is None:
        return work
    sets = [real.train.images, real.unseen.images, samples.images]

    def in_pixels(r: Report) -> Report:
        train, unseen, drawn = (pixels(x).to(device) for x in sets)
        return originality(r, "pixels", train, unseen, drawn)

    return [
        *work,
        ("looking for copies, in features", lambda r: originality(r, "features", features[0], features[1], fake)),
        ("looking for copies, in pixels", in_pixels),
    ]


@torch.no_grad()
def extract(
    net: efficientnet.EfficientNet, sets: Sequence[tuple[Tensor, str]], steps: int
) -> Generator[Step, None, list[Tensor]]:
    """Features (N, 1280) of each set of pictures. Yields a record after each BATCH."""
    device = next(net.buffers()).device
    seen, done = [], 0
    for images, doing in sets:
        parts = []
        for x in images.split(BATCH):
            shown = resized(x.to(device), SIDE).contiguous(memory_format=torch.channels_last)
            parts.append(net.pooled(shown * 2 - 1).float().cpu())
            done += 1
            yield Step(done, steps, doing)
        seen.append(torch.cat(parts))
    return seen


def resized(images: Tensor, side: int) -> Tensor:
    """(N, 1, 3 or 4, H, W) uint8 -> (N, 3, side, side) float in 0..1, antialiased: transparent parts on white, gray as
    three equal channels."""
    x = classifiers.on_white(images.float() / 255).expand(-1, 3, -1, -1)
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, (side, side), mode="bilinear", antialias=True).clamp(0, 1)


def pixels(images: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> (N, 3 SMALL SMALL) float in 0..1, in pieces so that memory stays bounded."""
    return torch.cat([resized(x, SMALL).flatten(1) for x in images.split(500)])


@torch.no_grad()
def count_classes(report: Report, images: Tensor, real: Real, device: str) -> Report:
    """Adds the share of each class among the samples, as the classifier CLASSIFIER names them, and the distances in its
    features. If the samples have classes, also how often it confirms them, beside how often it confirms those of unseen
    real pictures (the mean of the classes).

    It chooses among the classes of the data only. StudioError if it is missing or does not know them.
    """
    present = [c for c, count in enumerate(real.train.counts) if count]
    names = [real.train.names[c] for c in present]
    net, columns = classifier_for(names, device)

    def seen(x: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, d) and class numbers (N,)."""
        small = torch.cat([(resized(part, net.side) * 255).round().byte() for part in x.split(500)])
        features, logits = classifiers.features(net, small)
        return features.to(device), torch.tensor(present)[logits[:, columns].argmax(1)]

    fake, predicted = seen(images)
    theirs = [seen(d.images) for d in real.sets]
    shares = {name: round(float((predicted == c).double().mean()), 4) for c, name in zip(present, names, strict=True)}
    missed = tuple(name for name, share in shares.items() if share < SELDOM)
    report = replace(
        report, classes=shares, missed=missed, classifier=Scorer(CLASSIFIER, sha256(store.find(CLASSIFIER)))
    )
    if real.unseen is not None:
        by_class = confirmed(theirs[1][1], real.unseen.labels, real.unseen.names)
        report = replace(report, gan_test_real=mean(by_class))
    if real.labels is not None:
        by_class = confirmed(predicted, real.labels, real.train.names)
        report = replace(report, gan_test=mean(by_class), gan_test_classes=by_class)
    return report if report.against is None else compare(report, real, [f for f, _ in theirs], fake, CLASSIFIER)


def classifier_for(names: Sequence[str], device: str) -> tuple[Classifier, list[int]]:
    """The classifier CLASSIFIER, and its numbers for these classes. StudioError if it cannot tell them apart."""
    left_out = "GAN-test and the classes are left out:"
    if len(names) < 2:
        raise StudioError(f"{left_out} all pictures are of one class, {names[0]}.")
    if CLASSIFIER not in store.bundled_in_color():
        raise StudioError(f"{left_out} the classifier {CLASSIFIER} is not among the bundled ones.")
    net = classifiers.load(CLASSIFIER, device)
    unknown = [name for name in names if name not in net.recipe.labels]
    if unknown:
        raise StudioError(f"{left_out} the classifier {CLASSIFIER} does not know {', '.join(unknown)}.")
    return net, [net.recipe.labels.index(name) for name in names]


def mean(by_class: dict[str, float]) -> float:
    return round(sum(by_class.values()) / len(by_class), 4)


def confirmed(predicted: Tensor, labels: Tensor, names: Sequence[str]) -> dict[str, float]:
    """For each class among `labels` (N,), the share of its pictures that are named right."""
    return {names[c]: round(float((predicted[labels == c] == c).double().mean()), 4) for c in labels.unique().tolist()}

"""Scores of generated garments, each beside the score of real pictures, and a test for copies.

The scorer is the project's own classifier of Fashion-MNIST, so no score here is an FID: that name belongs to
Inception's features. The real pictures are the 10,000 of the test set, which influence nothing in training. Each score
has two floors: `real`, the score of equally many training pictures in place of the generated ones, and `halves`, the
score of one half of the training set against the other. Both sides of a comparison have equally many pictures, drawn
at random.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from .. import checkpoint, classifiers, files
from ..checkpoint import HeaderInfo
from ..classifiers import Classifier
from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..hub import registry
from . import in_color, metrics
from .features import SCORER, cached, pixels, read_json, recall, sha256
from .gan_train import gan_train_scores
from .inception import inception_scores
from .originality import originality, some_of
from .report import SCORES, SELDOM, Against, Report, Score, Scorer, Size, Step, Training, verdict
from .sources import Samples

REFERENCE = "dcgan"  # the sizes of other networks are relative to its size
PIECE = 500  # pictures that are scored between two records of the progress
K = 5  # neighbours, for precision, recall, density and coverage


def evaluate(
    samples: Samples,
    root: str | None = None,
    *,
    gan_train: bool = False,
    inception: bool = False,
    reference: str = REFERENCE,
    device: str = "cpu",
    data: str | None = None,
    fit: str | None = None,
) -> Iterator[Step]:
    """Score samples. Yields records; the last one carries the report. If one score fails, the others are still
    computed. Pictures in color, or of another size than 28, are scored as `in_color` says.

    Args:
        samples: from `draw`.
        root: where Fashion-MNIST lies.
        gan_train: also fit a classifier on the samples alone and test it on real pictures (minutes).
        inception: also true FID, KID and IS through torch-fidelity, if it and its weights are available.
        reference: the checkpoint to whose networks the sizes are compared.
        device: where the scorer runs and the features are compared.
        data: a folder of real pictures to compare with, in place of Fashion-MNIST or what a generator was trained on.
        fit: how the pictures of `data` become squares, by default as in the generator's training.
    """
    begin = perf_counter()
    report = Report(samples.name, len(samples.images), remarks=samples.remarks)
    if samples.gan is not None:
        report = facts(report, samples, reference)
    if by_gray_scorer(samples, data):
        steps = gray_scores(report, samples, root, gan_train=gan_train, inception=inception, device=device)
    else:
        if gan_train or inception:
            report = report.remarked("GAN-train and Inception's scores are for gray garments of 28 x 28.")
        steps = in_color.scores(report, samples, data, fit, device, root)
    for step in steps:
        if step.report is not None and step.report.scorer is not None:
            step = replace(step, report=replace(step.report, seconds=round(perf_counter() - begin, 1)))  # noqa: PLW2901
        yield step


def gray_scores(
    report: Report, samples: Samples, root: str | None, *, gan_train: bool, inception: bool, device: str
) -> Iterator[Step]:
    """Score gray samples of 28 x 28 against Fashion-MNIST. Yields records; the last one carries the report."""
    try:
        net = classifiers.load(SCORER, device)
        real, test = real_garments(samples, root)
    except StudioError as e:
        yield Step(1, 1, "done", report.remarked(str(e)))
        return
    report = replace(report, scorer=Scorer(SCORER, sha256(classifiers.find(SCORER))))

    places = [cached(net, d) for d in (real, test)]
    missing = [(d, place) for d, place in zip((real, test), places, strict=True) if not place.exists()]
    sets = [(d.images, "looking at real garments") for d, _ in missing] + [(samples.images, "scoring")]
    done = sum(-(-len(x) // PIECE) for x, _ in sets)
    steps = done + 4 + 8 * gan_train + inception
    *computed, (fake, logits) = yield from extract(net, sets, steps)
    for (_, place), (features, _) in zip(missing, computed, strict=True):
        checkpoint.write(place, {"features": features}, {})
    floors = places[0].with_name(f"floors-{places[0].stem[-24:]}-{places[1].stem[-24:]}.json")
    real_features = recall(places[0]).to(device), recall(places[1]).to(device)
    drawn = fake.to(device), logits.to(device)

    work = comparisons(samples, real, test, drawn, real_features, net, floors)
    if gan_train:
        add_gan_train = lambda r: replace(r, **gan_train_scores(samples, real, test, floors, device))  # noqa: E731
        work.append(("training a classifier on the samples alone", 8, add_gan_train))
    if inception:
        add_inception = lambda r: replace(r, inception=inception_scores(samples.images, test.images))  # noqa: E731
        work.append(("asking Inception", 1, add_inception))
    for doing, cost, add in work:
        if doing:
            yield Step(done, steps, doing)
        try:
            report = add(report)
        except StudioError as e:  # a score that fails becomes a remark
            report = report.remarked(str(e))
        done += cost
    yield Step(steps, steps, "done", report)


def by_gray_scorer(samples: Samples, data: str | None) -> bool:
    """Whether samples are compared with Fashion-MNIST, in the features of the classifier SCORER."""
    side = classifiers.SIZE
    fashion = samples.gan is None or samples.gan.recipe.data == datasets.FASHION_MNIST
    return data is None and fashion and samples.images.shape[1:] == (1, side, side)


def comparisons(
    samples: Samples,
    real: Dataset,
    test: Dataset,
    drawn: tuple[Tensor, Tensor],
    real_features: tuple[Tensor, Tensor],
    net: Classifier,
    floors: Path,
) -> list[tuple[str, int, Callable[[Report], Report]]]:
    """The steps that fill in every report: (description, cost, function that adds the result to a report).

    The cost is relative to scoring one PIECE of pictures. `drawn` holds the samples' features and logits,
    `real_features` the features of the training pictures and of the test pictures.
    """
    (fake, logits), (train, unseen) = drawn, real_features

    def in_pixels(r: Report) -> Report:
        sets = (real.images, test.images, samples.images)
        return originality(r, "pixels", *(pixels(x.to(fake.device)) for x in sets))

    return [
        ("comparing with real garments", 1, lambda r: compare(r, fake, logits, train, unseen, net, floors)),
        ("counting classes", 1, lambda r: count_classes(r, samples, logits, real)),
        ("looking for copies, in features", 1, lambda r: originality(r, "features", train, unseen, fake)),
        ("looking for copies, in pixels", 1, in_pixels),
        ("", 0, lambda r: replace(r, verdict=verdict(r))),
    ]


def extract(
    net: Classifier, sets: Sequence[tuple[Tensor, str]], steps: int
) -> Generator[Step, None, list[tuple[Tensor, Tensor]]]:
    """(features (N, d), logits (N, classes)) of each set of pictures. Yields a record after each PIECE of pictures."""
    seen, done = [], 0
    for images, doing in sets:
        parts = []
        for x in images.split(PIECE):
            parts.append(classifiers.features(net, x))
            done += 1
            yield Step(done, steps, doing)
        seen.append((torch.cat([f for f, _ in parts]), torch.cat([s for _, s in parts])))
    return seen


def real_garments(samples: Samples, root: str | None) -> tuple[Dataset, Dataset]:
    """The training pictures that the samples' generator was trained on (all of them if the generator is unknown), and
    test pictures of the same classes."""
    test = datasets.load(datasets.FASHION_MNIST, split="test", root=root)
    if samples.gan is None:
        return datasets.load(datasets.FASHION_MNIST, root=root), test
    recipe = samples.gan.recipe
    _, train = datasets.prepare(recipe.replace(batch=2), root)
    return train, datasets.select(test, list(recipe.trained), None)


def facts(report: Report, samples: Samples, reference: str) -> Report:
    """Adds size and training to the report: parameter counts, their ratios to the reference's (report 003), and what
    the checkpoint's header says about training."""
    gan, info = samples.gan, samples.info or HeaderInfo()
    assert gan is not None
    size = Size(weights(gan.G), weights(gan.D), reference)
    if reference != REFERENCE or REFERENCE in registry.bundled():  # a reference that the caller chose must exist
        other = checkpoint.load(reference)
        ratios = {k: round(weights(getattr(gan, k)) / weights(getattr(other, k)), 3) for k in ("G", "D")}
        size = replace(size, G_ratio=ratios["G"], D_ratio=ratios["D"])
    speed = None
    if info.seconds and info.epochs is not None and info.pictures is not None:
        speed = round(info.epochs * info.pictures / info.seconds, 1)
    training = Training(info.epochs, info.step, info.seconds, info.device, info.command, info.pictures, speed)
    return replace(report, gan=gan.recipe.gan, size=size, training=training)


def weights(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# Functions that score fakes against real pictures, from features (N, d) of each. Some return several scores at once.
DISTANCES: dict[str, Callable[[Tensor, Tensor], dict[str, float]]] = {
    "frechet": lambda real, fake: {"frechet": metrics.frechet(metrics.moments(real), metrics.moments(fake))},
    "kid": lambda real, fake: {"kid": 1000 * metrics.kid(real, fake)},
    f"prdc {K}": lambda real, fake: metrics.prdc(real, fake, K)._asdict(),
}


@torch.no_grad()
def compare(
    report: Report,
    fake: Tensor,
    logits: Tensor,
    train: Tensor,
    test: Tensor,
    net: Classifier,
    floors: Path,
) -> Report:
    """Adds every score in feature space, beside its floors: training pictures against test pictures, and one half of
    the training set against the other. `floors` is the file that caches the floors.
    """
    n = min(len(fake), len(test), len(train))
    rng = torch.Generator().manual_seed(0)
    order = torch.randperm(len(train), generator=rng)
    unseen, half = train[order[:n]], train[order[n : 2 * n]]
    test, some = some_of(test, n, rng), torch.randperm(len(fake), generator=rng)[:n]
    fake, logits = fake[some], logits[some]
    report = replace(report, against=Against(n, n))
    scores: dict[str, dict[str, float]] = {}
    key = f"{n} on each side"
    cached_floors = read_json(floors).get(key, {})
    for kind, distance in DISTANCES.items():
        try:
            distances = distance(test, fake)
        except StudioError as e:
            report = report.remarked(str(e))
            continue
        if kind not in cached_floors:
            cached_floors[kind] = {"real": distance(test, unseen)}
            if len(half) == n:  # a small training set has no second half of n pictures
                with suppress(StudioError):
                    cached_floors[kind]["halves"] = distance(unseen, half)
        for name, value in distances.items():
            scores[name] = {"value": value, **{column: floor[name] for column, floor in cached_floors[kind].items()}}
    files.write(floors, json.dumps(read_json(floors) | {key: cached_floors}).encode(), durable=False)
    outputs = {"value": logits, "real": net.judge(test)}
    scores["inception"] = {column: metrics.inception_score(x) for column, x in outputs.items()}
    rounded = {
        name: Score(**{column: round(v, 4) for column, v in scores[name].items()}) for name in SCORES if name in scores
    }
    return replace(report, scores=rounded)


@torch.no_grad()
def count_classes(report: Report, samples: Samples, logits: Tensor, real: Dataset) -> Report:
    """Adds the share of each class among the samples, as the scorer classifies them. If the samples have labels, also
    how often the scorer agrees with them (GAN-test: Shmelkov et al. 2018, https://arxiv.org/abs/1807.09499)."""
    predicted = logits.argmax(1).cpu()
    trained = [c for c, count in enumerate(real.counts) if count]
    shares = torch.bincount(predicted, minlength=len(real.names)).double() / len(predicted)
    classes = {real.names[c]: round(float(shares[c]), 4) for c in trained}
    missed = tuple(real.names[c] for c in trained if shares[c] < SELDOM)
    agreed = None if samples.labels is None else round(float((predicted == samples.labels).double().mean()), 4)
    return replace(report, classes=classes, missed=missed, gan_test=agreed)

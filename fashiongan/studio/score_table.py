"""The score table of models side by side: values by column, the best of each, what real pictures get, and curves.

A report is what `evaluate` wrote. Whatever a model lacks is left out of its entry, and costs the others nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import checkpoint, classifiers, gans
from ..data import datasets
from ..errors import StudioError
from ..evaluation import evaluate, quick
from ..evaluation import report as reports
from ..evaluation.report import Report
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub import registry
from ..plain import maybe
from ..training import run_folder
from .curve import Columns
from .studio import Studio


@dataclass(frozen=True)
class Column:
    """A column of the score table: a key of `values`, and which of its values are the better ones."""

    key: str
    title: str
    tip: str
    better: str  # "more", "less", or "near" to `ideal`
    ideal: float = 0.0


TIPS = {
    "frechet": "how far the samples' mean and spread are from those of real garments, in a classifier's features",
    "kid": "another distance between the two sets, which does not depend on how many samples there are",
    "inception": "high when each picture is clearly of one class and all classes occur",
    "precision": "share of samples that look like real garments",
    "recall": "share of real garments that the generator could have drawn",
    "density": "how deep among real garments the samples lie",
    "coverage": "share of real garments with a sample nearby: variety",
}
COLUMNS = (
    *(Column(k, title, TIPS[k], "more" if more else "less") for k, (title, more) in reports.SCORES.items()),
    Column("gan_test", "GAN-test, %", "how often the classifier sees the class that was asked for", "more"),
    Column("gan_train", "GAN-train, %", "how well a classifier that saw only samples knows real garments", "more"),
    Column("missed", "classes missed", f"classes with less than {reports.SELDOM:.0%} of the samples", "less"),
    Column(
        "ratio",
        "distance to nearest",
        "how far samples are from the nearest training picture, over how far unseen real ones are: near 0 copies, "
        "1 as original as real; in features or in pixels, whichever is lower",
        "near",
        1.0,
    ),
    Column(
        "copying",
        "copying test",
        f"below {reports.COPIED:g}: copies; 0 as unseen real pictures; far above 0: not yet like them; in features or "
        "in pixels, whichever is lower",
        "near",
    ),
    Column("G", "G weights", "numbers that the generator learned", "less"),
    Column("D", "D weights", "numbers that the discriminator learned", "less"),
    Column("G_ratio", f"G / {evaluate.REFERENCE}'s", "size of the generator against the reference's", "less"),
    Column("D_ratio", f"D / {evaluate.REFERENCE}'s", "size of the discriminator against the reference's", "less"),
    Column("seconds", "training, s", "seconds of training, on the machine that trained it", "less"),
    Column("speed", "pictures/s", "real pictures seen in a second of training, on that machine", "more"),
)


@dataclass(frozen=True)
class Entry:
    """What is known of a model. `values` by column, `bars` and `copies` are there where it has scores."""

    name: str
    about: str = ""
    scored: bool = True  # whether scoring again would bring nothing
    verdict: str | None = None
    curves: Columns | None = None
    values: dict[str, float] | None = maybe()
    bars: dict[str, float] | None = maybe()
    copies: bool | None = maybe()
    title: str | None = maybe()  # as the page calls it


@dataclass(frozen=True)
class Floor:
    """What one set of real pictures gets, that of one half against the other, and for which models that counts."""

    values: dict[str, float]
    halves: dict[str, float]
    of: tuple[str, ...]


@dataclass(frozen=True)
class ScoreTable:
    """What is known of several models, side by side."""

    models: tuple[Entry, ...]
    columns: tuple[Column, ...]  # that somebody fills
    best: dict[str, list[str]]  # by column, the names of the best
    floors: tuple[Floor, ...]
    caption: str


def models(studio: Studio, names: Sequence[str]) -> ScoreTable:
    """What is known of the models."""
    entries = tuple(model(studio, name) for name in names)
    found = {e.name: report for e in entries if e.values is not None and (report := studio.report(e.name)) is not None}
    return ScoreTable(
        entries,
        tuple(c for c in COLUMNS if any(c.key in (e.values or {}) for e in entries)),
        best([e for e in entries if e.values is not None and not e.copies]),
        floors(found),
        caption(list(found.values())),
    )


def model(studio: Studio, name: str) -> Entry:
    """What is known of one model."""
    try:
        gan, path, report = studio.gan(name), studio.path(name), studio.report(name)
        info = checkpoint.header_info(path)
    except StudioError as e:
        return Entry(name, verdict=str(e), curves={})
    entry = Entry(name, about(gan, info), scored(report, gan.recipe), said(report), curves(path, info))
    if report is None or not report.scores:
        return entry
    return replace(entry, values=values(report), bars=bars(report), copies=reports.copied(report))


def about(gan: GAN, info: Mapping[str, object]) -> str:
    """GAN, year and epochs, in a line."""
    r = gan.recipe
    epochs = info.get("epochs")
    words = [f"{r.gan}, {gans.find(r.gan).year}"]
    if isinstance(epochs, int | float):
        words.append(f"{epochs:.3g} epoch{'s' * (epochs != 1)}")
    if r.size != classifiers.SIZE:
        words.append(f"{r.size} x {r.size}")
    return ", ".join(words)


def scored(report: Report | None, recipe: Recipe) -> bool:
    """Whether scoring again would bring nothing: there are scores, or none can be had."""
    return report is not None and (bool(report.scores) or not scorable(recipe))


def scorable(recipe: Recipe) -> bool:
    """Whether the scorer is here and knows such garments."""
    return quick.Quick.can(recipe) and recipe.data == datasets.FASHION_MNIST


def said(report: Report | None) -> str | None:
    """A report's verdict, or why it has none; None without a report."""
    if report is None:
        return None
    return report.verdict or " ".join(report.remarks) or "There is no verdict in its report."


def values(report: Report) -> dict[str, float]:
    """A report's numbers by their column."""
    spaces = report.originality.spaces if report.originality else ()
    size, training = report.size or reports.Size(), report.training or reports.Training()
    found = {key: score.value for key, score in (report.scores or {}).items()}
    accuracies = {"gan_test": report.gan_test, "gan_train": report.gan_train}
    found |= {key: None if x is None else 100 * x for key, x in accuracies.items()}
    found["missed"] = None if report.missed is None else len(report.missed)
    found["ratio"] = min((s.ratio for s in spaces), default=None)
    found["copying"] = min((s.copying for s in spaces), default=None)
    found |= {"G": size.G, "D": size.D, "G_ratio": size.G_ratio, "D_ratio": size.D_ratio}
    found |= {"seconds": training.seconds, "speed": training.images_per_second}
    return {key: v for key, v in found.items() if v is not None}


def bars(report: Report) -> dict[str, float]:
    """Each score scaled so that real pictures are 1 and more is better; left out where that has no meaning.

    A distance is turned over, and its root taken, since the two that there are measure squares.
    """
    found = {}
    for key, score in (report.scores or {}).items():
        ours, real = score.value, score.real
        if key in reports.SCORES and ours is not None and real is not None and real > 0:
            # A distance of nothing, or below it by accident, is no better than real.
            scaled = ours / real if reports.SCORES[key][1] else math.sqrt(real / ours) if ours > 0 else 1.0
            found[key] = round(scaled, 4)
    return found


def best(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Names of the best of each column, ties and all; none where there is nothing to compare."""
    found = {}
    for column in COLUMNS:
        goods = {e.name: good(column, e.values[column.key]) for e in entries if e.values and column.key in e.values}
        if len(set(goods.values())) >= 2:
            found[column.key] = [name for name, g in goods.items() if g == max(goods.values())]
    return found


def good(column: Column, value: float) -> float:
    """The larger, the better."""
    return {"more": value, "less": -value, "near": -abs(value - column.ideal)}[column.better]


def floors(found: Mapping[str, Report]) -> tuple[Floor, ...]:
    """What real pictures get, once for each set of them."""
    known: list[Floor] = []
    for name, report in found.items():
        scores = (report.scores or {}).items()
        # A set against itself, as the two tests of originality are made, is as far and no copy.
        fixed = {"ratio": 1.0, "copying": 0.0} if report.originality is not None else {}
        real = {key: score.real for key, score in scores if score.real is not None} | fixed
        halves = {key: score.halves for key, score in scores if score.halves is not None}
        same = next((i for i, f in enumerate(known) if (f.values, f.halves) == (real, halves)), None)
        if same is None:
            known.append(Floor(real, halves, (name,)))
        else:
            known[same] = replace(known[same], of=(*known[same].of, name))
    return tuple(known)


def caption(found: Sequence[Report]) -> str:
    """How many samples were scored, by whom and against what, and whether that was the same for all."""
    if not found:
        return ""
    counts = sorted({r.n for r in found})
    scorers = sorted({(r.scorer.classifier, r.scorer.sha256) if r.scorer else ("", "") for r in found})
    real = sorted({r.against.real if r.against else 0 for r in found})
    words = [
        f"{numbers(counts)} samples each, against {numbers(real)} unseen real pictures, by the classifier "
        f"{' and '.join(f'{name} (sha256 {sha[:12]})' for name, sha in scorers)}."
    ]
    if len(scorers) > 1 or len(counts) > 1 or len(real) > 1:
        words.append("They were not scored alike, so their scores do not compare: score them anew.")
    return " ".join(words)


def numbers(counts: Sequence[int]) -> str:
    return " or ".join(f"{n:,}" for n in counts)


def curves(path: Path, info: Mapping[str, Any]) -> Columns:
    """A model's curves up to the step of its weights, as columns: from its header, or from its run's log."""
    kept = info.get("curves")
    if isinstance(kept, dict):
        return kept
    log = run_folder.read_log(path.parent) if path.parent != registry.BUNDLED else []
    last = info.get("step", math.inf)
    return run_folder.curves([line for line in log if line["step"] <= last]) if log else {}

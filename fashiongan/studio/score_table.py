"""The score table of models side by side: values by column, the best of each, what real pictures get, and curves.

The reports come from `evaluate`. If a model lacks a value, its entry leaves it out; the other entries are not affected.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import checkpoint, classifiers, gans
from ..checkpoint import HeaderInfo
from ..data import datasets
from ..errors import StudioError
from ..evaluation import evaluate, in_color, quick, sources
from ..evaluation import report as reports
from ..evaluation.report import Report
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub import registry
from ..plain import maybe
from ..training import run_log
from .curve import Columns
from .studio import Studio


@dataclass(frozen=True)
class Column:
    """A column of the score table: a key of `Entry.values`, and which values are better."""

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
    "kid_lite1": "a distance between samples and unseen real pictures, of any size and in color; no FID",
    "frechet_lite1": "how far the samples' mean and spread are from those of unseen real pictures in color; no FID",
    "precision_lite1": "share of samples that look like real pictures",
    "recall_lite1": "share of real pictures that the generator could have drawn",
    "kid_garments": "the same distance in a net that has seen nothing but garments",
    "frechet_garments": "the same distance in a net that has seen nothing but garments",
}
COLUMNS = (
    *(Column(k, title, TIPS[k], "more" if more else "less") for k, (title, more) in reports.TITLES.items()),
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
    """A model in the score table. `values` (by column), `bars` and `copies` are None if it has no scores."""

    name: str
    about: str = ""
    scored: bool = True  # True if scoring it again would add nothing
    verdict: str | None = None
    curves: Columns | None = None
    values: dict[str, float] | None = maybe()
    bars: dict[str, float] | None = maybe()
    copies: bool | None = maybe()
    title: str | None = maybe()  # the name that the page shows


@dataclass(frozen=True)
class Floor:
    """The scores of one set of real pictures, and of one half against the other, and the models to which they apply."""

    values: dict[str, float]
    halves: dict[str, float]
    of: tuple[str, ...]


@dataclass(frozen=True)
class ScoreTable:
    """Several models side by side."""

    models: tuple[Entry, ...]
    columns: tuple[Column, ...]  # those for which a model has a value
    best: dict[str, list[str]]  # by column, the names of the best
    floors: tuple[Floor, ...]
    caption: str


def models(studio: Studio, names: Sequence[str]) -> ScoreTable:
    """The score table of these models."""
    entries = tuple(model(studio, name) for name in names)
    by_name = {
        e.name: report for e in entries if e.values is not None and (report := studio.report(e.name)) is not None
    }
    return ScoreTable(
        entries,
        tuple(c for c in COLUMNS if any(c.key in (e.values or {}) for e in entries)),
        best([e for e in entries if e.values is not None and not e.copies]),
        floors(by_name),
        caption(list(by_name.values())),
    )


def model(studio: Studio, name: str) -> Entry:
    """The entry of one model."""
    try:
        gan, path, report = studio.gan(name), studio.path(name), studio.report(name)
        info = checkpoint.header_info(path)
    except StudioError as e:
        return Entry(name, verdict=str(e), curves={})
    entry = Entry(name, about(gan, info), scored(report, gan.recipe), explanation(report), curves(path, info))
    if gan.from_pictures:
        return replace(entry, scored=True, verdict=sources.FROM_PICTURES.format(gan=gan.recipe.gan))
    if report is None or not report.scores:
        return entry
    return replace(entry, values=values(report), bars=bars(report), copies=reports.copied(report))


def about(gan: GAN, info: HeaderInfo) -> str:
    """One line with the GAN, its year and the epochs."""
    r = gan.recipe
    epochs = info.epochs
    words = [f"{r.gan}, {gans.find(r.gan).year}"]
    if epochs is not None:
        words.append(f"{epochs:.3g} epoch{'s' * (epochs != 1)}")
    if r.size != classifiers.SIZE:
        words.append(f"{r.size} x {r.size}")
    return ", ".join(words)


def scored(report: Report | None, recipe: Recipe) -> bool:
    """Whether scoring again would add nothing: there are scores, or the model cannot be scored."""
    return report is not None and (bool(report.scores) or not scorable(recipe))


def scorable(recipe: Recipe) -> bool:
    """Whether a scorer and real pictures are here with which models of this recipe can be scored."""
    fashion = recipe.data == datasets.FASHION_MNIST and recipe.size == classifiers.SIZE
    return quick.Quick.can(recipe) if fashion else in_color.can(recipe)


def explanation(report: Report | None) -> str | None:
    """A report's verdict, or why it has none; None without a report."""
    if report is None:
        return None
    return report.verdict or " ".join(report.remarks) or "There is no verdict in its report."


def values(report: Report) -> dict[str, float]:
    """The numbers of a report, by column."""
    spaces = report.originality.spaces if report.originality else ()
    size, training = report.size or reports.Size(), report.training or reports.Training()
    numbers = {key: score.value for key, score in (report.scores or {}).items()}
    accuracies = {"gan_test": report.gan_test, "gan_train": report.gan_train}
    numbers |= {key: None if x is None else 100 * x for key, x in accuracies.items()}
    numbers["missed"] = None if report.missed is None else len(report.missed)
    numbers["ratio"] = min((s.ratio for s in spaces), default=None)
    numbers["copying"] = min((s.copying for s in spaces), default=None)
    numbers |= {"G": size.G, "D": size.D, "G_ratio": size.G_ratio, "D_ratio": size.D_ratio}
    numbers |= {"seconds": training.seconds, "speed": training.images_per_second}
    return {key: v for key, v in numbers.items() if v is not None}


def bars(report: Report) -> dict[str, float]:
    """Each score, scaled so that real pictures get 1 and more is better. Scores without such a scale are left out.

    A distance is inverted, and its square root is taken, because both distances (Frechet and KID) are squared ones.
    """
    scaled_scores = {}
    for key, score in (report.scores or {}).items():
        ours, real = score.value, score.real
        if key in reports.TITLES and ours is not None and real is not None and real > 0:
            # A distance of 0, or a negative estimate of it, counts as equal to real pictures.
            scaled = ours / real if reports.TITLES[key][1] else math.sqrt(real / ours) if ours > 0 else 1.0
            scaled_scores[key] = round(scaled, 4)
    return scaled_scores


def best(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """The names of the best models of each column, including ties. A column without different values is left out."""
    names = {}
    for column in COLUMNS:
        goods = {e.name: good(column, e.values[column.key]) for e in entries if e.values and column.key in e.values}
        if len(set(goods.values())) >= 2:
            names[column.key] = [name for name, g in goods.items() if g == max(goods.values())]
    return names


def good(column: Column, value: float) -> float:
    """A value as a number that is larger if the value is better."""
    return {"more": value, "less": -value, "near": -abs(value - column.ideal)}[column.better]


def floors(reports_by_name: Mapping[str, Report]) -> tuple[Floor, ...]:
    """The scores of real pictures, once for each set of them."""
    distinct: list[Floor] = []
    for name, report in reports_by_name.items():
        scores = (report.scores or {}).items()
        # By definition of the two tests of originality, unseen real pictures have a ratio of 1 and a copying test of 0.
        fixed = {"ratio": 1.0, "copying": 0.0} if report.originality is not None else {}
        real = {key: score.real for key, score in scores if score.real is not None} | fixed
        halves = {key: score.halves for key, score in scores if score.halves is not None}
        same = next((i for i, f in enumerate(distinct) if (f.values, f.halves) == (real, halves)), None)
        if same is None:
            distinct.append(Floor(real, halves, (name,)))
        else:
            distinct[same] = replace(distinct[same], of=(*distinct[same].of, name))
    return tuple(distinct)


def caption(scored_reports: Sequence[Report]) -> str:
    """How many samples were scored, by which classifier, against how many real pictures, and whether this differs
    between the models."""
    if not scored_reports:
        return ""
    counts = sorted({r.n for r in scored_reports})
    scorers = sorted({(r.scorer.classifier, r.scorer.sha256) if r.scorer else ("", "") for r in scored_reports})
    real = sorted({r.against.real if r.against else 0 for r in scored_reports})
    words = [
        f"{numbers(counts)} samples each, against {numbers(real)} unseen real pictures, by the classifier "
        f"{' and '.join(f'{name} (sha256 {sha[:12]})' for name, sha in scorers)}."
    ]
    if len(scorers) > 1 or len(counts) > 1 or len(real) > 1:
        words.append("They were not scored alike, so their scores do not compare: score them anew.")
    return " ".join(words)


def numbers(counts: Sequence[int]) -> str:
    return " or ".join(f"{n:,}" for n in counts)


def curves(path: Path, info: HeaderInfo) -> Columns:
    """A model's training curves up to the step of its weights, as columns, from its header or from its run's log."""
    if info.curves is not None:
        return dict(info.curves)
    rows = run_log.read(path.parent) if path.parent != registry.BUNDLED else []
    last = math.inf if info.step is None else info.step
    return run_log.curves([row for row in rows if row.step <= last]) if rows else {}

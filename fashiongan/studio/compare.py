"""Models side by side, as plain JSON: pictures of one seed, their nearest real garments, scores and curves.

A report is what `evaluate` wrote. Whatever a model lacks is left out of its entry, and costs the others nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import checkpoint, classifiers, gans, hub, limits
from ..classifiers import store
from ..data import datasets, sheets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..evaluation import evaluate, metrics, quick
from ..evaluation import features as real_features
from ..evaluation import report as reports
from ..gans import sampling
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub import registry
from ..training import run_folder
from .studio import Studio, data_url, png

EACH = 10  # pictures of each
LAST_SEED = 2**31 - 1
LACKING = "The nearest in features are not known yet: they come with the first model that is scored on this machine."


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


def checked_names(value: Any, studio: Studio) -> list[str]:
    """Two to MOST different names that the studio knows, or StudioError. Anybody may send anything."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise StudioError("A comparison takes a list of checkpoints by name.")
    names = list(dict.fromkeys(value))
    if not 2 <= len(names) <= limits.MODELS:
        raise StudioError(f"Choose two to six models to compare, not {len(names)}.")
    for name in names:
        studio.library.check(name)
    return names


def checked_seed(value: Any) -> int:
    """A whole number from 0 to LAST_SEED, or StudioError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LAST_SEED:
        raise StudioError(f"Seed takes a whole number from 0 to {LAST_SEED}.")
    return value


# Pictures


def rows(studio: Studio, names: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """EACH pictures of every model, as data URLs with their class; an entry has "error" where there are none."""
    found: list[dict[str, Any]] = []
    for name in names:
        try:
            gan = studio.gan(name)
        except StudioError as e:
            found.append({"name": name, "error": str(e)})
            continue
        labels = [gan.choices.get(int(c), "") for c in sampling.chosen(gan, EACH, None)]
        drawn = gan.sample_images(EACH, seed)
        found.append(
            {"name": name, "pictures": [{"src": url(x), "label": k} for x, k in zip(drawn, labels, strict=True)]}
        )
    return found


def url(image: Tensor) -> str:
    """(C, H, W) uint8 as a PNG of its own size; the page enlarges it."""
    return data_url(png(sheets.sheet(image[None], 1, gap=0)))


def neighbours(studio: Studio, names: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """For each picture of `rows`, the picture that is nearest to it among those its model was trained on.

    An entry has "pixels", and "features" where real garments' features are at hand (once `evaluate` has looked at
    them; else "lacking" says so): lists of picture, distance and class. It has "error" where the training pictures
    cannot be read.
    """
    together: dict[tuple[Any, ...], list[str]] = {}  # searched at once, for reading the real pictures costs most
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            r = studio.gan(name).recipe
        except StudioError as e:
            found[name] = {"name": name, "error": str(e)}
        else:
            together.setdefault((r.data, r.size, r.channels, r.classes, r.limit, foreign(name)), []).append(name)
    for group in together.values():
        drawn = torch.cat([studio.gan(name).sample_images(EACH, seed) for name in group])
        try:
            spaces = nearest(drawn, trained_on(studio, group[0]))
        except StudioError as e:
            found |= {name: {"name": name, "error": str(e)} for name in group}
        else:
            for i, name in enumerate(group):
                mine = {space: entries[i * EACH : (i + 1) * EACH] for space, entries in spaces.items()}
                lacking = "features" not in spaces and scorable(studio.gan(name).recipe)
                found[name] = {"name": name, **mine} | ({"lacking": LACKING} if lacking else {})
    return [found[name] for name in names]


def foreign(name: str) -> bool:
    """Whether a checkpoint is somebody else's, so that what its header says is not to be acted upon."""
    return name.startswith(hub.PREFIX)


def trained_on(studio: Studio, name: str) -> Dataset:
    """The pictures that a checkpoint's generator learned from."""
    r = studio.gan(name).recipe
    if foreign(name) and r.data != datasets.FASHION_MNIST:  # a stranger's header opens no folder here
        raise StudioError(f"The pictures that {name} was trained on are not here.")
    if not r.classes and r.limit is None:
        return studio.garments(r.data, r.size, r.fit)  # all of them: spares a copy
    return datasets.prepare(r.replace(batch=2), loaded=studio.garments(r.data, r.size, r.fit))[1]


def nearest(drawn: Tensor, real: Dataset) -> dict[str, list[dict[str, Any]]]:
    """The nearest of `real` to each of (N, C, H, W) uint8, in every space there is."""
    if drawn.shape[1:] != real.images.shape[1:]:
        raise StudioError("The training pictures are not what they were when this model was trained.")
    # As bytes: the distances are scaled afterwards, which spares a float copy of all real pictures.
    spaces = {"pixels": (drawn.flatten(1), real.images.flatten(1), 255.0)}
    learned = features(drawn, real)
    if learned is not None:
        spaces["features"] = (*learned, 1.0)
    found = {}
    for space, (ours, theirs, unit) in spaces.items():
        far, which = metrics.nearest(ours, theirs)
        found[space] = [
            {"src": url(real.images[i]), "far": round(float(d) / unit, 3), "label": real.names[int(real.labels[i])]}
            for d, i in zip(far, which, strict=True)
        ]
    return found


def features(drawn: Tensor, real: Dataset) -> tuple[Tensor, Tensor] | None:
    """The scorer's features of both, if it is here, knows such pictures, and those of the real ones are kept."""
    if real_features.SCORER not in store.bundled() or drawn.shape[1:] != (1, classifiers.SIZE, classifiers.SIZE):
        return None
    net = classifiers.load(real_features.SCORER)
    place = real_features.cached(net, real)
    return (classifiers.features(net, drawn)[0], kept(place)) if place.exists() else None


@lru_cache(maxsize=1)
def kept(place: Path) -> Tensor:
    """The features in a file, whose name says of what: read once for as long as it is the one in use."""
    return real_features.recall(place)


# Scores and curves


def models(studio: Studio, names: Sequence[str]) -> dict[str, Any]:
    """What is known of the models: a list of entries, the table's columns, its best, its floors and its caption."""
    entries = [model(studio, name) for name in names]
    reports = {entry["name"]: entry.pop("report") for entry in entries if "report" in entry}
    return {
        "models": entries,
        "columns": [vars(c) for c in COLUMNS if any(c.key in entry.get("values", {}) for entry in entries)],
        "best": best([entry for entry in entries if "values" in entry and not entry["copies"]]),
        "floors": floors(reports),
        "caption": caption(list(reports.values())),
    }


def model(studio: Studio, name: str) -> dict[str, Any]:
    """One entry: about, verdict, scored, curves; and values, bars and copies where there are scores."""
    try:
        gan, path, report = studio.gan(name), studio.path(name), studio.report(name)
        info = checkpoint.header_info(path)
    except StudioError as e:
        return {"name": name, "about": "", "verdict": str(e), "scored": True, "curves": {}}
    entry: dict[str, Any] = {
        "name": name,
        "about": about(gan, info),
        "scored": scored(report, gan.recipe),
        "verdict": said(report),
        "curves": curves(path, info),
    }
    if report is not None and report.get("scores"):
        entry |= {"report": report, "values": values(report), "bars": bars(report), "copies": reports.copied(report)}
    return entry


def about(gan: GAN, info: dict[str, Any]) -> str:
    """GAN, year and epochs, in a line."""
    r = gan.recipe
    epochs = info.get("epochs")
    words = [f"{r.gan}, {gans.find(r.gan).year}"]
    if isinstance(epochs, int | float):
        words.append(f"{epochs:.3g} epoch{'s' * (epochs != 1)}")
    if r.size != classifiers.SIZE:
        words.append(f"{r.size} x {r.size}")
    return ", ".join(words)


def scored(report: dict[str, Any] | None, recipe: Recipe) -> bool:
    """Whether scoring again would bring nothing: there are scores, or none can be had."""
    return report is not None and (bool(report.get("scores")) or not scorable(recipe))


def scorable(recipe: Recipe) -> bool:
    """Whether the scorer is here and knows such garments."""
    return quick.Quick.can(recipe) and recipe.data == datasets.FASHION_MNIST


def said(report: dict[str, Any] | None) -> str | None:
    """A report's verdict, or why it has none; None without a report."""
    if report is None:
        return None
    return report.get("verdict") or " ".join(report.get("remarks", [])) or "There is no verdict in its report."


def values(report: dict[str, Any]) -> dict[str, float]:
    """A report's numbers by their column."""
    found = {key: score.get("value") for key, score in report["scores"].items()}
    found |= {key: 100 * report[key] for key in ("gan_test", "gan_train") if key in report}
    if "missed" in report:
        found["missed"] = len(report["missed"])
    spaces = [s for s in report.get("originality", {}).values() if isinstance(s, dict)]
    for key in ("ratio", "copying"):
        found[key] = min((s[key] for s in spaces if key in s), default=None)
    found |= {key: report.get("size", {}).get(key) for key in ("G", "D", "G_ratio", "D_ratio")}
    training = report.get("training", {})
    found |= {"seconds": training.get("seconds"), "speed": training.get("images_per_second")}
    return {key: v for key, v in found.items() if isinstance(v, int | float) and math.isfinite(v)}


def bars(report: dict[str, Any]) -> dict[str, float]:
    """Each score scaled so that real pictures are 1 and more is better; left out where that has no meaning.

    A distance is turned over, and its root taken, since the two that there are measure squares.
    """
    found = {}
    for key, score in report["scores"].items():
        ours, real = score.get("value"), score.get("real")
        if key not in reports.SCORES or not isinstance(ours, int | float) or not isinstance(real, int | float):
            continue
        if real > 0:
            # A distance of nothing, or below it by accident, is no better than real.
            scaled = ours / real if reports.SCORES[key][1] else math.sqrt(real / ours) if ours > 0 else 1.0
            found[key] = round(scaled, 4)
    return found


def best(entries: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Names of the best of each column, ties and all; none where there is nothing to compare."""
    found = {}
    for column in COLUMNS:
        goods = {e["name"]: good(column, e["values"][column.key]) for e in entries if column.key in e["values"]}
        if len(set(goods.values())) >= 2:
            found[column.key] = [name for name, g in goods.items() if g == max(goods.values())]
    return found


def good(column: Column, value: float) -> float:
    """The larger, the better."""
    return {"more": value, "less": -value, "near": -abs(value - column.ideal)}[column.better]


def floors(reports: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What real pictures get, once for each set of them: values by column, those of one half against the other, and
    the names of the models that it holds for."""
    found: list[dict[str, Any]] = []
    for name, report in reports.items():
        scores = report["scores"]
        # A set against itself, as the two tests of originality are made, is as far and no copy.
        fixed = {"ratio": 1.0, "copying": 0.0} if "originality" in report else {}
        floor = {
            "values": {key: score["real"] for key, score in scores.items() if "real" in score} | fixed,
            "halves": {key: score["halves"] for key, score in scores.items() if "halves" in score},
        }
        same = next((f for f in found if all(f[key] == floor[key] for key in floor)), None)
        if same is None:
            found.append({**floor, "of": [name]})
        else:
            same["of"].append(name)
    return found


def caption(reports: Sequence[dict[str, Any]]) -> str:
    """How many samples were scored, by whom and against what, and whether that was the same for all."""
    counts = sorted({r.get("n", 0) for r in reports})
    scorers = sorted({(r.get("judge", {}).get("classifier"), r.get("judge", {}).get("sha256", "")) for r in reports})
    real = sorted({r.get("against", {}).get("real", 0) for r in reports})
    if not reports:
        return ""
    words = [
        f"{numbers(counts)} samples each, against {numbers(real)} unseen real pictures, by the classifier "
        f"{' and '.join(f'{name} (sha256 {sha[:12]})' for name, sha in scorers)}."
    ]
    if len(scorers) > 1 or len(counts) > 1 or len(real) > 1:
        words.append("They were not scored alike, so their scores do not compare: score them anew.")
    return " ".join(words)


def numbers(counts: Sequence[int]) -> str:
    return " or ".join(f"{n:,}" for n in counts)


def curves(path: Path, info: dict[str, Any]) -> dict[str, Any]:
    """A model's curves up to the step of its weights, as columns: from its header, or from its run's log."""
    kept = info.get("curves")
    if isinstance(kept, dict):
        return kept
    log = run_folder.read_log(path.parent) if path.parent != registry.BUNDLED else []
    last = info.get("step", math.inf)
    return run_folder.curves([line for line in log if line["step"] <= last]) if log else {}

"""What the panel of the Robustness tab shows, drawn as elements and traces: one attack, the curves, a fit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ... import attacks
from ...classifiers import Fitted
from ...evaluation.robustness import CERTIFIED, LEVELS, Point
from ...plain import maybe
from ...studio.robustness import Attacked, CurveUpdate, FitUpdate, Least, RobustnessUpdate
from ..shared.elements import Element, Trace, count, element, percent, progress, time_left

DASHES = ("solid", "dash", "dot", "dashdot")
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star")
STATES = {"finished": "Finished", "stopped": "Stopped", "failed": "Failed", "paused": "Paused"}
PAIRS = 3  # pairs of classes that are most often confused, of each curve


# Names and titles of the attacks whose strength is the length of the whole change.
EUCLIDEAN = {text for name, kind in attacks.ATTACKS.items() if kind.norm is attacks.L2 for text in (name, kind.title)}


def noise(eps: float, attack: str = "") -> str:
    """The noise strength of an attack, by its name or title, in words: how far each pixel may go, also in 255ths, or
    how long the whole change may be."""
    unit = "Euclidean" if attack in EUCLIDEAN else f"{round(eps * LEVELS, 1):g}/255"
    return f"{eps:.3f} ({unit})"


# One attack


@dataclass(frozen=True)
class View:
    """One attack. The three pictures are properties of an img."""

    before: dict[str, Any]
    added: dict[str, Any]
    after: dict[str, Any]
    magnified: str
    verdict: str
    bars: list[Element]
    fooled: bool


def view(a: Attacked, attack: str = "") -> View:
    first, second = a.predictions
    return View(
        {"src": a.before, "alt": f"the garment, taken for {first}"},
        {"src": a.added, "alt": f"what was added: {a.changed} pixels moved"},
        {"src": a.after, "alt": f"the garment after the attack, taken for {second}"},
        magnified(a.magnified),
        verdict(a, second, attack),
        [bar(a, second, i) for i in range(len(a.labels))],
        a.fooled,
    )


def magnified(times: float | None) -> str:
    if not times:
        return "nothing added"
    return f"added, {f'{times:.0f}' if times >= 10 else f'{round(times, 1):g}'} times as strong"


def verdict(a: Attacked, second: str, attack: str = "") -> str:
    if not a.target:
        taken = f"It is {'' if a.fooled else 'still '}taken for {second}."
    elif a.fooled:
        taken = f"It is taken for {a.target}, as was wanted."
    else:
        taken = f"It is not taken for {a.target}, but for {second}."
    strength = f"With noise of {noise(a.eps, attack)}" if a.eps else "Without noise"
    return (
        f"{'It is' if a.class_known else 'Before'}: {a.label}. {strength}: {'' if a.fooled else 'not '}fooled. {taken}"
    )


def bar(a: Attacked, second: str, i: int) -> Element:
    """How sure the classifier is of class i, before and after, as a row of the table."""
    label, right = a.labels[i], a.labels[i] == a.label
    title = ("what it is" if a.class_known else "what it was taken for at first") if right else ""
    head = element("th", label + " ✓" * right, scope="row", title=title)
    before, after = (share(row[i], side) for row, side in zip(a.confidences, ("left", "right"), strict=True))
    return element("tr", before, head, after, className="said" if label == second else "")


def share(v: float, side: str) -> Element:
    return element("td", element("i", style=f"width: {100 * v:g}%"), element("span", percent(v)), className=side)


@dataclass(frozen=True)
class Smallest:
    """The least noise strength that fools, in 255ths, and a sentence about it."""

    levels: float | None
    least: str


def smallest(least: Least) -> Smallest:
    if least.least is None:
        strongest = "noise of a length of 1" if least.by in EUCLIDEAN else "the strongest noise"
        sentence = f"Not even {strongest} fools it ({least.by})."
    elif least.least == 0:
        sentence = "It is fooled without any noise."
    else:
        sentence = f"The least that fools it: {noise(least.least / LEVELS, least.by)}, found by {least.by}."
    return Smallest(least.least, sentence)


# The curves


@dataclass(frozen=True)
class Confusions:
    """The classes that are confused most at one noise strength: a row for each curve."""

    eps: float
    title: str
    pairs: list[Element]


@dataclass(frozen=True)
class CurvePlot:
    """The curves, and for each noise strength the classes that are confused most."""

    points: int  # how many are complete
    traces: list[Trace]
    strengths: list[Confusions]
    proven: bool  # whether there is a certified bound among the curves


def curve_plot(points: Sequence[Point]) -> CurvePlot:
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for p in points:
        groups.setdefault((p.classifier, p.attack, p.mask), []).append(p)
    lines = [sorted(group, key=lambda p: p.eps) for group in groups.values()]
    bounds = [c for c in lines if c[0].attack == CERTIFIED]
    curves = [c for c in lines if c[0].attack != CERTIFIED]
    classifiers = list(dict.fromkeys(p.classifier for p in points))
    kinds = list(dict.fromkeys((c[0].attack, c[0].mask) for c in curves))
    traces = [curve(c, classifiers.index(c[0].classifier), kinds.index((c[0].attack, c[0].mask))) for c in curves]
    traces += [bound(c, classifiers.index(c[0].classifier)) for c in bounds]
    strengths = [confusions(curves, eps) for eps in dict.fromkeys(p.eps for c in curves for p in c)]
    return CurvePlot(sum(p.whole for p in points), traces, strengths, bool(bounds))


def bound(points: Sequence[Point], classifier: int) -> Trace:
    """The certified bound of one classifier, dashed and without marks, in the color of its curves."""
    return {
        "x": [p.eps for p in points],
        "y": [p.accuracy for p in points],
        "name": name(points[0]),
        "mode": "lines",
        "line": {"width": 2, "dash": "dash"},
        "meta": {"hue": classifier},
        "customdata": [
            f"{noise(p.eps)}: no attack gets below {100 * p.accuracy:.1f} %, {p.n} pictures" for p in points
        ],
        "hovertemplate": "%{fullData.name}<br>%{customdata}<extra></extra>",
    }


def curve(points: Sequence[Point], classifier: int, kind: int) -> Trace:
    """One classifier under one attack: the color says which classifier, mark and dash which attack."""
    symbol = MARKS[kind % len(MARKS)]
    return {
        "x": [p.eps for p in points],
        "y": [p.accuracy for p in points],
        "name": name(points[0]),
        "mode": "lines+markers",
        "line": {"width": 2, "dash": DASHES[kind % len(DASHES)]},
        "marker": {"size": 7, "symbol": [symbol if p.whole else f"{symbol}-open" for p in points]},
        "meta": {"hue": classifier},
        "customdata": [
            f"{noise(p.eps, p.attack)}: {100 * p.accuracy:.1f} %, "
            f"95 % interval {100 * p.low:.1f} to {100 * p.high:.1f}, {p.n} pictures"
            for p in points
        ],
        "hovertemplate": "%{fullData.name}<br>%{customdata}<extra></extra>",
    }


def name(p: Point) -> str:
    kind = attacks.ATTACKS.get(p.attack)
    title = "certified bound" if p.attack == CERTIFIED else kind.title if kind else p.attack
    pixels = "garment only" if p.mask == "garment" else "all pixels"
    classifier = PurePosixPath(p.classifier).name.removesuffix(".safetensors")
    return f"{classifier}, {title}, {pixels}"


def confusions(curves: Sequence[Sequence[Point]], eps: float) -> Confusions:
    names = [p.attack for c in curves for p in c if p.eps == eps]
    strength = noise(eps, min(names, key=EUCLIDEAN.__contains__))  # in 255ths, if any of them is measured so
    rows = [pairs(c, next((p for p in c if p.eps == eps), None)) for c in curves]
    return Confusions(eps, f"Most often confused at {strength}", rows)


def pairs(points: Sequence[Point], p: Point | None) -> Element:
    worst = p.confused[:PAIRS] if p else ()
    text = "; ".join(f"{n} {a} taken for {b}" for a, b, n in worst) or ("nothing" if p else "not computed yet")
    head = element("th", name(points[0]), scope="row")
    return element("tr", head, element("td", percent(p.accuracy) if p else ""), element("td", text))


# The fit


def fit_traces(records: Sequence[Fitted]) -> list[Trace]:
    """The accuracies of a fit: on what it learns from, held out, held out under attack, and the certified share."""
    ends = [r for r in records if r.held_out is not None]
    traces = [
        accuracies(((r.epoch, r.accuracy) for r in records), "on what it learns from", 0),
        accuracies(((r.epoch, r.held_out) for r in ends), "held out", 1),
    ]
    if any(r.attacked is not None for r in ends):
        traces.append(accuracies(((r.epoch, r.attacked) for r in ends), "held out, under attack", 2))
    if any(r.certified is not None for r in ends):
        traces.append(accuracies(((r.epoch, r.certified) for r in ends), "held out, certified", 3))
    return traces


def accuracies(points: Iterable[tuple[float, float | None]], title: str, i: int) -> Trace:
    pairs = list(points)
    return {
        "x": [x for x, _ in pairs],
        "y": [y for _, y in pairs],
        "name": title,
        "hovertemplate": "%{y:.1%}",
        "mode": "lines+markers" if i else "lines",
        "marker": {"symbol": MARKS[i]},
        "line": {"width": 1.75, "dash": DASHES[i]},
    }


# What is new of both jobs


@dataclass(frozen=True)
class JobUpdate:
    """How far a job is. `status` is one line, `plot` what to draw if the reader has another version."""

    state: str
    version: int
    error: str | None
    bar: dict[str, str | bool]
    status: str | None = maybe()
    plot: Any = maybe()


@dataclass(frozen=True)
class FitJobUpdate(JobUpdate):
    """A fit, and the command that fits the same classifier."""

    command: str = ""


@dataclass(frozen=True)
class Update:
    """The names of the classifiers, and both jobs."""

    names: tuple[str, ...]
    curve: JobUpdate
    fit: FitJobUpdate


def update(now: RobustnessUpdate, seconds: float) -> Update:
    """`seconds`: spent on the curve's points so far."""
    return Update(now.names, curve_update(now.curve, seconds), fit_update(now.fit))


def curve_update(now: CurveUpdate, seconds: float) -> JobUpdate:
    running, done = now.state == "running", 100 * now.step / (now.steps or 1)
    status = [f"{'Computing' if running else STATES.get(now.state, '')}: {now.about}"]
    if running:
        status += [f"{done:.0f} %", left(now.step, now.steps, seconds)]
    plot = None if now.points is None else curve_plot(now.points)
    return JobUpdate(now.state, now.version, now.error, progress(done, running), line(now.state, status), plot)


def fit_update(now: FitUpdate) -> FitJobUpdate:
    running, done = now.state == "running", 100 * now.step / (now.steps or 1)
    status = [
        f"{'Training' if running else STATES.get(now.state, '')}: {now.name}",
        f"step {count(now.step)} of {count(now.steps)}",
    ]
    if running:
        status += [f"{count(now.speed)} pictures/s", left(now.step, now.steps, now.seconds)]
    plot = None if now.records is None else {"points": len(now.records), "traces": fit_traces(now.records)}
    bar = progress(done, running)
    return FitJobUpdate(now.state, now.version, now.error, bar, line(now.state, status), plot, now.command)


def line(state: str, parts: Sequence[str]) -> str | None:
    """The parts of a line in one; None for a job that has not begun, which leaves the line as it is."""
    return None if state == "idle" else " · ".join(part for part in parts if part)


def left(step: int, steps: int, seconds: float) -> str:
    return time_left(seconds * (steps - step) / step) if step else ""

"""What the panel of the Compare tab shows, drawn as elements: the grid of pictures, verdicts, scores, and plots."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...evaluation import report as reports
from ...studio import compare
from ...studio.compare import Neighbour, NeighbourRow
from ...studio.score_table import Column, Entry, Floor, ScoreTable
from ...studio.scoring import ScoringStatus
from ..shared import words
from ..shared.elements import Element, Trace, element, figures, opponent, progress

LETTERS = "ABCDEF"  # a letter stands with every color
PATTERNS = ("", "/", "x", ".", "-", "+")  # and a pattern with every bar
WHITE = {"fillmode": "overlay", "fgcolor": "#fff", "size": 7, "solidity": 0.25}  # on the bar's own color
SPACES = {"pixels": "in pixels", "features": "in features"}
# What stands around the bars, as plotly takes it. panel.js adds the line at 1, which real pictures get.
AROUND: Trace = {
    "tall": 230,
    "barmode": "group",
    "bargap": 0.25,
    "hovermode": "x unified",
    "x": {"fixedrange": True},
    "y": {"rangemode": "tozero", "fixedrange": True},
    "annotations": [
        {
            "text": "real garments",
            "showarrow": False,
            "xref": "paper",
            "x": 1,
            "xanchor": "right",
            "y": 1,
            "yanchor": "bottom",
        }
    ],
}
BOTH = "both losses"  # what the curves show at first
HALF = "one half of the real training pictures against the other: "


@dataclass(frozen=True)
class Model:
    """What the page knows of a model: its place among the chosen ones, and its names."""

    index: int
    title: str
    about: str

    @property
    def legend(self) -> str:
        return f"{LETTERS[self.index]} {self.title}"

    def badge(self) -> Element:
        """Its letter, in its color, which panel.js sets."""
        return element("span", LETTERS[self.index], className="badge", style=f"--color: var(--hue-{self.index})")

    def name(self) -> Element:
        return element("span", self.badge(), element("span", self.title), className="name")


def small(text: str, class_name: str = "") -> Element:
    return element("small", text, className=class_name)


# The grid


@dataclass(frozen=True)
class GridRow:
    """A model's pictures, the rows of their nearest real garments, and for each picture what the loupe shows."""

    row: Element
    near: tuple[Element, ...]
    views: tuple[tuple[Element, ...], ...]
    lacking: str


def grid(
    models: Sequence[Model], rows: Sequence[compare.Row], near: Sequence[NeighbourRow] | None
) -> tuple[GridRow, ...]:
    """The rows of the grid. `near` is None while the neighbours are not known."""
    return tuple(
        grid_row(model, row, near[model.index] if near else None) for model, row in zip(models, rows, strict=True)
    )


def grid_row(model: Model, row: compare.Row, near: NeighbourRow | None) -> GridRow:
    head = element("th", model.name(), small(model.about), scope="row", role="rowheader")
    cells, views = [], []
    if row.error:
        cells.append(element("td", row.error, colSpan=compare.EACH, className="sorry"))
    for i, drawn in enumerate(row.pictures or ()):
        label = f"Picture {i + 1} of {model.title}" + (f", asked for: {drawn.label}" if drawn.label else "")
        closest = [(space, neighbours[i]) for space in SPACES if (neighbours := getattr(near, space, None))]
        label = ". ".join([label, *(beside(n, space) for space, n in closest)])
        place = {"data_row": model.index, "data_column": i, "data_key": f"{model.index} {i}"}
        picture = element("img", src=drawn.src, alt="")
        button = element("button", picture, type="button", title=label, aria_label=label, tabIndex=-1, **place)
        cells.append(element("td", button, role="cell"))
        views.append((view(drawn.src, "drawn"), *(view(n.src, f"real, {SPACES[space]}") for space, n in closest)))
    under = near_rows(near) if row.pictures else ()
    lacking = (near and near.lacking) or ""
    return GridRow(element("tr", head, *cells, role="row"), under, tuple(views), lacking)


def view(src: object, caption: str) -> Element:
    """A picture in the loupe."""
    return element("figure", element("img", src=src, alt=""), element("figcaption", caption))


def beside(real: Neighbour, space: str) -> str:
    return f"Nearest real garment {SPACES[space]}: {real.label}, {real.far:.1f} away"


def near_rows(near: NeighbourRow | None) -> tuple[Element, ...]:
    """The rows beneath a model's pictures: their neighbours in each space, or why there are none."""
    note = "Looking for the nearest real garments..." if near is None else near.error
    if near is None or note:
        return (near_row("pixels", [element("td", note, colSpan=compare.EACH)]),)
    spaces = {space: getattr(near, space) for space in SPACES}
    return tuple(near_row(space, [near_cell(n, space) for n in real]) for space, real in spaces.items() if real)


def near_row(space: str, cells: list[Element]) -> Element:
    head = element("th", f"nearest {SPACES[space]}", scope="row", role="rowheader")
    return element("tr", head, *cells, className="near", role="row")


def near_cell(real: Neighbour, space: str) -> Element:
    text = beside(real, space)
    picture = element("img", src=real.src, alt=text, title=text)
    return element("td", picture, small(f"{real.far:.1f}"), role="cell")


# Verdicts, scores and plots


@dataclass(frozen=True)
class Board:
    """Everything beneath the grid. What has nothing to show is empty."""

    scored: int  # how many of the models
    verdicts: list[Element]
    unscored: str
    scores: list[Element]
    meanings: list[Element]
    caption: str
    bars: list[Trace]
    curves: list[Trace]  # `meta` says which curve it is
    which: list[Element]  # the curves to choose from
    uncurved: str
    around: Trace  # the settings of the plot of bars
    barred: dict[str, bool]  # whether the plots are hidden
    curved: dict[str, bool]


def board(models: Sequence[Model], table: ScoreTable, status: ScoringStatus) -> Board:
    pairs = list(zip(models, table.models, strict=True))
    absent = [model.title for model, entry in pairs if entry.values is None]
    without = [model.title for model, entry in pairs if not entry.curves]
    scored = len(pairs) - len(absent)
    traces, near = curves(pairs), bars(pairs, table.columns)
    kinds = [BOTH, *dict.fromkeys(name for _, entry in pairs for name in entry.curves or {} if name != "step")]
    return Board(
        scored=scored,
        verdicts=[element("li", m.name(), " ", element("span", e.verdict or unscored(e, status))) for m, e in pairs],
        unscored=f"Not in the table, for want of scores: {', '.join(absent)}." if absent and scored else "",
        scores=scores(pairs, table) if scored else [],
        meanings=[part for c in table.columns for part in meaning(c)],
        caption=f"{table.caption} ★ is the best of its column, among models that do not copy. "
        "Real garments: what as many real pictures get. Press a heading to sort.",
        bars=near,
        curves=traces,
        which=[element("option", words.CURVES.get(name, name), value=name) for name in kinds],
        uncurved=f"No curves are kept of {', '.join(without)}." if without else "",
        around=AROUND,
        barred={"hidden": not near},
        curved={"hidden": not traces},
    )


def unscored(entry: Entry, status: ScoringStatus) -> str:
    if status.busy and status.name == entry.name:
        return "Being scored now."
    waiting = status.busy and entry.name in status.waiting
    return "Waiting to be scored." if waiting else "Not scored yet: press Score them."


def better(c: Column) -> str:
    return f"near {c.ideal:g} is better" if c.better == "near" else f"{c.better} is better"


def meaning(c: Column) -> tuple[Element, Element]:
    return element("dt", c.title), element("dd", f"{c.tip}; {better(c)}")


def scores(pairs: Sequence[tuple[Model, Entry]], table: ScoreTable) -> list[Element]:
    """The score table: its head, the models, which `sortable` in panel.js sorts, and the real pictures."""
    heads = [element("th", "model", scope="col"), *(heading(c) for c in table.columns)]
    models = [score_row(model, entry, table) for model, entry in pairs if entry.values is not None]
    by_name = {entry.name: model for model, entry in pairs}
    several = len(table.floors) > 1
    real = [floor_row(f, [by_name[name] for name in f.of] if several else [], table) for f in table.floors]
    return [element("thead", element("tr", *heads)), element("tbody", *models), element("tbody", *real)]


def heading(c: Column) -> Element:
    """A heading that sorts, the best first."""
    first = "descending" if c.better == "more" else "ascending"
    label = (c.title, small(better(c)))
    button = element("button", *label, type="button", title=c.tip, data_key=c.key, data_first=first)
    return element("th", button, scope="col", aria_sort="none")


def score_row(model: Model, entry: Entry, table: ScoreTable) -> Element:
    copies = small("copies its training pictures", "copies") if entry.copies else None
    cells = [element("th", model.name(), copies, scope="row")]
    for c in table.columns:
        value, best = (entry.values or {}).get(c.key), entry.name in table.best.get(c.key, [])
        star = [
            element("span", "★ ", className="star", aria_hidden="true"),
            element("span", "best: ", className="unseen"),
        ]
        number = {} if value is None else {"data_value": value}
        cells.append(element("td", *(star if best else []), figure(c, value) or "–", className="best" * best, **number))
    return element("tr", *cells)


def floor_row(floor: Floor, of: Sequence[Model], table: ScoreTable) -> Element:
    """What real pictures get. `of`: the models for which they count, where that is not all of them."""
    badges: list[Element | str] = [" of ", *(m.badge() for m in of)] if of else []
    cells = [element("th", "real garments", *badges, scope="row")]
    for c in table.columns:
        title = HALF + figure(c, floor.halves[c.key]) if c.key in floor.halves else ""
        cells.append(element("td", figure(c, floor.values.get(c.key)), title=title))
    return element("tr", *cells, className="floor")


def figure(c: Column, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if c.key == "missed" else figures(value)


def bars(pairs: Sequence[tuple[Model, Entry]], columns: Sequence[Column]) -> list[Trace]:
    """Each model's scores, divided by what real pictures get."""
    drawn = [(model, entry.bars) for model, entry in pairs if entry.bars]
    titles = {c.key: short(c.title) for c in columns}
    keys = [key for key in reports.TITLES if any(key in scores for _, scores in drawn)]
    return [
        {
            "type": "bar",
            "name": model.legend,
            "x": [titles[key] for key in keys],
            "y": [scores.get(key) for key in keys],
            "hovertemplate": "%{y:.2f}",
            "marker": {"pattern": {"shape": PATTERNS[model.index], **WHITE}},
            "meta": {"hue": model.index},
        }
        for model, scores in drawn
    ]


def short(title: str) -> str:
    """A column's title in two short lines."""
    for net, features in reports.COLOR_NETS.items():
        title = title.replace(f" in {features}", f"<br>({net})")
    return re.sub(r" ?(distance|-style)", r"<br>\1", re.sub(r" \(KID\)( x 1000)?", "", title), count=1)


def curves(pairs: Sequence[tuple[Model, Entry]]) -> list[Trace]:
    """Every curve of every model, with its key as `meta.curve`."""
    players = {"d_loss": opponent, "g_loss": lambda _: "generator"}
    return [
        {
            "x": entry.curves["step"],
            "y": values,
            "name": f"{model.legend}: {players[name](model.about)}" if name in players else model.legend,
            "connectgaps": True,
            "hovertemplate": "%{y:.3g}",
            "mode": "lines+markers" if name == "distance" else "lines",
            "line": {"width": 1.75, "dash": "dash" if name == "g_loss" else "solid"},
            "meta": {"hue": model.index, "curve": name},
        }
        for model, entry in pairs
        if entry.curves
        for name, values in entry.curves.items()
        if name != "step"
    ]


# The scorer


@dataclass(frozen=True)
class Status:
    """What the panel polls for: the checkpoints, and the state of the scorer."""

    names: list[str]
    run: str  # its weights differ once it has ended
    busy: bool
    bar: dict[str, str | bool]
    scorer: dict[str, bool]  # whether it is hidden
    scoring: str  # what the scorer is doing, or its last error
    stamp: str  # changes when the score table may have changed


def status(names: list[str], scoring: ScoringStatus, run: str) -> Status:
    percent = round(100 * scoring.share)
    parts = []
    if scoring.busy:
        parts.append(f"Scoring {scoring.name}: {scoring.doing}, {percent} %")
        if scoring.waiting:
            parts.append(f"then {', '.join(name.rsplit('/', 1)[-1] for name in scoring.waiting)}")
    if scoring.error:
        parts.append(f"Could not score {scoring.error}")
    stamp = repr((scoring.busy, scoring.name, scoring.waiting, scoring.error, run))
    bar = progress(percent, scoring.busy)
    return Status(names, run, scoring.busy, bar, {"hidden": not parts}, " · ".join(parts), stamp)

"""Elements of a panel that Python draws. `fill` in panel.js builds them without HTML, so text stays text."""

import math
from typing import Any

Element = tuple[str, dict[str, Any], tuple[Any, ...]]  # tag, properties, children: each an Element or a str
Trace = dict[str, Any]  # a curve or the bars of one plot, as plotly takes it; `plot` in plots.js adds the color


def element(tag: str, *children: Element | str | None, **values: Any) -> Element:
    """An element as JSON. `values`: its properties; an attribute such as data-row is written data_row.

    A picture among the values becomes a data URL at the edge of the page. Children that are None or "" are left out.
    """
    return tag, {name.replace("_", "-"): v for name, v in values.items()}, tuple(c for c in children if c)


def progress(percent: float, running: bool = True) -> dict[str, str | bool]:
    """The properties of a progress bar, which is hidden unless `running`."""
    done = f"{percent:.0f}"
    return {"aria-valuenow": done, "style": f"--done: {done}%", "hidden": not running}


def time_left(seconds: float | None) -> str:
    """How long something still takes; "" if that is not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    return f"{round(seconds / 60)} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def opponent(gan: str | None) -> str:
    """What the field calls a GAN's second net: WGAN's gives no probability."""
    return "critic" if (gan or "").startswith("wgan") else "discriminator"


def count(n: float) -> str:
    """Format a number as a whole one, with its digits in groups of three."""
    return f"{math.floor(n + 0.5):,}"


def figures(v: float) -> str:
    """Format a score with about three figures."""
    size = abs(v)
    return count(v) if size >= 1000 else f"{v:.{0 if size >= 100 else 1 if size >= 10 else 3 if size < 0.1 else 2}f}"


def percent(v: float) -> str:
    """Format a share in 0..1 as percent, with one decimal below 10 %."""
    if v >= 0.9995 or v < 0.0005:
        return "100 %" if v > 0.5 else "0 %"
    return f"{100 * v:.1f} %" if v < 0.1 else f"{math.floor(100 * v + 0.5)} %"

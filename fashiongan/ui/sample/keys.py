"""The part of the Sample tab that has a script: keys, the page's address, and what a slider does, shown beside it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
import torch
from annotated_types import Interval

from ...checked import checked
from ...data import sheets
from ...latent import spec
from ..shared import panel as shared
from ..shared import show
from .desk import Desk
from .state import ALONE, SLIDERS, opened, padded

HERE = Path(__file__).parent
STEPS = 5  # pictures of what a slider does, from one end to the other
KEYS = [
    ("arrows", "choose a garment"),
    ("Enter", "open it"),
    ("L", "like it, for more like it"),
    ("K", "keep it on the board"),
    ("R", "re-roll"),
    ("Z", "undo"),
    ("Y", "redo"),
    ("Esc", "back to the sheet"),
    ("?", "show these keys"),
]


@dataclass(frozen=True)
class PreviewRequest:
    """What the script asks of a slider."""

    address: str  # that of the page
    slider: Annotated[int, Interval(ge=1, le=SLIDERS)]
    number: int  # of the chosen garment on the sheet


@dataclass(frozen=True)
class Preview:
    """Small pictures of what a slider does to the chosen garment, as one PNG; None if no garment is chosen."""

    picture: bytes | None


def panel(desk: Desk) -> gr.HTML:
    """Its value is what `Desk.drawn` returns for it. It triggers `select` and `submit` with a garment's number, and
    `like` with the numbers of several."""

    def slider(source: Any) -> Any:
        return preview(desk, source)

    rows = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>" for key, what in KEYS)
    return gr.HTML(
        html_template=(HERE / "keys.html").read_text(encoding="utf-8").replace("KEYS", rows),
        js_on_load=(shared.HERE / "panel.js").read_text(encoding="utf-8")
        + (HERE / "keys.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        server_functions=[show.answered(show.at_most(2)(slider))],
        elem_id="keys",
    )


def preview(desk: Desk, source: Any) -> Preview:
    """What the script asks for; StudioError for what is no slider or no address."""
    request: PreviewRequest = checked(PreviewRequest, source, "This is no slider of the page.")
    v = opened(request.address)
    garment = desk.sample(replace(v, across=ALONE)) if v.locked else desk.sheets.at(desk.sample(v), request.number)
    if garment is None:
        return Preview(None)
    end = spec.reaches(desk.studio.gan(v.name), SLIDERS, v.ways)[request.slider - 1]
    own = padded(garment.sliders)
    places = torch.linspace(-end, end, STEPS).tolist()
    samples = [
        replace(garment, sliders=(*own[: request.slider - 1], place, *own[request.slider :])) for place in places
    ]
    images = torch.cat([desk.sheets.drawn(sample)[0] for sample in samples])
    return Preview(sheets.png(sheets.sheet(images, STEPS, scale=2 if images.shape[-1] <= 64 else 1)))

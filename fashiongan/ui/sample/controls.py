"""The controls of the Sample tab: all that says which garments are drawn, one line each."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ... import limits
from ...errors import StudioError
from ...latent import directions, spec
from ...studio import Studio, in_color
from ..shared import checkpoints, words
from ..shared.checkpoints import FAVOURITE
from . import explore
from .state import ALL, SLIDERS

WAYS = [
    ("by what they change", "measured"),
    ("directions of the first layer (SeFa)", "layer"),
    ("principal components (GANSpace)", "activations"),
]


@dataclass(frozen=True)
class Controls:
    """The widgets on the left."""

    models: gr.Dropdown
    catalogue: gr.Markdown  # says why checkpoints of the Hub are missing
    label: gr.Dropdown
    across: gr.Dropdown  # what is shown, see `desk.Values.across`
    n: gr.Slider
    far: gr.Slider
    seed: gr.Number
    roll: gr.Button
    truncation: gr.Slider
    sliders: list[gr.Slider]
    level: gr.Button
    undo: gr.Button
    redo: gr.Button
    mixing: explore.MixFold
    ways: gr.Dropdown
    palette: gr.Dropdown
    photograph: gr.UploadButton
    enlarge: gr.Checkbox

    @property
    def asking(self) -> list[Any]:
        """The widgets that describe a sheet, in the order of the fields of `desk.Values`."""
        return [self.models, self.label, self.n, self.seed, self.truncation, *self.sliders, self.across]


def controls(studio: Studio) -> Controls:
    """Build them."""
    gr.Markdown(words.SAMPLE)
    models = gr.Dropdown(
        checkpoints.titled(studio.names()),
        value=checkpoints.favourite(studio.names()),
        allow_custom_value=True,
        label="Checkpoint",
        info=checkpoints.info(studio),
        elem_id="checkpoint",
    )
    catalogue = gr.Markdown(visible=False, elem_id="catalogue", elem_classes="caption")
    label = gr.Dropdown([ALL], value=ALL, label="Class", visible=False, elem_id="label")
    across = gr.Dropdown([("Dataset", 0), *explore.VIEWS], value=0, label="Sheet", elem_id="across")
    with gr.Row(elem_classes="together"):
        seed = gr.Number(0, precision=0, label="Seed", elem_id="seed", min_width=120, scale=3)
        roll = gr.Button("Re-roll", elem_id="roll", size="sm", min_width=80, scale=1)
    with gr.Row(elem_classes="together"):
        palette, photograph = colors()
    enlarge = gr.Checkbox(False, label=words.ENLARGE, elem_id="enlarge", visible=False, container=False)
    n = gr.Slider(1, limits.SHEET_PICTURES, 40, step=1, label="Number of garments", elem_id="n")
    far = gr.Slider(0, 1, 0.4, step=0.01, label="How far", info=words.FAR, elem_id="far", visible=False)
    truncation = gr.Slider(
        0,
        1.5,
        1,
        step=0.01,
        label="How varied",
        elem_id="truncation",
        info="towards 0 more typical, above 1 stranger (truncation psi)",
    )
    gr.Markdown(words.SLIDERS, elem_classes="caption")
    reach = directions.MEASURED_REACH
    sliders = [
        gr.Slider(-reach, reach, 0, step=0.1, label=title, elem_id=f"slider_{i + 1}")
        for i, title in enumerate(titles(studio))
    ]
    with gr.Row(elem_classes="together"):
        level = gr.Button("Sliders to zero", elem_id="level", size="sm", min_width=120)
        undo = gr.Button("Undo", elem_id="undo", size="sm", min_width=70, interactive=False)
        redo = gr.Button("Redo", elem_id="redo", size="sm", min_width=70, interactive=False)
    mixing = explore.mix_fold()
    ways = gr.Dropdown(WAYS, value="measured", label="Kind of sliders", info=words.WAYS, elem_id="ways")
    return Controls(
        models, catalogue, label, across, n, far, seed, roll, truncation, sliders, level, undo, redo, mixing, ways,
        palette, photograph, enlarge,
    )  # fmt: skip


def colors() -> tuple[gr.Dropdown, gr.UploadButton]:
    """The palette of the garments, and a button that takes one from a photograph."""
    palette = gr.Dropdown(
        palettes(), value="", label="In color", info=words.IN_COLOR, allow_custom_value=True, elem_id="palette",
        min_width=120, scale=3,
    )  # fmt: skip
    photograph = gr.UploadButton(
        "From a photo", file_types=["image"], size="sm", elem_id="photograph", min_width=80, scale=1
    )
    return palette, photograph


def palettes(gray: bool = True) -> list[str | tuple[str, str]]:
    """The choices of a palette, for gray garments or for those of a generator that draws in color."""
    return [("as drawn" if gray else "any color", ""), *in_color.NAMES]


def titles(studio: Studio) -> list[str]:
    """What the sliders are called before a visitor's page has asked: by what they change in the bundled favourite."""
    try:
        return spec.handles(studio.gan(FAVOURITE), SLIDERS, "measured")
    except StudioError:
        return [f"Slider {i + 1}" for i in range(SLIDERS)]

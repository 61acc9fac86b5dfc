"""The data of a run: its name or an uploaded ZIP, a preview, and a recommended recipe."""

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from ... import gans
from ...data import datasets, zip_archive
from ...errors import StudioError
from ...gans.recipe import Recipe, knobs
from ...studio import Studio
from ...training import recommend
from ..shared import show, words
from ..shared.events import HIDDEN


class Source:
    """The widgets that choose the data, and their handlers, which call one studio."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.field = gr.Dropdown(
            [datasets.FASHION_MNIST],
            value=datasets.FASHION_MNIST,
            allow_custom_value=True,
            label="Data",
            info="or type the path of a folder with one sub-folder a class",
            elem_id="data",
        )
        self.zipped = gr.UploadButton(
            "Upload a ZIP of pictures", file_types=[".zip"], size="sm", elem_id="zip", visible=not studio.public
        )
        with gr.Column(visible=False, elem_id="advice") as self.panel:
            self.note = gr.Markdown(elem_classes="caption")
            self.use = gr.Button("Use these settings", size="sm", elem_id="use")

    def wire(self, tab: gr.Tab, which: list[Any], some: list[Any], shown: gr.HTML) -> None:
        """Show a preview of the data. `which`: the fields of data, size and fit; `some`: those of classes and
        number."""
        events = [tab.select, *(c.change for c in (*which, *some))]
        gr.on(events, self.preview, [*which, *some], shown, trigger_mode="always_last", **HIDDEN)

    def advise_on(self, which: list[Any], taken: Callable[[Recipe], list[Any]], fields: list[Any]) -> None:
        """Show a recommendation for the data. `which`: the fields of data, size and fit. A button copies it to
        `fields`."""
        outputs = [self.panel, self.note]
        gr.on([c.change for c in which], self.advise, which, outputs, trigger_mode="always_last", **HIDDEN)
        use = show.polite(lambda *values: taken(self.advised(*values)))
        self.use.click(use, which, fields, **HIDDEN)
        self.zipped.upload(show.polite(self.unpack), self.zipped, self.field, api_visibility="private")

    def unpack(self, path: str) -> str:
        """Unpack an uploaded ZIP and return its folder."""
        self.studio.check_private("Uploading pictures to train on")
        return str(zip_archive.unpacked(Path(path)))

    def advise(self, source: str, size: int, fit: str) -> tuple[gr.Column, str]:
        """For a visitor's own pictures: a recommended recipe and its training time on this machine. Nothing is shown
        for Fashion-MNIST, or if the data cannot be read; then the preview says why."""
        try:
            if source == datasets.FASHION_MNIST:
                return gr.Column(visible=False), ""
            advice, seconds = self.studio.advice(basis(source, size, fit))
        except StudioError:
            return gr.Column(visible=False), ""
        how_long = words.ADVISED_BUSY if seconds is None else f"about {recommend.duration(seconds)} on this machine"
        own = basis(source, size, fit)
        changed = [
            f"{k.label} {getattr(advice, k.name):,}" if k.kind is int else f"{k.label} {getattr(advice, k.name)}"
            for k in knobs(type(advice)).values()
            if getattr(advice, k.name) not in (k.default, getattr(own, k.name, k.default))
        ]
        text = words.ADVISED.format(gan=advice.gan, settings="; ".join(changed), how_long=how_long)
        return gr.Column(visible=True), text

    def advised(self, source: str, size: int, fit: str) -> Recipe:
        """The recommended recipe for the data."""
        return recommend.recipe(self.studio.garments(source, size, fit), basis(source, size, fit))

    def preview(self, source: str, size: int, fit: str, classes: str, limit: int | None) -> str:
        """HTML: pictures and counts of the data, or the sentence that says why the data cannot be read."""
        try:
            # Fashion-MNIST is previewed in its own size, 28 x 28, whatever size the run will use.
            recipe = basis(source, size, fit) if source != datasets.FASHION_MNIST else basis(source, 28, "fill")
            whole = self.studio.garments(recipe.data, recipe.size, recipe.fit)
            return show.preview(
                datasets.select(whole, datasets.class_numbers(classes or "", whole.names), limit or None)
            )
        except StudioError as e:
            return f'<p class="sorry">{html.escape(str(e))}</p>'


def basis(source: str, size: int, fit: str) -> Recipe:
    """A recipe in which only the data, size and fit are set."""
    return gans.new_recipe("dcgan", data=source, size=size, fit=fit)

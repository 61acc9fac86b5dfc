"""The board: garments that the visitor's browser stores as descriptions. Part of the Sample tab."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ... import limits
from ...data import sheets
from ...errors import StudioError
from ...latent import board, interpolate, spec
from ...latent.spec import SampleSpec
from ...studio import Studio, in_color
from ..shared import show, words
from ..shared.events import HIDDEN
from .state import History, Values

EACH = 12  # frames of a walk from one garment to the next
SECONDS = 1.0  # duration of these frames


@dataclass(frozen=True)
class Again:
    """How a garment is opened again: `opened` returns updates for `outputs`; `named` follows."""

    opened: Callable[[Values, History], list[Any]]
    history: gr.State
    outputs: list[Any]
    named: dict[str, Any]

    def values(self, sample: SampleSpec, history: History) -> list[Any]:
        """Updates for the page, which then shows that garment alone."""
        return self.opened(Values.of(sample), history)

    def follow(self, event: Any) -> None:
        event.success(**self.named)


@dataclass(frozen=True)
class Fold:
    """The board's widgets."""

    box: gr.Accordion
    kept: gr.BrowserState
    gallery: gr.Gallery
    empty: gr.Markdown
    tools: gr.Row
    files: list[gr.DownloadButton]  # PNG, PDF, JSON
    walk: gr.Button
    film: gr.Image
    remove: gr.Button
    load: gr.UploadButton

    def wire(self, studio: Studio, page: gr.Blocks, keep: list[Any], garment: list[Any], again: Again) -> None:
        """Connect the widgets. `keep`: events. `garment`: the function that returns the chosen garment, and its
        inputs."""
        shelf = Shelf(studio)
        shown = [self.box, self.gallery, self.empty, self.tools, *self.files, self.film]
        refresh: dict[str, Any] = {"fn": show.polite(shelf.refreshed), "inputs": self.kept, "outputs": shown, **HIDDEN}
        chosen = gr.State(-1)
        find, inputs = garment

        def add(event: gr.EventData, kept: Any, *values: Any) -> list[Any]:
            return shelf.added(kept, find(event, *values))

        gr.on(keep, show.polite(add), [self.kept, *inputs], self.kept, **HIDDEN).then(**refresh)
        page.load(**refresh)

        def reopened(kept: Any, history: History, event: gr.SelectData) -> list[Any]:
            return [event.index, *again.values(shelf.at(kept, event.index), history)]

        places = [chosen, *again.outputs]
        again.follow(self.gallery.select(show.polite(reopened), [self.kept, again.history], places, **HIDDEN))
        self.remove.click(show.polite(shelf.without), [self.kept, chosen], [self.kept, chosen], **HIDDEN).then(
            **refresh
        )
        self.load.upload(show.polite(shelf.imported), [self.kept, self.load], self.kept, **HIDDEN).then(**refresh)
        self.walk.click(show.polite(shelf.walk), self.kept, self.film, api_visibility="private")


def fold() -> Fold:
    """Build the board, folded."""
    with gr.Accordion("Board", open=False, elem_id="board") as box:
        empty = gr.Markdown(words.BOARD, elem_classes="caption")
        gallery = gr.Gallery(
            columns=6, show_label=False, allow_preview=False, object_fit="contain", height="auto", fit_columns=False,
            visible=False, buttons=[], elem_id="shelf", format="png", interactive=False,
        )  # fmt: skip
        with gr.Row(elem_classes="actions", visible=False) as tools:
            remove = gr.Button("Remove the opened one", size="sm", elem_id="remove")
            files = [
                gr.DownloadButton(f"Download {kind}", size="sm", elem_id=f"board_{kind.lower()}")
                for kind in (*board.PAGES, "JSON")
            ]
            walk = gr.Button("Walk through them", size="sm", elem_id="walk")
        with gr.Row(elem_classes="actions"):
            load = gr.UploadButton(
                "Open a board or a downloaded picture", file_types=[".json", ".png"], size="sm", elem_id="board_load"
            )
        film = gr.Image(
            visible=False, interactive=False, show_label=False, format="gif", elem_id="walk_film", buttons=["download"],
            alt_text="a walk from garment to garment", type="filepath",
        )  # fmt: skip
    kept = gr.BrowserState([], storage_key="fashiongan-board", secret="fashiongan")  # noqa: S106  no secret: see api.py
    return Fold(box, kept, gallery, empty, tools, files, walk, film, remove, load)


class Shelf:
    """The handlers of the board's widgets, which call one studio."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def samples(self, kept: Any) -> list[SampleSpec]:
        """The garments in the browser's storage. Entries that are no longer valid descriptions are left out."""
        specs = []
        for entry in kept if isinstance(kept, list) else []:
            try:
                specs.append(board.one(spec.parse(entry)))
            except StudioError:
                continue
            if len(specs) == limits.BOARD_PICTURES:
                break
        return specs

    def at(self, kept: Any, i: Any) -> SampleSpec:
        samples = self.samples(kept)
        if not isinstance(i, int) or not 0 <= i < len(samples):
            raise StudioError("That garment is not on the board any more.")
        return samples[i]

    def drawn(self, samples: Sequence[SampleSpec]) -> list[Tensor]:
        """An image (C, H, W) uint8 for each garment; a black one if its checkpoint is missing."""
        drawn = []
        for sample in samples:
            try:
                drawn.append(in_color.picture(self.studio, sample)[0])
            except StudioError:
                drawn.append(torch.zeros(1, 28, 28, dtype=torch.uint8))
        return drawn

    def refreshed(self, kept: Any) -> list[Any]:
        """Update the board's widgets for the stored garments."""
        samples = self.samples(kept)
        title = f"Board ({len(samples)})" if samples else "Board"
        rest = [gr.Markdown(visible=not samples), gr.Row(visible=bool(samples))]
        if not samples:
            empty = [gr.DownloadButton(value=None)] * 3
            return [
                gr.Accordion(label=title),
                gr.Gallery(value=[], visible=False),
                *rest,
                *empty,
                gr.Image(visible=False),
            ]
        images, captions = self.drawn(samples), [caption(sample) for sample in samples]
        small = [
            show.kept(sheets.png(sheets.sheet(x[None], 1, gap=0, scale=4), sample.to_json()), "garment.png")
            for x, sample in zip(images, samples, strict=True)
        ]
        sheet, text = board.contact_sheet(images, captions), board.to_json(samples)
        files = [show.kept(board.as_file(sheet, kind, text), name) for kind, name in board.PAGES.items()]
        files.append(show.kept(text.encode(), "garments.json"))
        return [
            gr.Accordion(label=title),
            gr.Gallery(value=list(zip(small, captions, strict=True)), visible=True, selected_index=None),
            *rest,
            *(gr.DownloadButton(value=path) for path in files),
            gr.Image(visible=False),
        ]

    def added(self, kept: Any, sample: SampleSpec) -> list[Any]:
        samples = self.samples(kept)
        board.one(sample)
        if sample in samples:
            raise StudioError("This very garment is on the board already.")
        return self.stored([*samples, sample])

    def stored(self, samples: Sequence[SampleSpec]) -> list[Any]:
        if len(samples) > limits.BOARD_PICTURES:
            raise StudioError(f"The board is full: it holds {limits.BOARD_PICTURES} garments. Remove some first.")
        return [json.loads(sample.to_json()) for sample in samples]

    def without(self, kept: Any, i: Any) -> tuple[list[Any], int]:
        """The board without its i-th garment."""
        if i == -1:
            raise StudioError("Click the garment on the board that shall go.")
        gone = self.at(kept, i)
        return self.stored([sample for sample in self.samples(kept) if sample is not gone and sample != gone]), -1

    def imported(self, kept: Any, path: str) -> list[Any]:
        """The board with the garments of a file added, without duplicates."""
        file = Path(path)
        if file.stat().st_size > limits.BOARD_FILE_BYTES:
            raise StudioError("This file is too large for a board: choose a JSON file that was exported here.")
        data = file.read_bytes()
        new = board.from_png(data) if data.startswith(b"\x89PNG") else board.from_json(data)
        samples = self.samples(kept)
        for sample in new:
            # An invalid garment raises here; otherwise it would be a black picture on the board.
            in_color.picture(self.studio, sample)
        return self.stored([*samples, *(sample for sample in new if sample not in samples)])

    def walk(self, kept: Any) -> gr.Image:
        """A GIF that interpolates from each garment to the next. All must come from one checkpoint."""
        samples = self.samples(kept)
        if len({sample.checkpoint for sample in samples}) > 1:
            raise StudioError("A walk stays with one checkpoint: remove the garments of others from the board.")
        if len({sample.ways for sample in samples if any(sample.sliders)}) > 1:
            raise StudioError("A walk stays with one kind of sliders: these garments were made with several.")
        if len(samples) < 2:
            raise StudioError("A walk needs two garments or more: keep some on the board.")
        gan = self.studio.gan(samples[0].checkpoint)
        ways = next((sample.ways for sample in samples if any(sample.sliders)), samples[0].ways)
        enlargers = {sample.enlarger for sample in samples}
        enlarger = samples[0].enlarger if len(enlargers) == 1 else ""  # all frames are of one size
        stops = [replace(sample, ways=ways, enlarger=enlarger) for sample in samples[: limits.WALK_STOPS]]
        pictures = [in_color.picture(self.studio, step) for step in interpolate.walk(gan, stops, EACH)]
        channels = max(x.shape[1] for x in pictures)  # where only some are in a palette, the gray ones get three, too
        frames = torch.cat([x.expand(-1, channels, -1, -1) for x in pictures])
        data = sheets.film(frames, SECONDS * len(stops), 8 if frames.shape[-1] <= 32 else 2, board.to_json(stops))
        return gr.Image(value=show.kept(data, "walk.gif"), visible=True)


def caption(sample: SampleSpec) -> str:
    """A garment's class and checkpoint in a few words."""
    what = str(sample.label) if sample.label is not None else "A blend" if sample.shares else "Garment"
    return f"{what}, {sample.checkpoint.rsplit('/', 1)[-1]}"

"""Colorize: a gray garment in the colors that somebody chooses, before and after, and in many palettes at once."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ... import limits
from ...checked import checked
from ...color.palettes import PALETTES
from ...colorize import engine
from ...errors import StudioError
from ...studio.colorize import ColorizeRequest, ColorizeService, Garment
from ..shared import checkpoints, edge, show, words
from ..shared.events import HIDDEN, Event
from ..shared.panel import html_panel, mask_fold
from ..shared.show import answered
from . import drawing

HERE = Path(__file__).parent
TEST, OWN, DRAWN = "A test picture", "My own", "Drawn by hand"
KINDS = {TEST: "test", OWN: "own", DRAWN: "drawn"}
FIRST = 7  # a plaid shirt, which shows that the pattern stays
TEST_PICTURES = 10_000
SUITED, UNLABELED = "", ""  # values of the choices "the one that suits" and "as it is"
START, VARIANTS = "Jewel", 6
BLIND = ("Okabe-Ito", "Tol bright", "IBM")  # color-blind people can distinguish these
# panel.js fetches what the panel lacks. The panel may be mounted later than the event, so the event is kept.
TELL = """(kind, number, uploads, checkpoint, label, tones, n, strength, seed, keep) => {
  window.fashionganColorize = {kind, number, uploads, checkpoint, label, tones, n, strength, seed, keep};
  document.dispatchEvent(new Event('fashiongan-colorize'));
}"""
TAKE = "colors => { document.dispatchEvent(new CustomEvent('fashiongan-photograph', {detail: colors})); }"


@dataclass(frozen=True)
class Picture:
    """The widgets that say which garment is colored."""

    kind: gr.Radio
    numbered: gr.Row
    number: gr.Number
    another: gr.Button
    upload: gr.File
    note: gr.Markdown


def picture_form() -> Picture:
    """Build them."""
    kind = gr.Radio([TEST, OWN, DRAWN], value=TEST, label="Garment", elem_id="gray_kind")
    with gr.Row(elem_classes="together") as numbered:
        number = gr.Number(FIRST, precision=0, label="Number", elem_id="gray_number", min_width=120, scale=3)
        another = gr.Button("Another", elem_id="gray_another", size="sm", min_width=80, scale=1)
    # Files: gradio would open a picture before we could say what is wrong with it.
    upload = gr.File(
        file_types=["image"], file_count="multiple", type="filepath", label="Your pictures", visible=False,
        height=140, elem_id="gray_upload",
    )  # fmt: skip
    note = gr.Markdown(words.GRAY, elem_classes="caption", visible=False)
    return Picture(kind, numbered, number, another, upload, note)


@dataclass(frozen=True)
class Dye:
    """The widgets that say how it is colored."""

    tones: gr.Slider
    n: gr.Slider
    strength: gr.Slider
    seed: gr.Number
    roll: gr.Button
    label: gr.Dropdown
    keep: gr.Checkbox
    checkpoint: gr.Dropdown
    photograph: gr.UploadButton
    reference: gr.Textbox  # the colors that were taken from a photograph


def dye_form(colorizing: ColorizeService) -> Dye:
    """Build them."""
    tones = gr.Slider(1, 3, 1, step=1, label="Colors", info=words.TONES, elem_id="tones")
    n = gr.Slider(
        1, limits.VARIANTS, VARIANTS, step=1, label="Variants", info=words.VARIANTS, elem_id="variants"
    )  # fmt: skip
    strength = gr.Slider(0, 2, 1, step=0.01, label="Strength", info=words.STRENGTH, elem_id="strength")
    with gr.Row(elem_classes="together"):
        seed = gr.Number(0, precision=0, label="Seed", elem_id="dye_seed", min_width=120, scale=3)
        roll = gr.Button("Re-roll", elem_id="dye_roll", size="sm", min_width=80, scale=1)
    label = gr.Dropdown(
        [("As it is", UNLABELED)], value=UNLABELED, label="Class", info=words.CLASS, elem_id="dye_label"
    )
    checkpoint = gr.Dropdown(
        named(colorizing.names()),
        value=SUITED,
        allow_custom_value=True,
        label="Checkpoint",
        info=checkpoints.info(colorizing.studio),
        elem_id="colorizer",
    )
    keep = gr.Checkbox(True, label="Keep the background gray", elem_id="keep_gray")
    photograph = gr.UploadButton("Colors of a photo", file_types=["image"], size="sm", elem_id="dye_photograph")
    return Dye(tones, n, strength, seed, roll, label, keep, checkpoint, photograph, gr.Textbox("", visible=False))


def tab(colorizing: ColorizeService, this: gr.Tab) -> gr.File:
    """Build the tab. Returns the widget for uploads."""
    with gr.Row(elem_id="colorize_row"):
        with gr.Column(scale=1, min_width=280, elem_classes=["controls", "lines"]):
            gr.Markdown(words.COLORIZE)
            p, d = picture_form(), dye_form(colorizing)
        with gr.Column(scale=3, min_width=320, elem_id="colorize_panel"):
            made = panel(colorizing)
    uploads = gr.Textbox("[]", visible=False)
    chosen = [p.kind, p.number, uploads, d.checkpoint, d.label, d.tones, d.n, d.strength, d.seed, d.keep]
    tell: Event = {"fn": None, "inputs": chosen, "js": TELL, **HIDDEN}
    gr.on([this.select, *(c.change for c in chosen)], **tell)
    desk = Desk(colorizing)
    this.select(desk.listed, [d.checkpoint, d.label], [d.checkpoint, d.label], **HIDDEN)
    d.checkpoint.change(show.polite(desk.labels), [d.checkpoint, d.label], d.label, **HIDDEN)
    p.kind.change(sources, p.kind, [p.numbered, p.upload, p.note], **HIDDEN)
    p.another.click(lambda: random.randrange(TEST_PICTURES), None, p.number, **HIDDEN)
    d.roll.click(lambda: random.randrange(limits.PAGE_SEED + 1), None, d.seed, **HIDDEN)
    made.select(show.polite(garment_of), None, [p.kind, p.number], **HIDDEN)  # a tile of the colorways
    taken = d.photograph.upload(show.polite(show.palette_of), d.photograph, d.reference, **HIDDEN)
    taken.success(None, d.reference, None, js=TAKE, **HIDDEN)
    # Also a picture that another tab has sent here.
    p.upload.change(show.polite(desk.taken), p.upload, [uploads, p.kind], **HIDDEN)
    return p.upload


def garment_of(event: gr.EventData) -> tuple[str, int]:
    """The test picture of a tile that was pressed, as the values of the widgets."""
    number = event._data.get("number") if isinstance(event._data, dict) else None
    return TEST, int(show.number(number, 0, limits.PAGE_SEED, "Number"))


def named(names: list[str]) -> list[tuple[str, str]]:
    return [("The one that suits", SUITED), *checkpoints.titled(names)]


def sources(kind: str) -> list[Any]:
    """Show the fields that the chosen source of the garment needs."""
    return [gr.Row(visible=kind == TEST), gr.File(visible=kind == OWN), gr.Markdown(visible=kind == OWN)]


class Desk:
    """The handlers of the tab's widgets, which call one service."""

    def __init__(self, colorizing: ColorizeService):
        self.colorizing = colorizing

    def listed(self, chosen: str | None, label: str | None) -> list[Any]:
        """An update of the list of colorizers. A choice stays unless its checkpoint is gone."""
        names = self.colorizing.names()
        # Sent back unchanged, the choice would undo what the visitor has done meanwhile.
        gone = {} if chosen == SUITED or checkpoints.has(self.colorizing.studio, chosen) else {"value": SUITED}
        return [gr.Dropdown(choices=named(names), **gone), self.labels(SUITED if gone else chosen, label)]

    def labels(self, chosen: str | None, label: str | None) -> gr.Dropdown:
        """The classes that the chosen colorizer knows."""
        names = [chosen] if chosen else self.colorizing.names()[:1]
        labels = [x for name in names for x in self.colorizing.studio.gan(name).choices.values()]
        gone = {} if label in (UNLABELED, *labels) else {"value": UNLABELED}
        return gr.Dropdown(choices=[("As it is", UNLABELED), *((x, x) for x in labels)], **gone)

    def taken(self, paths: list[str] | None) -> tuple[str, Any]:
        """Uploaded pictures in the form that the panel reads, and an update that selects them."""
        if not paths:
            return "[]", gr.skip()
        uploads = [{"key": self.colorizing.add(Path(p), Path(p).name), "name": Path(p).name} for p in paths]
        return json.dumps(uploads), OWN


def panel(colorizing: ColorizeService) -> gr.HTML:
    """The right side of the tab: panel.html. panel.js fills it by calling these functions, which check all inputs."""

    @answered
    def preview(request: Any) -> drawing.View:
        one = read(request).request()
        return drawing.view(one.garment, colorizing.preview(one))

    @answered
    def variants(request: Any) -> drawing.Variants:
        question = read(request)
        n = int(show.number(question.n, 1, limits.VARIANTS, "Number of variants"))
        return drawing.variants(colorizing.variants(question.request(), n))

    @answered
    def ways(request: Any) -> drawing.Ways:
        question = read(request)
        if question.many is not True:
            return drawing.palettes(colorizing.palettes(question.request()))
        garments = question.sheet(colorizing.pictures())
        tiles = colorizing.many(question.request(), garments)
        return drawing.many(tiles, garments, question.garment.garment(), len(question.uploads) > 1)

    @answered
    def download(request: Any) -> dict[str, str]:
        return sent(*colorizing.download(read(request).request()))

    @answered
    def sheet(request: Any) -> dict[str, str]:
        question = read(request)
        garments = question.sheet(colorizing.pictures()) if question.many is True else []
        return sent(*colorizing.sheet(question.request(), garments))

    functions = [preview, variants, ways, download, sheet]
    shelf = [{"name": name, "colors": colors, "safe": name in BLIND} for name, colors in PALETTES.items()]
    html = (HERE / "panel.html").read_text(encoding="utf-8").replace("MASK", mask_fold("dye"))
    return html_panel(HERE, "dye", functions, html, palettes=PALETTES, shelf=shelf, first=START, hints=limits.HINTS)


def sent(data: bytes, name: str) -> dict[str, str]:
    return {"url": edge.data_url(data), "name": name}


@dataclass(frozen=True)
class GarmentRequest:
    """The panel's reference to a garment."""

    kind: object = None
    number: object = None
    key: object = None
    drawing: object = None
    mask: object = None

    def garment(self) -> Garment:
        """The requested garment; StudioError if there is none."""
        kind = KINDS.get(str(self.kind), "test")
        if kind == "own":
            if not self.key:
                raise StudioError("Upload a picture of a garment: it appears here, and can be colored.")
            return Garment(kind, key=str(self.key), mask=str(self.mask or ""))
        if kind == "drawn":
            return Garment(kind, drawing=str(self.drawing or ""))
        return Garment(kind, int(show.number(self.number, 0, limits.PAGE_SEED, "Number")))


@dataclass(frozen=True)
class Question:
    """The panel's request. Numbers are checked where they are used, so that each error has its own sentence."""

    garment: GarmentRequest
    spec: dict[str, object]
    checkpoint: str | None = None
    classic: object = None
    variant: object = 0
    keep: object = None
    n: object = None
    many: object = None
    uploads: tuple[str, ...] = ()

    def request(self) -> ColorizeRequest:
        """The request for one colorized garment; StudioError if it is invalid."""
        return ColorizeRequest(
            self.garment.garment(),
            engine.colorize_spec(self.spec),
            self.checkpoint or "",
            self.classic is True,
            int(show.number(self.variant, 0, limits.VARIANTS - 1, "A variant")),
            self.keep is not False,
        )

    def sheet(self, pictures: int) -> list[Garment]:
        """The garments of a sheet: the uploads if there are several, or else the chosen garment and test pictures.

        pictures: how many test pictures there are. StudioError if the garment is invalid.
        """
        first = self.garment.garment()
        if first.kind == "own" and len(self.uploads) > 1:
            return [Garment("own", key=key) for key in self.uploads[: limits.PALETTE_GARMENTS]]
        if first.kind == "test":
            return [Garment("test", (first.number + i) % pictures) for i in range(limits.PALETTE_GARMENTS)]
        return [first, *(Garment("test", i) for i in range(limits.PALETTE_GARMENTS - 1))]


SENTENCES = {
    "checkpoint": "There is no such checkpoint here: choose one from the list.",
    "uploads": "That is no list of uploads: reload the page.",
}


def read(request: object) -> Question:
    """Parse the panel's request; StudioError if it is invalid."""
    no_garment = "That is no garment to color: reload the page."
    question: Question = checked(Question, request, lambda field, _: SENTENCES.get(field, no_garment))
    return question

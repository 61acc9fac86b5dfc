"""Sample: choose a checkpoint, draw garments, move them with sliders, and explore from the one that was clicked."""

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ... import limits
from ...latent import directions
from ...studio import Studio
from ..shared import checkpoints, send, show, words
from ..shared.checkpoints import FAVOURITE
from . import board, explore
from . import upload as upload_fold
from .desk import ALL, SLIDERS, Desk, film_of

Event = dict[str, Any]  # the arguments of a Gradio event listener
HIDDEN: Event = {"api_visibility": "private", "show_progress": "hidden"}
LIVE: Event = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "concurrency_id": "sample",
    "concurrency_limit": 2,
}
WAYS = [
    ("by what they change", "measured"),
    ("directions of the first layer (SeFa)", "layer"),
    ("principal components (GANSpace)", "activations"),
]

# Downloads through a blob, because a direct link would use the server's file name.
DOWNLOAD = """async () => {
  const shown = document.querySelector('#sheet img');
  if (!shown) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await (await fetch(shown.src)).blob());
  link.download = 'garments.png';
  link.click();
  URL.revokeObjectURL(link.href);
}"""


@dataclass(frozen=True)
class Sample:
    """What other tabs may use of this one: the list of checkpoints, and the outbox that sends the chosen garment."""

    models: gr.Dropdown
    outbox: send.Outbox


def tab(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, this: gr.Tab) -> Sample:
    """Build the tab."""
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="moves", elem_classes="lines"):
            w = controls(studio)
        with gr.Column(elem_id="seen"):
            p = picture()
        with gr.Column(elem_id="folds"):
            f = folds()
    wiring = Wiring(studio, w, p, f, gr.State(""), gr.State(""))
    wiring.drawing(page, this)
    wiring.programs()
    wiring.exploring(page)
    outbox = send.Outbox(tabs, p.actions, show.polite(wiring.desk.one_picture), wiring.values)
    return Sample(w.models, outbox)


@dataclass(frozen=True)
class Picture:
    """The picture, which stays in view, and the buttons below it."""

    out: gr.Image
    chosen: gr.Markdown
    actions: gr.Row
    back: gr.Button
    keep: gr.Button


def picture() -> Picture:
    """Build them."""
    out = gr.Image(
        format="png",
        interactive=False,
        show_label=False,
        buttons=["fullscreen"],
        elem_id="sheet",
        container=False,
        placeholder="Your garments appear here.",
        alt_text="generated garments",
    )
    chosen = gr.Markdown(words.CLICK, elem_id="chosen", elem_classes="caption")
    with gr.Row(elem_classes="actions") as actions:
        back = gr.Button("Back to the sheet", elem_id="back", size="sm", visible=False)
        keep = gr.Button("Keep it", elem_id="keep", size="sm", visible=False)
        gr.Button("Download PNG", elem_id="download", size="sm").click(None, js=DOWNLOAD, api_visibility="private")
    return Picture(out, chosen, actions, back, keep)


@dataclass(frozen=True)
class Folds:
    """What is folded away below the controls."""

    shelf: board.Fold
    upload: upload_fold.Fold
    about: gr.Markdown
    growth: gr.Accordion
    film: gr.HTML


def folds() -> Folds:
    """Build them."""
    shelf, upload = board.fold(), upload_fold.fold()
    with gr.Accordion("How it learned", open=False, elem_id="growth") as growth:
        film = gr.HTML(elem_id="film")
    about = gr.Markdown(elem_id="about", elem_classes="caption")
    return Folds(shelf, upload, about, growth, film)


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
    mixing: explore.MixFold
    ways: gr.Dropdown

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
        gr.Slider(-reach, reach, 0, step=0.1, label=f"Slider {i + 1}", elem_id=f"slider_{i + 1}")
        for i in range(SLIDERS)
    ]
    level = gr.Button("Sliders to zero", elem_id="level", size="sm")
    mixing = explore.mix_fold()
    ways = gr.Dropdown(WAYS, value="measured", label="Kind of sliders", info=words.WAYS, elem_id="ways")
    return Controls(models, catalogue, label, across, n, far, seed, roll, truncation, sliders, level, mixing, ways)


class Wiring:
    """Connects the widgets with their handlers. `locked` and `mate`: descriptions of the chosen garments."""

    def __init__(self, studio: Studio, w: Controls, p: Picture, f: Folds, locked: gr.State, mate: gr.State):
        self.studio, self.w, self.p, self.f, self.locked, self.mate = studio, w, p, f, locked, mate
        self.sheets = explore.Sheets(studio)
        self.desk = Desk(studio, self.sheets)
        # In the order of desk.Values.
        self.values = [locked, mate, w.mixing.share, w.mixing.cut, w.far, w.ways, *w.asking]
        close = [w.n, w.far, p.back, p.keep, p.chosen, w.mixing.box]
        known = [locked, w.label, w.across]
        self.classes: Event = {
            "fn": show.polite(self.desk.chosen),
            "inputs": [w.models, *known],
            "outputs": [*known, *close, f.about, f.growth],
            **HIDDEN,
        }
        self.named: Event = {
            "fn": show.polite(self.desk.named),
            "inputs": [w.models, w.ways, w.across, *w.sliders],
            "outputs": [w.across, *w.sliders],
            **HIDDEN,
            "concurrency_id": "names",
        }
        self.redraw: Event = {
            "fn": show.polite(self.desk.shown),
            "inputs": self.values,
            "outputs": p.out,
            "api_visibility": "private",
            **LIVE,
        }
        self.view: Event = {"fn": self.desk.view, "inputs": [locked, w.across], "outputs": close, **HIDDEN}

    def drawing(self, page: gr.Blocks, this: gr.Tab) -> None:
        """Connect checkpoints, sheets and sliders."""
        w, f, studio = self.w, self.f, self.studio
        f.growth.expand(show.polite(lambda name: film_of(studio, name)), w.models, f.film, **HIDDEN)
        opened = gr.on([page.load, this.select], partial(checkpoints.listed, studio), w.models, w.models, **HIDDEN)
        drawn = opened.then(**self.classes).then(**self.redraw).then(**self.named)
        if studio.library.catalogue is not None:  # requested after the page is drawn, because it may take long
            drawn.then(partial(catalogued, studio), w.models, [w.models, w.catalogue], **HIDDEN)
        shown = gr.State(checkpoints.favourite(studio.names()))
        listed = [w.models, shown]
        fetch = w.models.input(partial(checkpoints.fetched, studio), listed, [*listed, f.about], **HIDDEN)
        fetch.success(**self.classes).then(**self.redraw).then(**self.named)
        moved = (w.label, w.n, w.seed, w.truncation, *w.sliders, w.far, w.mixing.share, w.mixing.cut)
        gr.on([x.input for x in moved], **self.redraw)
        w.ways.input(lambda: [0] * SLIDERS, None, w.sliders, **HIDDEN).then(**self.named).then(**self.redraw)
        w.roll.click(lambda: random.randrange(limits.PAGE_SEED + 1), None, w.seed, **HIDDEN).then(**self.redraw)
        w.level.click(lambda: [0] * SLIDERS, None, w.sliders, **HIDDEN).then(**self.redraw)

    def programs(self) -> None:
        """Add the endpoint /sample. It has its own places in the queue, so that requests of programs do not delay
        sliders."""
        w = self.w
        # Programs send checkpoint and class as text: a dropdown would accept only the choices that the page has shown.
        named_model, named_label = gr.Textbox(FAVOURITE, visible=False), gr.Textbox(ALL, visible=False)
        # Number fields, because the range of the page's sliders depends on the checkpoint that it shows.
        free = [gr.Number(0, visible=False, label=f"slider {i + 1}") for i in range(SLIDERS)]
        plain = [named_model, named_label, w.n, w.seed, w.truncation, *free]
        plain += [gr.Number(0, visible=False), gr.Textbox("layer", visible=False)]
        event = show.polite(self.desk.sheet, "sample")
        own = {**LIVE, "concurrency_id": "sample by program"}
        gr.Button(visible=False).click(event, plain, self.p.out, api_name="sample", **own)

    def exploring(self, page: gr.Blocks) -> None:
        """Connect what starts from one garment: lock it, mix it, keep it, open a kept one."""
        w, p, f, desk = self.w, self.p, self.f, self.desk
        first = w.across.input(
            show.polite(desk.lock_first), self.values, [self.locked, self.mate, w.mixing.share], **HIDDEN
        )
        first.then(**self.view).then(**self.redraw)
        relocked = [self.locked, self.mate, w.mixing.share, w.across, *w.sliders]
        picked = p.out.select(show.polite(desk.picked), self.values, relocked, **HIDDEN)
        picked.then(**self.view).then(**self.redraw)
        p.back.click(lambda: 0, None, w.across, **HIDDEN).then(**self.view).then(**self.redraw)
        w.mixing.wire(self.sheets, self.locked, w.models, self.mate, self.redraw)
        reopened = [w.models, self.locked, self.mate, w.mixing.share, w.across, w.truncation, w.ways, *w.sliders]
        again = board.Again(reopened, self.classes, self.redraw, self.named)
        f.shelf.wire(self.studio, page, p.keep, [show.polite(desk.keepable), self.values], again)
        f.upload.wire(self.studio, w.models, w.label, again)


def catalogued(studio: Studio, chosen: str | None) -> tuple[gr.Dropdown, gr.Markdown]:
    """The list with the checkpoints of the Hub's catalogue; if they are missing, a sentence that says why."""
    reason = studio.library.look_up()
    return checkpoints.listed(studio, chosen), gr.Markdown(reason, visible=reason != "")

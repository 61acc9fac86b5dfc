"""Sample: choose a checkpoint, draw garments, move them with sliders, and explore from the one that was clicked."""

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ... import limits
from ...studio import Studio, in_color
from ..shared import checkpoints, fields, send, show, words
from ..shared.events import HIDDEN, Event
from . import board, explore, keys, saves
from . import upload as upload_fold
from .about import film_of
from .controls import Controls, controls
from .desk import Desk
from .endpoint import SheetEndpoint
from .state import SLIDERS, History
from .view import left

LIVE: Event = {
    **HIDDEN,
    "trigger_mode": "always_last",
    "concurrency_id": "sample",
    "concurrency_limit": 2,
}
# Saves a file under the name that it has on the server, which says what it shows.
SAVE = """(file) => {
  const link = document.createElement('a');
  link.href = file.url;
  link.download = decodeURIComponent(file.url.split('/').pop());
  link.click();
}"""
# What the browser does by itself, without another request.
VISIBLE = "(on) => ({__type__: 'update', visible: on})"
STEPS = "(panel) => [panel?.undo, panel?.redo].map(can => ({__type__: 'update', interactive: !!can}))"
SAVE_SHEET = f"() => ({SAVE})({{url: document.querySelector('#sheet img').src}})"


@dataclass(frozen=True)
class Sample:
    """What other tabs may use of this one: the list of checkpoints, and the outbox that sends the chosen garment."""

    models: gr.Dropdown
    outbox: send.Outbox


def tab(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, this: gr.Tab) -> Sample:
    """Build the tab."""
    desk = Desk(studio, explore.Sheets(studio))
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="moves", elem_classes="lines"):
            w = controls(studio)
        with gr.Column(elem_id="seen"):
            p = picture(desk)
        with gr.Column(elem_id="folds"):
            f = folds()
    wiring = Wiring(studio, desk, w, p, f)
    wiring.drawing(page, this)
    wiring.programs()
    wiring.exploring(page)
    wiring.saving()
    outbox = send.Outbox(tabs, p.actions, show.polite(desk.one_picture), wiring.values)
    return Sample(w.models, outbox)


@dataclass(frozen=True)
class Picture:
    """The picture, which stays in view, and the buttons below it."""

    out: gr.Image
    large: gr.Image  # the locked garment alone, beside its neighbours
    panel: gr.HTML
    chosen: gr.Markdown
    actions: gr.Row
    back: gr.Button
    keep: gr.Button
    one: gr.Button
    every: gr.Button
    scale: gr.Dropdown
    ground: gr.Dropdown  # below saved garments with alpha
    file: gr.File  # what is saved


def picture(desk: Desk) -> Picture:
    """Build them."""
    with gr.Row(elem_id="pictures"):
        out = image("sheet", "generated garments", buttons=["fullscreen"], placeholder="Your garments appear here.")
        large = image("large", "the chosen garment")  # desk.css hides it while it is empty
    panel = keys.panel(desk)
    chosen = gr.Markdown(words.CLICK, elem_id="chosen", elem_classes="caption")
    with gr.Row(elem_classes="actions") as actions:
        back = gr.Button("Back to the sheet", elem_id="back", size="sm", visible=False)
        keep = gr.Button("Keep it", elem_id="keep", size="sm", visible=False)
    with gr.Row(elem_classes="actions lines"):
        sheet = gr.Button("Download PNG", elem_id="download", size="sm")
        one = gr.Button("Download this garment", elem_id="save_one", size="sm", visible=False)
        every = gr.Button("All as ZIP", elem_id="save_all", size="sm")
        scale = gr.Dropdown(saves.SCALES, value=1, label="Size", elem_id="scale", min_width=180)
        ground = gr.Dropdown(
            in_color.GROUNDS, value="white", label="On", elem_id="ground", min_width=140, allow_custom_value=True,
            visible=False,
        )  # fmt: skip
    file = gr.File(visible=False)
    sheet.click(None, js=SAVE_SHEET, api_visibility="private")
    return Picture(out, large, panel, chosen, actions, back, keep, one, every, scale, ground, file)


def image(elem_id: str, alt_text: str, **more: Any) -> gr.Image:
    """A picture of garments; visitors cannot put another into it."""
    common: Event = {"format": "png", "interactive": False, "show_label": False, "container": False, "buttons": []}
    return gr.Image(elem_id=elem_id, alt_text=alt_text, **(common | more))


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


class Wiring:
    """Connects the widgets with their handlers."""

    def __init__(self, studio: Studio, desk: Desk, w: Controls, p: Picture, f: Folds):
        self.studio, self.desk, self.w, self.p, self.f = studio, desk, w, p, f
        self.locked, self.base, self.history, mix = gr.State(""), gr.State(""), gr.State(History()), w.mixing
        # In the order of state.Values.
        mixed = [mix.mate, mix.seed, mix.share, mix.cut]
        self.values = [self.locked, self.base, *mixed, w.far, w.ways, w.palette, w.enlarge, *w.asking]
        self.drawn = [p.out, p.large, p.panel, self.history]  # as `Desk.drawn` returns them
        close = [p.back, p.keep, p.one, p.chosen, mix.box]
        address = [self.locked, self.base, w.across, w.label, mix.mate, mix.cut]
        fitted = [*address, f.about, f.growth, w.photograph, w.palette, w.enlarge, p.ground, w.n, w.far, *close]
        # As `Desk.page` returns them.
        self.everything = [*fitted, w.models, mix.seed, mix.share, w.ways, w.seed, w.truncation, *w.sliders]
        self.classes: Event = {
            "fn": show.polite(desk.chosen),
            "inputs": [w.models, self.locked, self.base, w.label, w.across, mix.mate, mix.cut, w.enlarge],
            "outputs": fitted,
            **HIDDEN,
        }
        self.named: Event = {
            "fn": show.polite(desk.named),
            "inputs": [w.models, w.ways, w.across, *w.sliders],
            "outputs": [w.across, *w.sliders],
            **HIDDEN,
            "concurrency_id": "names",
        }
        self.redraw: Event = {
            "fn": show.polite(desk.shown),
            "inputs": [self.history, *self.values],
            "outputs": self.drawn,
            "preprocess": False,  # a change of threads for each of 20 widgets, which `Values` checks at once
            **LIVE,
        }
        self.view: Event = {
            "fn": show.polite(desk.viewed),
            "inputs": [w.models, self.locked, self.base, w.across],
            "outputs": [w.n, w.far, *close],
            **HIDDEN,
        }

    def drawing(self, page: gr.Blocks, this: gr.Tab) -> None:
        """Connect checkpoints, sheets and sliders."""
        w, f, studio = self.w, self.f, self.studio
        f.growth.expand(show.polite(lambda name: film_of(studio, name)), w.models, f.film, **HIDDEN)
        first = page.load(show.polite(self.desk.arrived), None, [*self.everything, *self.drawn], **HIDDEN)
        drawn = first.then(**self.named)
        if studio.library.catalogue is not None:  # requested after the page is drawn, because it may take long
            drawn.then(partial(catalogued, studio), w.models, [w.models, w.catalogue], **HIDDEN)
        # The choices alone: this happens while the page opens, too, and must not undo what its address says.
        this.select(lambda: gr.Dropdown(choices=checkpoints.titled(studio.names())), None, w.models, **HIDDEN)
        shown = gr.State(checkpoints.favourite(studio.names()))
        listed = [w.models, shown]
        fetch = w.models.input(partial(checkpoints.fetched, studio), listed, [*listed, f.about], **HIDDEN)
        fetch.success(**self.classes).then(**self.redraw).then(**self.named)
        moved = (w.label, w.n, w.seed, w.truncation, *w.sliders, w.far, w.palette, w.enlarge)
        gr.on([*(x.input for x in moved), self.p.panel.input], **self.redraw)
        w.photograph.upload(show.polite(show.palette_of), w.photograph, w.palette, **HIDDEN).success(**self.redraw)
        w.ways.input(lambda: [0] * SLIDERS, None, w.sliders, **HIDDEN).then(**self.named).then(**self.redraw)
        w.roll.click(lambda: random.randrange(limits.PAGE_SEED + 1), None, w.seed, **HIDDEN).then(**self.redraw)
        w.level.click(lambda: [0] * SLIDERS, None, w.sliders, **HIDDEN).then(**self.redraw)
        w.enlarge.input(None, w.enlarge, self.p.ground, js=VISIBLE, **HIDDEN)
        self.p.panel.change(None, self.p.panel, [w.undo, w.redo], js=STEPS, **HIDDEN)
        for button, handler in ((w.undo, self.desk.undone), (w.redo, self.desk.redone)):
            step = button.click(show.polite(handler), self.history, [*self.everything, *self.drawn], **HIDDEN)
            step.success(**self.named)

    def programs(self) -> None:
        """Add the endpoint /sample. It has its own places in the queue, so that requests of programs do not delay
        sliders."""
        sheet = SheetEndpoint(self.desk.sheets).sheet
        own = {**LIVE, "api_visibility": "public", "concurrency_id": "sample by program"}
        event = show.polite(sheet, "sample")
        gr.Button(visible=False).click(event, fields.hidden(sheet), self.p.out, api_name="sample", **own)

    def exploring(self, page: gr.Blocks) -> None:
        """Connect what starts from one garment: lock it, mix it, keep it, open a kept one."""
        w, p, f, desk = self.w, self.p, self.f, self.desk
        mixed = [w.mixing.share, w.mixing.cut]
        first = w.across.input(show.polite(desk.lock_first), self.values, [self.locked, *mixed], **HIDDEN)
        first.then(**self.view).then(**self.redraw)
        relocked = [self.locked, *mixed, w.across, *w.sliders]
        for event, opened in ((p.out.select, desk.clicked), (p.panel.select, desk.entered)):
            picked = event(show.polite(opened), self.values, relocked, **HIDDEN)
            picked.then(**self.view).then(**self.redraw)
        leave = p.back.click(left, [self.base, w.across], [self.base, w.across], **HIDDEN)
        leave.then(**self.view).then(**self.redraw)
        liked = [self.history, *self.values]
        more = p.panel.like(show.polite(desk.more), liked, [*self.everything, *self.drawn], **HIDDEN)
        more.success(**self.named)
        w.mixing.wire(self.redraw)
        again = board.Again(desk.opened, self.history, [*self.everything, *self.drawn], self.named)
        f.shelf.wire(
            self.studio, page, [p.keep.click, p.panel.submit], [show.polite(desk.keepable), self.values], again
        )
        f.upload.wire(self.studio, w.models, w.label, again)

    def saving(self) -> None:
        """Connect the buttons that save files."""
        p = self.p
        for button, handler in ((p.one, self.desk.one_saved), (p.every, self.desk.all_saved)):
            event = button.click(
                show.polite(handler), [p.scale, p.ground, *self.values], p.file, api_visibility="private"
            )
            event.success(None, p.file, None, js=SAVE, api_visibility="private")


def catalogued(studio: Studio, chosen: str | None) -> tuple[gr.Dropdown, gr.Markdown]:
    """The list with the checkpoints of the Hub's catalogue; if they are missing, a sentence that says why."""
    reason = studio.library.look_up()
    return checkpoints.listed(studio, chosen), gr.Markdown(reason, visible=reason != "")

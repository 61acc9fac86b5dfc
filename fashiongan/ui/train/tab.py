"""The Train tab: choose a GAN and its settings, start a run, and watch it. The studio trains; the page only shows
it."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ... import gans
from ...checked import checked
from ...errors import StudioError
from ...gans.recipe import Knob
from ...studio import Studio
from ...studio.runs import RunStatus, RunUpdate
from ..shared import show, sign_in, words
from ..shared.elements import Element, count, element, opponent, progress, time_left
from ..shared.events import HIDDEN, Event
from ..shared.panel import html_panel
from .desk import FULL, QUICK, Desk
from .source import Source

HERE = Path(__file__).parent

OFFERED = "studio"  # its quick look is the first that shows recognisable garments: benchmarks/soon.md
START = "start_from"
FIRST = (START, "size", "fit", "classes", "limit", "epochs", "seed")  # knobs that are always visible
STATES = {"running": "Training", "paused": "Paused", "stopped": "Stopped", "finished": "Finished", "failed": "Failed"}
TEX = [{"left": "$$", "right": "$$", "display": True}]
REFRESH = "() => { document.dispatchEvent(new Event('fashiongan-update')); }"  # panel.js handles it


def widget(k: Knob, value: Any, visible: bool) -> gr.components.FormComponent:
    """A knob as a form field with its label, help, range and initial value."""
    within = f" ({k.lo:,.15g} to {k.hi:,.15g})" if k.lo is not None else ""
    common: dict[str, Any] = {
        "label": k.label,
        "info": k.text + within,
        "elem_id": f"knob_{k.name}",
        "visible": visible,
    }
    if k.choices:
        return gr.Dropdown(list(k.choices), value=value, **common)
    if k.kind is str:
        return gr.Textbox(value, max_length=500, **common)
    # The recipe checks the range, because its error names the setting and Gradio's does not.
    whole = k.kind is int
    empty = "empty" if k.default is None else None
    return gr.Number(value, precision=0 if whole else None, step=1 if whole else None, placeholder=empty, **common)


def start_field(desk: Desk) -> gr.Dropdown:
    """The knob `start_from` as a list of the checkpoints."""
    k = desk.names[START]
    return gr.Dropdown(desk.starts(), value=k.default, label=k.label, info=k.text, elem_id=f"knob_{START}")


@dataclass(frozen=True)
class Chooser:
    """The widgets that say what is trained, and the buttons of the run."""

    gan: gr.Dropdown
    idea: gr.Markdown
    how_long: gr.Radio
    go: gr.Button
    hold: gr.Button
    on: gr.Button
    add: gr.Button
    halt: gr.Button


def chooser(studio: Studio) -> Chooser:
    """Build them."""
    gr.Markdown(words.purpose(studio.public, studio.visitors), elem_id="purpose")
    sign_in.button()
    gan = gr.Dropdown(list(gans.GANS), value=OFFERED, label="GAN", elem_id="gan")
    idea = gr.Markdown(describe(OFFERED), elem_classes="caption", elem_id="idea")
    how_long = gr.Radio([QUICK, FULL], value=QUICK, label="How long", info=words.HOW_LONG, elem_id="how_long")
    with gr.Row(elem_classes="together"):
        go = gr.Button(
            "Start", size="md", variant="primary", elem_id="start", min_width=90, interactive=not studio.public
        )
        hold = gr.Button("Pause", size="md", visible=False, elem_id="pause", min_width=90)
        on = gr.Button("Resume", size="md", visible=False, elem_id="resume", min_width=90)
        add = gr.Button("Queue it", size="md", visible=False, elem_id="add", min_width=90)
        halt = gr.Button("Stop", size="md", variant="stop", visible=False, elem_id="stop", min_width=90)
    return Chooser(gan, idea, how_long, go, hold, on, add, halt)


@dataclass(frozen=True)
class Watch:
    """What shows the run and what may be done with its checkpoint."""

    live: gr.HTML
    take: gr.Button
    share: gr.Accordion
    repo: gr.Textbox
    push: gr.Button
    pushed: gr.Markdown


def watch(studio: Studio) -> Watch:
    """Build them."""
    live = live_panel(studio)
    take = gr.Button("Sample it", visible=False, elem_id="sample_it", size="sm")
    share, repo, push, pushed = share_fold()
    return Watch(live, take, share, repo, push, pushed)


@dataclass(frozen=True)
class Settings:
    """The data and every knob of the next run, folded away when it starts; the runs that wait; how the GAN works."""

    fold: gr.Accordion
    pictures: Source
    preview: gr.HTML
    fields: dict[str, gr.components.FormComponent]  # by the knobs' names
    queue: gr.Row
    waiting: gr.Dropdown
    drop: gr.Button
    story: gr.Markdown


def settings(studio: Studio, desk: Desk) -> Settings:
    """Build them."""
    with gr.Row(elem_classes="together", visible=False, elem_id="queue") as queue:
        waiting = gr.Dropdown([], label="Waiting", elem_id="waiting", min_width=160)
        drop = gr.Button("Cancel it", size="md", elem_id="drop", min_width=90)
    with gr.Accordion("Data and settings", elem_id="fold", elem_classes="lines") as fold:
        pictures = Source(studio)
        preview = gr.HTML("<p>Loading the data...</p>", elem_id="preview")
        values = desk.values(OFFERED, QUICK)
        fields = {name: widget(desk.names[name], values[name], True) for name in FIRST if name != START}
        fields = {START: start_field(desk), **fields}
        with gr.Accordion("More settings", open=False, elem_classes="lines"):
            folded = {name: k for name, k in desk.names.items() if name not in FIRST}
            fields |= {n: widget(k, values.get(n, k.default), n in values) for n, k in folded.items()}
    with gr.Accordion("How it works", open=False):
        story = gr.Markdown(explain(OFFERED), latex_delimiters=TEX, elem_id="story")
    return Settings(fold, pictures, preview, fields, queue, waiting, drop, story)


def tab(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, this: gr.Tab, models: gr.Dropdown) -> gr.BrowserState:
    """Build the tab. Returns the visitor's id, so that other tabs can start runs with the same owner."""
    desk = Desk(studio)
    with gr.Row(elem_id="train_row"):
        with gr.Column(elem_classes=["controls", "lines"], elem_id="choose"):
            c = chooser(studio)
        with gr.Column(elem_id="watch"):
            w = watch(studio)
        with gr.Column(elem_classes=["controls", "lines"], elem_id="settings"):
            s = settings(studio, desk)
    visitor = gr.BrowserState(None, storage_key="fashiongan-visitor", secret="fashiongan")  # noqa: S106  no secret: see api.py
    wire_run(desk, page, this, visitor, (c, w, s))
    wire_settings(desk, page, this, c, s)
    w.push.click(show.polite(desk.push), w.repo, w.pushed, api_visibility="private")
    w.take.click(desk.sample_it, None, [tabs, models], **HIDDEN)
    return visitor


def wire_run(
    desk: Desk, page: gr.Blocks, this: gr.Tab, visitor: gr.BrowserState, widgets: tuple[Chooser, Watch, Settings]
) -> None:
    """Connect the buttons that start, pause, stop and queue runs."""
    c, w, s = widgets
    recipe = [visitor, c.gan, s.pictures.field, *(s.fields[name] for name in desk.names)]
    buttons = [c.go, c.hold, c.on, c.halt, w.take, w.share, c.add, s.queue, s.waiting]
    fresh: Event = {"fn": desk.buttons, "inputs": visitor, "outputs": buttons, **HIDDEN, "concurrency_limit": None}
    start = c.go.click(show.polite(desk.start), recipe, visitor, api_visibility="private")
    start.success(lambda: gr.Accordion(open=False), None, s.fold, **HIDDEN)
    pause = c.hold.click(show.polite(desk.pause), visitor, None, **HIDDEN)
    resume = c.on.click(show.polite(desk.resume), [visitor, s.pictures.field], visitor, **HIDDEN)
    stop = c.halt.click(show.polite(desk.stop), visitor, None, api_visibility="private")
    enqueue = c.add.click(show.polite(desk.enqueue), recipe, visitor, **HIDDEN)
    cancel = s.drop.click(show.polite(desk.cancel), [visitor, s.waiting], None, **HIDDEN)
    for clicked in (start, pause, resume, stop, enqueue, cancel):
        clicked.then(fn=None, js=REFRESH, **HIDDEN).then(**fresh)
    w.live.change(**fresh)  # panel.js triggers this when the run's state has changed
    gr.on([page.load, this.select], **fresh)


def wire_settings(desk: Desk, page: gr.Blocks, this: gr.Tab, c: Chooser, s: Settings) -> None:
    """Connect the choice of a GAN and of data with the fields that follow from it."""
    fields, knob_fields = s.fields, [s.fields[name] for name in desk.names]
    c.gan.change(lambda name: (describe(name), explain(name)), c.gan, [c.idea, s.story], **HIDDEN)
    # `input`, not `change`: only a visitor's choice resets the fields. `use` sets the GAN and the fields together.
    gr.on([c.gan.input, c.how_long.input], desk.settings, [c.gan, c.how_long], knob_fields, **HIDDEN)
    started = [c.gan, c.how_long, *knob_fields]
    fields[START].input(show.polite(desk.started), fields[START], started, **HIDDEN)  # type: ignore[attr-defined]
    gr.on([page.load, this.select], lambda: gr.Dropdown(choices=desk.starts()), None, fields[START], **HIDDEN)
    # Gradio shows a 0 in a number field that is empty at first.
    empty = [fields[name] for name, k in desk.names.items() if k.default is None]
    page.load(lambda: [None] * len(empty), None, empty, **HIDDEN)
    which = [s.pictures.field, fields["size"], fields["fit"]]
    s.pictures.wire(this, which, [fields["classes"], fields["limit"]], s.preview)
    s.pictures.advise_on(which, desk.advised, started)


def share_fold() -> tuple[gr.Accordion, gr.Textbox, gr.Button, gr.Markdown]:
    """The widgets that send a checkpoint to the Hub: the fold, the repository's name, the button, the result."""
    with gr.Accordion("Save to the Hub", open=False, visible=False, elem_id="hub") as fold:
        gr.Markdown(words.PUSH, elem_classes="caption")
        with gr.Row(elem_classes="together"):
            repo = gr.Textbox(
                "", label="Repository", placeholder="user/name", max_length=100, elem_id="repo", min_width=160
            )
            push = gr.Button("Send it", size="md", elem_id="push", min_width=90)
        pushed = gr.Markdown(elem_id="pushed")
    return fold, repo, push, pushed


def live_panel(studio: Studio) -> gr.HTML:
    """The panel that shows the run: panel.html and panel.js, which calls `update` and `sheet`."""

    @show.answered
    def update(request: Any) -> LiveUpdate:
        # Anybody can call this: it only reads, and checks every value.
        try:
            run, generation, row, sheet = checked(tuple[str, int, int, int], request, "")
        except StudioError:  # a reader that has no data yet
            run, generation, row, sheet = "", -1, 0, -1
        return live(studio.updates(run, generation, row, sheet), idle)

    @show.answered
    def sheet(epoch: Any) -> bytes | None:
        return studio.epoch_sheet(epoch) if isinstance(epoch, int) else None

    idle = words.IDLE + ("" if studio.public else words.PRESS_START)
    html = (HERE / "panel.html").read_text(encoding="utf-8")
    html = html.replace(words.PRESS_START, "") if studio.public else html
    return html_panel(HERE, "live", [update, sheet], html, words=words.CURVES)


@dataclass(frozen=True)
class LiveUpdate:
    """What is new of a run, and what the panel shows about it."""

    update: RunUpdate
    opponent: str
    right: str
    bar: dict[str, str | bool]
    remarks: list[Element]
    queue: str
    failed: str | None
    about: str


def live(now: RunUpdate, idle: str) -> LiveUpdate:
    """`idle`: what is said before the first run."""
    s, second = now.status, opponent(now.status.gan)
    return LiveUpdate(
        now,
        second,
        f"How often the {second} is right",
        progress(100 * s.step / s.steps if s.steps else 0),
        [element("li", remark) for remark in s.remarks],
        f"Waiting: {', then '.join(w.gan for w in s.queue)}" if s.queue else "",
        s.error,
        idle if s.state == "idle" else " · ".join(about(s)),
    )


def about(status: RunStatus) -> list[str]:
    """The state of a run in words."""
    running = status.state == "running"
    left = [time_left(status.seconds_left)] if running and status.seconds_left is not None else []
    if running and not status.step:
        return [f"Starting {status.run}...", *left]
    parts = [f"{STATES.get(status.state, '')}: {status.run}", f"step {count(status.step)} of {count(status.steps)}"]
    parts.append(f"epoch {status.epoch:.1f}")
    return [*parts, f"{count(status.images_per_second)} pictures/s", *left] if running else parts


def describe(gan: str) -> str:
    """One line of Markdown about a GAN."""
    cls = gans.find(gan)
    return f"**{gan}** ({cls.year}): {cls.title}. [The paper]({cls.paper})"


def explain(gan: str) -> str:
    """The two losses of a GAN as formulas and the docstring of its module, as Markdown with TeX."""
    cls = gans.find(gan)
    text = inspect.getdoc(inspect.getmodule(cls)) or ""
    d, g = cls.formulas
    return f"The discriminator minimises\n$${d}$$\nand the generator\n$${g}$$\n{text.replace('*', chr(92) + '*')}"

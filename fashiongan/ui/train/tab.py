"""The Train tab: choose a GAN and its settings, start a run, and watch it. The studio trains; the page only shows
it."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ... import gans, hub
from ...checked import checked
from ...errors import StudioError
from ...gans.recipe import Knob, Recipe, knobs
from ...release import model_card
from ...studio import Studio
from ...studio.runs import RunStatus, RunUpdate
from ..shared import access, checkpoints, show, sign_in, words
from ..shared.elements import count
from ..shared.panel import html_panel
from .source import Source

HERE = Path(__file__).parent

OFFERED = "studio"  # its quick look is the first that shows recognisable garments: benchmarks/soon.md
FIRST = ("epochs", "size", "classes", "limit", "seed")  # knobs that are always visible; the others are folded
STATES = {"running": "Training", "paused": "Paused", "stopped": "Stopped", "finished": "Finished", "failed": "Failed"}
QUICK, FULL = "Quick look (minutes)", "Full recipe"
TEX = [{"left": "$$", "right": "$$", "display": True}]
LOOK_AT_ONCE = "() => { document.dispatchEvent(new Event('fashiongan-news')); }"  # panel.js handles it


def all_knobs() -> dict[str, Knob]:
    """Every knob of every GAN, except for the data, which has its own widgets."""
    every: dict[str, Knob] = {}
    for cls in gans.GANS.values():
        every = {**knobs(cls.recipe_type), **every}
    return {name: k for name, k in every.items() if name != "data"}


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


def tab(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, this: gr.Tab, models: gr.Dropdown) -> gr.BrowserState:
    """Build the tab. Returns the visitor's id, so that other tabs can start runs with the same owner."""
    desk = Desk(studio)
    first = OFFERED
    with gr.Row(elem_id="train_row"):
        with gr.Column(elem_classes="controls", elem_id="choose"):
            gr.Markdown(words.purpose(studio.public, studio.visitors), elem_id="purpose")
            sign_in.button()
            gan = gr.Dropdown(list(gans.GANS), value=first, label="GAN", elem_id="gan")
            idea = gr.Markdown(describe(first), elem_classes="caption")
            with gr.Accordion("How it works", open=False):
                story = gr.Markdown(explain(first), latex_delimiters=TEX, elem_id="story")
            how_long = gr.Radio([QUICK, FULL], value=QUICK, label="How long", info=words.HOW_LONG, elem_id="how_long")
            with gr.Row(elem_classes="together"):
                go = gr.Button(
                    "Start", size="md", variant="primary", elem_id="start", min_width=90, interactive=not studio.public
                )
                hold = gr.Button("Pause", size="md", visible=False, elem_id="pause", min_width=90)
                on = gr.Button("Resume", size="md", visible=False, elem_id="resume", min_width=90)
                add = gr.Button("Queue it", size="md", visible=False, elem_id="add", min_width=90)
                halt = gr.Button("Stop", size="md", variant="stop", visible=False, elem_id="stop", min_width=90)
        with gr.Column(elem_id="watch"):
            live = live_panel(studio)
            take = gr.Button("Sample it", visible=False, elem_id="sample_it", size="sm")
            share, repo, push, pushed = share_fold()
            gr.Markdown("**The pictures it will learn from**", elem_classes="caption")
            shown = gr.HTML("<p>Loading the data...</p>", elem_id="preview")
        with gr.Column(elem_classes="controls", elem_id="settings"):
            with gr.Row(elem_classes="together", visible=False, elem_id="queue") as queue:
                waiting = gr.Dropdown([], label="Waiting", elem_id="waiting", min_width=160)
                drop = gr.Button("Cancel it", size="md", elem_id="drop", min_width=90)
            pictures = Source(studio)
            source = pictures.field
            values = desk.values(first, QUICK)
            fields = {name: widget(desk.names[name], values[name], True) for name in FIRST}
            with gr.Accordion("More settings", open=False):
                folded = {name: k for name, k in desk.names.items() if name not in FIRST}
                fields |= {n: widget(k, values.get(n, k.default), n in values) for n, k in folded.items()}

    visitor = gr.BrowserState(None, storage_key="fashiongan-visitor", secret="fashiongan")  # noqa: S106  no secret: see api.py
    knob_fields = [fields[name] for name in desk.names]
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    buttons = [go, hold, on, halt, take, share, add, queue, waiting]
    fresh: dict[str, Any] = {
        "fn": desk.buttons,
        "inputs": visitor,
        "outputs": buttons,
        **hidden,
        "concurrency_limit": None,
    }
    look: dict[str, Any] = {"fn": None, "js": LOOK_AT_ONCE, **hidden}

    start = go.click(show.polite(desk.start), [visitor, gan, source, *knob_fields], visitor, api_visibility="private")
    pause = hold.click(show.polite(desk.pause), visitor, None, **hidden)
    resume = on.click(show.polite(desk.resume), visitor, visitor, **hidden)
    stop = halt.click(show.polite(desk.stop), visitor, None, api_visibility="private")
    enqueue = add.click(show.polite(desk.enqueue), [visitor, gan, source, *knob_fields], visitor, **hidden)
    cancel = drop.click(show.polite(desk.cancel), [visitor, waiting], None, **hidden)
    for clicked in (start, pause, resume, stop, enqueue, cancel):
        clicked.then(**look).then(**fresh)
    live.change(**fresh)  # panel.js triggers this when the run's state has changed
    gr.on([page.load, this.select], **fresh)
    push.click(show.polite(desk.push), repo, pushed, api_visibility="private")
    take.click(desk.sample_it, None, [tabs, models], **hidden)

    gan.change(lambda name: (describe(name), explain(name)), gan, [idea, story], **hidden)
    # `input`, not `change`: only a visitor's choice resets the fields. `use` sets the GAN and the fields together.
    gr.on([gan.input, how_long.input], desk.settings, [gan, how_long], knob_fields, **hidden)
    # Gradio shows a 0 in a number field that is empty at first.
    empty = [fields[name] for name, k in desk.names.items() if k.default is None]
    page.load(lambda: [None] * len(empty), None, empty, **hidden)
    which = [source, fields["size"], fields["fit"]]
    pictures.look(this, which, [fields["classes"], fields["limit"]], shown)
    pictures.advise_on(which, desk.advised, [gan, how_long, *knob_fields])
    return visitor


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
    """The panel that shows the run: panel.html and panel.js, which calls `news` and `sheet`."""

    @show.answered
    def news(asked: Any) -> LiveNews:
        # Anybody can call this: it only reads, and checks every value.
        try:
            run, generation, row, sheet = checked(tuple[str, int, int, int], asked, "")
        except StudioError:  # a reader that has no data yet
            run, generation, row, sheet = "", -1, 0, -1
        now = studio.updates(run, generation, row, sheet)
        return LiveNews(now, about(now.status))

    @show.answered
    def sheet(epoch: Any) -> bytes | None:
        return studio.epoch_sheet(epoch) if isinstance(epoch, int) else None

    html = (HERE / "panel.html").read_text()
    html = html.replace(words.PRESS_START, "") if studio.public else html
    return html_panel(HERE, "live", [news, sheet], html, words=words.CURVES)


@dataclass(frozen=True)
class LiveNews:
    """What is new of a run, and the parts of the line about it."""

    news: RunUpdate
    about: list[str]


def about(status: RunStatus) -> list[str]:
    """The state of a run in words."""
    running = status.state == "running"
    if running and not status.step:
        return [f"Starting {status.run}..."]
    parts = [f"{STATES.get(status.state, '')}: {status.run}", f"step {count(status.step)} of {count(status.steps)}"]
    parts.append(f"epoch {status.epoch:.1f}")
    return [*parts, f"{count(status.images_per_second)} pictures/s"] if running else parts


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


class Desk:
    """The handlers of the tab's widgets, which call one studio."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.names = all_knobs()

    def recipe(self, gan: str, source: str, values: tuple[Any, ...]) -> Recipe:
        mine = knobs(gans.find(gan).recipe_type)
        changes = {
            name: v or None if mine[name].default is None else v  # an empty number field may arrive as 0
            for name, v in zip(self.names, values, strict=True)
            if name in mine and v is not None
        }
        return gans.new_recipe(gan, data=source, **changes)

    def start(self, visitor: str | None, gan: str, source: str, *values: Any) -> str:
        self.studio.check_training()
        visitor = access.name_of(visitor)
        self.studio.start(self.recipe(gan, source, values), visitor)
        return visitor

    def enqueue(self, visitor: str | None, gan: str, source: str, *values: Any) -> str:
        self.studio.check_training()
        visitor = access.name_of(visitor)
        self.studio.enqueue(self.recipe(gan, source, values), visitor)
        return visitor

    def cancel(self, visitor: str | None, number: int | None, request: gr.Request) -> None:
        self.studio.check_training()
        entry = next((w for w in self.studio.waiting if w.number == number), None)
        if entry is not None and not access.may(self.studio, entry.owner, visitor, request):
            raise StudioError("Only the visitor who queued this run can take it out of the queue.")
        self.studio.cancel(number or 0)

    def pause(self, visitor: str | None, request: gr.Request) -> None:
        self.studio.check_private("Training")
        access.check_control(self.studio, visitor, request)
        self.studio.pause()

    def resume(self, visitor: str | None, request: gr.Request) -> str:
        self.studio.check_private("Training")
        if self.studio.run is not None and self.studio.run.alive:
            access.check_control(self.studio, visitor, request)
        visitor = access.name_of(visitor)
        self.studio.go_on(visitor)
        return visitor

    def stop(self, visitor: str | None, request: gr.Request) -> None:
        self.studio.check_training()
        access.check_control(self.studio, visitor, request)
        self.studio.stop()

    def buttons(self, visitor: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Show the buttons that make sense now (Start, Pause, Resume, Stop, Sample it, Save to the Hub, Queue it), and
        the queue."""
        status, may = self.studio.status(), access.may_control(self.studio, visitor, request)
        owner, train = not self.studio.restricted, self.studio.may_train
        state = status.state
        alive = state in ("running", "paused")
        waiting = [(f"{i}. {w.gan}", w.number) for i, w in enumerate(status.queue, 1)]
        return (
            gr.Button(visible=not alive, interactive=train),
            gr.Button(visible=state == "running", interactive=may and owner),
            gr.Button(visible=state in ("paused", "stopped", "failed"), interactive=(may or not alive) and owner),
            gr.Button(visible=alive, interactive=may),
            gr.Button(visible=bool(status.checkpoint)),
            gr.Accordion(visible=bool(status.checkpoint) and access.trusted(self.studio, request)),
            gr.Button(visible=alive, interactive=train),
            gr.Row(visible=bool(waiting)),
            gr.Dropdown(choices=waiting, value=waiting[0][1] if waiting else None),
        )

    def advised(self, recipe: Recipe) -> list[Any]:
        """The values of all widgets for a recipe: the GAN, how long, and the fields."""
        return [recipe.gan, FULL, *self.filled({n: getattr(recipe, n) for n in knobs(type(recipe))})]

    def values(self, gan: str, how_long: str) -> dict[str, object]:
        """Every knob of a GAN with its value."""
        recipe = gans.find(gan).recipe_type
        return {name: k.default for name, k in knobs(recipe).items()} | (recipe.quick if how_long == QUICK else {})

    def settings(self, gan: str, how_long: str) -> list[Any]:
        """Updates of the fields for a GAN. Fields that it does not have are hidden."""
        return self.filled(self.values(gan, how_long))

    def filled(self, values: dict[str, object]) -> list[Any]:
        """Updates of all fields: those in `values` get their value, the others are hidden."""
        return [
            gr.update(value=values[n], visible=True) if n in values else gr.update(visible=False) for n in self.names
        ]

    def push(self, repo: str, request: gr.Request) -> str:
        """Upload the shown run's checkpoint to the Hub with a card. Only the local user may, because it uses their
        token."""
        access.check_at_the_machine(self.studio, request, "Saving to the Hub")
        name = self.studio.status().checkpoint
        if name is None:
            raise StudioError("There is no checkpoint to send yet: train one.")
        files = model_card.files(name, repo.strip())
        address = hub.send(repo.strip(), files, f"Add {next(iter(files))}")
        return words.PUSHED.format(files=", ".join(files), address=address)

    def sample_it(self) -> tuple[gr.Tabs, gr.Dropdown]:
        return gr.Tabs(selected="sample"), checkpoints.listed(self.studio, self.studio.status().checkpoint)

"""Sample: choose a checkpoint, draw garments, move them with sliders, and explore from the one that was clicked."""

import base64
import random
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from ... import checkpoint, limits
from ...errors import StudioError
from ...gans.base import GAN
from ...latent import directions, spec
from ...studio import Studio
from ..shared import checkpoints, send, show, words
from ..shared.checkpoints import FAVOURITE
from . import board, explore
from . import upload as upload_fold

SLIDERS = 6

ALL = "All classes"
WAYS = [
    ("by what they change", "measured"),
    ("directions of the first layer (SeFa)", "layer"),
    ("principal components (GANSpace)", "activations"),
]

# By way of a blob, or the server's own name for the file would win over ours.
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
    """What other tabs may know of this one: the list of checkpoints, and where to register for the chosen picture."""

    models: gr.Dropdown
    outbox: send.Outbox


def tab(studio: Studio, page: gr.Blocks, tabs: gr.Tabs, this: gr.Tab) -> Sample:
    """Build the tab."""
    sheets = explore.Sheets(studio)

    def sheet(
        checkpoint: str = FAVOURITE,
        label: str = ALL,
        n: int = 40,
        seed: int = 0,
        truncation: float = 1.0,
        slider_1: float = 0.0,
        slider_2: float = 0.0,
        slider_3: float = 0.0,
        slider_4: float = 0.0,
        slider_5: float = 0.0,
        slider_6: float = 0.0,
        across: int = 0,
        ways: str = "layer",
    ) -> str:
        """Draw a sheet of garments.

        Args:
            checkpoint: a name from the page's list, such as "dcgan" or "runs/dcgan-1", or "hub:user/name".
            label: a class by name or number, or "All classes".
            n: how many pictures, 1 to 100.
            seed: another seed draws other garments.
            truncation: 0 to 1.5; below 1 more typical, above 1 more varied.
            slider_1: offset along the generator's first direction, in standard deviations, -8 to 8, or -4 to 4 where
                directions are measured; the others likewise. InfoGAN's come after its codes, which go from -2 to 2.
            across: number of a slider, 1 to 6, for a grid of every class along it; 0 for a sheet of garments.
            ways: which directions the sliders are: "layer" (SeFa), "activations" (GANSpace), or "measured", those that
                the page names by what they change.

        Returns:
            A PNG; its text field "fashiongan" holds this description as JSON.
        """
        sliders = (slider_1, slider_2, slider_3, slider_4, slider_5, slider_6)
        look = asked(studio.gan(checkpoint), checkpoint, label, n, seed, truncation, sliders, across, ways)
        return show.described_sheet(*sheets.drawn(look))

    with gr.Row():
        with gr.Column(scale=1, min_width=300, elem_classes="controls"):
            w = controls(studio)
        with gr.Column(scale=2, min_width=320, elem_classes="picture"):
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
            chosen_one = gr.Markdown(words.CLICK, elem_id="chosen", elem_classes="caption")
            with gr.Row(elem_classes="actions") as actions:
                back = gr.Button("Back to the sheet", elem_id="back", size="sm", visible=False)
                keep = gr.Button("Keep it", elem_id="keep", size="sm", visible=False)
                gr.Button("Download PNG", elem_id="download", size="sm").click(
                    None, js=DOWNLOAD, api_visibility="private"
                )
            shelf = board.fold()
            upload = upload_fold.fold()
            about = gr.Markdown(elem_id="about", elem_classes="caption")
            with gr.Accordion("How it learned", open=False, elem_id="growth") as growth:
                film = gr.HTML(elem_id="film")

    locked, mate = gr.State(""), gr.State("")
    inputs = w.asking
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    live: dict[str, Any] = {
        "trigger_mode": "always_last",
        "show_progress": "hidden",
        "concurrency_id": "sample",
        "concurrency_limit": 2,
    }
    desk = Desk(studio, sheets)
    known = [locked, w.label, w.across]
    classes: dict[str, Any] = {
        "fn": show.polite(desk.chosen),
        "inputs": [w.models, *known],
        "outputs": [*known, w.n, w.far, back, keep, chosen_one, w.mixing.box, about, growth],
        **hidden,
    }
    named: dict[str, Any] = {
        "fn": show.polite(desk.named),
        "inputs": [w.models, w.ways, w.across, *w.sliders],
        "outputs": [w.across, *w.sliders],
        **hidden,
        "concurrency_id": "names",
    }
    moving = [locked, mate, w.mixing.share, w.mixing.cut, w.far, w.ways]
    redraw: dict[str, Any] = {
        "fn": show.polite(desk.shown),
        "inputs": [*moving, *inputs],
        "outputs": out,
        "api_visibility": "private",
        **live,
    }
    view: dict[str, Any] = {
        "fn": desk.view,
        "inputs": [locked, w.across],
        "outputs": [w.n, w.far, back, keep, chosen_one, w.mixing.box],
        **hidden,
    }
    growth.expand(show.polite(lambda name: film_of(studio, name)), w.models, film, **hidden)
    opened = gr.on([page.load, this.select], partial(checkpoints.listed, studio), w.models, w.models, **hidden)
    drawn = opened.then(**classes).then(**redraw).then(**named)
    if studio.library.catalogue is not None:  # asked for when the page is there already
        drawn.then(partial(catalogued, studio), w.models, [w.models, w.catalogue], **hidden)
    shown = gr.State(checkpoints.favourite(studio.names()))
    fetch = w.models.input(partial(checkpoints.fetched, studio), [w.models, shown], [w.models, shown, about], **hidden)
    fetch.success(**classes).then(**redraw).then(**named)
    gr.on(
        [x.input for x in (w.label, w.n, w.seed, w.truncation, *w.sliders, w.far, w.mixing.share, w.mixing.cut)],
        **redraw,
    )
    w.across.input(
        show.polite(desk.lock_first), [locked, w.ways, *inputs], [locked, mate, w.mixing.share], **hidden
    ).then(**view).then(**redraw)  # fmt: skip
    w.ways.input(lambda: [0] * SLIDERS, None, w.sliders, **hidden).then(**named).then(**redraw)
    # Programs name a checkpoint and a class in plain text: a list on the page knows only what this visitor was shown.
    named_model, named_label = gr.Textbox(FAVOURITE, visible=False), gr.Textbox(ALL, visible=False)
    # The page's sliders reach as far as those of the checkpoint it shows.
    free = [gr.Number(0, visible=False, label=f"slider {i + 1}") for i in range(SLIDERS)]
    plain = [named_model, named_label, w.n, w.seed, w.truncation, *free]
    plain += [gr.Number(0, visible=False), gr.Textbox("layer", visible=False)]
    # Programs have places of their own in the queue: what they fetch or ask for keeps no slider waiting.
    gr.Button(visible=False).click(
        show.polite(sheet, "sample"), plain, out, api_name="sample", **(live | {"concurrency_id": "sample by program"})
    )
    w.roll.click(lambda: random.randrange(2**31), None, w.seed, **hidden).then(**redraw)
    w.level.click(lambda: [0] * SLIDERS, None, w.sliders, **hidden).then(**redraw)
    relocked = [locked, mate, w.mixing.share, w.across, *w.sliders]
    out.select(show.polite(desk.picked), [*moving, *inputs], relocked, **hidden).then(**view).then(**redraw)
    back.click(lambda: 0, None, w.across, **hidden).then(**view).then(**redraw)
    w.mixing.wire(sheets, locked, w.models, mate, redraw)
    reopened = [w.models, locked, mate, w.mixing.share, w.across, w.truncation, w.ways, *w.sliders]
    again = board.Again(reopened, classes, redraw, named)
    shelf.wire(studio, page, keep, [show.polite(desk.keepable), [*moving, *inputs]], again)
    upload.wire(studio, w.models, w.label, again)
    outbox = send.Outbox(tabs, actions, show.polite(desk.one_picture), [*moving, *inputs])
    return Sample(w.models, outbox)


@dataclass(frozen=True)
class Controls:
    """The widgets on the left."""

    models: gr.Dropdown
    catalogue: gr.Markdown  # why checkpoints of the Hub are missing, if they are
    label: gr.Dropdown
    across: gr.Dropdown  # what is shown: 0 a sheet, 1 and more a grid along that slider, below 0 a view of a garment
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
        """Those that say which sheet is asked for, in the order of `Desk.asked`."""
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
    n = gr.Slider(1, limits.SHEET_PICTURES, 40, step=1, label="Number of garments", elem_id="n")
    far = gr.Slider(
        0, 1, 0.4, step=0.01, label="How far", info=words.FAR, elem_id="far", visible=False
    )  # fmt: skip
    with gr.Row(elem_classes="together"):
        seed = gr.Number(0, precision=0, label="Seed", elem_id="seed", min_width=120)
        roll = gr.Button("Re-roll", elem_id="roll", size="md", min_width=100)
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


class Desk:
    """What the tab's widgets do, over one studio."""

    def __init__(self, studio: Studio, sheets: explore.Sheets):
        self.studio, self.sheets = studio, sheets

    def chosen(self, name: str | None, locked: str, label: str, across: int) -> list[Any]:
        """What a checkpoint can be asked for, and how it was made."""
        if not name:
            none = gr.Dropdown(choices=[ALL], value=ALL, visible=False)
            empty = "There is no checkpoint yet: the Train tab makes one."
            return ["", none, gr.skip(), *self.view("", 0), empty, gr.Accordion(visible=False)]
        gan = self.studio.gan(name)
        labels = [ALL, *gan.choices.values()]
        if locked and spec.parse(locked).checkpoint != name:
            locked, across = "", max(0, across)
        return [
            locked,
            gr.Dropdown(choices=labels, value=label if label in labels else ALL, visible=bool(gan.choices)),
            across,
            *self.view(locked, across),
            card(self.studio, name),
            gr.Accordion(open=False, visible=self.studio.film(name) is not None),
        ]

    def view(self, locked: str, across: int) -> list[Any]:
        """The widgets that make sense for a sheet, or for the locked garment."""
        close = across < 0 and locked != ""
        return [
            gr.Slider(visible=not close and across == 0),
            gr.Slider(visible=close and across == explore.NEAR),
            gr.Button(visible=close),
            gr.Button(visible=close),
            explore.told(spec.parse(locked)) if close else words.CLICK,
            gr.Accordion(visible=close),
        ]

    def named(self, name: str | None, ways: str, across: int, *offsets: float) -> list[Any]:
        """The sliders by what they change: the first time for a checkpoint this takes a second or two."""
        if not name:
            return [gr.skip()] * (1 + SLIDERS)
        gan = self.studio.gan(name)
        handles, ends = spec.handles(gan, SLIDERS, ways), spec.reaches(gan, SLIDERS, ways)
        rows = "Each class" if gan.conditional else "Each kind" if gan.choices else "Eight garments"
        grids = [(f"{rows} along {short(handle)}", i + 1) for i, handle in enumerate(handles)]
        return [
            gr.Dropdown(choices=[("Dataset", 0), *explore.VIEWS, *grids], value=across),
            *(
                gr.Slider(-end, end, max(-end, min(end, x)), label=handle)
                for end, x, handle in zip(ends, offsets, handles, strict=True)
            ),
        ]

    def asked(self, ways: str, name: str, *rest: Any) -> spec.SampleSpec:
        label, n, seed, truncation, *sliders, across = rest
        return asked(
            self.studio.gan(name), name, label, n, seed, truncation, tuple(sliders), max(0, across), ways, clip=True
        )

    def shown(
        self, locked: str, mate: str, share: float, cut: int, far: float, ways: str, name: str, *rest: Any
    ) -> str | None:
        """The picture that the widgets ask for."""
        if not name:
            return None
        return show.described_sheet(*self.sheets.drawn(self.look(locked, mate, share, cut, far, ways, name, *rest)))

    def look(
        self, locked: str, mate: str, share: float, cut: int, far: float, ways: str, name: str, *rest: Any
    ) -> spec.SampleSpec:
        page, across = self.asked(ways, name, *rest), rest[-1]
        if across >= 0 or not locked:
            return page
        label = None if rest[0] == ALL else rest[0]
        garment = self.sheets.dressed(spec.parse(locked), page, label)
        mixture = explore.Mixture(mate, show.number(share, 0, 1, "Share of the other"), int(cut or 0))
        garment = self.sheets.mixed(garment, mixture)
        if across == explore.NEAR:
            return self.sheets.near(garment, show.number(far, 0, 1, "How far"), page.seed)
        return garment

    def picked(self, event: gr.SelectData, *values: Any) -> list[Any]:
        """Lock the garment that was clicked."""
        look = self.look(*values)
        garment = self.sheets.at(look, event.index)
        if garment is None:
            return [gr.skip()] * (4 + SLIDERS)
        sliders = [*garment.sliders, *[0.0] * SLIDERS][:SLIDERS]
        return [garment.to_json(), "", 0, explore.NEAR, *sliders]

    def lock_first(self, locked: str, ways: str, name: str, *rest: Any) -> list[Any]:
        """Where a view of a garment is asked for and none was clicked, the sheet's first is taken."""
        if rest[-1] >= 0 or locked:
            return [gr.skip()] * 3
        return [self.sheets.first(self.asked(ways, name, *rest)).to_json(), "", 0]

    def keepable(self, *values: Any) -> spec.SampleSpec:
        """The locked garment as it stands, for the board."""
        *before, across = values
        return self.look(*before, min(across, explore.ALONE) if across < 0 else explore.ALONE)

    def one_picture(self, *values: Any) -> str:
        """The locked garment, or the sheet's first, as a PNG of its own size: its path."""
        look = self.look(*values[:-1], explore.ALONE) if values[0] else self.sheets.first(self.asked(*values[5:]))
        return self.sheets.plain_file(look)


def asked(
    gan: GAN, name: str, label: str, n: Any, seed: Any, truncation: Any, sliders: tuple[Any, ...], across: Any,
    ways: str, clip: bool = False,
) -> spec.SampleSpec:  # fmt: skip
    """A sheet as somebody asked for it; StudioError for a value out of range. With `clip`, sliders that reach too far,
    as they may for a moment after another checkpoint was chosen, are taken back."""
    if ways not in directions.KINDS:
        raise StudioError(f"ways takes one of {', '.join(directions.KINDS)}.")
    ends = spec.reaches(gan, SLIDERS, ways)
    offsets = [
        show.number(s, -100 if clip else -end, 100 if clip else end, "A slider")
        for s, end in zip(sliders, ends, strict=True)
    ]
    return spec.SampleSpec(
        name,
        int(show.number(n, 1, limits.SHEET_PICTURES, "Number of garments")),
        int(show.number(seed, 0, 2**31 - 1, "Seed")),
        None if label == ALL else label,
        show.number(truncation, 0, 1.5, "How varied"),
        tuple(max(-end, min(end, x)) for x, end in zip(offsets, ends, strict=True)),
        int(show.number(across, 0, SLIDERS, "The slider of a grid")),
        ways=ways,
    )


def short(handle: str) -> str:
    """A slider's name without its correlation, and within a sentence."""
    name = handle.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0]
    return name if name.startswith(("Code", "Direction", "Slider")) else name[0].lower() + name[1:]


def catalogued(studio: Studio, chosen: str | None) -> tuple[gr.Dropdown, gr.Markdown]:
    """The list with what the Hub's catalogue holds, and the sentence that says why it does not."""
    told = studio.library.look_up()
    return checkpoints.listed(studio, chosen), gr.Markdown(told, visible=told != "")


def card(studio: Studio, name: str) -> str:
    """How a checkpoint was made, in a line, and what the scorer says of it."""
    info, report = checkpoint.header_info(studio.path(name)), studio.report(name)
    epochs, seconds, device, command = (info.get(k, "?") for k in ("epochs", "seconds", "device", "command"))
    minutes = round(seconds / 60) if isinstance(seconds, int | float) else "?"
    verdict = f" Scored by a classifier: {report.verdict}" if report and report.verdict else ""
    if isinstance(epochs, int | float):
        epochs = f"{epochs:.0f}" if epochs >= 10 else f"{epochs:g}"
    return f"Trained for {epochs} epochs, {minutes} min on {device}: `{command}`.{verdict}"


def film_of(studio: Studio, name: str | None) -> str:
    """HTML: the GIF of a checkpoint's training."""
    path = studio.film(name) if name else None
    if path is None:
        return ""
    url = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/gif;base64,{url}" alt="samples from the first epoch to the last">'

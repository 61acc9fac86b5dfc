"""The handlers of the Sample tab: they turn widget values into SampleSpecs, and SampleSpecs into pictures."""

import time
from dataclasses import replace
from typing import Any

import gradio as gr
from torch import Tensor

from ... import limits
from ...errors import StudioError, quoted
from ...gans.base import GAN
from ...latent import color_search, directions, interpolate, spec
from ...studio import Studio, in_color
from ..shared import checkpoints, show, words
from . import explore, saves
from .about import card
from .controls import palettes
from .state import ALL, ALONE, KEY, NEAR, SEED, SLIDERS, History, Values, address, opened, padded
from .view import moving, view

SEARCHED = 0.5  # seconds of a search for colors, after which the page hears how far it is
DRAWN = 4  # widgets that `Desk.drawn` updates
REST = 6 + SLIDERS  # widgets that `Desk.page` updates beyond those of `Desk.chosen`


class Desk:
    """The handlers of the tab's widgets, which call one studio."""

    def __init__(self, studio: Studio, sheets: explore.Sheets):
        self.studio, self.sheets = studio, sheets

    def chosen(
        self, name: str | None, locked: str, base: str, label: str, across: int, mate: str, cut: int, enlarge: bool
    ) -> list[Any]:
        """Update the widgets for a checkpoint: its classes, the view, and how it was trained."""
        if not name:
            none = gr.Dropdown(choices=[ALL], value=ALL, visible=False)
            empty = "There is no checkpoint yet: the Train tab makes one."
            about = [*[gr.skip()] * 2, empty, gr.Accordion(visible=False), *[gr.skip()] * 4, *[gr.Slider()] * 2]
            return ["", "", gr.skip(), none, *about, *view("", "", 0)]
        if locked and spec.parse(locked).checkpoint != name:
            locked, across = "", max(0, across)
        base = base if base and spec.parse(base).checkpoint == name else ""
        shown = [gr.Slider(visible=seen) for seen in moving(locked, across)]
        fitted = [*self.of_gan(name, label, mate, cut), *self.coloring(name, enlarge)]
        return [locked, base, across, *fitted, *shown, *view(locked, base, across, self.studio.gan(name))]

    def viewed(self, name: str | None, locked: str, base: str, across: int) -> list[Any]:
        """Updates for the widgets that make sense for another view of a checkpoint's garments."""
        shown = [gr.Slider(visible=seen) for seen in moving(locked, across)]
        return [*shown, *view(locked, base, across, self.studio.gan(name) if name else None)]

    def of_gan(self, name: str, label: str, mate: str, cut: int) -> list[Any]:
        """Updates for what differs by checkpoint: its classes, what it can mix, how it was trained."""
        gan = self.studio.gan(name)
        labels = [ALL, *gan.choices.values()]
        return [
            gr.Dropdown(choices=labels, value=label if label in labels else ALL, visible=bool(gan.choices)),
            *explore.MixFold.of(gan, mate, cut),
            card(self.studio, name),
            gr.Accordion(open=False, visible=self.studio.film(name) is not None),
        ]

    def coloring(self, name: str, enlarged: bool, v: Values | None = None) -> list[Any]:
        """Updates for what gives the garments of a checkpoint their colors: a photograph, a palette, an enlarger, and
        the ground on which those with alpha are saved. With the values of `v`, if it is given."""
        gan = self.studio.gan(name)
        gray = gan.channels == 1
        shown, fits = gray or spec.searchable(gan), in_color.fitting(self.studio, name) != ""
        palette, enlarge = ({}, {}) if v is None else ({"value": v.palette}, {"value": v.enlarge})
        return [
            gr.UploadButton(visible=shown),
            gr.Dropdown(choices=palettes(gray), visible=shown, **palette),
            gr.Checkbox(visible=fits, **enlarge),
            gr.Dropdown(visible=gan.channels == 4 or (fits and enlarged)),
        ]

    def page(self, v: Values) -> list[Any]:
        """Updates for every widget, so that the page shows what `v` describes; StudioError if nothing is there."""
        if v.name not in self.studio.names():
            raise StudioError(words.NOT_HERE.format(name=quoted(v.name)))
        gan = self.studio.gan(v.name)
        self.sample(v)  # an error must come before any widget moves
        ends = spec.reaches(gan, SLIDERS, v.ways)
        names = checkpoints.titled(self.studio.names())
        for_n, for_far = moving(v.locked, v.across)
        grids = [(f"Along slider {i + 1}", i + 1) for i in range(SLIDERS)]  # `named` gives them better names
        return [
            v.locked,
            v.base,
            gr.Dropdown(choices=[("Dataset", 0), *explore.VIEWS, *grids], value=v.across),
            *self.of_gan(v.name, v.label, v.mate, v.cut),
            *self.coloring(v.name, v.enlarge, v),
            gr.Slider(value=v.n, visible=for_n),
            gr.Slider(value=v.far, visible=for_far),
            *view(v.locked, v.base, v.across, gan),
            gr.Dropdown(choices=names, value=v.name),
            gr.Number(v.mate_seed, visible=v.mate == SEED),
            v.share, v.ways, v.seed, v.truncation,
            *(gr.Slider(-end, end, x) for x, end in zip(v.sliders, ends, strict=True)),
        ]  # fmt: skip

    def arrived(self, request: gr.Request) -> list[Any]:
        """The page as its address describes it; what is wrong with the address is said, and the usual page shown."""
        names, text = self.studio.names(), request.query_params.get(KEY, "")
        name = checkpoints.favourite(names)
        if text:
            try:
                return self.opened(opened(text))
            except StudioError as e:
                gr.Warning(str(e), duration=None)
        if name is None:
            return [*self.chosen(None, "", "", ALL, 0, SEED, 0, False), *[gr.skip()] * (REST + DRAWN)]
        return self.opened(Values.of(spec.SampleSpec(name, 40, ways="measured")))

    def opened(self, v: Values, history: History | None = None) -> list[Any]:
        """Updates for the widgets and the picture of `v`, which is added to the history."""
        return [*self.page(v), *self.drawn(v, (history or History()).with_(v, time.monotonic()))]

    def undone(self, history: History) -> list[Any]:
        """Updates for what was shown before."""
        return self.stepped(history.moved(-1))

    def redone(self, history: History) -> list[Any]:
        return self.stepped(history.moved(1))

    def stepped(self, history: History) -> list[Any]:
        return [*self.page(history.shown), *self.drawn(history.shown, history)]

    def named(self, name: str | None, ways: str, across: int, *offsets: float) -> list[Any]:
        """Label the sliders by what they change. The first time for a checkpoint, this takes a second or two."""
        if not name:
            return [gr.skip()] * (1 + SLIDERS)
        gan = self.studio.gan(name)
        handles, ends = spec.handles(gan, SLIDERS, ways), spec.reaches(gan, SLIDERS, ways)
        rows = "Each class" if gan.conditional else "Each kind" if gan.choices else "Eight garments"
        grids = [(f"{rows} {along(handle)}", i + 1) for i, handle in enumerate(handles)]
        return [
            gr.Dropdown(choices=[("Dataset", 0), *explore.VIEWS, *grids], value=across),
            *(
                gr.Slider(-end, end, max(-end, min(end, x)), label=handle)
                for end, x, handle in zip(ends, offsets, handles, strict=True)
            ),
        ]

    def spec_of(self, v: Values) -> spec.SampleSpec:
        """The SampleSpec of the sheet that the widgets describe."""
        gan = self.studio.gan(v.name)
        page = to_spec(gan, v.name, v.label, v.n, v.seed, v.truncation, v.sliders, max(0, v.across), v.ways, clip=True)
        if gan.channels == 1 or spec.searchable(gan):
            page = replace(page, palette=in_color.palette(v.palette))
        page = replace(page, enlarger=in_color.fitting(self.studio, v.name) if v.enlarge else "")
        return explore.around(spec.parse(v.base), page) if v.base else page

    def shown(self, history: History, *values: Any) -> list[Any]:
        """The picture that the widgets describe, and what goes with it: see `drawn`."""
        v = Values.from_widgets(*values)
        if not v.name:
            return [gr.skip()] * DRAWN
        return self.drawn(v, history.with_(v, time.monotonic()))

    def drawn(self, v: Values, history: History) -> list[Any]:
        """The picture, the locked garment alone, the panel's value, and the history: values, and no updates of
        properties, for which gradio would build each widget anew at every move of a slider.

        A search for garments of a color goes on for SEARCHED seconds. If it is not done by then, the panel gets how far
        it is, keeps the sheet, and asks for the same again.
        """
        steps = {"undo": history.at > 0, "redo": history.at < len(history.past) - 1}
        try:
            with color_search.within(SEARCHED):
                return [*self.pictures(v, steps), history]
        except color_search.UnfinishedError as search:
            progress = words.SEARCHING.format(done=search.done, n=search.n)
            waiting = {"searching": progress, "at": time.monotonic()}  # another value each time, which the panel sees
            return [gr.skip(), gr.skip(), waiting | steps, history]

    def pictures(self, v: Values, steps: dict[str, bool]) -> list[Any]:
        """As `drawn`, without the history."""
        sample = self.sample(v)
        images, columns, description = self.sheets.drawn(sample)
        alone = v.across == NEAR and bool(v.locked)
        # Garments that are marked as liked stay marked while this stays the same.
        sheet = repr((v.name, v.locked, v.base, v.across, v.label, v.n, v.seed))
        panel = {"address": address(v), "sheet": sheet, "columns": columns, "n": len(images), "side": images.shape[-1]}
        return [
            show.described_sheet(images, columns, description, saves.name(sample, 1)),
            self.large(v, images) if alone else None,
            panel | steps,
        ]

    def large(self, v: Values, neighbours: Tensor) -> str:
        """The path of the locked garment's picture, which is in the middle of its neighbours, enlarged."""
        sample = self.sample(replace(v, across=ALONE))
        return show.described_sheet(neighbours[4:5], 1, sample.to_json(), saves.name(sample, 1))

    def sample(self, v: Values) -> spec.SampleSpec:
        """The SampleSpec of what is shown: a sheet, the locked garment, or its neighbours."""
        page = self.spec_of(v)
        if v.across >= 0 or not v.locked:
            return page
        garment = self.sheets.dressed(spec.parse(v.locked), page, None if v.label == ALL else v.label)
        if garment.n == 1:
            garment = self.sheets.mixed(garment, v)
        if v.across == NEAR:
            return self.sheets.near(garment, show.number(v.far, 0, 1, "How far"), page.seed)
        return garment

    def clicked(self, event: gr.SelectData, *values: Any) -> list[Any]:
        """Lock the garment that was clicked."""
        v = Values.from_widgets(*values)
        return self.locked(v, self.sheets.place(self.sample(v), event.index))

    def entered(self, event: gr.EventData, *values: Any) -> list[Any]:
        """Lock the garment that was chosen with the arrow keys."""
        return self.locked(Values.from_widgets(*values), number_of(event))

    def locked(self, v: Values, i: Any) -> list[Any]:
        """Lock the i-th garment of what is shown: updates for locked, share, cut, across and the sliders."""
        garment = self.sheets.at(self.sample(v), i)
        if garment is None:
            return [gr.skip()] * (4 + SLIDERS)
        return [garment.to_json(), 0, 0, NEAR, *padded(garment.sliders)]

    def lock_first(self, *values: Any) -> list[Any]:
        """If a view of one garment is chosen before any was clicked, lock the first one of the sheet."""
        v = Values.from_widgets(*values)
        if v.across >= 0 or v.locked:
            return [gr.skip()] * 3
        return [self.sheets.first(self.spec_of(v)).to_json(), 0, 0]

    def more(self, event: gr.EventData, history: History, *values: Any) -> list[Any]:
        """Updates for a sheet around the garments that the panel's script tells, of those that are shown."""
        v, liked = Values.from_widgets(*values), event._data if isinstance(event._data, dict) else {}
        sample, numbers = self.sample(v), liked.get("numbers")
        chosen = [self.sheets.at(sample, i) for i in numbers] if isinstance(numbers, list) else []
        samples = [garment for garment in chosen if garment is not None]
        base = interpolate.more(self.studio.gan(v.name), samples, int(v.n), int(v.seed), liked.get("blend") is True)
        sliders, psi = padded(base.sliders), base.truncation
        shown = replace(v, base=base.to_json(), locked="", across=0, label=ALL, sliders=sliders, truncation=psi)
        return self.opened(shown, history)

    def keepable(self, event: gr.EventData, *values: Any) -> spec.SampleSpec:
        """The SampleSpec of the garment that the arrow keys chose, or of the locked one in its present state."""
        v, i = Values.from_widgets(*values), number_of(event)
        garment = self.sheets.at(self.sample(v), i) if i >= 0 else None
        if garment is None and not v.locked:
            raise StudioError("Choose a garment first: click it, or go to it with the arrow keys.")
        return garment or self.sample(replace(v, across=ALONE))

    def one(self, *values: Any) -> spec.SampleSpec:
        """The SampleSpec of the locked garment, or of the sheet's first one."""
        v = Values.from_widgets(*values)
        return self.sample(replace(v, across=ALONE)) if v.locked else self.sheets.first(self.spec_of(v))

    def one_picture(self, *values: Any) -> str:
        """The path of a PNG of that garment, in its own size."""
        return self.sheets.plain_file(self.one(*values))

    def one_saved(self, scale: int, ground: str, *values: Any) -> str:
        """The path of a PNG of that garment, enlarged by a whole factor."""
        sample = self.one(*values)
        return self.sheets.plain_file(sample, saves.factor(scale), self.ground(sample, ground))

    def ground(self, sample: spec.SampleSpec, color: str) -> saves.Ground:
        """The color below garments with alpha that are saved; None for others, and for those that stay transparent."""
        return in_color.ground(self.studio, sample, color) if in_color.channels(self.studio, sample) == 4 else None

    def all_saved(self, scale: int, ground: str, *values: Any) -> str:
        """The path of a ZIP with a PNG of each garment that is shown."""
        sample = self.sample(Values.from_widgets(*values))
        images, gan = self.sheets.drawn(sample)[0], self.studio.gan(sample.checkpoint)
        samples = [interpolate.garment(gan, sample, i) for i in range(len(images))]
        return saves.archive(images, samples, sample, saves.factor(scale), self.ground(sample, ground))


def number_of(event: gr.EventData) -> int:
    """The number of the garment that the panel's script tells; -1 for none."""
    number = event._data.get("number") if isinstance(event._data, dict) else None
    return number if isinstance(number, int) else -1


def to_spec(
    gan: GAN, name: str, label: str, n: Any, seed: Any, truncation: Any, sliders: tuple[Any, ...], across: Any,
    ways: str, clip: bool = False,
) -> spec.SampleSpec:  # fmt: skip
    """The SampleSpec for the widgets' values; StudioError for a value out of range.

    With `clip`, sliders are clipped to their reach: they can exceed it for a moment after a checkpoint was chosen.
    """
    if ways not in directions.KINDS:
        raise StudioError(f"ways takes one of {', '.join(directions.KINDS)}.")
    ends = spec.reaches(gan, SLIDERS, ways)
    offsets = [
        float(show.number(s, -100 if clip else -end, 100 if clip else end, "A slider"))
        for s, end in zip(sliders, ends, strict=True)
    ]
    return spec.SampleSpec(
        name,
        int(show.number(n, 1, limits.SHEET_PICTURES, "Number of garments")),
        int(show.number(seed, 0, limits.PAGE_SEED, "Seed")),
        None if label == ALL else label,
        float(show.number(truncation, 0, 1.5, "How varied")),
        tuple(max(-end, min(end, x)) for x, end in zip(offsets, ends, strict=True)),
        int(show.number(across, 0, SLIDERS, "The slider of a grid")),
        ways=ways,
    )


def along(handle: str) -> str:
    """How a grid goes along the slider of that name: "from darker to lighter", or "along Direction 1"."""
    name = handle.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0]
    return f"from {name[0].lower()}{name[1:]}".replace(" … ", " to ") if "…" in name else f"along {name}"

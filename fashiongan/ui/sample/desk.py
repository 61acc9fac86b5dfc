"""The handlers of the Sample tab: they turn widget values into SampleSpecs, and SampleSpecs into pictures."""

import base64
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ... import checkpoint as checkpoint_files
from ... import limits
from ...errors import StudioError
from ...gans.base import GAN
from ...latent import directions, spec
from ...studio import Studio
from ..shared import show, words
from ..shared.checkpoints import FAVOURITE
from . import explore

SLIDERS = 6
ALL = "All classes"


@dataclass(frozen=True)
class Values:
    """The values of the tab's widgets."""

    locked: str  # description of the garment that was clicked, or ""
    mate: str  # description of the garment that is mixed into it, or ""
    share: float
    cut: int
    far: float
    ways: str
    name: str  # name of the checkpoint
    label: str
    n: int
    seed: int
    truncation: float
    sliders: tuple[float, ...]
    across: int  # 0: a sheet; from 1: a grid along that slider; below 0: a view of the locked garment

    @classmethod
    def from_widgets(
        cls,
        locked: str,
        mate: str,
        share: float,
        cut: int,
        far: float,
        ways: str,
        name: str,
        label: str,
        n: int,
        seed: int,
        truncation: float,
        *sliders_and_across: Any,
    ) -> "Values":
        """From the widgets' values, in the order of the fields, with one value for each slider."""
        *sliders, across = sliders_and_across
        return cls(locked, mate, share, cut, far, ways, name, label, n, seed, truncation, tuple(sliders), across)


class Desk:
    """The handlers of the tab's widgets, which call one studio."""

    def __init__(self, studio: Studio, sheets: explore.Sheets):
        self.studio, self.sheets = studio, sheets

    def chosen(self, name: str | None, locked: str, label: str, across: int) -> list[Any]:
        """Update the widgets for a checkpoint: its classes, the view, and how it was trained."""
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
        """Show the widgets that make sense for a sheet, or for the locked garment."""
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
        """Label the sliders by what they change. The first time for a checkpoint, this takes a second or two."""
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

    def sheet(
        self,
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
        look = asked(self.studio.gan(checkpoint), checkpoint, label, n, seed, truncation, sliders, across, ways)
        return show.described_sheet(*self.sheets.drawn(look))

    def asked(self, v: Values) -> spec.SampleSpec:
        """The SampleSpec of the sheet that the widgets describe."""
        gan = self.studio.gan(v.name)
        return asked(gan, v.name, v.label, v.n, v.seed, v.truncation, v.sliders, max(0, v.across), v.ways, clip=True)

    def shown(self, *values: Any) -> str | None:
        """The picture that the widgets describe."""
        v = Values.from_widgets(*values)
        return show.described_sheet(*self.sheets.drawn(self.look(v))) if v.name else None

    def look(self, v: Values) -> spec.SampleSpec:
        """The SampleSpec of what is shown: a sheet, the locked garment, or its neighbours."""
        page = self.asked(v)
        if v.across >= 0 or not v.locked:
            return page
        garment = self.sheets.dressed(spec.parse(v.locked), page, None if v.label == ALL else v.label)
        mixture = explore.Mixture(v.mate, show.number(v.share, 0, 1, "Share of the other"), int(v.cut or 0))
        garment = self.sheets.mixed(garment, mixture)
        if v.across == explore.NEAR:
            return self.sheets.near(garment, show.number(v.far, 0, 1, "How far"), page.seed)
        return garment

    def picked(self, event: gr.SelectData, *values: Any) -> list[Any]:
        """Lock the garment that was clicked."""
        look = self.look(Values.from_widgets(*values))
        garment = self.sheets.at(look, event.index)
        if garment is None:
            return [gr.skip()] * (4 + SLIDERS)
        sliders = [*garment.sliders, *[0.0] * SLIDERS][:SLIDERS]
        return [garment.to_json(), "", 0, explore.NEAR, *sliders]

    def lock_first(self, *values: Any) -> list[Any]:
        """If a view of one garment is chosen before any was clicked, lock the first one of the sheet."""
        v = Values.from_widgets(*values)
        if v.across >= 0 or v.locked:
            return [gr.skip()] * 3
        return [self.sheets.first(self.asked(v)).to_json(), "", 0]

    def keepable(self, *values: Any) -> spec.SampleSpec:
        """The SampleSpec of the locked garment in its present state, for the board."""
        v = Values.from_widgets(*values)
        return self.look(replace(v, across=min(v.across, explore.ALONE) if v.across < 0 else explore.ALONE))

    def one_picture(self, *values: Any) -> str:
        """The path of a PNG of the locked garment, or of the sheet's first one, in its own size."""
        v = Values.from_widgets(*values)
        look = self.look(replace(v, across=explore.ALONE)) if v.locked else self.sheets.first(self.asked(v))
        return self.sheets.plain_file(look)


def asked(
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
        show.number(s, -100 if clip else -end, 100 if clip else end, "A slider")
        for s, end in zip(sliders, ends, strict=True)
    ]
    return spec.SampleSpec(
        name,
        int(show.number(n, 1, limits.SHEET_PICTURES, "Number of garments")),
        int(show.number(seed, 0, limits.PAGE_SEED, "Seed")),
        None if label == ALL else label,
        show.number(truncation, 0, 1.5, "How varied"),
        tuple(max(-end, min(end, x)) for x, end in zip(offsets, ends, strict=True)),
        int(show.number(across, 0, SLIDERS, "The slider of a grid")),
        ways=ways,
    )


def short(handle: str) -> str:
    """A slider's name without its correlation, and with a small first letter for use in a sentence."""
    name = handle.split(":", maxsplit=1)[0].split(",", maxsplit=1)[0]
    return name if name.startswith(("Code", "Direction", "Slider")) else name[0].lower() + name[1:]


def card(studio: Studio, name: str) -> str:
    """A line on how a checkpoint was trained, and the verdict on it."""
    info, report = checkpoint_files.header_info(studio.path(name)), studio.report(name)
    minutes = "?" if info.seconds is None else round(info.seconds / 60)
    verdict = f" Scored by a classifier: {report.verdict}" if report and report.verdict else ""
    epochs = "?" if info.epochs is None else f"{info.epochs:.0f}" if info.epochs >= 10 else f"{info.epochs:g}"
    how = f"{minutes} min on {info.device or '?'}: `{info.command or '?'}`"
    return f"Trained for {epochs} epochs, {how}.{verdict}"


def film_of(studio: Studio, name: str | None) -> str:
    """HTML: the GIF of a checkpoint's training."""
    path = studio.film(name) if name else None
    if path is None:
        return ""
    url = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/gif;base64,{url}" alt="samples from the first epoch to the last">'

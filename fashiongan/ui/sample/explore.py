"""Exploring from one garment: its neighbours, mixtures with another, another class. Part of the Sample tab."""

import html
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ... import limits
from ...data import sheets
from ...errors import StudioError
from ...latent import interpolate, spec
from ...latent.spec import SampleSpec
from ...studio import Studio
from ..shared import show, words

NEAR, ALONE = -1, -2  # views of a locked garment; sheets are numbered from 0
VIEWS = [("Nine neighbours of a garment", NEAR), ("One garment", ALONE)]
SEED, CLASS = "another seed", "itself as "


@dataclass(frozen=True)
class Mixture:
    """What a garment is mixed with: the description of another garment ("" for none), its share, and the first layer
    that uses the other's latent instead (0: no layer)."""

    mate: str
    share: float
    cut: int


class Sheets:
    """Draws SampleSpecs with one studio's models, and finds the garment at the place of a click."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def drawn(self, look: SampleSpec) -> tuple[Tensor, int, str]:
        """(pictures, columns, description), the arguments of `show.described_sheet`."""
        gan = self.studio.gan(look.checkpoint)
        return spec.picture(gan, look), spec.columns(gan, look), look.to_json()

    def dressed(self, garment: SampleSpec, page: SampleSpec, label: str | None) -> SampleSpec:
        """A garment with the sliders and truncation of the page, and its class if one is chosen there."""
        dressed = replace(garment, truncation=page.truncation, sliders=page.sliders, ways=page.ways)
        return replace(dressed, label=label, shares=()) if label else dressed

    def mixed(self, garment: SampleSpec, mixture: Mixture) -> SampleSpec:
        """A garment mixed with its mate."""
        if not mixture.mate or not (mixture.share or mixture.cut):
            return garment
        mate, gan = spec.parse(mixture.mate), self.studio.gan(garment.checkpoint)
        if mate.checkpoint != garment.checkpoint:
            raise StudioError(f"These two cannot be mixed: {mate.checkpoint} draws from other numbers.")
        own, others = (spec.latents(gan, look)[0] for look in (garment, mate))
        # If the mate is the same garment in another class, the latents are equal: then the classes are mixed, in all
        # layers.
        if mixture.cut and mixture.cut < gan.layers and not torch.equal(own, others):
            return replace(garment, other=spec.pack(others), cut=mixture.cut)
        return interpolate.mixed(gan, garment, mate, mixture.share)

    def near(self, garment: SampleSpec, far: float, seed: int) -> SampleSpec:
        return interpolate.neighbours(self.studio.gan(garment.checkpoint), garment, far, seed)

    def first(self, page: SampleSpec) -> SampleSpec:
        """The first garment of a sheet."""
        return interpolate.garment(self.studio.gan(page.checkpoint), page, 0)

    def at(self, look: SampleSpec, place: Any) -> SampleSpec | None:
        """The garment at pixel (x, y) of the enlarged sheet; None if there is no garment."""
        gan = self.studio.gan(look.checkpoint)
        side, columns = gan.recipe.size + 2, spec.columns(gan, look)
        scale = show.enlarged(columns * side + 2)
        if not isinstance(place, list | tuple) or len(place) != 2:
            return None
        column, row = (int(x // (scale * side)) for x in place)
        drawn = spec.grid(gan, look)[1].shape[0] if look.across else look.n
        i = row * columns + column
        if not (0 <= column < columns and 0 <= i < drawn):
            return None
        return interpolate.garment(gan, look, i)

    def plain_file(self, look: SampleSpec) -> str:
        """The path of a PNG of a garment in its own size, with its description."""
        images, _, description = self.drawn(look)
        return show.kept(sheets.png(sheets.sheet(images, 1, gap=0), description), "garment.png")


def told(look: SampleSpec) -> str:
    """A line of text on the locked garment."""
    what = f"{look.label} " if isinstance(look.label, str) else ""
    where = "" if look.latents else f"number {look.first + 1} of seed {look.seed}"
    return words.LOCKED.format(garment=html.escape(f"{what}{where}".strip() or "a garment of its own"))


@dataclass(frozen=True)
class MixFold:
    """The widgets that mix a locked garment."""

    box: gr.Accordion
    mate: gr.Dropdown
    seed: gr.Number
    share: gr.Slider
    cut: gr.Slider

    def wire(
        self, sheets: Sheets, locked: gr.State, models: gr.Dropdown, mate: gr.State, redraw: dict[str, object]
    ) -> None:
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

        def choose(locked: str, kind: str, seed: Any) -> str:
            if not locked:
                return ""
            look = spec.parse(locked)
            if kind.startswith(CLASS):
                return replace(look, label=kind.removeprefix(CLASS), shares=()).to_json()
            number = int(show.number(seed, 0, limits.PAGE_SEED, "The other's seed"))
            return replace(look, seed=number, first=0, latents="").to_json()

        def offered(name: str | None) -> list[Any]:
            gan = sheets.studio.gan(name) if name else None
            kinds = [SEED, *(CLASS + kind for kind in (gan.choices.values() if gan else ()))]
            return [gr.Dropdown(choices=kinds, value=SEED), gr.Slider(value=0)]

        def layered(name: str | None) -> gr.Slider:
            layers = sheets.studio.gan(name).layers if name else 0
            return gr.Slider(maximum=max(1, layers), visible=layers > 1)

        models.change(show.polite(offered), models, [self.mate, self.cut], **hidden)
        chosen: dict[str, Any] = {"fn": show.polite(choose), "inputs": [locked, self.mate, self.seed], "outputs": mate}
        locked.change(**chosen, **hidden)
        # Not `models.change`: the checkpoint that the page opens on must count too.
        locked.change(show.polite(layered), models, self.cut, **hidden)
        gr.on([self.mate.input, self.seed.input], **chosen, **hidden).then(**redraw)
        self.mate.input(lambda kind: gr.Number(visible=kind == SEED), self.mate, self.seed, **hidden)


def mix_fold() -> MixFold:
    """Build the fold, which is visible while a garment is locked."""
    with gr.Accordion("Mix it", open=False, visible=False, elem_id="mix") as box:
        mate = gr.Dropdown([SEED], value=SEED, label="With", elem_id="mate", info=words.MATE)
        seed = gr.Number(1, precision=0, label="Its seed", elem_id="mate_seed")
        share = gr.Slider(0, 1, 0, step=0.01, label="Share of the other", info=words.SHARE, elem_id="share")
        cut = gr.Slider(0, 1, 0, step=1, label="Its layers, from", info=words.CUT, elem_id="cut", visible=False)
    return MixFold(box, mate, seed, share, cut)

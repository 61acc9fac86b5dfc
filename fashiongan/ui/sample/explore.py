"""Exploring from one garment: its neighbours, mixtures with another, another class. Part of the Sample tab."""

import html
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ... import limits
from ...gans.base import GAN
from ...latent import interpolate, spec
from ...latent.spec import SampleSpec
from ...studio import Studio, in_color
from ..shared import show, words
from ..shared.events import HIDDEN
from . import saves
from .saves import Ground
from .state import ALONE, CLASS, NEAR, SEED, Values

VIEWS = [("Nine neighbours of a garment", NEAR), ("One garment", ALONE)]


class Sheets:
    """Draws SampleSpecs with one studio's models, and finds the garment at the place of a click."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def drawn(self, sample: SampleSpec) -> tuple[Tensor, int, str]:
        """(pictures, columns, description), the arguments of `show.described_sheet`."""
        return (
            in_color.picture(self.studio, sample),
            spec.columns(self.studio.gan(sample.checkpoint), sample),
            sample.to_json(),
        )

    def dressed(self, garment: SampleSpec, page: SampleSpec, label: str | None) -> SampleSpec:
        """A garment with the sliders, truncation and palette of the page, and its class if one is chosen there. Of a
        palette that has the garment's color it keeps that one."""
        kept = bool(garment.palette) and set(garment.palette) <= set(page.palette)
        palette = garment.palette if kept else page.palette
        dressed = replace(
            garment, truncation=page.truncation, sliders=page.sliders, ways=page.ways, palette=palette,
            enlarger=page.enlarger,
        )  # fmt: skip
        return replace(dressed, label=label, shares=()) if label else dressed

    def mixed(self, garment: SampleSpec, v: Values) -> SampleSpec:
        """A garment mixed with its mate."""
        if not (v.share or v.cut):
            return garment
        gan, share = self.studio.gan(garment.checkpoint), show.number(v.share, 0, 1, "Share of the other")
        mate = self.mate(v)
        own, others = (spec.latents(gan, sample)[0] for sample in (garment, mate))
        # If the mate is the same garment in another class, the latents are equal: then the classes are mixed, in all
        # layers.
        if v.cut and v.cut < gan.layers and not torch.equal(own, others):
            return replace(garment, other=spec.pack(others), cut=int(v.cut))
        return interpolate.mixed(gan, garment, mate, share)

    def mate(self, v: Values) -> SampleSpec:
        """What the locked garment is mixed with: itself in another class, or a garment of another seed."""
        sample = spec.parse(v.locked)
        if v.mate.startswith(CLASS):
            return replace(sample, label=v.mate.removeprefix(CLASS), shares=())
        number = int(show.number(v.mate_seed, 0, limits.PAGE_SEED, "The other's seed"))
        return replace(sample, seed=number, first=0, latents="")

    def near(self, garment: SampleSpec, far: float, seed: int) -> SampleSpec:
        return interpolate.neighbours(self.studio.gan(garment.checkpoint), garment, far, seed)

    def first(self, page: SampleSpec) -> SampleSpec:
        """The first garment of a sheet."""
        return interpolate.garment(self.studio.gan(page.checkpoint), page, 0)

    def place(self, sample: SampleSpec, at: Any) -> int:
        """The number of the garment at pixel (x, y) of the enlarged sheet; -1 if there is none."""
        gan = self.studio.gan(sample.checkpoint)
        side, columns = in_color.side(self.studio, sample) + 2, spec.columns(gan, sample)
        scale = show.enlarged(columns * side + 2)
        if not isinstance(at, list | tuple) or len(at) != 2:
            return -1
        column, row = (int(x // (scale * side)) for x in at)
        return row * columns + column if 0 <= column < columns and row >= 0 else -1

    def count(self, sample: SampleSpec) -> int:
        """How many garments are drawn."""
        return len(spec.grid(self.studio.gan(sample.checkpoint), sample)[1]) if sample.across else sample.n

    def at(self, sample: SampleSpec, i: Any) -> SampleSpec | None:
        """The i-th garment of what is shown; None if there is none of that number."""
        if not isinstance(i, int) or not 0 <= i < self.count(sample):
            return None
        return interpolate.garment(self.studio.gan(sample.checkpoint), sample, i)

    def plain_file(self, sample: SampleSpec, scale: int = 1, ground: Ground = None) -> str:
        """The path of a PNG of a garment in its own size, or enlarged by a whole factor, with its description. One with
        alpha is laid on the ground, or stays transparent."""
        return saves.garment(self.drawn(sample)[0], sample, scale, ground)


def around(base: SampleSpec, page: SampleSpec) -> SampleSpec:
    """A sheet around liked garments, with the values of the page."""
    dressed = replace(
        base, n=page.n, seed=page.seed, truncation=page.truncation, sliders=page.sliders, across=page.across,
        ways=page.ways, palette=page.palette, enlarger=page.enlarger,
    )  # fmt: skip
    return replace(dressed, label=page.label, labels=(), shares=()) if page.label is not None else dressed


def caption(sample: SampleSpec) -> str:
    """A line of text on the locked garment."""
    what = f"{sample.label} " if isinstance(sample.label, str) else ""
    where = "" if sample.latents else f"number {sample.first + 1} of seed {sample.seed}"
    return words.LOCKED.format(garment=html.escape(f"{what}{where}".strip() or "a garment of its own"))


@dataclass(frozen=True)
class MixFold:
    """The widgets that mix a locked garment."""

    box: gr.Accordion
    mate: gr.Dropdown
    seed: gr.Number
    share: gr.Slider
    cut: gr.Slider

    def wire(self, redraw: dict[str, Any]) -> None:
        gr.on([self.mate.input, self.seed.input, self.share.input, self.cut.input], **redraw)
        self.mate.input(lambda kind: gr.Number(visible=kind == SEED), self.mate, self.seed, **HIDDEN)

    @staticmethod
    def of(gan: GAN, mate: str, cut: int) -> list[Any]:
        """Updates for `mate` and `cut`, which differ by checkpoint."""
        kinds = [SEED, *(CLASS + kind for kind in gan.choices.values())]
        many = gan.layers > 1
        return [
            gr.Dropdown(choices=kinds, value=mate if mate in kinds else SEED),
            gr.Slider(maximum=max(1, gan.layers), value=min(cut, gan.layers) if many else 0, visible=many),
        ]


def mix_fold() -> MixFold:
    """Build the fold, which is visible while a garment is locked."""
    with gr.Accordion("Mix it", open=False, visible=False, elem_id="mix") as box:
        mate = gr.Dropdown([SEED], value=SEED, label="With", elem_id="mate", info=words.MATE)
        seed = gr.Number(1, precision=0, label="Its seed", elem_id="mate_seed")
        share = gr.Slider(0, 1, 0, step=0.01, label="Share of the other", info=words.SHARE, elem_id="share")
        cut = gr.Slider(0, 1, 0, step=1, label="Its layers, from", info=words.CUT, elem_id="cut", visible=False)
    return MixFold(box, mate, seed, share, cut)

"""Which widgets of the Sample tab make sense for what is shown: a sheet, or one garment."""

from typing import Any

import gradio as gr

from ...gans.base import GAN
from ...latent import spec
from ..shared import words
from . import explore
from .state import NEAR


def moving(locked: str, across: int) -> tuple[bool, bool]:
    """Whether the sliders "Number of garments" and "How far" make sense for what is shown."""
    close = across < 0 and locked != ""
    return not close and across == 0, close and across == NEAR


def view(locked: str, base: str, across: int, gan: GAN | None = None) -> list[Any]:
    """Show the widgets that make sense for a sheet of the GAN's garments, or for the locked garment."""
    close = across < 0 and locked != ""
    caption = explore.caption(spec.parse(locked)) if close else words.AROUND if base else of_sheet(gan)
    shown = [gr.Button(visible=seen) for seen in (close or base != "", close, close)]
    return [*shown, caption, gr.Accordion(visible=close)]


def of_sheet(gan: GAN | None) -> str:
    """The caption of a sheet: that its garments can be clicked, or where others are drawn from than its examples."""
    if gan is None or not gan.from_pictures:
        return words.CLICK
    return words.EXAMPLES.format(others=words.COLOR_OTHERS if gan.colors else words.ENLARGE_OTHERS)


def left(base: str, across: int) -> list[Any]:
    """Base and view after Back: from a garment to its sheet, from a sheet around liked garments to the seed's."""
    return [base if across < 0 else "", 0]

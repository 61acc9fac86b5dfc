"""Start from my picture: cut out an uploaded garment, invert it with the generator, and continue with the sliders."""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from torch import Tensor

from ...data import cutout, images, sheets
from ...errors import StudioError
from ...latent import inversion
from ...studio import Studio
from ..shared import edge, words
from .board import Again
from .state import History

EVERY_CLASS = "All classes"


@dataclass(frozen=True)
class Fold:
    """The widgets for an upload."""

    file: gr.UploadButton
    panel: gr.HTML

    def wire(self, studio: Studio, models: gr.Dropdown, label: gr.Dropdown, again: Again) -> None:
        def start(path: str, name: str | None, label: str, history: History) -> Iterator[list[Any]]:
            waiting = [gr.skip()] * len(again.outputs)
            for guess, target, note in guesses(studio, path, name, label):
                last = guess.step == guess.steps
                yield [panel(target, guess, note), *(again.values(guess.sample, history) if last else waiting)]

        event = self.file.upload(
            polite_steps(start),
            [self.file, models, label, again.history],
            [self.panel, *again.outputs],
            api_visibility="private",
            show_progress="hidden",
            concurrency_id="project",
            concurrency_limit=1,
        )
        again.follow(event)


def fold() -> Fold:
    """Build the fold."""
    with gr.Accordion("Start from my picture", open=False, elem_id="own"):
        gr.Markdown(words.OWN, elem_classes="caption")
        file = gr.UploadButton("Choose a picture", size="sm", elem_id="own_file")
        panel = gr.HTML(elem_id="own_panel")
    return Fold(file, panel)


def guesses(studio: Studio, path: str, name: str | None, label: str) -> Iterator[tuple[inversion.Guess, Tensor, str]]:
    """Invert an uploaded file, step by step. Yields each guess, the target, and a note on how that was cut out."""
    if not name:
        raise StudioError("There is no checkpoint yet to draw it with: the Train tab makes one.")
    gan = studio.gan(name)
    own = images.opened(Path(path))
    cut = cutout.find_garment(own)
    target = cutout.garment(own, gan.recipe.size, gan.channels, cut)
    chosen = label if gan.choices and label != EVERY_CLASS else inversion.seen(gan, target)
    for guess in inversion.project(gan, name, target, chosen):
        yield guess, target, cut.note


def polite_steps(handler: Any) -> Any:
    """Wrap a handler that yields: a StudioError becomes a toast."""

    def wrapped(*values: Any) -> Iterator[list[Any]]:
        try:
            yield from handler(*values)
        except StudioError as e:
            raise gr.Error(str(e), print_exception=False) from e

    return wrapped


def panel(target: Tensor, guess: inversion.Guess, note: str = "") -> str:
    """HTML: the upload, cut out as in the training data, beside the generator's picture, and the search's progress."""
    done = guess.step == guess.steps
    progress = f"{guess.psnr:.1f} dB alike" + ("" if done else f", step {guess.step} of {guess.steps}")
    sides = (("Yours, cut out", target), (f"The generator's, {progress}", guess.picture))
    figures = "".join(
        f'<figure><img src="{url(x)}" alt=""><figcaption>{text}</figcaption></figure>' for text, x in sides
    )
    sentence = f"<p>{html.escape(note)}</p>" if note else ""
    return f'<div class="preview" data-done="{str(done).lower()}">{figures}</div>{sentence}'


def url(x: Tensor) -> str:
    return edge.data_url(sheets.png(sheets.sheet(x[None], 1, gap=0, scale=4)))

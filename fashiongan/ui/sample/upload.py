"""Start from my picture: cut out an uploaded garment, invert it with the generator, and continue with the sliders."""

import functools
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ...data import cutout, images, sheets
from ...errors import StudioError
from ...latent import inversion
from ...studio import Studio, masks
from ..shared import edge, words
from ..shared import panel as shared
from ..shared.events import HIDDEN
from .board import Again
from .state import History

HERE = Path(__file__).parent
EVERY_CLASS = "All classes"
Steps = Iterator[list[Any]]  # updates of the page


@dataclass(frozen=True)
class Mask:
    """What mask.js shows: where the garment is in the upload, and the upload behind it."""

    mask: Tensor  # (1, H, W) uint8, white on black
    picture: Tensor  # (3, H, W) uint8
    shape: tuple[int, int]  # width and height


@dataclass(frozen=True)
class Fold:
    """The widgets for an upload."""

    file: gr.UploadButton
    mask: gr.HTML  # its value is a Mask as JSON; it triggers `submit` with the mask that somebody corrected
    panel: gr.HTML

    def wire(self, studio: Studio, models: gr.Dropdown, label: gr.Dropdown, again: Again) -> None:
        """Connect the widgets: an upload starts, and so does a corrected mask."""

        def start(path: str | None, name: str | None, label: str, history: History, mask: str = "") -> Steps:
            own, cut = read(path, mask)
            seen = (
                gr.skip() if mask not in ("", masks.ALL) else edge.answer(shown(own, cut))
            )  # the page has a painted one
            for guess, target in guesses(studio, own, cut, name, label):
                chosen = again.values(guess.sample, history) if guess.step == guess.steps else None
                yield [seen, panel(target, guess, cut.note), *(chosen or [gr.skip()] * len(again.outputs))]
                seen = gr.skip()

        def restart(path: str | None, name: str | None, label: str, history: History, event: gr.EventData) -> Steps:
            mask = event._data.get("mask") if isinstance(event._data, dict) else ""
            yield from start(path, name, label, history, str(mask or ""))

        common: dict[str, Any] = {
            "inputs": [self.file, models, label, again.history],
            "outputs": [self.mask, self.panel, *again.outputs],
            **HIDDEN,
            "concurrency_id": "project",
            "concurrency_limit": 1,
        }
        again.follow(self.file.upload(polite_steps(start), **common))
        again.follow(self.mask.submit(polite_steps(restart), trigger_mode="always_last", **common))


def fold() -> Fold:
    """Build the fold."""
    with gr.Accordion("Start from my picture", open=False, elem_id="own"):
        gr.Markdown(words.OWN, elem_classes="caption")
        file = gr.UploadButton("Choose a picture", size="sm", elem_id="own_file")
        mask = gr.HTML(
            html_template=shared.mask_fold("own"),
            css_template=(shared.HERE / "panel.css").read_text(encoding="utf-8"),
            js_on_load="\n".join(
                path.read_text(encoding="utf-8")
                for path in (shared.HERE / "panel.js", shared.HERE / "mask.js", HERE / "upload.js")
            ),
            apply_default_css=False,
            elem_id="own_mask",
        )
        panel = gr.HTML(elem_id="own_panel")
    return Fold(file, mask, panel)


def read(path: str | None, mask: str) -> tuple[Image.Image, cutout.CutOut]:
    """An uploaded picture and its garment, by the mask that somebody corrected if there is one."""
    file = Path(path or "")
    if not file.is_file():
        raise StudioError("This picture is no longer here: upload it again.")
    file.touch()  # the page deletes files by age
    own = images.opened(file)
    cut = cutout.CutOut(masks.corrected(mask, own.size), by_hand=True) if mask else cutout.find_garment(own)
    return own, cut


def shown(own: Image.Image, cut: cutout.CutOut) -> Mask:
    """What the page shows of an upload and its garment."""
    return Mask(images.as_tensor(cut.alpha, 1), images.as_tensor(images.on_background(own), 3), own.size)


def guesses(
    studio: Studio, own: Image.Image, cut: cutout.CutOut, name: str | None, label: str
) -> Iterator[tuple[inversion.Guess, Tensor]]:
    """Invert an upload, step by step. Yields each guess, and the target."""
    if not name:
        raise StudioError("There is no checkpoint yet to draw it with: the Train tab makes one.")
    gan = studio.gan(name)
    if gan.from_pictures:
        raise StudioError(words.NOT_FROM_MINE.format(gan=gan.recipe.gan))
    target = cutout.garment(own, gan.recipe.size, gan.channels, cut)
    chosen = label if gan.choices and label != EVERY_CLASS else inversion.seen(gan, target)
    for guess in inversion.project(gan, name, target, chosen):
        yield guess, target


def polite_steps(handler: Any) -> Any:
    """Wrap a handler that yields: a StudioError becomes a toast."""

    @functools.wraps(handler)
    def wrapped(*values: Any) -> Steps:
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

"""Turn tensors into pictures and exceptions into messages for the browser."""

import functools
import html
import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder
from PIL import Image
from torch import Tensor

from ... import files, limits
from ...data import sheets
from ...data.datasets import Dataset
from ...errors import StudioError
from ...studio import in_color
from . import edge, words

R = TypeVar("R")
SHEET_WIDTH = 1280  # pixels a sheet is enlarged to, at most


def polite(handler: Callable[..., R], name: str = "") -> Callable[..., R]:
    """Wrap a handler: a StudioError becomes a toast; any other exception is logged, and the toast says so.

    `name`: the name of the tool of MCP, if it differs from the handler's.
    """

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> R:
        try:
            return handler(*args, **kwargs)
        except StudioError as e:
            logging.getLogger(__name__).info("%s failed: %r", wrapped.__name__, str(e)[:500])
            raise gr.Error(str(e), print_exception=False) from e
        except gr.Error:
            raise
        except Exception as e:
            logging.getLogger(__name__).exception("in %s", handler)
            raise gr.Error(words.UNFORESEEN, print_exception=False) from e

    wrapped.__name__ = name or handler.__name__
    return wrapped


def answered(f: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Wrap a server function: it returns JSON, and a StudioError becomes the answer {"error": sentence}."""

    @functools.wraps(f)
    def wrapped(request: Any) -> Any:
        try:
            return edge.answer(f(request))
        except StudioError as e:
            return {"error": str(e)}

    return wrapped


def warn(note: str) -> None:
    """Show a sentence as a toast, if there is one."""
    if note:
        gr.Info(note)


def palette_of(path: str | None) -> str:
    """The colors of the garment in an uploaded picture, with commas between; what is remarkable becomes a toast."""
    if not path:
        raise StudioError("Choose a picture first.")
    reference = in_color.of_photograph(Path(path))
    warn(reference.note)
    return ", ".join(reference.colors)


def at_most(n: int, waiting: int = limits.PANEL_WAITING) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Wrap a function outside gradio's queue: n calls run at once, and a limited number may wait.

    Any further call is refused at once, because a waiting call holds a thread that sliders need.
    """
    places, line = threading.BoundedSemaphore(n), threading.BoundedSemaphore(n + waiting)

    def limited(f: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(f)
        def wrapped(*args: Any) -> R:
            if not line.acquire(blocking=False):
                raise StudioError("Too many are asking for this at once: try again in a moment.")
            try:
                with places:
                    return f(*args)
            finally:
                line.release()

        return wrapped

    return limited


def number(value: Any, lo: float, hi: float, name: str) -> float:
    """Check a number from the page: StudioError unless it is within its range. Sliders can also send NaN or None."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not lo <= value <= hi
    ):
        raise StudioError(f"{name} takes a number from {lo:g} to {hi:g}.")
    return value


def described_sheet(images: Tensor, columns: int, description: str, name: str = "garments.png") -> str:
    """A sheet enlarged by whole pixels to at most SHEET_WIDTH, as a PNG with its description inside: its path."""
    im = sheets.sheet(images, columns)
    scale = enlarged(im.width)
    return kept_picture(im.resize((im.width * scale, im.height * scale), Image.Resampling.NEAREST), description, name)


def enlarged(width: int) -> int:
    """The whole factor by which a sheet of that width is enlarged."""
    return max(1, min(16, SHEET_WIDTH // width))


def kept(data: bytes, name: str) -> str:
    """Bytes as a file in gradio's cache under their hash: its path.

    The file is written atomically. Gradio itself would write a picture in place, also while another visitor fetches
    the same one.
    """
    path = Path(get_upload_folder()) / hash_bytes(data) / name
    if path.exists():
        path.touch()  # gradio deletes by age
    else:
        files.write(path, data, durable=False)
    return str(path)


def kept_picture(im: Image.Image, description: str, name: str) -> str:
    """A picture as a PNG with its description inside, kept as `kept` does: its path."""
    return kept(sheets.png(im, description), name)


def preview(garments: Dataset, each: int = 4) -> str:
    """HTML: for each class that has images, a strip of some and their number."""
    figures = []
    for c, (name, count) in enumerate(zip(garments.names, garments.counts, strict=True)):
        if count:
            chosen = garments.images[(garments.labels == c).nonzero().flatten()[:each]]
            url = edge.data_url(sheets.png(sheets.sheet(chosen, each, gap=1)))
            figures.append(
                f'<figure><img src="{url}" alt=""><figcaption>{html.escape(name)}<b>{count:,}</b></figcaption></figure>'
            )
    size = garments.images.shape[-1]
    kind = "gray" if garments.images.shape[1] == 1 else "color"
    before = f"; they were {garments.survey.span()}" if garments.survey else ""
    total = f"<p>{len(garments):,} pictures, {size} x {size}, {kind}{before}</p>"
    remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in garments.remarks)
    return f'<div class="preview">{"".join(figures)}</div>{total}{remarks}'

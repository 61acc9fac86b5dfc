"""A picture of the visitor's own, to be attacked."""

from pathlib import Path
from typing import Any

import gradio as gr

from ...studio.attacked import own
from ..shared import show

OWN = "My own"


def taken(path: str | None) -> tuple[str, Any]:
    """An uploaded picture in the form that the panel reads, and an update that selects it."""
    if not path:
        return "", gr.skip()
    picture = own(Path(path))
    show.warn(picture.note)
    return picture.pixels, OWN

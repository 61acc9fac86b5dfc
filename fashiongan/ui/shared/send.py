"""Send to: how another tab receives the garment that is chosen in the Sample tab.

In `ui.build`, after both tabs are built, one line registers a receiver:

    made.outbox.to("Colorize", "colorize", picture)

where `picture` is the gr.File or gr.Image into which that tab takes uploads. It makes a button beside the picture; a
click puts the garment there, as a PNG file of its own size with its description inside, exactly as if it had been
uploaded, and opens the tab. What that tab does on its picture's `change` then happens by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Outbox:
    """Where the Sample tab's picture can be sent."""

    tabs: gr.Tabs
    row: gr.Row  # in which the buttons are made
    chosen: Callable[..., str]  # the page's values to the path of the chosen garment
    inputs: list[gr.components.Component]

    def to(self, name: str, tab: str, picture: gr.components.Component) -> gr.Button:
        """A button that sends the garment into `picture` on the tab with that id."""

        several = getattr(picture, "file_count", "single") != "single"

        def sent(*values: Any) -> tuple[str | list[str], gr.Tabs]:
            path = self.chosen(*values)
            return [path] if several else path, gr.Tabs(selected=tab)

        with self.row:
            button = gr.Button(f"Send to {name}", size="sm", elem_id=f"send_{tab}")
        button.click(sent, self.inputs, [picture, self.tabs], api_visibility="private", show_progress="hidden")
        return button

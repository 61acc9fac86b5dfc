"""Send a garment: pass the one that is chosen in the Sample tab to another tab.

In `ui.build`, after both tabs are built, one line registers a receiver:

    made.outbox.to("Colorize", "colorize", picture)

where `picture` is the gr.File or gr.Image for the uploads of that tab. It adds a button below the sheet. A click puts
the garment into `picture`, as if it had been uploaded, and opens the tab: a PNG file of the garment's own size, with
its description inside. The tab's `change` event of `picture` does the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from .events import HIDDEN


@dataclass(frozen=True)
class Outbox:
    """The other tabs to which the Sample tab's garment can be sent."""

    tabs: gr.Tabs
    row: gr.Row  # the buttons are added to this row
    chosen: Callable[..., str]  # maps the page's values to the path of the chosen garment's picture
    inputs: list[gr.components.Component]

    def to(self, name: str, tab: str, picture: gr.components.Component) -> gr.Button:
        """A button that sends the garment into `picture` on the tab with that id."""

        several = getattr(picture, "file_count", "single") != "single"

        def sent(*values: Any) -> tuple[str | list[str], gr.Tabs]:
            path = self.chosen(*values)
            return [path] if several else path, gr.Tabs(selected=tab)

        with self.row:
            button = gr.Button(f"Send to {name}", size="sm", elem_id=f"send_{tab}")
        button.click(sent, self.inputs, [picture, self.tabs], **HIDDEN)
        return button

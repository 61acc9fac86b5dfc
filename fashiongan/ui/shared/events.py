"""Arguments that gradio's event listeners share."""

from typing import Any

Event = dict[str, Any]  # the arguments of a Gradio event listener
# Of a listener that shows no progress. `show_progress_on` tells gradio's script, too: by itself it hands the progress
# to every widget that any event has updated so far, and does so again at each of the four messages of each event.
HIDDEN: Event = {"api_visibility": "private", "show_progress": "hidden", "show_progress_on": ()}

"""Serve plotly.js to the panels from the installed package: nothing is vendored, and no internet is needed."""

from pathlib import Path

import gradio as gr
import plotly

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def serve_plotly() -> None:
    """Let the page load plotly.js from the installed package."""
    gr.set_static_paths([str(PLOTLY)])

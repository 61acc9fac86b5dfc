"""A panel: a part of the page with a script of its own, which requests data from the server.

Its folder has panel.html, panel.js and panel.css. The script runs as one function, after the two scripts that all
panels share. Gradio passes it `element`, `props`, `server` and `trigger`. The server draws what the script only
displays, as elements and traces: see elements.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from .plots import PLOTLY

HERE = Path(__file__).parent
SHARED = ("panel.js", "plots.js", "mask.js")


def script(folder: Path) -> str:
    """The scripts of a folder's panel, panel.js first, after the scripts that all panels share."""
    more = sorted(path for path in folder.glob("*.js") if path.name != "panel.js")
    paths = (*(HERE / name for name in SHARED), folder / "panel.js", *more)
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def mask_fold(name: str) -> str:
    """HTML: a picture with its mask over it, to be corrected by mask.js. `name` is the panel's own, for an id."""
    return (HERE / "mask.html").read_text(encoding="utf-8").replace("TINT", f"{name}-tint")


def html_panel(
    folder: Path, elem_id: str, server_functions: list[Callable[..., Any]], html: str = "", **props: Any
) -> gr.HTML:
    """The panel of a tab's folder.

    This is a function, because gradio writes a .pyi file beside every module that has a subclass.

    Args:
        server_functions: the script calls them as `server.name(request)`. Anybody can call them with any value.
        html: instead of panel.html.
        props: JSON values that the script and panel.html read by these names.
    """
    return gr.HTML(
        html_template=html or (folder / "panel.html").read_text(encoding="utf-8"),
        css_template=(HERE / "panel.css").read_text(encoding="utf-8")
        + (folder / "panel.css").read_text(encoding="utf-8"),
        js_on_load=script(folder),
        head=f'<script src="gradio_api/file={PLOTLY}"></script>',  # relative: the page may be below a path
        apply_default_css=False,
        server_functions=server_functions,
        elem_id=elem_id,
        **props,
    )

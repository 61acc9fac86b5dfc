"""The web page: a folder for each tab, `shared` for the code that tabs share, `api` for the named endpoints.

Only app.py and the tests import this folder, and nothing outside it imports gradio or plotly. It calls `studio`, and
turns tensors and exceptions into HTML, pictures and messages. Tabs do not know one another.
"""

import importlib.util
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import limits

# Must be set before gradio is imported: it turns off the version check and the telemetry.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import Scope

from ..errors import StudioError
from ..studio import Studio
from ..studio.colorize import ColorizeService
from ..studio.robustness import RobustnessService
from . import api
from .colorize import tab as colorize
from .compare import tab as compare
from .robustness import tab as robustness
from .sample import tab as sample
from .shared import access, plots, sign_in, words
from .shared.head_script import HeadScript
from .shared.health import Health
from .shared.request_guard import RequestGuard
from .train import tab as train

HERE = Path(__file__).parent / "shared"
FIRST = HERE / "first.js"
# Gradio's own subdued text is too pale to read: this is 5 to 1 and more, light and dark.
READABLE = {
    f"{name}{mode}": color
    for name in ("body_text_color_subdued", "block_info_text_color", "block_label_text_color", "block_title_text_color")
    for mode, color in (("", "#6b6662"), ("_dark", "#b4aea9"))
}
SAMPLE = Path(__file__).parent / "sample"
STYLES = [HERE / "studio.css", HERE / "layout.css", SAMPLE / "desk.css", SAMPLE / "keys.css"]


def build(studio: Studio) -> gr.Blocks:
    """Build the whole page on one studio. Launch it with `launch_settings()`."""
    plots.serve_plotly()
    studio.caller = sign_in.caller
    lab, colorizing = RobustnessService(studio), ColorizeService(studio)
    with gr.Blocks(title="FashionGAN Studio", delete_cache=(3600, 3600)) as page:
        note = f'<p id="no_storage">{words.NO_STORAGE}</p>'  # shown by first.js
        gr.HTML(f"<header><h1>FashionGAN Studio</h1><p>{words.INTRO}</p></header>{note}", elem_id="masthead")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Sample", id="sample") as sample_tab:
                made = sample.tab(studio, page, tabs, sample_tab)
            with gr.Tab("Train", id="train") as train_tab:
                visitor = train.tab(studio, page, tabs, train_tab, made.models)
            with gr.Tab("Colorize", id="colorize") as colorize_tab:
                made.outbox.to("Colorize", "colorize", colorize.tab(colorizing, colorize_tab))
            with gr.Tab("Robustness", id="robustness") as robustness_tab:
                made.outbox.to("Robustness", "robustness", robustness.tab(lab, robustness_tab, visitor))
            with gr.Tab("Compare", id="compare") as compare_tab:
                compare.tab(studio, compare_tab, visitor)
        api.add_endpoints(studio, lab, colorizing)
        access.reserve(studio, page)
    return page.queue(max_size=limits.EVENTS, default_concurrency_limit=limits.EVENTS_AT_ONCE, api_open=False)


def launch_settings(
    password: str | None = None,
    mcp: bool = False,
    public: bool = False,
    share: bool = False,
    studio: Studio | None = None,
) -> dict[str, Any]:
    """Arguments for `Blocks.launch`: looks, limits, and nothing that calls home.

    With a `password`, whoever knows it may enter, by any name. An upload may be a data set, but for a stranger on a
    page that is `public`. `share` opens a public link as well. `studio` is what /healthz tells of. Raises StudioError
    if MCP is asked for and not here, or a link without a password or the public rules.
    """
    if mcp and importlib.util.find_spec("mcp") is None:
        raise StudioError("MCP needs more packages: pip install 'gradio[mcp]', in an environment of its own.")
    if share and not (public or password):
        raise StudioError(
            "A share link lets anybody in, who could then train and name folders here: set FASHIONGAN_PASSWORD, or "
            "open the page with --public."
        )
    megabytes = limits.UPLOAD_MB if public and not sign_in.available() else limits.DATASET_UPLOAD_MB
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        **READABLE, button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700"
    )
    gates = [
        Middleware(Health, studio=studio),
        Middleware(RequestGuard, uploads=lambda scope: upload_bytes(scope, public)),
        Middleware(HeadScript, script=FIRST.read_text(encoding="utf-8")),
    ]
    return {
        "theme": theme,
        "css_paths": STYLES,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": f"{megabytes}mb",
        "state_session_capacity": limits.SESSIONS,
        "footer_links": ["api", "settings"],
        "app_kwargs": {"middleware": gates},
        "mcp_server": mcp,
        "share": share,  # said outright, since gradio opens a link by itself in a notebook
        **({"auth": guard(password), "auth_message": words.ENTRY} if password else {}),
    }


def guard(password: str) -> Callable[[str, str], bool]:
    """Whether a visitor gave that password; the name does not matter. The time does not depend on the guess."""
    return lambda _, given: secrets.compare_digest(given.encode(), password.encode())


def upload_bytes(scope: Scope, public: bool) -> int:
    """The largest request with files, a little above the largest file. The owner may upload a data set."""
    owner = not public or sign_in.caller_of(scope.get("session"), Headers(scope=scope)).owner
    return ((limits.DATASET_UPLOAD_MB if owner else limits.UPLOAD_MB) + 1) * 1_000_000

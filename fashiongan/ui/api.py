"""What programs may call: the named endpoints beside /sample, each with a docstring and defaults."""

import json
from typing import Any

import gradio as gr

from .. import gans
from ..errors import StudioError
from ..studio import Studio
from . import show

# Whoever sits at the machine may stop what trains on it; others only what they started.
AT_THE_MACHINE = ("127.0.0.1", "::1")


def may_control(studio: Studio, visitor: str | None, request: gr.Request) -> bool:
    """Whether this visitor may pause or stop the run."""
    run = studio.run
    mine = run is not None and run.owner != "" and visitor == run.owner
    return mine or (request.client is not None and request.client.host in AT_THE_MACHINE)


def check_control(studio: Studio, visitor: str | None, request: gr.Request) -> None:
    if not may_control(studio, visitor, request):
        raise StudioError("Only the visitor who started this run can pause or stop it.")


def add_endpoints(studio: Studio) -> None:
    """Add /train_start, /train_status and /train_stop to the page being built."""

    def train_start(
        gan: str = "dcgan",
        data: str = "fashion-mnist",
        size: int = 28,
        classes: str = "",
        limit: int = 0,
        epochs: int = 20,
        steps: int = 0,
        batch: int = 128,
        seed: int = 0,
        options: str = "{}",
        request: gr.Request = None,  # type: ignore[assignment]  # gradio fills it in
    ) -> dict[str, Any]:
        """Start a training run; refused while another is going on.

        Args:
            gan: which GAN, as `python train.py --list` names them.
            data: fashion-mnist, or a folder on the server with one sub-folder a class.
            size: pixels, 28 to 128.
            classes: names or numbers separated by commas; empty means all.
            limit: number of pictures; 0 means all.
            epochs: how often every picture is seen.
            steps: updates instead of epochs; 0 means go by epochs.
            batch: pictures per update.
            seed: of weights and noise.
            options: any other setting of the GAN's recipe, as a JSON object.

        Returns:
            The same as /train_status.
        """
        chosen = {"data": data, "size": size, "classes": classes, "limit": limit or None, "epochs": epochs}
        chosen |= {"steps": steps or None, "batch": batch, "seed": seed} | json_object(options)
        studio.start(gans.recipe(gan, **chosen), request.session_hash or "")
        return studio.status()

    def train_status() -> dict[str, Any]:
        """What the run is doing.

        Returns:
            state (idle, running, paused, stopped, finished or failed), gan, step, steps, epoch, losses,
            images_per_second, seconds_left, error.
        """
        return studio.status()

    def train_stop(request: gr.Request = None) -> dict[str, Any]:  # type: ignore[assignment]
        """Stop the run and save it; it can be resumed.

        Returns:
            The same as /train_status.
        """
        check_control(studio, request.session_hash, request)
        studio.stop()
        return studio.status()

    gr.api(show.polite(train_start), api_name="train_start")
    gr.api(train_status, api_name="train_status", concurrency_limit=None)
    gr.api(show.polite(train_stop), api_name="train_stop")


def json_object(text: str) -> dict[str, Any]:
    """A JSON object from a caller, or StudioError."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StudioError('options takes a JSON object, such as {"width": 32}.')
    return found

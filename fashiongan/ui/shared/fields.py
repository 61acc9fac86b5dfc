"""The hidden widgets by which programs send the arguments of an endpoint."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints

import gradio as gr

# A file goes through a component, which accepts uploads only; gr.api would accept any path.
WIDGETS: dict[Any, Callable[..., gr.components.Component]] = {
    str: gr.Textbox,
    bool: gr.Checkbox,
    int: partial(gr.Number, precision=0),
    float: gr.Number,
    str | None: partial(gr.File, type="filepath"),
}


def hidden(endpoint: Callable[..., Any]) -> list[gr.components.Component]:
    """A widget for each argument of an endpoint, in their order, with its name and default, and by its type: `str |
    None` is a file."""
    types = get_type_hints(endpoint)
    return [
        WIDGETS[types[name]](argument.default, label=name, visible=False)
        for name, argument in inspect.signature(endpoint).parameters.items()
    ]

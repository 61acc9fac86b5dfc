"""The lists of checkpoints, which all tabs share: their entries, and checkpoints on the Hub that a visitor types in."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from ... import hub
from ...errors import StudioError
from ...studio import Studio

FAVOURITE = "studio"  # the checkpoint that is chosen when the page opens, if it is there


def info(studio: Studio) -> str:
    """The help text of the list."""
    return "bundled ones" if studio.public else "bundled, your own, or type hub:user/name"


def titled(names: list[str]) -> list[tuple[str, str]]:
    return [(title(name), name) for name in names]


def title(name: str) -> str:
    """A checkpoint's name for display."""
    if name.startswith(hub.PREFIX):
        place = hub.parse(name)
        stem = (place.file or place.repo).rsplit("/", 1)[-1].removesuffix(".safetensors")
        at = "" if place.revision == "main" else f" at {place.revision[:12]}"
        return f"{stem} (Hub: {place.repo}{at})"
    if name.endswith("/best.safetensors"):
        return f"{name.split('/')[-2]}, its best epoch (yours)"
    return f"{name.rsplit('/', 1)[-1]} (yours)" if "/" in name else f"{name} (bundled)"


def favourite(names: list[str]) -> str | None:
    """The checkpoint that is chosen when the page opens: FAVOURITE, or the first in the list."""
    return FAVOURITE if FAVOURITE in names else next(iter(names), None)


def listed(studio: Studio, chosen: str | None) -> gr.Dropdown:
    """An update of the list with the current checkpoints, one of them chosen."""
    names = studio.names()
    return gr.Dropdown(choices=titled(names), value=chosen if chosen in names else favourite(names))


def has(studio: Studio, name: Any) -> bool:
    """Whether a choice is still valid: it is listed, or it names a place on the Hub."""
    try:
        studio.library.check(name)
    except StudioError:
        return False
    return True


def fetched(studio: Studio, name: Any, before: str | None) -> Iterator[list[Any]]:
    """Yield updates of a list in which `name` was chosen or typed: the list, the choice, and a caption.

    If the checkpoint cannot be fetched, `before` is chosen again and gr.Error is raised.
    """
    if name in studio.names():
        yield [gr.skip(), name, gr.skip()]
        return
    try:
        if isinstance(name, str) and name.startswith(hub.PREFIX):
            name = str(hub.parse(name.strip()))
            yield [gr.skip(), before, f"Fetching {name} ..."]
        studio.path(name)
    except StudioError as e:
        yield [listed(studio, before), before, gr.skip()]
        raise gr.Error(str(e), print_exception=False) from e
    yield [listed(studio, name), name, gr.skip()]

"""CUDA graphs: on a GPU an update is recorded once and then replayed, which is one request instead of hundreds."""

from collections.abc import Callable
from typing import NamedTuple

import torch


class Recording(NamedTuple):
    """One update as a GPU replays it, and the curves that it notes."""

    graph: torch.cuda.CUDAGraph
    noted: list[str]


def recorded(update: Callable[[], None], rng: torch.Generator) -> torch.cuda.CUDAGraph:
    """Record one update, which draws from `rng`. Recording computes nothing: replay the graph to do the update."""
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(rng)
    # Another thread of the page may use the GPU meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        update()
    return graph

"""What makes an update cheaper without changing it: a recorded one on a GPU, a compiled generator on a CPU.

CUDA graphs: on a GPU an update is recorded once and then replayed, which is one request instead of hundreds.
"""

import os
import shutil
from collections.abc import Callable
from typing import NamedTuple

import torch

from ..errors import StudioError


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


def check_compiler(device: torch.device) -> None:
    """StudioError where torch.compile cannot fuse a generator's layers: without a C++ compiler, and on a GPU.

    Compiled on a CPU, wide generators of large pictures gain most, since fused layers move less memory. Pictures stay
    the same but for rounding; the first updates take a minute. A GPU replays recorded updates instead.
    """
    if device.type != "cpu":
        raise StudioError("--compile is for a CPU: a GPU replays recorded updates, which is faster. Leave it out.")
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise StudioError("--compile needs a C++ compiler: install g++, or leave it out.")

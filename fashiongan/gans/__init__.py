"""The GANs: one file a paper, the catalogue that lists them, and what they are made of.

`base` is the contract of a GAN, `recipe` the settings of a run, `networks` and `losses` the parts, `sampling` the way
from a seed to pictures. A paper's file imports these and `color`, and no more. Nothing here knows data sets, training
loops, files or the page. What is named below is imported when it is asked for, so that a part does not load all papers.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogue import GANS, build, find, new_recipe, recipe_from_json

__all__ = ["GANS", "build", "find", "new_recipe", "recipe_from_json"]


def __getattr__(name: str) -> Any:
    """A name of the catalogue, which is imported with all its papers only now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import catalogue

    return getattr(catalogue, name)

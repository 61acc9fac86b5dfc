"""Checkpoints by name: `client` talks to the Hugging Face Hub, `registry` turns names into files;
`mirror` keeps copies of runs.

A name is a path, a run folder, a bundled checkpoint or `hub:user/name`. Nothing here knows the contents of a file: a
caller that needs them checked passes in a function. May import the ground only (errors, files, limits).
"""

from .client import (
    PREFIX,
    ConflictError,
    Place,
    UnreachableError,
    fetch,
    listing,
    organizations,
    parse,
    repository,
    send,
)
from .mirror import Mirror

__all__ = [
    "PREFIX",
    "ConflictError",
    "Mirror",
    "Place",
    "UnreachableError",
    "fetch",
    "listing",
    "organizations",
    "parse",
    "repository",
    "send",
]

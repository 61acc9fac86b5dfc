"""Checkpoints by name: `client` talks to the Hugging Face Hub, `registry` turns names into files.

A name is a path, a run folder, a bundled checkpoint or `hub:user/name`. Nothing here knows the contents of a file: a
caller that needs them checked passes in a function. May import the ground only (errors, files, limits).
"""

from .client import PREFIX, Place, UnreachableError, fetch, listing, organizations, parse, repository, send

__all__ = ["PREFIX", "Place", "UnreachableError", "fetch", "listing", "organizations", "parse", "repository", "send"]

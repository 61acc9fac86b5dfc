"""Where what can be made again is kept between runs."""

import os
from pathlib import Path


def home() -> Path:
    """The studio's folder in the user's cache: XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fashiongan"

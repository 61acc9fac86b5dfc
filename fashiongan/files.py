"""Atomic file writes, and the studio's cache folder."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from .errors import StudioError


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `path` atomically: write a .part file beside it, then rename it. The folder is made if it is missing.

    Readers see the old file or the new one, never half of one. With `durable`, the call waits until data is on disk,
    so that the file survives a power cut; only one writer at a time is allowed. Without it, several writers may write
    the same path at once.

    Raises StudioError if the folder cannot be written or the disk is full; the old file is then unchanged.
    """
    mark = "" if durable else f".{os.getpid()}-{threading.get_ident()}"
    part = path.with_name(f"{path.name}{mark}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as f:
            f.write(data)
            f.flush()
            if durable:
                os.fsync(f.fileno())
        part.replace(path)
    except OSError as e:
        with suppress(OSError):  # this may fail for the same reason; the first error is the one to report
            part.unlink(missing_ok=True)
        raise StudioError(explain(path, e)) from e


def check(path: Path) -> None:
    """Raise StudioError if `path` cannot be written. Call it before an hour's work, not after."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        part.unlink()
    except OSError as e:
        raise StudioError(explain(path, e)) from e


def explain(path: Path, e: OSError) -> str:
    """A sentence that says why a file could not be written, and what to do."""
    if e.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space is left to save {path.name}: free some in {path.parent}; what was saved before is unharmed."
    return f"{path} cannot be written ({e.strerror or e}): choose a folder you may write to."


def home() -> Path:
    """The studio's folder in the user's cache: XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fashiongan"

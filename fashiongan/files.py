"""Files that are written whole or not at all, and where what can be made again is kept between runs."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from .errors import StudioError


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `path` by way of a .part beside it and a rename, making its folder. Readers see the old file or the new.

    `durable` waits until the disk has it, so that it survives a power cut too, and wants one writer at a time; without
    it, several may write the same path at once.

    Raises StudioError, with the old file untouched, if the folder cannot be written or the disk is full.
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
        with suppress(OSError):  # the folder itself may be in the way; the first error says so
            part.unlink(missing_ok=True)
        raise StudioError(explain(path, e)) from e


def check(path: Path) -> None:
    """StudioError if `path` could not be written: better known before an hour's work than after it."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        part.unlink()
    except OSError as e:
        raise StudioError(explain(path, e)) from e


def explain(path: Path, e: OSError) -> str:
    """One sentence on why a file could not be written, and what to do."""
    if e.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space is left to save {path.name}: free some in {path.parent}; what was saved before is unharmed."
    return f"{path} cannot be written ({e.strerror or e}): choose a folder you may write to."


def home() -> Path:
    """The studio's folder in the user's cache: XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fashiongan"

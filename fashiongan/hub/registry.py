"""Checkpoints by name: those that come with the studio, those trained here, and those on the Hub."""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from .. import limits
from ..errors import StudioError, quoted
from . import client

BUNDLED = Path(__file__).resolve().parent.parent.parent / "checkpoints"


def find(name: str | Path) -> Path:
    """The file behind a path, a run folder, a bundled name or a place on the Hub; StudioError with the bundled names
    otherwise."""
    if str(name).startswith(client.PREFIX):
        return client.fetch(client.parse(str(name)))
    path = Path(name)
    if path.is_dir() and (path / "checkpoint.safetensors").is_file():
        return path / "checkpoint.safetensors"
    if path.is_file():
        return path
    if str(name) in bundled():
        return BUNDLED / f"{name}.safetensors"
    have = ", ".join(bundled()) or "none yet"
    raise StudioError(f"There is no checkpoint {str(name)!r}: give a file, a run folder, or a bundled name ({have}).")


def bundled() -> list[str]:
    """Names of the checkpoints that come with the studio."""
    return sorted(p.stem for p in BUNDLED.glob("*.safetensors"))


class Registry:
    """Names to files. Only what is listed is opened, or what is named on the Hub: never a path that somebody typed.

    `catalogue` is a repository on the Hub, `user/name` or `user/name@revision`, whose checkpoints are listed too. What
    is `public` fetches from no other, since it would be with the owner's token, at the owner's cost. What `check`
    raises StudioError for, of what was fetched, does not come into the list.
    """

    def __init__(
        self, folder: Path, check: Callable[[Path], object], catalogue: str | None = None, public: bool = False
    ):
        self.folder, self.check_file, self.catalogue, self.public = folder, check, catalogue, public
        self.lock, self.asking = threading.Lock(), threading.Lock()
        self.offered: list[str] = []  # what the catalogue holds
        self.fetched: dict[str, Path] = {}  # by place; the same until the studio is started again
        self.failed: dict[str, tuple[float, str]] = {}  # when, and why
        self.looked: tuple[float, str] | None = None  # when the Hub was asked for the catalogue, and what is to be told

    def names(self) -> list[str]:
        """Bundled checkpoints, those of the Hub, then trained ones, newest first, each a name that `path` takes.

        A run's last epoch has the name of its folder; the best by `quick.Quick`, if kept, stands below it.
        """
        made = sorted(self.folder.glob("*/checkpoint.safetensors"), key=lambda p: p.stat().st_mtime, reverse=True)
        best = {p.parent: p for p in self.folder.glob("*/best.safetensors")}
        mine = [name for p in made for name in (p.parent, best.get(p.parent)) if name is not None]
        there = [*self.offered, *(name for name in list(self.fetched) if name not in self.offered)]
        return [*bundled(), *there, *(p.as_posix() for p in mine)]

    def check(self, name: Any) -> None:
        """StudioError unless the name is listed, or could be one on the Hub."""
        if isinstance(name, str) and name.startswith(client.PREFIX):
            client.parse(name)
        elif name not in self.names():
            raise StudioError(
                f"There is no checkpoint {quoted(name)} here: choose one from the list"
                + ("." if self.public else ", or name one on the Hub, hub:user/name.")
            )

    def path(self, name: Any) -> Path:
        """The file of a listed checkpoint, or of one on the Hub, fetched if it must be; or StudioError."""
        self.check(name)
        return self.from_hub(client.parse(name)) if name.startswith(client.PREFIX) else find(name)

    def from_hub(self, place: client.Place) -> Path:
        name = str(place)
        with self.lock:
            if name in self.fetched:
                return self.fetched[name]
            when, why = self.failed.get(name, (-limits.HUB_AGAIN, ""))
        if monotonic() - when < limits.HUB_AGAIN:
            raise StudioError(why)
        if self.public and (self.catalogue is None or place.repo != client.parse(self.catalogue).repo):
            raise StudioError(off("Fetching what a visitor names"))
        try:
            path = client.fetch(place)
            self.check_file(path)  # so that nothing else comes into the list
        except StudioError as e:
            with self.lock:
                self.failed[name] = monotonic(), str(e)
            raise
        with self.lock:
            self.fetched[name] = path
        return path

    def look_up(self) -> str:
        """Ask the Hub what the catalogue holds, unless that is known: why it is missing in a sentence, or "".

        It takes as long as `limits.HUB_ANSWER` at most, once for all who ask meanwhile.
        """
        if self.catalogue is None:
            return ""
        with self.asking:
            if self.looked is None or (self.looked[1] and monotonic() - self.looked[0] > limits.CATALOGUE_AGAIN):
                try:
                    self.offered, told = [str(place) for place in client.listing(client.parse(self.catalogue))], ""
                except StudioError as e:
                    why = str(e)
                    told = f"Only the bundled checkpoints are here for now, {self.catalogue} is missing: "
                    told += why[0].lower() + why[1:]
                self.looked = monotonic(), told
            return self.looked[1]


def off(what: str) -> str:
    """The sentence that refuses something on a public page."""
    return (
        f"{what} is off on this public page: make it your own with “Duplicate this Space” in the Space's menu, or run "
        "the studio on your machine with `make app`."
    )

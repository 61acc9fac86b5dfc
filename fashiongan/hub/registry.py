"""The registry of checkpoints: names of bundled checkpoints, runs trained here and places on the Hub -> files."""

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
    """The file for a path, a run folder, a bundled name or a place on the Hub; otherwise StudioError, which lists the
    bundled names."""
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
    """The checkpoints that the page may open. A name must be listed or be a place on the Hub; a typed path is refused.

    Args:
        folder: where the runs are.
        check: called with each fetched file; a file for which it raises StudioError is not listed.
        catalogue: a repository on the Hub, `user/name` or `user/name@revision`, whose checkpoints are listed too.
        restricted: whether the current call is a stranger's on a public page. Such a call fetches from no other
            repository, since that would use the owner's token and disk, and does not see what the owner fetched.
    """

    def __init__(
        self,
        folder: Path,
        check: Callable[[Path], object],
        catalogue: str | None = None,
        restricted: Callable[[], bool] = lambda: False,
    ):
        self.folder, self.check_file, self.catalogue, self.restricted = folder, check, catalogue, restricted
        self.lock, self.requesting = threading.Lock(), threading.Lock()
        self.offered: list[str] = []  # the checkpoints in the catalogue
        self.fetched: dict[str, Path] = {}  # by place; fetched once, and then the same file until a restart
        self.failed: dict[str, tuple[float, str]] = {}  # by place: when it failed, and why
        self.requested: tuple[float, str] | None = None  # when the catalogue was requested, and what went wrong or ""

    def names(self) -> list[str]:
        """All names that `path` accepts: bundled checkpoints, then those of the Hub, then runs, the newest first.

        A run's last epoch has the name of its folder. Its best checkpoint by `quick.Quick`, if kept, follows it.
        """
        made = sorted(self.folder.glob("*/checkpoint.safetensors"), key=lambda p: p.stat().st_mtime, reverse=True)
        best = {p.parent: p for p in self.folder.glob("*/best.safetensors")}
        mine = [name for p in made for name in (p.parent, best.get(p.parent)) if name is not None]
        fetched = [name for name in list(self.fetched) if name not in self.offered]
        there = [*self.offered, *(fetched if not self.restricted() else filter(self.in_catalogue, fetched))]
        return [*bundled(), *there, *(p.as_posix() for p in mine)]

    def check(self, name: Any) -> None:
        """Raise StudioError unless the name is listed, or is written like a place on the Hub."""
        if isinstance(name, str) and name.startswith(client.PREFIX):
            client.parse(name)
        elif name not in self.names():
            raise StudioError(
                f"There is no checkpoint {quoted(name)} here: choose one from the list"
                + ("." if self.restricted() else ", or name one on the Hub, hub:user/name.")
            )

    def path(self, name: Any) -> Path:
        """The file of a listed checkpoint, or of one on the Hub, which is fetched if needed; StudioError for others."""
        self.check(name)
        return self.from_hub(client.parse(name)) if name.startswith(client.PREFIX) else find(name)

    def from_hub(self, place: client.Place) -> Path:
        """The file of a place on the Hub. It is fetched once; after a failure, not again for HUB_AGAIN seconds."""
        name = str(place)
        if self.restricted() and not self.in_catalogue(name):
            raise StudioError(off("Fetching what a visitor names"))
        with self.lock:
            if name in self.fetched:
                return self.fetched[name]
            when, why = self.failed.get(name, (-limits.HUB_AGAIN, ""))
        if monotonic() - when < limits.HUB_AGAIN:
            raise StudioError(why)
        try:
            path = client.fetch(place)
            self.check_file(path)  # so that only valid files are listed
        except StudioError as e:
            with self.lock:
                self.failed[name] = monotonic(), str(e)
            raise
        with self.lock:
            self.fetched[name] = path
        return path

    def in_catalogue(self, name: str) -> bool:
        """Whether a place on the Hub is in the catalogue's repository."""
        return self.catalogue is not None and client.parse(name).repo == client.parse(self.catalogue).repo

    def look_up(self) -> str:
        """Request the catalogue's list of checkpoints, unless it is known. Returns "", or a sentence on why it failed.

        The request takes `limits.HUB_ANSWER` seconds at most. Callers that come meanwhile wait for the same request.
        """
        if self.catalogue is None:
            return ""
        with self.requesting:
            if self.requested is None or (
                self.requested[1] and monotonic() - self.requested[0] > limits.CATALOGUE_AGAIN
            ):
                try:
                    self.offered, problem = [str(place) for place in client.listing(client.parse(self.catalogue))], ""
                except StudioError as e:
                    why = str(e)
                    problem = f"Only the bundled checkpoints are here for now, {self.catalogue} is missing: "
                    problem += why[0].lower() + why[1:]
                self.requested = monotonic(), problem
            return self.requested[1]


def off(what: str) -> str:
    """The sentence that refuses an action on a public page."""
    return (
        f"{what} is off on this public page: make it your own with “Duplicate this Space” in the Space's menu, or run "
        "the studio on your machine with `make app`; what is your own Space opens once you sign in, on its Train tab."
    )

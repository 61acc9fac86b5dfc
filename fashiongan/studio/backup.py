"""Keeps a copy of the runs on the Hub, in the background, and takes them up again on an empty disk."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from .. import limits
from ..errors import StudioError
from ..hub import ConflictError, Mirror

log = logging.getLogger(__name__)


class Backup:
    """Sends runs to a repository after they were saved, the newest state only, and at most every RUNS_PUSH seconds.

    Nothing is sent before the repository's runs were fetched. `problem` is a sentence while runs are not kept there.
    """

    def __init__(self, repo: str, folder: Path):
        self.mirror, self.problem = Mirror(repo, folder), ""
        self.lock, self.changed = threading.Condition(), set[str]()
        self.saved: dict[str, int] = {}  # by run: when its state was saved that was noted last
        self.urgent = self.restored = self.given_up = False
        self.sent = -limits.RUNS_PUSH  # when the last commit was begun

    def restore(self) -> None:
        """Fetch the runs of the repository, and begin to send; after a failure it is tried again in the background."""
        self.try_to(self.fetch)
        threading.Thread(target=self.work, name="backup", daemon=True).start()

    def note(self, out: Path, ended: bool = False) -> None:
        """Send a run before long if it was saved since the last call; at once if it has ended."""
        state = out / "state.safetensors"
        saved = state.stat().st_mtime_ns if state.exists() else 0
        if saved and saved != self.saved.get(out.name):
            self.saved[out.name] = saved
            with self.lock:
                self.changed.add(out.name)
                self.urgent = self.urgent or ended
                self.lock.notify()

    def fetch(self) -> None:
        self.mirror.restore()
        self.restored = True

    def work(self) -> None:
        while not self.given_up:
            with self.lock:
                self.lock.wait_for(lambda: bool(self.changed), None if self.restored else limits.CATALOGUE_AGAIN)
                # A run that has ended is sent at once; another, as it is when enough time has passed.
                self.lock.wait_for(lambda: self.urgent, max(0.0, self.sent + limits.RUNS_PUSH - monotonic()))
                names, self.urgent = sorted(self.changed), False
            self.sent = monotonic()
            if not self.restored:
                self.try_to(self.fetch)
                continue
            for name in names:
                with self.lock:
                    self.changed.discard(name)
                if not self.try_to(lambda name=name: self.mirror.push(name)):  # type: ignore[misc]
                    with self.lock:
                        self.changed.add(name)

    def try_to(self, do: Callable[[], None]) -> bool:
        """Whether that went well; if not, `problem` says why."""
        try:
            do()
        except (StudioError, OSError) as e:
            self.given_up = isinstance(e, ConflictError)
            self.problem = str(e) if self.given_up else f"Runs are not kept in {self.mirror.repo} for now: {e}"
            log.warning("%s", self.problem)
            return False
        self.problem = ""
        return True


def no_backup(_: Path, ended: bool = False) -> None:
    """What is done with a saved run where no repository keeps it: nothing."""

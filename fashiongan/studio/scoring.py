"""Scoring in the background: checkpoints wait in a line, and each is evaluated once for its very weights."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import checkpoint, files
from ..errors import StudioError
from ..evaluation import evaluate, features, sources
from ..evaluation.report import Report
from ..job import Job

SAMPLES = 10_000  # pictures that a report is made of


@dataclass(frozen=True)
class Progress:
    """What the scorer is doing, and what went wrong last."""

    name: str | None = None
    doing: str | None = None
    share: float = 0.0  # of the work for this checkpoint, 0..1
    error: str | None = None


@dataclass(frozen=True)
class ScoringStatus:
    """The checkpoint that is being scored, those that wait, and what went wrong last."""

    busy: bool
    name: str | None
    doing: str | None
    share: float
    waiting: tuple[str, ...]
    error: str | None


class Scoring:
    """One evaluation at a time. `find` gives the file of a checkpoint's name; reports are kept in `folder`."""

    def __init__(self, folder: Path, data_root: str | None, find: Callable[[str], Path]):
        self.folder, self.data_root, self.find = folder, data_root, find
        self.lock = threading.Lock()
        self.job: Job[Progress] | None = None
        self.now = Progress()
        self.waiting: list[str] = []

    def report(self, name: str) -> Report | None:
        """The report on a checkpoint as it is now, if there is one; a bundled checkpoint has it in its header."""
        path = self.find(name)
        try:
            found = json.loads(self.report_file(path).read_text())
        except (OSError, ValueError):
            found = checkpoint.header_info(path).get("report")
        return Report.from_json(found) if isinstance(found, dict) else None

    def report_file(self, path: Path) -> Path:
        """Where the report of these very weights is kept."""
        return self.folder / f"{features.sha256(path)}.json"

    def add(self, names: Sequence[str]) -> None:
        """Put checkpoints in the line, and start if nothing is being scored. Those in it already are left out."""
        for name in names:
            self.find(name)
        with self.lock:
            busy = self.now.name if self.job is not None and self.job.alive else None
            self.waiting += [name for name in names if name not in (busy, *self.waiting)]
            if busy is None and self.waiting:
                self.now = Progress(self.waiting[0], "starting")
                # A name that was added while the last report was being written is not forgotten.
                self.job = Job(self.work(), self.keep, name="score", after=lambda: self.add([]))

    def work(self) -> Iterator[Progress]:
        """Score until nobody waits."""
        while self.waiting:
            name = self.waiting.pop(0)
            yield replace(self.now, name=name, doing="drawing", share=0.0)
            try:
                path = self.find(name)
                place = self.report_file(path)
                for step in evaluate.evaluate(sources.draw(path, SAMPLES), self.data_root):
                    yield replace(self.now, name=name, doing=step.doing, share=step.step / step.steps)
                    if step.report is not None:
                        files.write(place, json.dumps(replace(step.report, of=name).to_json()).encode())
            except StudioError as e:
                yield replace(self.now, error=f"{name}: {e}")

    def keep(self, now: Progress) -> None:
        self.now = now

    def status(self) -> ScoringStatus:
        job, now = self.job, self.now
        failed = f"{now.name}: {job.error}" if job is not None and job.error else now.error
        busy = job is not None and job.alive
        return ScoringStatus(busy, now.name, now.doing, now.share, tuple(self.waiting), failed)

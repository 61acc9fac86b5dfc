"""Scoring in the background: checkpoints wait in a queue. A report is kept under the hash of the scored weights."""

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


@dataclass(frozen=True)
class Progress:
    """What is being scored now, and the last error."""

    name: str | None = None
    doing: str | None = None
    share: float = 0.0  # of the work for this checkpoint, 0..1
    error: str | None = None


@dataclass(frozen=True)
class ScoringStatus:
    """The checkpoint that is being scored, those that wait, and the last error."""

    busy: bool
    name: str | None
    doing: str | None
    share: float
    waiting: tuple[str, ...]
    error: str | None


class Scoring:
    """Runs one evaluation at a time. `find` returns the file of a checkpoint; reports are saved in `folder`."""

    def __init__(self, folder: Path, data_root: str | None, find: Callable[[str], Path]):
        self.folder, self.data_root, self.find = folder, data_root, find
        self.lock = threading.Lock()
        self.job: Job[Progress] | None = None
        self.now = Progress()
        self.waiting: list[str] = []
        self.paths: dict[str, Path] = {}  # of what was added: the thread that scores has no rights of its own

    def report(self, name: str) -> Report | None:
        """The report on the current weights of a checkpoint, if there is one. A bundled checkpoint has it in its
        header."""
        path = self.find(name)
        try:
            value = json.loads(self.report_file(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            value = checkpoint.header_info(path).report
        return Report.from_json(value) if isinstance(value, dict) else None

    def report_file(self, path: Path) -> Path:
        """The file for the report on the weights in `path`. Its name is their hash."""
        return self.folder / f"{features.sha256(path)}.json"

    def add(self, names: Sequence[str]) -> None:
        """Add checkpoints to the queue, except those that are in it, and start if nothing is being scored."""
        self.paths |= {name: self.find(name) for name in names}
        with self.lock:
            busy = self.now.name if self.job is not None and self.job.alive else None
            self.waiting += [name for name in names if name not in (busy, *self.waiting)]
            if busy is None and self.waiting:
                self.now = Progress(self.waiting[0], "starting")
                # `after` starts again if a name was added while the last report was being written.
                self.job = Job(self.work(), self.keep, name="score", after=lambda: self.add([]))

    def work(self) -> Iterator[Progress]:
        """Score until the queue is empty."""
        while self.waiting:
            name = self.waiting.pop(0)
            yield replace(self.now, name=name, doing="drawing", share=0.0)
            try:
                path = self.paths[name]
                place = self.report_file(path)
                for step in evaluate.evaluate(sources.draw(path), self.data_root):
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

"""A training run that the page shows, one that waits, and the newest one on disk."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from .. import checkpoint, gans
from ..data import sheets
from ..errors import StudioError
from ..gans import sampling
from ..gans.recipe import Recipe
from ..job import Job
from ..training import run_log
from ..training.trainer import Tick
from .curve import Curve


@dataclass
class Run:
    """A run that the page shows: in progress, or read from its folder."""

    out: Path
    recipe: Recipe
    steps: int
    owner: str = ""
    seconds: float | None = None  # after which it is stopped and saved
    started: float = field(default_factory=time)
    job: Job[Tick] | None = None
    curve: Curve = field(default_factory=Curve)
    newest: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    sheet: bytes = b""  # PNG of the newest samples
    sheets: int = 0  # how often `sheet` changed

    @property
    def state(self) -> str:
        if self.job is None:
            return "finished" if self.step >= self.steps else "stopped"
        return "stopped" if self.timed_out else self.job.state

    @property
    def alive(self) -> bool:
        return self.job is not None and self.job.alive

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped since its time was over."""
        return self.job is not None and self.job.state == "finished" and self.step < self.steps

    @property
    def step(self) -> int:
        return int(self.newest.get("step", 0))


@dataclass(frozen=True)
class Waiting:
    """A run in the queue. It starts when the runs before it have ended."""

    number: int
    recipe: Recipe
    owner: str
    seconds: float | None = None  # after which it is stopped and saved


def recall(folder: Path) -> Run | None:
    """The newest run on disk, so that a restarted studio shows it and can resume it."""
    for path in sorted(folder.glob("*/recipe.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        try:
            recipe = gans.recipe_from_json(path.read_text(encoding="utf-8"))
            steps = checkpoint.info(path.parent).steps
        except (StudioError, OSError, ValueError):
            continue  # the run was never saved, or the folder is not a run
        if steps is None:
            continue
        run = Run(path.parent, recipe, steps)
        for row in run_log.read(path.parent):
            run.newest = {**row.values(), "images_per_second": row.images_per_second, "seconds": row.seconds}
            run.curve.append(row.values())
        with suppress(StudioError):
            images, columns = sampling.fixed_sheet(checkpoint.load(path.parent))
            run.sheet, run.sheets = sheets.png(sheets.sheet(images, columns)), 1
        return run
    return None

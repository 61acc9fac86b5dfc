"""The training run, of which there is at most one at a time, and the queue of runs that wait."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from time import monotonic, time

from .. import limits
from ..data import datasets, sheets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..gans.recipe import Recipe
from ..job import Job, within
from ..plain import maybe
from ..training import pictures, recommend, run_folder, run_log, transfer
from ..training.trainer import Tick, Trainer, pick_device
from .backup import Backup, no_backup
from .curve import Columns
from .datasets import Datasets
from .rights import ONE_EACH, TIME_OVER
from .run import Run, Waiting, recall


@dataclass(frozen=True)
class QueuedRun:
    """What all visitors may see of a waiting run."""

    number: int
    gan: str
    command: str


@dataclass(frozen=True)
class RunStatus:
    """The status of the run. `state` is idle, running, paused, stopped, finished or failed."""

    state: str = "idle"
    gan: str | None = None
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    images_per_second: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    remarks: tuple[str, ...] = ()
    queue: tuple[QueuedRun, ...] = ()
    error: str | None = None
    run: str | None = None
    checkpoint: str | None = None


@dataclass(frozen=True)
class RunUpdate:
    """The status, and what is new in curves and pictures. Those are None if there is no run."""

    status: RunStatus
    epochs: tuple[int, ...] = ()  # the epochs that have a sheet
    sheet: bytes | None = None  # PNG, if the reader has an older one
    generation: int | None = maybe()  # generation of the curves, see `Curve`
    first: int | None = maybe()  # number of the first row in `columns`
    columns: Columns | None = maybe()
    sheets: int | None = maybe()  # how often the sheet changed


class Runs:
    """At most one run at a time, in `folder`, and a queue.

    The lock `starting` is held while a run starts or the queue changes, but never while data are read or a training
    time is estimated.
    """

    def __init__(self, folder: Path, data: Datasets, device: str, backup: Backup | None = None):
        self.folder, self.data, self.device, self.backup = folder, data, device, backup
        if backup is not None:
            backup.restore()
        self.starting, self.estimating = threading.Lock(), threading.Lock()
        self.run: Run | None = recall(folder)
        self.waiting: list[Waiting] = []
        self.numbered = 0
        self.skipped: tuple[str, ...] = ()  # why the last run from the queue could not start

    @property
    def alive(self) -> bool:
        return self.run is not None and self.run.alive

    # Begin, pause, end

    def start(self, recipe: Recipe, owner: str) -> Run:
        """Start a run. Raises StudioError if another run is active (its message names that run), or if the recipe
        cannot be trained."""
        self.refuse_if_busy(owner)
        loaded = self.data.of(recipe)
        with self.starting:
            self.refuse_if_busy(owner)
            self.skipped = ()
            return self.launch(recipe, owner, loaded)

    def launch(self, recipe: Recipe, owner: str, loaded: Dataset, seconds: float | None = None) -> Run:
        out = self.folder / self.free_name(recipe.gan)
        trainer = run_folder.start(recipe, out, pick_device(self.device), loaded=loaded)
        return self.go(Run(out, trainer.recipe, trainer.steps, owner, seconds), trainer)

    def go_on(self, owner: str, data: str = "") -> Run:
        """Resume the shown run, which is paused or stopped, exactly where it is.

        `data`: where its pictures are looked for if they are not where they were.
        """
        run = self.run
        if run is None:
            raise StudioError("There is no run to resume: start one.")
        if run.job is not None and run.job.state == "paused":
            run.job.resume()
            return run
        self.refuse_if_busy(owner)
        moved = data if pictures.gone(run.recipe.data) and data and not pictures.gone(data) else None
        loaded = self.data.of(run.recipe if moved is None else run.recipe.replace(data=moved))
        with self.starting:
            self.refuse_if_busy(owner)
            trainer = run_folder.resume(run.out, pick_device(self.device), loaded=loaded, data=moved)
            if trainer.step >= trainer.steps:
                raise StudioError(f"{run.out.name} has reached its last step: start a new run.")
            again = replace(run, recipe=trainer.recipe, steps=trainer.steps, owner=owner, seconds=None)
            return self.go(replace(again, started=time(), job=None, remarks=()), trainer)

    def pause(self) -> None:
        if self.run and self.run.job:
            self.run.job.pause()

    def stop(self) -> None:
        """Stop the run; its state, checkpoint and GIF are on disk when this returns."""
        if self.run and self.run.job and not self.run.job.stop():
            raise StudioError("The run is still finishing its step: it will stop by itself.")

    def refuse_if_busy(self, owner: str) -> None:
        run = self.run
        if run is not None and run.alive:
            who = "you" if owner and owner == run.owner else "another visitor"
            minutes = max(1, round((time() - run.started) / 60))
            raise StudioError(
                f"{run.recipe.gan} is being trained here, started by {who} {minutes} min ago and now at step "
                f"{run.step} of {run.steps}: wait for it to end, or stop it first."
            )

    def free_name(self, gan: str) -> str:
        return next(name for i in itertools.count(1) if not (self.folder / (name := f"{gan}-{i}")).exists())

    @property
    def unkept(self) -> str:
        """Why runs are not kept on the Hub now, as a sentence; "" if they are, or need not be."""
        return self.backup.problem if self.backup is not None else ""

    def go(self, run: Run, trainer: Trainer) -> Run:
        note = self.backup.note if self.backup is not None else no_backup
        last = [-1e9, 0.0]  # when the newest sheet was drawn, and how many seconds it took

        def keep(tick: Tick) -> None:
            row = {"step": tick.step, "epoch": tick.epoch, **tick.losses}
            run.curve.append(row)
            run.remarks = tick.remarks
            run.newest = {**row, "images_per_second": tick.images_per_second, "seconds": tick.seconds}
            # This thread draws the sheet, since no other may use the nets. It takes at most 1/50 of its time.
            if tick.step == tick.steps or monotonic() - last[0] > max(2.0, 50 * last[1]):
                begin = monotonic()
                images, columns = trainer.samples()
                run.sheet, run.sheets = sheets.png(sheets.sheet(images, columns)), run.sheets + 1
                last[:] = monotonic(), monotonic() - begin

            note(run.out)

        def ended() -> None:
            note(run.out, ended=True)
            # The next run starts in its own thread, so that `stop` waits only for the run that it stops.
            Thread(target=self.advance, daemon=True).start()

        work = within(run_folder.train(trainer, run.out), run.seconds)
        run.job = Job(work, keep, name=f"train {run.out.name}", after=ended)
        self.run = run
        return run

    # The queue

    def enqueue(self, recipes: Sequence[Recipe], owner: str, seconds: float | None = None) -> None:
        """Add runs to the queue, either all or none. Raises StudioError at once if one cannot be trained.

        With `seconds`, a run is stopped and saved after that time, and its owner may have no other.
        """
        for recipe in recipes:
            prepared, _ = datasets.prepare(recipe, loaded=self.data.of(recipe))
            if prepared.start_from:
                transfer.begin(prepared)
        with self.starting:
            theirs = [w for w in self.waiting if w.owner == owner]
            active = self.run is not None and self.run.alive and self.run.owner == owner
            if seconds is not None and (theirs or active or len(recipes) > 1):
                raise StudioError(ONE_EACH)
            if len(self.waiting) + len(recipes) > limits.QUEUE:
                if len(recipes) == 1:
                    raise StudioError(f"The queue is full: {limits.QUEUE} runs are waiting already.")
                raise StudioError(
                    f"The queue has no room for {len(recipes)} more: at most {limits.QUEUE} runs may wait."
                )
            self.waiting += [Waiting(self.numbered + i, recipe, owner, seconds) for i, recipe in enumerate(recipes, 1)]
            self.numbered += len(recipes)
        self.advance()

    def cancel(self, number: int) -> None:
        """Take a run out of the queue."""
        with self.starting:
            if number not in [w.number for w in self.waiting]:
                raise StudioError("That run is not waiting any more.")
            self.waiting = [w for w in self.waiting if w.number != number]

    def advance(self) -> None:
        """Start the next waiting run if no run is active. A run that cannot start is skipped."""
        while True:
            with self.starting:
                if self.alive or not self.waiting:
                    return
                entry = self.waiting[0]
            failed, loaded = None, None
            try:
                loaded = self.data.of(entry.recipe)
            except StudioError as e:
                failed = e
            with self.starting:
                if self.alive or not self.waiting or self.waiting[0] is not entry:
                    continue
                self.waiting.pop(0)
                try:
                    if loaded is not None:
                        self.launch(entry.recipe, entry.owner, loaded, entry.seconds)
                except StudioError as e:
                    failed = e
                if failed is not None:
                    self.skipped = (f"{entry.recipe.gan} was skipped: {failed}",)

    # What to begin with

    def advice(self, recipe: Recipe, garments: Dataset) -> tuple[Recipe, float | None]:
        """The recommended recipe for these data, and its training time in seconds, or None while another run would
        disturb the measurement. Starting a run does not wait for this."""
        recommended = recommend.recipe(garments, recipe)
        with self.estimating:  # two estimates at a time would disturb each other
            if self.alive:
                return recommended, None
            seconds = recommend.seconds(recommended, garments, pick_device(self.device))
            return recommended, None if self.alive else seconds

    # Status for the page

    def status(self) -> RunStatus:
        run = self.run
        if run is None:
            return RunStatus(queue=self.queue(), remarks=tuple(filter(None, [self.unkept])))
        others = filter(None, (*self.skipped, TIME_OVER * run.timed_out, self.unkept))
        start = filter(None, [run.recipe.start_note])
        newest, speed = run.newest, run.newest.get("images_per_second", 0.0)
        left = (run.steps - run.step) * run.recipe.batch * run.recipe.d_steps / speed if speed else None
        return RunStatus(
            state=run.state,
            gan=run.recipe.gan,
            step=run.step,
            steps=run.steps,
            epoch=newest.get("epoch", 0.0),
            losses={k: v for k, v in newest.items() if k not in run_log.OTHERS},
            images_per_second=speed,
            seconds=newest.get("seconds", 0.0),
            seconds_left=left if run.state in ("running", "paused") else None,
            remarks=tuple(dict.fromkeys((*start, *run.remarks, *others))),
            queue=self.queue(),
            error=str(run.job.error) if run.job and run.job.error else None,
            run=run.out.name,
            checkpoint=run.out.as_posix() if (run.out / "checkpoint.safetensors").exists() else None,
        )

    def queue(self) -> tuple[QueuedRun, ...]:
        """The waiting runs, in the order in which they will start."""
        return tuple(QueuedRun(w.number, w.recipe.gan, run_folder.command(w.recipe)) for w in self.waiting)

    def updates(self, run_name: str, generation: int, row: int, sheet: int) -> RunUpdate:
        """The status, and what is new for a page that has `row` rows and sheet number `sheet` of that run."""
        run = self.run
        if run is None:
            return RunUpdate(self.status())
        if run.out.name != run_name:
            generation, sheet = -1, -1
        first, columns = run.curve.since(generation, row)
        epochs = tuple(run_folder.epoch_of(p) for p in run_folder.epochs(run.out))
        changed = run.sheet if run.sheets != sheet and run.sheet else None
        return RunUpdate(self.status(), epochs, changed, run.curve.generation, first, columns, run.sheets)

    def epoch_sheet(self, epoch: int) -> bytes | None:
        """The samples of an epoch of the shown run, as a PNG."""
        run = self.run
        path = next((p for p in run_folder.epochs(run.out) if run_folder.epoch_of(p) == epoch), None) if run else None
        return path.read_bytes() if path else None

"""What all visitors of one machine share: its checkpoints, its data, and the one run that may be training."""

import base64
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import monotonic, time
from typing import Any

from .. import checkpoint, files, gans, limits
from ..data import datasets, sheets
from ..errors import StudioError
from ..evaluation import evaluate, features, sources
from ..gans import sampling
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub import registry
from ..hub.registry import Registry, off
from ..job import Job
from ..training import recommend, run_folder
from ..training.trainer import Tick, Trainer, pick_device


class Curve:
    """The curves of a run as columns, safe to read while another thread appends.

    `generation` changes when rows are joined, so that a reader who has the first n rows knows to ask for all of them.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.columns: dict[str, list[float | None]] = {}
        self.generation = 0

    def append(self, row: dict[str, float]) -> None:
        with self.lock:
            rows = len(self.columns.get("step", []))
            for name in self.columns.keys() | row.keys():
                if rows and name not in self.columns:
                    self.generation += 1  # a curve that begins late, before which there is nothing
                self.columns.setdefault(name, [None] * rows).append(row.get(name))
            if rows + 1 >= limits.ROWS:
                self.columns = {
                    name: v[1::2]
                    if name in ("step", "epoch")
                    else [joined(a, b) for a, b in zip(v[::2], v[1::2], strict=False)]
                    for name, v in self.columns.items()
                }
                self.generation += 1

    def since(self, generation: int, row: int) -> tuple[int, dict[str, list[float | None]]]:
        """(first row sent, columns from there): all of them when the reader's copy is of another generation."""
        with self.lock:
            known = row if generation == self.generation and 0 <= row <= len(self.columns.get("step", [])) else 0
            return known, {name: v[known:] for name, v in self.columns.items()}


def joined(a: float | None, b: float | None) -> float | None:
    """The mean of two neighbours of a curve, or the one that is there."""
    return b if a is None else a if b is None else (a + b) / 2


@dataclass
class Run:
    """A run as the page sees it: live, or read back from its folder."""

    out: Path
    recipe: Recipe
    steps: int
    owner: str = ""
    started: float = field(default_factory=time)
    job: Job[Tick] | None = None
    curve: Curve = field(default_factory=Curve)
    newest: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    sheet: bytes = b""  # PNG of the newest samples
    sheets: int = 0  # how often it changed

    @property
    def state(self) -> str:
        if self.job is None:
            return "finished" if self.newest.get("step", 0) >= self.steps else "stopped"
        return self.job.state

    @property
    def alive(self) -> bool:
        return self.job is not None and self.job.alive


@dataclass(frozen=True)
class Waiting:
    """A run that will start when those before it have ended."""

    number: int
    recipe: Recipe
    owner: str


class Studio:
    """Checkpoints by name, garments by name, at most one run at a time, and those that wait for their turn.

    A `public` one trains nothing, scores nothing, and opens no folder that somebody names. `catalogue` is a repository
    on the Hub whose checkpoints are listed beside the bundled ones.
    """

    def __init__(
        self,
        folder: Path = Path("runs"),
        data_root: str | None = None,
        device: str = "auto",
        *,
        public: bool = False,
        catalogue: str | None = None,
    ):
        self.folder, self.data_root, self.device, self.public = folder, data_root, device, public
        self.library = Registry(folder, checkpoint.load, catalogue, public)
        self.starting = threading.Lock()
        self.loading = threading.Lock()
        self.models: OrderedDict[tuple[Path, int], GAN] = OrderedDict()
        self.data: tuple[tuple[str, int, str], datasets.Dataset] | None = None
        self.run: Run | None = self.recall()
        self.waiting: list[Waiting] = []
        self.numbered = 0
        self.skipped: tuple[str, ...] = ()  # why a run in the queue could not start
        self.scorer: Job[dict[str, Any]] | None = None
        self.scoring: dict[str, Any] = {}
        self.unscored: list[str] = []

    # Checkpoints

    def names(self) -> list[str]:
        """The listed checkpoints, each a name that `gan` takes."""
        return self.library.names()

    def path(self, name: Any) -> Path:
        """The file of a checkpoint that is listed, or named on the Hub; or StudioError."""
        return self.library.path(name)

    def gan(self, name: Any) -> GAN:
        """The model of that name, loaded once for each version of its file."""
        path = self.path(name)
        key = (path, path.stat().st_mtime_ns)
        with self.loading:
            if key not in self.models:
                self.models[key] = checkpoint.load(path)
                while len(self.models) > 8:
                    self.models.popitem(last=False)
            self.models.move_to_end(key)
            return self.models[key]

    def check_private(self, what: str) -> None:
        """StudioError on a public page, where strangers must not do `what` ("Training")."""
        if self.public:
            raise StudioError(off(what))

    def film(self, name: str) -> Path | None:
        """The GIF of a checkpoint's training, if there is one: beside a bundled one, in a run's folder."""
        path = self.path(name)
        gif = path.with_suffix(".gif") if path.parent == registry.BUNDLED else path.with_name("training.gif")
        return gif if gif.is_file() else None

    # Scoring

    def report(self, name: str) -> dict[str, Any] | None:
        """What `evaluate` said of a checkpoint as it is now, if it was asked; a bundled one has it in its header."""
        path = self.path(name)
        try:
            found = json.loads(self.report_file(path).read_text())
        except (OSError, ValueError):
            found = checkpoint.info(path).get("report")
        return found if isinstance(found, dict) else None

    def score(self, names: Sequence[str]) -> None:
        """Evaluate these checkpoints in the background, one after the other; those asked for already are left out."""
        self.check_private("Scoring")
        for name in names:
            self.path(name)
        with self.starting:
            busy = self.scoring["name"] if self.scorer is not None and self.scorer.alive else None
            self.unscored += [name for name in names if name not in (busy, *self.unscored)]
            if busy is None and self.unscored:
                self.scoring = {"name": self.unscored[0], "doing": "starting", "share": 0.0, "error": None}
                # Whoever was added while the last verdict was given is not forgotten.
                self.scorer = Job(self.verdicts(), self.scoring.update, name="score", after=lambda: self.score([]))

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """Score until nobody waits."""
        while self.unscored:
            name = self.unscored.pop(0)
            yield {"name": name, "doing": "drawing", "share": 0.0}
            try:
                path = self.path(name)
                place = self.report_file(path)
                for step in evaluate.evaluate(sources.draw(path, 10_000), self.data_root):
                    yield {"name": name, "doing": step.doing, "share": step.step / step.steps}
                    if step.report is not None:
                        files.write(place, json.dumps({**step.report, "of": name}).encode())
            except StudioError as e:
                yield {"error": f"{name}: {e}"}

    def scoring_status(self) -> dict[str, Any]:
        """Whom the scorer is looking at: busy, name, doing, share 0..1, who waits, and what went wrong last."""
        job, now = self.scorer, dict(self.scoring)
        return {
            "busy": job is not None and job.alive,
            "name": now.get("name"),
            "doing": now.get("doing"),
            "share": now.get("share", 0.0),
            "waiting": list(self.unscored),
            "error": f"{now['name']}: {job.error}" if job is not None and job.error else now.get("error"),
        }

    def report_file(self, path: Path) -> Path:
        """Where the report of these very weights is kept."""
        return self.folder / ".reports" / f"{features.sha256(path)}.json"

    # Data

    def garments(self, name: str, size: int, fit: str = "fill") -> datasets.Dataset:
        """A data set, kept in memory until another is asked for."""
        if name != datasets.FASHION_MNIST:
            self.check_private("Opening a folder")
        with self.loading:
            if self.data is None or self.data[0] != (name, size, fit):
                self.data = ((name, size, fit), datasets.load(name, size=size, root=self.data_root, fit=fit))
            return self.data[1]

    def advice(self, recipe: Recipe) -> tuple[Recipe, float | None]:
        """What to train on the data that a recipe names, and in how many seconds; None while another run would be in
        the way of finding out."""
        garments = self.garments(recipe.data, recipe.size, recipe.fit)
        found = recommend.recipe(garments, recipe)
        with self.starting:
            if self.run is not None and self.run.alive:
                return found, None
            return found, recommend.seconds(found, garments, pick_device(self.device))

    # The run

    def start(self, recipe: Recipe, owner: str = "") -> Run:
        """Begin training. Raises StudioError if a run is going on, naming it, or if the recipe cannot be trained."""
        self.check_private("Training")
        with self.starting:
            self.refuse_if_busy(owner)
            self.skipped = ()
            return self.launch(recipe, owner)

    def launch(self, recipe: Recipe, owner: str) -> Run:
        out, device = self.folder / self.free_name(recipe.gan), pick_device(self.device)
        trainer = run_folder.start(recipe, out, device, loaded=self.garments(recipe.data, recipe.size, recipe.fit))
        return self.go(Run(out, trainer.recipe, trainer.steps, owner), trainer)

    def enqueue(self, recipe: Recipe, owner: str = "") -> None:
        """Let a run wait for its turn. Raises StudioError at once if it could not be trained."""
        self.check_private("Training")
        datasets.prepare(recipe, loaded=self.garments(recipe.data, recipe.size, recipe.fit))
        with self.starting:
            if len(self.waiting) >= limits.QUEUE:
                raise StudioError(f"The queue is full: {limits.QUEUE} runs are waiting already.")
            self.numbered += 1
            self.waiting.append(Waiting(self.numbered, recipe, owner))
        self.advance()

    def cancel(self, number: int) -> None:
        """Take a run out of the queue."""
        self.check_private("Training")
        with self.starting:
            if number not in [w.number for w in self.waiting]:
                raise StudioError("That run is not waiting any more.")
            self.waiting = [w for w in self.waiting if w.number != number]

    def advance(self) -> None:
        """Start the next waiting run if none is going on."""
        with self.starting:
            while self.waiting and not (self.run is not None and self.run.alive):
                entry = self.waiting.pop(0)
                try:
                    self.launch(entry.recipe, entry.owner)
                except StudioError as e:
                    self.skipped = (f"{entry.recipe.gan} was skipped: {e}",)

    def go_on(self, owner: str = "") -> Run:
        """Resume the run on show, paused or stopped, exactly where it is."""
        self.check_private("Training")
        with self.starting:
            run = self.run
            if run is None:
                raise StudioError("There is no run to resume: start one.")
            if run.job is not None and run.job.state == "paused":
                run.job.resume()
                return run
            self.refuse_if_busy(owner)
            r = run.recipe
            trainer = run_folder.resume(run.out, pick_device(self.device), loaded=self.garments(r.data, r.size, r.fit))
            if trainer.step >= trainer.steps:
                raise StudioError(f"{run.out.name} has reached its last step: start a new run.")
            again = Run(
                run.out,
                trainer.recipe,
                trainer.steps,
                owner,
                curve=run.curve,
                newest=run.newest,
                sheet=run.sheet,
                sheets=run.sheets,
            )
            return self.go(again, trainer)

    def pause(self) -> None:
        self.check_private("Training")
        if self.run and self.run.job:
            self.run.job.pause()

    def stop(self) -> None:
        """Stop the run; its state, checkpoint and GIF are on disk when this returns."""
        self.check_private("Training")
        if self.run and self.run.job and not self.run.job.stop():
            raise StudioError("The run is still finishing its step: it will stop by itself.")

    def refuse_if_busy(self, owner: str) -> None:
        run = self.run
        if run is not None and run.alive:
            who = "you" if owner and owner == run.owner else "another visitor"
            minutes = max(1, round((time() - run.started) / 60))
            raise StudioError(
                f"{run.recipe.gan} is being trained here, started by {who} {minutes} min ago and now at step "
                f"{int(run.newest.get('step', 0))} of {run.steps}: wait for it to end, or stop it first."
            )

    def free_name(self, gan: str) -> str:
        number = 1
        while (self.folder / f"{gan}-{number}").exists():
            number += 1
        return f"{gan}-{number}"

    def go(self, run: Run, trainer: Trainer) -> Run:
        last = [-1e9, 0.0]  # when the newest sheet was drawn, and what it cost

        def keep(tick: Tick) -> None:
            row = {"step": tick.step, "epoch": tick.epoch, **tick.losses}
            run.curve.append(row)
            run.remarks = tick.remarks
            run.newest = {**row, "images_per_second": tick.images_per_second, "seconds": tick.seconds}
            # Drawn by this thread, the only one that may touch the nets, for at most a fiftieth of its time.
            if tick.step == tick.steps or monotonic() - last[0] > max(2.0, 50 * last[1]):
                begin = monotonic()
                images, columns = trainer.samples()
                run.sheet, run.sheets = png(sheets.sheet(images, columns)), run.sheets + 1
                last[:] = monotonic(), monotonic() - begin

        # The next run starts in a thread of its own: whoever stopped this one waits for this one only.
        advance = Thread(target=self.advance, daemon=True)
        run.job = Job(run_folder.train(trainer, run.out), keep, name=f"train {run.out.name}", after=advance.start)
        self.run = run
        return run

    def recall(self) -> Run | None:
        """The newest run on disk, so that a restarted studio shows it and can go on with it."""
        for path in sorted(self.folder.glob("*/recipe.json"), key=lambda p: p.stat().st_mtime, reverse=True):
            try:
                recipe = gans.recipe_from_json(path.read_text())
                steps = int(checkpoint.info(path.parent)["steps"])
            except (StudioError, OSError, ValueError, KeyError, TypeError):
                continue  # never saved, or not ours
            run = Run(path.parent, recipe, steps)
            for line in run_folder.read_log(path.parent):
                run.newest = line
                run.curve.append(
                    {k: v for k, v in line.items() if k not in ("images_per_second", "seconds", "remarks")}
                )
            with suppress(StudioError):
                images, columns = sampling.fixed_sheet(checkpoint.load(path.parent))
                run.sheet, run.sheets = png(sheets.sheet(images, columns)), 1
            return run
        return None

    def queue(self) -> list[dict[str, Any]]:
        """The runs that wait, first come first: their number, GAN and command line."""
        return [
            {"number": w.number, "gan": w.recipe.gan, "command": run_folder.command(w.recipe)} for w in self.waiting
        ]

    def status(self) -> dict[str, Any]:
        """What the run is doing, as plain values. `state` is idle, running, paused, stopped, finished or failed."""
        run = self.run
        if run is None:
            return {
                "state": "idle",
                "gan": None,
                "step": 0,
                "steps": 0,
                "epoch": 0.0,
                "losses": {},
                "images_per_second": 0.0,
                "seconds_left": None,
                "remarks": [],
                "queue": [],
                "error": None,
                "run": None,
                "checkpoint": None,
            }
        newest, step = run.newest, int(run.newest.get("step", 0))
        seconds, speed = newest.get("seconds", 0.0), newest.get("images_per_second", 0.0)
        left = (run.steps - step) * run.recipe.batch * run.recipe.d_steps / speed if speed else None
        saved = run.out / "checkpoint.safetensors"
        return {
            "state": run.state,
            "gan": run.recipe.gan,
            "step": step,
            "steps": run.steps,
            "epoch": newest.get("epoch", 0.0),
            "losses": {k: v for k, v in newest.items() if k not in run_folder.NOT_CURVES},
            "images_per_second": speed,
            "seconds": seconds,
            "seconds_left": left if run.state in ("running", "paused") else None,
            "remarks": [*run.remarks, *self.skipped],
            "queue": self.queue(),
            "error": str(run.job.error) if run.job and run.job.error else None,
            "run": run.out.name,
            "checkpoint": run.out.as_posix() if saved.exists() else None,
        }

    def news(self, run_name: str, generation: int, row: int, sheet: int) -> dict[str, Any]:
        """Status, and what is new for a page that has `row` rows and sheet number `sheet` of that run."""
        run = self.run
        found: dict[str, Any] = {"status": self.status(), "epochs": [], "sheet": None}
        if run is None:
            return found
        if run.out.name != run_name:
            generation, sheet = -1, -1
        first, columns = run.curve.since(generation, row)
        found |= {
            "generation": run.curve.generation,
            "first": first,
            "columns": columns,
            "sheets": run.sheets,
            "epochs": [run_folder.epoch_of(p) for p in run_folder.epochs(run.out)],
        }
        if run.sheets != sheet and run.sheet:
            found["sheet"] = data_url(run.sheet)
        return found

    def epoch_sheet(self, epoch: int) -> str | None:
        """The samples of an epoch of the run on show, as a data URL."""
        run = self.run
        path = next((p for p in run_folder.epochs(run.out) if run_folder.epoch_of(p) == epoch), None) if run else None
        return data_url(path.read_bytes()) if path else None


def png(im: Any) -> bytes:
    out = io.BytesIO()
    im.save(out, "PNG")
    return out.getvalue()


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()

"""A run folder: recipe, log, samples, GIF, the checkpoint for sampling and the state for exact resuming."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from filelock import FileLock, Timeout

from .. import __version__, checkpoint, files, gans
from ..data import datasets, sheets
from ..errors import StudioError
from ..evaluation import quick
from ..gans.recipe import Recipe, flags
from . import doctor
from .distributed import ProcessGroup
from .trainer import Tick, Trainer

DISTANCE = "distance"  # the curve of `quick.Quick`
NOT_CURVES = ("step", "epoch", "images_per_second", "seconds", "remarks")  # what else a log line holds
POINTS = 60  # of each curve in the short summary of a run
ALONE = ProcessGroup()
FIRST_LOOK = 20.0  # seconds into a run before it is scored for the first time


def start(
    recipe: Recipe,
    out: Path,
    device: str = "cpu",
    root: str | None = None,
    loaded: datasets.Dataset | None = None,
    group: ProcessGroup = ALONE,
) -> Trainer:
    """A trainer for a new run in `out`, which must not hold one yet. Writes recipe.json; of a group, rank 0 does."""
    group.wait()
    if group.rank:
        recipe, garments = datasets.prepare(recipe, root, loaded)
        return Trainer(recipe, garments, device, group)
    if (out / "recipe.json").exists():
        raise StudioError(f"{out} already holds a run: continue it with --resume {out}, or choose another --out.")
    recipe, garments = datasets.prepare(recipe, root, loaded)
    trainer = Trainer(recipe, garments, device, group)
    files.write(out / "recipe.json", recipe_bytes(recipe))
    return trainer


def recipe_bytes(recipe: Recipe) -> bytes:
    return json.dumps(dataclasses.asdict(recipe), indent=1).encode()


def resume(
    out: Path,
    device: str = "cpu",
    root: str | None = None,
    loaded: datasets.Dataset | None = None,
    group: ProcessGroup = ALONE,
    **longer: int,
) -> Trainer:
    """A trainer that goes on exactly where the run in `out` was last saved. `longer`: another `epochs` or `steps`.

    A group need not be as large as before. Nothing is written: a longer recipe is kept once `train` has the folder to
    itself.
    """
    try:
        recipe = gans.recipe_from_json((out / "recipe.json").read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise StudioError(f"There is no run to resume in {out}: it has no recipe.json.") from e
    if longer:
        recipe = recipe.replace(**{"steps": None, **longer})
    recipe, garments = datasets.prepare(recipe, root, loaded)
    trainer = Trainer(recipe, garments, device, group)
    state = out / "state.safetensors"
    if state.exists():  # else it was killed before its first save, and starts again
        with checkpoint.opened(state) as (f, header):
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict
        try:
            trainer.load_state_dict(tensors, json.loads(header["numbers"]))
        except (RuntimeError, KeyError, IndexError, ValueError, TypeError) as e:
            raise StudioError(f"{state} does not belong to the recipe beside it.") from e
    group.wait()  # before the first of them saves
    return trainer


def train(trainer: Trainer, out: Path, every: int | None = None, save_every: float = 2.0) -> Iterator[Tick]:
    """Run a trainer and keep its folder: yields the trainer's ticks, each after its files are written.

    The state is saved at each epoch's end, when the run ends or is stopped (the iterator is closed), and at ticks at
    least `save_every` seconds apart. Slow saves are made less often, for at most 1/30 of the time. Log lines are
    written together with the state that they lead to, so a killed run resumes from the last tick in its log. In a
    distributed run only rank 0 writes.
    """
    if trainer.group.rank:
        yield from trainer.run(every)
        return
    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as e:
        raise StudioError(f"{out} is being trained by another process: wait for it, or stop it first.") from e
    except OSError as e:
        raise StudioError(files.explain(out, e)) from e
    try:
        if (out / "recipe.json").read_bytes() != recipe_bytes(trainer.recipe):  # resumed with more epochs or steps
            files.write(out / "recipe.json", recipe_bytes(trainer.recipe))
        keeper = Keeper(trainer, out)
        if trainer.step == 0:
            keeper.sample(0)
        last, cost, first = monotonic(), 0.0, True
        shown, drawing = -1e9, 0.0
        try:
            for tick in trainer.run(every):
                # On a GPU a short epoch takes less time than its sheet, so there sheets get a sixteenth of the time.
                due = trainer.device.type != "cuda" or monotonic() - shown >= 16 * drawing
                if tick.ended and (due or tick.step == tick.steps):
                    shown = monotonic()
                    keeper.sample(tick.ended)
                    drawing = monotonic() - shown
                tick = keeper.score(tick)  # noqa: PLW2901  the same tick, with how far from real garments it is
                tick = keeper.note(tick)  # noqa: PLW2901  the same tick, with what the doctor says of it
                # An epoch of a hundred pictures takes less time than saving the state.
                wait = 30 * cost if tick.ended else max(save_every, 30 * cost)
                if tick.step == tick.steps or monotonic() - last >= wait:
                    begin = monotonic()
                    keeper.save(final=tick.step == tick.steps)
                    # The first save also imports what saving needs: its cost says nothing about the next.
                    last, cost, first = monotonic(), 0.0 if first else monotonic() - begin, False
                yield tick
        except GeneratorExit:  # stopped by the reader
            keeper.save(final=True)
            raise
        if keeper.pending:
            keeper.save(final=True)
    finally:
        lock.release()


class Keeper:
    """Writes one run's folder."""

    def __init__(self, trainer: Trainer, out: Path):
        self.trainer, self.out = trainer, out
        self.pending: list[dict[str, Any]] = []
        self.newest: dict[str, Any] = {}
        self.checkpointed = -1e9
        recipe, pictures_, labels = trainer.recipe, trainer.data.images, trainer.data.labels
        self.variety = float(trainer.gan.variety(pictures_[:2000].float() * ((1 - recipe.low) / 255) + recipe.low))
        # Not for a colorizer: the classes of its garments are given, so none can be missing.
        scored = recipe.trained and not trainer.gan.colors
        self.means = doctor.class_means(pictures_, labels, recipe.trained) if scored else None
        self.few_classes: list[str] = []
        self.recent: list[dict[str, Any]] = []
        self.scorer: quick.Quick | None = None
        self.best = math.inf
        self.score_at, self.begun = FIRST_LOOK, monotonic()
        self.forget_the_lost()

    def forget_the_lost(self) -> None:
        """Drop log lines and samples of steps after the saved state: they will be made again."""
        log = read_log(self.out)
        kept = [line for line in log if line["step"] <= self.trainer.step]
        self.best = min((line[DISTANCE] for line in kept if DISTANCE in line), default=math.inf)
        if kept:
            self.newest = kept[-1]
            self.few_classes = [r for r in self.newest.get("remarks", []) if r.startswith(doctor.FEW)]
            self.recent = [line for line in kept if line["step"] > self.trainer.step - doctor.WINDOW]
        if (self.out / "log.jsonl").exists():
            files.write(self.out / "log.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode())
        for path in epochs(self.out):
            if epoch_of(path) > self.trainer.epochs_at(self.trainer.step):
                path.unlink()

    def score(self, tick: Tick) -> Tick:
        """Now and then score the run by its distance to real garments, and keep the best checkpoint.

        Scoring takes at most a twentieth of the time.

        The pictures it compares with are training pictures, so the test set does not influence which epoch is the best.
        """
        begin = monotonic()
        if begin - self.begun < self.score_at or not quick.Quick.can(self.trainer.recipe):
            return tick
        if self.scorer is None:
            self.scorer = quick.Quick(self.trainer.data, self.trainer.device)
        far = self.scorer.distance(self.trainer.gan, self.trainer.average)
        if far < self.best:
            self.best = far
            found = {**self.info(), "step": tick.step, "distance": far}
            checkpoint.save(self.out / "best.safetensors", self.trainer.gan, self.trainer.average, found)
        now = monotonic()
        self.score_at = now - self.begun + 20 * (now - begin)
        return dataclasses.replace(tick, losses={**tick.losses, DISTANCE: far})

    def note(self, tick: Tick) -> Tick:
        """Add a tick to the log, and the doctor's remarks to the tick."""
        self.newest = {
            "step": tick.step,
            "epoch": round(tick.epoch, 4),
            **{k: round(v, 6) for k, v in tick.losses.items()},
            "images_per_second": round(tick.images_per_second, 1),
            "seconds": round(tick.seconds, 2),
        }
        self.recent = [r for r in self.recent if r["step"] > tick.step - doctor.WINDOW] + [self.newest]
        remarks = (*doctor.examine(self.recent, self.variety, critic=self.trainer.gan.critic), *self.few_classes)
        if remarks:
            self.newest = {**self.newest, "remarks": list(remarks)}
        self.pending.append(self.newest)
        return dataclasses.replace(tick, remarks=remarks)

    def sample(self, epoch: int) -> None:
        images, columns = self.trainer.samples()
        if self.means is not None and self.trainer.step >= doctor.WINDOW:
            self.few_classes = doctor.missing_classes(images, self.means)
        im = sheets.sheet(images, columns)
        text = json.dumps({"run": self.out.name, "gan": self.trainer.recipe.gan, "epoch": epoch})
        files.write(self.out / "samples" / f"epoch_{epoch:03d}.png", sheets.png(im, text))

    def save(self, final: bool) -> None:
        """Write the log lines; the checkpoint, at most every five seconds; the GIF, if final; and then the state.

        The state comes last: a run killed before it resumes from an earlier one and writes the other files again.
        """
        trainer = self.trainer
        if self.pending:
            try:
                with (self.out / "log.jsonl").open("a") as log:
                    log.write("".join(json.dumps(line) + "\n" for line in self.pending))
            except OSError as e:
                raise StudioError(files.explain(self.out / "log.jsonl", e)) from e
            self.pending.clear()
        if final or monotonic() - self.checkpointed >= 5:
            checkpoint.save(self.out / "checkpoint.safetensors", trainer.gan, trainer.average, self.info())
            self.checkpointed = monotonic()
        if final:
            sheets.gif(epochs(self.out), self.out / "training.gif")
        tensors, numbers = trainer.state_dict()
        checkpoint.write(self.out / "state.safetensors", tensors, {"numbers": json.dumps(numbers)})

    def info(self) -> dict[str, Any]:
        t = self.trainer
        return {
            "command": command(t.recipe),
            "step": t.step,
            "steps": t.steps,
            "epochs": round(t.epochs_at(t.step), 2),
            "seconds": round(t.seconds, 1),
            "device": checkpoint.device_name(t.device),
            "pictures": len(t.data),
            "torch": torch.__version__,
            "fashiongan": __version__,
            "log": self.newest,
        }


def read_log(out: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's log, up to the first that a kill cut off or that is not the studio's."""
    lines = []
    try:
        text = (out / "log.jsonl").read_text(errors="replace")
    except OSError:
        return []
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            break
        if not isinstance(found, dict) or not isinstance(found.get("step"), int):
            break
        lines.append(found)
    return lines


def curves(log: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """A run's log as columns of at most POINTS numbers, each the mean of as many neighbours, to four digits."""
    width = max(1, -(-len(log) // POINTS))
    parts = [log[i : i + width] for i in range(0, len(log), width)]
    names = dict.fromkeys(k for line in log for k in line if k not in NOT_CURVES)
    found: dict[str, list[Any]] = {
        name: [mean([r[name] for r in part if name in r]) for part in parts] for name in names
    }
    return found | {"step": [part[-1]["step"] for part in parts]}


def mean(values: list[float]) -> float | None:
    return float(f"{sum(values) / len(values):.4g}") if values else None


def epochs(out: Path) -> list[Path]:
    """The sample sheets of a run, oldest first."""
    return sorted((out / "samples").glob("epoch_[0-9]*.png"), key=epoch_of)


def epoch_of(sheet: Path) -> int:
    """The number in epoch_001.png."""
    return int(sheet.stem.removeprefix("epoch_"))


def command(r: Recipe) -> str:
    """The command line that makes this recipe."""
    return f"python train.py {r.gan}{flags(r)}"

"""A run folder: recipe, log, samples, GIF, the checkpoint for sampling and the state for exact resuming."""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import monotonic

import torch
from filelock import FileLock, Timeout

from .. import __version__, checkpoint, files, gans
from ..checkpoint import HeaderInfo
from ..data import datasets, sheets
from ..errors import StudioError
from ..evaluation import quick
from ..gans.recipe import Recipe, flags
from . import doctor, pictures, run_log, transfer
from .distributed import ProcessGroup
from .run_log import LogRow
from .trainer import Tick, Trainer

DISTANCE = "distance"  # the curve of `quick.Quick`
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
    """A trainer for a new run in `out`, which must not hold one yet. Writes recipe.json; of a group, rank 0 does.

    A run that starts from a checkpoint also writes its state at once, so that resuming it never needs the checkpoint.
    """
    group.wait()
    if not group.rank and (out / "recipe.json").exists():
        raise StudioError(f"{out} already holds a run: continue it with --resume {out}, or choose another --out.")
    recipe, garments = datasets.prepare(recipe, root, loaded)
    if recipe.start_from:
        begin = transfer.begin(recipe)
        trainer = Trainer(begin.recipe, garments, device, group)
        begin.fill(trainer.gan)
        trainer.average.load_state_dict(trainer.gan.G.state_dict())
    else:
        trainer = Trainer(recipe, garments, device, group)
    if not group.rank:
        if recipe.start_from:
            save_state(trainer, out)
        pictures.keep(out, garments)
        files.write(out / "recipe.json", recipe_bytes(trainer.recipe))
    return trainer


def save_state(trainer: Trainer, out: Path) -> None:
    """Write what exact resuming needs."""
    tensors, numbers = trainer.state_dict()
    checkpoint.write(out / "state.safetensors", tensors, {"numbers": json.dumps(numbers)})


def recipe_bytes(recipe: Recipe) -> bytes:
    return json.dumps(dataclasses.asdict(recipe), indent=1).encode()


def resume(
    out: Path,
    device: str = "cpu",
    root: str | None = None,
    loaded: datasets.Dataset | None = None,
    group: ProcessGroup = ALONE,
    data: str | None = None,
    **longer: int,
) -> Trainer:
    """A trainer that goes on exactly where the run in `out` was last saved. `longer`: another `epochs` or `steps`.

    `data`: where its pictures lie now, if they have moved; StudioError if they are not the same.

    A group need not be as large as before. Nothing is written: a longer recipe is kept once `train` has the folder to
    itself.
    """
    try:
        recipe = gans.recipe_from_json((out / "recipe.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise StudioError(f"There is no run to resume in {out}: it has no recipe.json.") from e
    if longer:
        recipe = recipe.replace(**{"steps": None, **longer})
    recipe, garments = pictures.again(out, recipe, root, loaded, data)
    trainer = Trainer(recipe, garments, device, group)
    state = out / "state.safetensors"
    if state.exists():  # else it was killed before its first save, and starts again
        with checkpoint.opened(state) as (f, header):
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict
        try:
            trainer.load_state_dict(tensors, json.loads(header["numbers"]))
        except (RuntimeError, KeyError, IndexError, ValueError, TypeError) as e:
            raise StudioError(f"{state} does not belong to the recipe beside it.") from e
    elif recipe.start_from:
        raise StudioError(f"{state} is missing, and with it what the run took from {recipe.start_from}: start anew.")
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
        self.pending: list[LogRow] = []
        self.newest: LogRow | None = None
        self.checkpointed = -1e9
        recipe, pictures_, labels = trainer.recipe, trainer.data.images, trainer.data.labels
        self.variety = float(trainer.gan.variety(pictures_[:2000].float() * ((1 - recipe.low) / 255) + recipe.low))
        # Not for a colorizer: the classes of its garments are given, so none can be missing.
        scored = recipe.trained and not trainer.gan.colors
        self.means = doctor.class_means(pictures_, labels, recipe.trained) if scored else None
        self.few_classes: list[str] = []
        self.recent: list[LogRow] = []
        self.scorer: quick.Quick | None = None
        self.best = math.inf
        self.score_at, self.begun = FIRST_LOOK, monotonic()
        self.forget_the_lost()

    def forget_the_lost(self) -> None:
        """Drop log lines and samples of steps after the saved state: they will be made again."""
        kept = [row for row in run_log.read(self.out) if row.step <= self.trainer.step]
        self.best = min((row.losses[DISTANCE] for row in kept if DISTANCE in row.losses), default=math.inf)
        if kept:
            self.newest = kept[-1]
            self.few_classes = [r for r in self.newest.remarks if r.startswith(doctor.FEW)]
            self.recent = [row for row in kept if row.step > self.trainer.step - doctor.WINDOW]
        if (self.out / "log.jsonl").exists():
            files.write(self.out / "log.jsonl", lines(kept).encode())
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
            info = dataclasses.replace(self.info(), step=tick.step, distance=far)
            checkpoint.save(self.out / "best.safetensors", self.trainer.gan, self.trainer.average, info)
        now = monotonic()
        self.score_at = now - self.begun + 20 * (now - begin)
        return dataclasses.replace(tick, losses={**tick.losses, DISTANCE: far})

    def note(self, tick: Tick) -> Tick:
        """Add a tick to the log, and the doctor's remarks to the tick."""
        row = LogRow(
            step=tick.step,
            epoch=round(tick.epoch, 4),
            losses={k: round(v, 6) for k, v in tick.losses.items()},
            images_per_second=round(tick.images_per_second, 1),
            seconds=round(tick.seconds, 2),
        )
        self.recent = [r for r in self.recent if r.step > tick.step - doctor.WINDOW] + [row]
        means = [r.values() for r in self.recent]
        remarks = (*doctor.examine(means, self.variety, critic=self.trainer.gan.critic), *self.few_classes)
        if self.newest is None and self.trainer.recipe.start_note:  # the first line says where the run started
            remarks = (self.trainer.recipe.start_note, *remarks)
        self.newest = dataclasses.replace(row, remarks=remarks)
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
                with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
                    file.write(lines(self.pending))
            except OSError as e:
                raise StudioError(files.explain(self.out / "log.jsonl", e)) from e
            self.pending.clear()
        if final or monotonic() - self.checkpointed >= 5:
            checkpoint.save(self.out / "checkpoint.safetensors", trainer.gan, trainer.average, self.info())
            self.checkpointed = monotonic()
        if final:
            sheets.gif(epochs(self.out), self.out / "training.gif")
        save_state(trainer, self.out)

    def info(self) -> HeaderInfo:
        """How the checkpoint is made, for its header."""
        t = self.trainer
        return HeaderInfo(
            command=command(t.recipe),
            step=t.step,
            steps=t.steps,
            epochs=round(t.epochs_at(t.step), 2),
            seconds=round(t.seconds, 1),
            device=checkpoint.device_name(t.device),
            pictures=len(t.data),
            torch=torch.__version__,
            fashiongan=__version__,
            log={} if self.newest is None else self.newest.to_json(),
        )


def lines(rows: Iterable[LogRow]) -> str:
    """Rows as the text of log.jsonl."""
    return "".join(json.dumps(row.to_json()) + "\n" for row in rows)


def epochs(out: Path) -> list[Path]:
    """The sample sheets of a run, oldest first."""
    return sorted((out / "samples").glob("epoch_[0-9]*.png"), key=epoch_of)


def epoch_of(sheet: Path) -> int:
    """The number in epoch_001.png."""
    return int(sheet.stem.removeprefix("epoch_"))


def command(r: Recipe) -> str:
    """The command line that makes this recipe."""
    return f"python train.py {r.gan}{flags(r)}"

"""A run folder: recipe, log, samples, GIF, the checkpoint for sampling and the state for exact resuming."""

import dataclasses
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from filelock import FileLock, Timeout

from . import __version__, atomic, checkpoint, data, gans, pictures
from .errors import StudioError
from .recipe import Recipe, knobs
from .trainer import Tick, Trainer


def start(
    recipe: Recipe, out: Path, device: str = "cpu", root: str | None = None, loaded: data.Garments | None = None
) -> Trainer:
    """A trainer for a new run in `out`, which must not hold one yet. Writes recipe.json."""
    if (out / "recipe.json").exists():
        raise StudioError(f"{out} already holds a run: continue it with --resume {out}, or choose another --out.")
    recipe, garments = data.prepare(recipe, root, loaded)
    trainer = Trainer(recipe, garments, device)
    atomic.write(out / "recipe.json", json.dumps(dataclasses.asdict(recipe), indent=1).encode())
    return trainer


def resume(
    out: Path, device: str = "cpu", root: str | None = None, loaded: data.Garments | None = None, **longer: int
) -> Trainer:
    """A trainer that goes on exactly where the run in `out` was last saved. `longer`: another `epochs` or `steps`."""
    try:
        recipe = gans.recipe_from_json((out / "recipe.json").read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise StudioError(f"There is no run to resume in {out}: it has no recipe.json.") from e
    if longer:
        recipe = recipe.replace(**{"steps": None, **longer})
    recipe, garments = data.prepare(recipe, root, loaded)
    trainer = Trainer(recipe, garments, device)
    state = out / "state.safetensors"
    if state.exists():  # else it was killed before its first save, and starts again
        with checkpoint.opened(state) as (f, header):
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict
            numbers = json.loads(header["numbers"])
        try:
            trainer.load_state_dict(tensors, numbers)
        except (RuntimeError, KeyError, IndexError, ValueError) as e:
            raise StudioError(f"{state} does not belong to the recipe beside it.") from e
    if longer:
        atomic.write(out / "recipe.json", json.dumps(dataclasses.asdict(recipe), indent=1).encode())
    return trainer


def train(trainer: Trainer, out: Path, every: int | None = None, save_every: float = 2.0) -> Iterator[Tick]:
    """Run a trainer and keep its folder: yields the trainer's ticks after writing what they call for.

    The state is saved at each epoch's end, when the run ends or is stopped (the iterator is closed), and at ticks at
    least `save_every` seconds apart, or further where saving takes long. Log lines are written together with the state
    that they lead to, so a killed run resumes from the last tick in its log.
    """
    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as e:
        raise StudioError(f"{out} is being trained by another process: wait for it, or stop it first.") from e
    try:
        keeper = Keeper(trainer, out)
        if trainer.step == 0:
            keeper.sample(0)
        last, cost = monotonic(), 0.0
        try:
            for tick in trainer.run(every):
                keeper.note(tick)
                if tick.ended:
                    keeper.sample(tick.ended)
                if tick.ended or tick.step == tick.steps or monotonic() - last >= max(save_every, 30 * cost):
                    begin = monotonic()
                    keeper.save(final=tick.step == tick.steps)
                    last, cost = monotonic(), monotonic() - begin
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
        self.forget_the_lost()

    def forget_the_lost(self) -> None:
        """Drop log lines and samples of steps after the saved state: they will be made again."""
        log = read_log(self.out)
        kept = [line for line in log if line["step"] <= self.trainer.step]
        if kept:
            self.newest = kept[-1]
        if len(kept) < len(log) or (self.out / "log.jsonl").exists():
            atomic.write(self.out / "log.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode())
        for path in epochs(self.out):
            if int(path.stem.split("_")[1]) > self.trainer.epochs_at(self.trainer.step):
                path.unlink()

    def note(self, tick: Tick) -> None:
        self.newest = {
            "step": tick.step,
            "epoch": round(tick.epoch, 4),
            **{k: round(v, 6) for k, v in tick.losses.items()},
            "images_per_second": round(tick.images_per_second, 1),
            "seconds": round(tick.seconds, 2),
        }
        self.pending.append(self.newest)

    def sample(self, epoch: int) -> None:
        images, columns = self.trainer.samples()
        im = pictures.sheet(images, columns)
        text = json.dumps({"run": self.out.name, "gan": self.trainer.recipe.gan, "epoch": epoch})
        atomic.write(self.out / "samples" / f"epoch_{epoch:03d}.png", pictures.png(im, text))

    def save(self, final: bool) -> None:
        """Log lines, then the state they lead to; then, at most every five seconds, the checkpoint; at last the GIF."""
        trainer = self.trainer
        if self.pending:
            try:
                with (self.out / "log.jsonl").open("a") as log:
                    log.write("".join(json.dumps(line) + "\n" for line in self.pending))
            except OSError as e:
                raise StudioError(atomic.explain(self.out / "log.jsonl", e)) from e
            self.pending.clear()
        tensors, numbers = trainer.state_dict()
        checkpoint.write(self.out / "state.safetensors", tensors, {"numbers": json.dumps(numbers)})
        if final or monotonic() - self.checkpointed >= 5:
            checkpoint.save(self.out / "checkpoint.safetensors", trainer.gan, trainer.average, self.info())
            self.checkpointed = monotonic()
        if final:
            pictures.gif(epochs(self.out), self.out / "training.gif")

    def info(self) -> dict[str, Any]:
        t = self.trainer
        return {
            "command": command(t.recipe),
            "step": t.step,
            "steps": t.steps,
            "epochs": round(t.epochs_at(t.step), 2),
            "seconds": round(t.seconds, 1),
            "device": device_name(t.device),
            "pictures": len(t.data),
            "torch": torch.__version__,
            "fashiongan": __version__,
            "log": self.newest,
        }


def read_log(out: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's log; a line cut off by a kill is left out."""
    lines = []
    try:
        text = (out / "log.jsonl").read_text()
    except OSError:
        return []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def epochs(out: Path) -> list[Path]:
    """The sample sheets of a run, oldest first."""
    return sorted((out / "samples").glob("epoch_*.png"), key=lambda p: int(p.stem.split("_")[1]))


def command(r: Recipe) -> str:
    """The command line that makes this recipe."""
    words = ["python", "train.py", r.gan]
    for k in knobs(type(r)).values():
        value = getattr(r, k.name)
        if value != k.default:
            words += [f"--{k.name.replace('_', '-')}", shlex.quote(str(value))]
    return " ".join(words)


def device_name(device: torch.device) -> str:
    """What people call it: the GPU's name, or the number of CPU threads."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"

"""Shared by all commands: a recipe's knobs as flags, a progress bar on standard error, and errors.

Bad input ends a command with one sentence on standard error and exit code 2.
"""

import argparse
import io
import itertools
import signal
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

from .. import limits
from ..errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..training.trainer import Tick


class Parser(argparse.ArgumentParser):
    """An argparse parser whose error message is one sentence, without the usage text."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def answer(work: Callable[[], None]) -> int:
    """Run a command and return its exit code: 0, 2 after a StudioError, whose sentence is printed, 130 after Ctrl-C.

    A character that standard output's encoding lacks, such as a class's name where Windows prefers cp1251, is escaped.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        work()
    except StudioError as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def add_knobs(parser: argparse.ArgumentParser, recipe_class: type) -> None:
    """Add a flag for every knob of a recipe class."""
    from ..gans.recipe import knobs

    for k in knobs(recipe_class).values():
        default = "" if k.default in (None, "") else f" (default: {k.default})"
        allowed = f" [{k.allowed()}]" if k.choices or k.lo is not None else ""
        parser.add_argument(
            *dict.fromkeys((f"--{k.flag}", f"--{k.name.replace('_', '-')}", f"--{k.name}")),
            dest=k.name,
            metavar=k.kind.__name__.upper(),
            help=(k.text + allowed + default).replace("%", "%%"),
        )


def describe_tick(tick: "Tick") -> str:
    """A training record in a few words, for the progress bar."""
    losses = f"d {tick.losses['d_loss']:.3f}  g {tick.losses['g_loss']:.3f}"
    return f"epoch {tick.epoch:.1f}  {losses}  {tick.images_per_second:.0f} pictures/s"


class Record(Protocol):
    """What every long piece of work yields: the step that is done, and the number of steps."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...


N = TypeVar("N", bound=Record)


def check_seed(seed: int) -> None:
    """StudioError unless --seed is a number that the random generators take."""
    if not 0 <= seed <= limits.SEED:
        raise StudioError(f"--seed cannot be {seed}: it takes a whole number from 0 to {limits.SEED}.")


def check_pictures(n: int) -> None:
    """StudioError unless --n is a number of pictures that a command draws."""
    if not 1 <= n <= limits.DRAWN_PICTURES:
        raise StudioError(f"--n cannot be {n}: draw from 1 to {limits.DRAWN_PICTURES} pictures.")


def unused(path: Path) -> Path:
    """The path if nothing is there, else the path with a number: two runs may start within the same second."""
    numbered = (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))
    return next(p for p in itertools.chain([path], numbered) if not p.exists())


def progress(records: "Iterator[N]", describe: Callable[[N], str], unit: str = "step") -> None:
    """Run long work with a progress bar. However it ends, the iterator is closed, which saves a training run.

    Ctrl-C takes effect at the next record, since half an update cannot be saved. A second Ctrl-C takes effect at once.
    """
    from tqdm import tqdm

    interrupted = False

    def stop(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        with closing(records), tqdm(unit=unit, dynamic_ncols=True) as bar:  # type: ignore[type-var]
            for tick in records:
                if bar.total is None:
                    bar.reset(tick.steps)
                    bar.initial = tick.step
                bar.total = tick.steps  # known better once the data is read
                bar.set_postfix_str(describe(tick), refresh=False)
                bar.update(tick.step - bar.n)
                if interrupted:
                    break
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        raise KeyboardInterrupt


@contextmanager
def reading() -> "Iterator[Callable[[int, int], None]]":
    """Yield a callback that takes (pictures read, pictures in all) and shows a progress bar on standard error.

    No bar appears for data that are in the cache, since the callback is then never called.
    """
    from tqdm import tqdm

    bars: list[tqdm[NoReturn]] = []

    def update(done: int, total: int) -> None:
        if not bars:
            bars.append(tqdm(total=total, unit="picture", dynamic_ncols=True))
        bars[0].update(done - bars[0].n)

    try:
        yield update
    finally:
        for bar in bars:
            bar.close()

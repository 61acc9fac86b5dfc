"""A stretch of training: trains the most useful bundled checkpoints for some minutes, several side by side.

GPU minutes are rare, so nothing is lost between two stretches: an unfinished run keeps its state, which can be packed
into a few small files and moved to the next machine.
"""

import io
import math
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import torch

from .. import checkpoint
from ..checkpoint import HeaderInfo
from ..errors import StudioError
from ..evaluation.quick import Quick
from ..hub import registry
from ..training import run_log
from . import bundle

FIRST = ("garments-128", "enlarger", "colorizer-photos")  # color garments, the most useful ones for designers
# Frechet distances that training on a GPU should reach. The checkpoint with the largest ratio to its goal comes first.
GOALS = {"studio": 0.08, "cdcgan": 0.25, "stylegan": 0.3, "dcgan": 0.4, "progan": 0.5, "began": 2.0}
GOAL = 1.0  # the goal of all others
SAVING = 20.0  # seconds at the end that are reserved for saving
LEAST = 1.0  # minutes; a shorter stretch ends before the first run has drawn anything
SIDE_BY_SIDE = {"cuda": 4}  # runs at a time that use a GPU fully; one on other devices
PART, PARTS = 16_000_000, 8  # at most so many bytes per packed file, and at most so many files
PACKED = "state.tar.part"
KEPT = ("recipe.json", "log.jsonl", "state.safetensors", "checkpoint.safetensors", "best.safetensors")


@dataclass(frozen=True)
class Progress:
    """The progress of a stretch."""

    seconds: float  # since the start
    running: tuple[str, ...]
    ended: tuple[str, ...]  # in this stretch
    brought: tuple[str, ...] = ()  # runs that replaced a bundled checkpoint, known at the end


def order(names: Sequence[str]) -> list[str]:
    """Names by priority: color first, then those without a checkpoint, then those furthest above their goal."""

    def place(name: str) -> tuple[int, float]:
        if name in FIRST and not trained_alike(name):
            return FIRST.index(name), 0.0
        if name not in registry.bundled():
            return len(FIRST), 0.0
        return len(FIRST) + 1, -bundle.distance(checkpoint.info(name)) / GOALS.get(name, GOAL)

    return sorted(names, key=place)


def trained_alike(name: str) -> bool:
    """Whether there is a bundled checkpoint of that name, with the size and fit that its entry in BUNDLED has."""
    if name not in registry.bundled():
        return False
    recipe, expected = checkpoint.load(name).recipe, bundle.recipe(name)
    return all(getattr(recipe, key) == expected.get(key, getattr(recipe, key)) for key in ("size", "fit"))


def stretch(
    names: Sequence[str], minutes: float, folder: Path, device: str = "cpu", at_once: int | None = None
) -> Iterator[Progress]:
    """Train `names` in this order for `minutes`, `at_once` side by side. Each run resumes where it stopped.

    Unfinished runs are stopped early enough to save. A run that is better than its bundled checkpoint replaces it.
    Raises StudioError if `minutes` is below LEAST.
    """
    if not minutes >= LEAST:
        raise StudioError(f"{minutes:g} minutes are too few: give {LEAST:g} or more, and 10 for a net to improve.")
    at_once = at_once or SIDE_BY_SIDE.get(torch.device(device).type, 1)
    began, waiting = monotonic(), list(names)
    running: dict[str, subprocess.Popen[bytes]] = {}
    ended: list[str] = []
    try:
        while (waiting or running) and monotonic() - began < 60 * minutes - SAVING:
            for name in [name for name, process in running.items() if process.poll() is not None]:
                ended.append(name)
                del running[name]
            while waiting and len(running) < at_once:
                name = waiting.pop(0)
                running[name] = begin(name, folder, device)
            yield Progress(monotonic() - began, tuple(running), tuple(ended))
            sleep(0.2)
    finally:
        for process in running.values():
            process.send_signal(signal.SIGINT)
        for process in running.values():
            process.wait()
    brought = [name for name in [*ended, *running] if better(name, folder / name)]
    for name in brought:
        bundle.bring(name, folder / name)
    yield Progress(monotonic() - began, (), (*ended, *running), tuple(brought))


def begin(name: str, folder: Path, device: str) -> "subprocess.Popen[bytes]":
    """Train one checkpoint in its own process, which saves on SIGINT. Its output goes to folder/NAME.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fashiongan", "bundle", name, "--only-train"]
    package = str(Path(__file__).resolve().parents[2])
    with (folder / f"{name}.txt").open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own command
            [*command, "--runs", str(folder), "--device", device],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])},
        )


def better(name: str, out: Path) -> bool:
    """Whether a run is better than the bundled checkpoint of its name.

    Gray garments are compared by `Quick` on training pictures, so that the test pictures influence nothing; others
    by their number of epochs.
    """
    if not (out / "checkpoint.safetensors").is_file() or not checkpoint.info(out).step:
        return False
    if not trained_alike(name):
        return True
    new, old = checkpoint.load(out), checkpoint.load(name)
    if Quick.can(new.recipe) and Quick.can(old.recipe):
        from ..data.datasets import prepare

        scorer = Quick(prepare(new.recipe)[1], torch.device("cpu"))
        return scorer.distance(new, new.G) < scorer.distance(old, old.G)
    return (checkpoint.info(out).epochs or 0.0) > (checkpoint.info(name).epochs or 0.0)


def pack(names: Sequence[str], folder: Path, keep: Path) -> list[str]:
    """Pack the runs' states into at most PARTS files of at most PART bytes in `keep`. Returns the names that fit.

    The order of `names` decides which runs are packed if not all fit. Sample sheets are not packed.
    """
    keep.mkdir(parents=True, exist_ok=True)
    for old in keep.glob(f"{PACKED}*"):
        old.unlink()
    whole, packed = io.BytesIO(), []
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name in names:
            files = [folder / name / file for file in KEPT if (folder / name / file).is_file()]
            size = sum(file.stat().st_size + 2 * tarfile.BLOCKSIZE for file in files)
            if files and whole.tell() + size + tarfile.RECORDSIZE <= PART * PARTS:
                for file in files:
                    tar.add(file, f"{name}/{file.name}")
                packed.append(name)
    data = whole.getvalue() if packed else b""
    for i in range(math.ceil(len(data) / PART)):
        (keep / f"{PACKED}{i}").write_bytes(data[i * PART : (i + 1) * PART])
    return packed


def unpack(keep: Path, folder: Path) -> list[str]:
    """Unpack the runs that `folder` does not have yet, and return their names. StudioError if a part is missing."""
    parts = sorted(keep.glob(f"{PACKED}[0-9]"))
    if not parts:
        return []
    brought = []
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(p.read_bytes() for p in parts))) as tar:
            names = list(dict.fromkeys(member.name.split("/")[0] for member in tar.getmembers()))
            for name in names:
                if not (folder / name).exists():
                    tar.extractall(
                        folder, [m for m in tar.getmembers() if m.name.startswith(f"{name}/")], filter="data"
                    )
                    brought.append(name)
    except (tarfile.TarError, OSError) as e:
        raise StudioError(f"The packed runs in {keep} are not whole: fetch all of their parts again.") from e
    return brought


def left(names: Sequence[str], folder: Path) -> list[str]:
    """Those of `names` whose runs are not finished."""
    unfinished = []
    for name in names:
        started = run_log.read(folder / name)
        info = checkpoint.header_info(folder / name / "checkpoint.safetensors") if started else HeaderInfo()
        if (info.step or 0) < (math.inf if info.steps is None else info.steps):
            unfinished.append(name)
    return unfinished

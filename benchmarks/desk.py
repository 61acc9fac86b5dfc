"""What the Sample tab waits for: sliders' names, a sheet in gray and in color, a palette from a photograph, more like
these. Writes benchmarks/desk.md.

    python benchmarks/desk.py

Everything is measured in one process, without a browser. Each row has the time on the clock and that of the processor:
on a busy machine the first is longer, and the second hardly changes.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed
import torch
from PIL import Image, ImageDraw

from fashiongan import checkpoint
from fashiongan.color.palettes import PALETTES
from fashiongan.colorize import reference
from fashiongan.hub import registry
from fashiongan.latent import interpolate, kept, spec
from fashiongan.latent.spec import SampleSpec
from fashiongan.studio import Studio, in_color

ROUNDS = 15
NAME = "studio"


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> str:
    """Two cells: the median on the clock with its range, and the median of the processor's time, in milliseconds."""
    wall, cpu = [], []
    for _ in range(rounds):
        before = time.perf_counter(), time.process_time()
        work()
        wall.append(1000 * (time.perf_counter() - before[0]))
        cpu.append(1000 * (time.process_time() - before[1]))
    return f"{median(wall):.0f} ({min(wall):.0f} to {max(wall):.0f}, n={rounds}) | {median(cpu):.0f}"


def photograph(path: Path) -> Path:
    """A striped garment on a plain ground."""
    im = Image.new("RGB", (1200, 900), "#e8e4da")
    for i, color in enumerate(("#b03a2e", "#1f3c88", "#f0e442", "#0b6e4f")):
        ImageDraw.Draw(im).rectangle((300, 200 + 125 * i, 900, 324 + 125 * i), fill=color)
    im.save(path)
    return path


def rows(folder: Path) -> dict[str, str]:
    """What is measured, and its two cells."""
    studio, path = Studio(folder), registry.find(NAME)
    gan = studio.gan(NAME)
    measured: dict[str, str] = {}

    def names(load: Callable[[Path], object]) -> Callable[[], object]:
        return lambda: spec.handles(load(path), 6, "measured")

    measured["a checkpoint loaded and its sliders named, directions found afresh"] = timed(names(checkpoint.load), 3)
    measured["the same, directions kept beside it"] = timed(names(kept.load))
    for n in (40, 100):
        look = SampleSpec(NAME, n=n, sliders=(1.0,), ways="measured")
        shown = replace(look, palette=PALETTES["Jewel"])
        in_color.picture(studio, shown)
        measured[f"a slider moved, {n} garments in gray"] = timed(lambda look=look: spec.picture(gan, look))
        measured[f"a slider moved, {n} garments in color"] = timed(lambda look=shown: in_color.picture(studio, look))
    sheet = SampleSpec(NAME, n=40)
    liked = [interpolate.garment(gan, sheet, i) for i in (0, 7, 12)]
    measured["40 garments around three liked ones"] = timed(
        lambda: spec.picture(gan, interpolate.more(gan, liked, 40, 1))
    )
    picture = photograph(folder / "shirt.png")
    measured["the palette of a picture of 1200 x 900"] = timed(lambda: reference.palette(picture))
    return measured


def main() -> None:
    torch.set_num_threads(2)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"| {what} | {cells} |" for what, cells in rows(Path(folder)).items()]
    text = f"""# What the Sample tab waits for

With the checkpoint `{NAME}`, medians in ms. By `python benchmarks/desk.py`, {speed.where("cpu")},
load {load:.1f} before.

| what | on the clock | of the processor |
|---|---|---|
"""
    (Path(__file__).parent / "desk.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

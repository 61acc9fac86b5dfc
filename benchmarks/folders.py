"""Folders of one's own: how long they take to read, and how much memory to train on. Writes benchmarks/folders.md.

    python benchmarks/folders.py ../shared/data/clothing-128 [--many 100000]

Each measurement is a process of its own. Read: counted, checked, cropped and kept at 128 x 128, and then opened again;
with Python's start-up. Memory: the peak of a process that trains three updates in color at 128 x 128 with a batch of
32 (all of its pages, and those that are its own rather than the mapped file's). Many: as many small JPEGs, made for the
purpose, at 64 x 64.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

OUT = Path(__file__).with_name("folders.md")
BATCH, UPDATES = 32, 3
READ = """
import sys
from fashiongan.data import datasets
loaded = datasets.load(sys.argv[1], size=int(sys.argv[2]))
print(len(loaded))
"""
TRAIN = """
import sys
from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.training.trainer import Trainer
gan, folder, size, batch, updates = sys.argv[1:]
trainer = Trainer(*datasets.prepare(gans.new_recipe(gan, data=folder, size=int(size), batch=int(batch))))
for _ in range(int(updates)):
    trainer.update()
trainer.means()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*(int(status[k].split()[0]) for k in ("VmHWM", "RssAnon")))
"""


def run(code: str, *args: object, cache: Path) -> tuple[list[str], float]:
    """The words that a process printed, and the seconds it took."""
    begin = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.split(), perf_counter() - begin


def made(folder: Path, n: int) -> None:
    """Many small pictures, no two alike, in ten classes."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for c in range(10):
        (folder / f"class-{c}").mkdir(parents=True)
        for i in range(n // 10):
            Image.fromarray(rng.integers(0, 255, (12, 12, 3), np.uint8)).resize((72, 72)).save(
                folder / f"class-{c}" / f"{i}.jpg"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--many", type=int, default=100_000)
    args = parser.parse_args()
    import torch

    from fashiongan import checkpoint, gans

    with tempfile.TemporaryDirectory() as scratch:
        cache, crowd = Path(scratch, "cache"), Path(scratch, "many")
        (n,), first = run(READ, args.folder, 128, cache=cache)
        _, second = run(READ, args.folder, 128, cache=cache)
        summary = f"{n} photographs at 128 x 128: {first:.1f} s, and {second:.1f} s the second time."
        print(summary, flush=True)
        rows = []
        for gan in gans.GANS:
            (peak, own), _ = run(TRAIN, gan, args.folder, 128, BATCH, UPDATES, cache=cache)
            rows.append((int(peak) / 1e6, int(own) / 1e6, gan))
            print(gan, *(f"{v:.2f} GB" for v in rows[-1][:2]), flush=True)
        rows.sort()
        made(crowd, args.many)
        (n,), first = run(READ, crowd, 64, cache=cache)
        _, second = run(READ, crowd, 64, cache=cache)
        (peak, own), _ = run(TRAIN, "studio", crowd, 64, BATCH, 200, cache=cache)
        held = int(n) * 3 * 64 * 64 / 1e9
        many = (
            f"{int(n):,} pictures at 64 x 64, {held:.2f} GB: {first:.0f} s, and {second:.1f} s the second time. After "
            f"200 updates of studio its process had {int(own) / 1e6:.2f} GB of memory of its own, and "
            f"{int(peak) / 1e6:.2f} GB at its peak with the pages of the file that it had touched, which the system "
            "takes back when it needs them."
        )
        print(many)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    table = "\n".join(f"| {gan} | {peak:.2f} GB | {own:.2f} GB |" for peak, own, gan in rows)
    OUT.write_text(
        f"""# Folders of pictures

{summary}

{many}

Peak memory of training in color at 128 x 128, batch {BATCH}, each GAN at its default width. By
`python benchmarks/folders.py FOLDER`, commit {commit.strip()}, {checkpoint.device_name(torch.device("cpu"))}, one run.

| GAN | at its peak | of its own at the end |
|---|---|---|
{table}
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

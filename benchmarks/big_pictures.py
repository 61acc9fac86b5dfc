"""400 photographs of 12 megapixels: how long `evaluate` and `check` take, and their peak memory.

    python benchmarks/big_pictures.py [--n 400] [--form JPEG]

The photographs are made for the purpose, 4000 x 3000 pixels with noise, in two classes. Each verb is a process of its
own, with an empty cache and two threads; `evaluate` compares them with themselves. Writes benchmarks/big_pictures.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
OUT = Path(__file__).with_suffix(".md")
SIDES = (4000, 3000)


def photographs(place: Path, n: int, form: str) -> None:
    """n pictures that look different, in two classes."""
    rng = np.random.default_rng(0)
    grain = rng.integers(0, 40, (SIDES[1], SIDES[0], 3), dtype=np.uint8)
    for i in range(n):
        low = Image.fromarray(rng.integers(0, 215, (9, 12, 3), dtype=np.uint8)).resize(SIDES, Image.Resampling.BICUBIC)
        whole = Image.fromarray(np.minimum(np.asarray(low), 215) + np.roll(grain, 97 * i, 1))
        file = place / ("hats", "shoes")[i % 2] / f"{i}.{form.lower()}"
        file.parent.mkdir(parents=True, exist_ok=True)
        whole.save(file, form, quality=90)


def measured(*verb: str, home: str) -> tuple[float, float]:
    """Seconds and peak memory in MB of a command in a process of its own."""
    cores = {"OMP_NUM_THREADS": "2", "XDG_CACHE_HOME": home}
    begin = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "fashiongan", *verb],
        cwd=ROOT,
        env={**os.environ, **cores},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{verb[0]} failed")
    return perf_counter() - begin, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=400)
    parser.add_argument("--form", default="JPEG")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        place = Path(home, "photographs")
        photographs(place, args.n, args.form)
        size = sum(file.stat().st_size for file in place.rglob("*.*")) / args.n / 1e6
        rows = [
            (verb, *measured(verb, str(place), "--device", "cpu", *more, home=f"{home}/{verb}"))
            for verb, more in (("check", []), ("evaluate", ["--json", "--data", str(place)]))
        ]
    lines = ["| verb | seconds | peak memory |", "|---|---|---|"]
    lines += [f"| `{verb}` | {seconds:.0f} | {memory:,.0f} MB |" for verb, seconds, memory in rows]
    command = f"python benchmarks/big_pictures.py --n {args.n} --form {args.form}"
    text = (
        f"# Big pictures\n\n{args.n} photographs of {SIDES[0]:,} x {SIDES[1]:,} pixels ({args.form}, {size:.1f} MB "
        f"each), by `{command}`, on {os.cpu_count()} cores, with an empty cache.\n\n" + "\n".join(lines) + "\n"
    )
    OUT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""What a second process brings and costs, on one machine's processors. Prints a line a way.

    python benchmarks/distributed.py [--gan studio] [--seconds 20]

The same run in one process with one core, in one with two, and in two with a core each (torchrun, Gloo), one after the
other, three rounds. Pictures a second of the whole; memory is the peak of each process. It needs two cores to itself.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

REPO = Path(__file__).resolve().parent.parent
ROUNDS = 3
CODE = """
import resource, sys
sys.path.insert(0, {repo!r})
from time import perf_counter
from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.training.distributed import join
from fashiongan.training.trainer import Trainer
group, device = join("cpu")
trainer = Trainer(*datasets.prepare(gans.new_recipe({gan!r}, batch={batch})), device, group)
for _ in range(5):
    trainer.update()
group.wait()
begin, updates = perf_counter(), 0
while updates < {updates}:
    trainer.update()
    updates += 1
trainer.means()
group.wait()
rate = updates * {batch} * trainer.recipe.d_steps / (perf_counter() - begin)
if group.rank == 0:
    print(rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
group.leave()
"""


def run(code: str, processes: int, threads: int) -> tuple[float, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as script:
        script.write(code)
        script.flush()
        start = (
            ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
        )
        env = os.environ | {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, *start, script.name], env=env, capture_output=True, text=True, check=True, encoding="utf-8"
        )
    rate, memory = map(float, done.stdout.split()[-2:])
    return rate, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="studio")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--updates", type=int, default=100)
    args = parser.parse_args()
    code = CODE.format(repo=str(REPO), gan=args.gan, batch=args.batch, updates=args.updates)
    ways = {"one process, one core": (1, 1), "one process, two cores": (1, 2), "two processes, a core each": (2, 1)}
    result: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, how in ways.items():
            result[way].append(run(code, *how))
    base = [rate for rate, _ in result["one process, one core"]]
    for way, runs in result.items():
        times = [rate / b for (rate, _), b in zip(runs, base, strict=True)]
        print(
            f"{args.gan}, batch {args.batch}, {way}: {median(times):.2f} times ({min(times):.2f} to {max(times):.2f}), "
            f"{median(rate for rate, _ in runs):.0f} pictures/s, {max(memory for _, memory in runs):.2f} GB a process"
        )


if __name__ == "__main__":
    main()

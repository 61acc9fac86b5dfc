"""Whether `studio` is good whatever its seed: the bundled recipe from several. Writes benchmarks/flagship.md.

    python benchmarks/flagship.py [--device cuda] [--seeds 0 1 2 3 4]

Each seed is trained in runs/flagship/seed-N, on from where it stopped, and its report is kept there; the table holds
every seed that has one. It takes hours on a CPU, and some minutes each on a GPU.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fashiongan import checkpoint, files, gans
from fashiongan.evaluation import evaluate, sources
from fashiongan.evaluation import report as reports
from fashiongan.release import bundle
from fashiongan.training import run_folder
from fashiongan.training.trainer import pick_device

OUT = Path(__file__).with_name("flagship.md")
RUNS = Path("runs", "flagship")
SEEDS = 5
N = 10_000
COLUMNS = ("frechet", "precision", "recall", "density", "coverage")


def train(seed: int, device: str, root: str | None) -> Path:
    """The run folder of a seed, trained to its end."""
    out = RUNS / f"seed-{seed}"
    if (out / "recipe.json").exists():
        trainer = run_folder.resume(out, device, root)
    else:
        trainer = run_folder.start(gans.new_recipe(**bundle.BUNDLED["studio"], seed=seed), out, device, root)
    for tick in run_folder.train(trainer, out):
        if tick.ended:
            print(seed, tick.ended, {k: round(v, 3) for k, v in tick.losses.items()}, flush=True)
    return out


def scorer(out: Path, device: str, root: str | None) -> dict[str, Any]:
    """The report of 10,000 samples."""
    (*_, last) = evaluate.evaluate(sources.draw(out, N), root, gan_train=True, device=device)
    assert last.report is not None
    return last.report.to_json()


def written(reports: dict[int, dict[str, Any]], where: str) -> str:
    """The page."""
    heads = [*(reports.SCORES[k][0] for k in COLUMNS), "GAN-train", "copying test"]
    rows = []
    for seed, report in sorted(reports.items()):
        cells = [f"{report['scores'][k]['value']:.3g}" for k in COLUMNS]
        cells.append(f"{100 * report['gan_train']:.1f} %")
        rows.append(f"| {seed} | {' | '.join(cells)} | {report['originality']['pixels']['copying']:+.1f} |")
    report = next(iter(reports.values()))
    floors = [f"*{report['scores'][k]['real']:.3g}*" for k in COLUMNS]
    floors.append(f"*{100 * report['gan_train_real']:.1f} %*")
    return f"""# The flagship from several seeds

`studio` as it is bundled, from {len(reports)} starting seeds, each scored like any checkpoint by {N:,} samples against
10,000 unseen pictures; GAN-train is the accuracy on those of a classifier fitted on the samples alone. Below stands
what as many training pictures get. By `python benchmarks/flagship.py`, {where}.

| seed | {" | ".join(heads)} |
|---|{"---|" * len(heads)}
{chr(10).join(rows)}
| *real* | {" | ".join(floors)} | *0* |
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(SEEDS)), help="which (default: 0 to 4)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    for seed in args.seeds:
        place = RUNS / f"seed-{seed}" / "report.json"
        if not place.exists():
            report = scorer(train(seed, device, args.data_root), device, args.data_root)
            files.write(place, json.dumps(report).encode())
            print(reports.summary(reports.Report.from_json(report)), flush=True)
    results = {
        int(place.parent.name.removeprefix("seed-")): json.loads(place.read_text(encoding="utf-8"))
        for place in RUNS.glob("seed-*/report.json")
    }
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    devices = {checkpoint.info(RUNS / f"seed-{seed}").device for seed in results}
    files.write(OUT, written(results, f"commit {commit.strip()}, {', '.join(sorted(devices))}").encode())


if __name__ == "__main__":
    main()

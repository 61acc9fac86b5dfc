"""Two hundred photographs of one class, from a trained color model and from scratch: benchmarks/start_from.md.

    python benchmarks/start_from.py [--data ../shared/data] [--steps 240] [--seeds 0 1 2]

`clothing-128` was bundled before `garments-128`; the history has it:

    git show 2533d10:checkpoints/clothing-128.safetensors > clothing-128.safetensors

The net and its rates are those of `clothing-128` in both ways; only the first weights differ. The 200 photographs
(class t-shirt) are none that clothing-128 was trained on, by the names of their files. Distance: kernel distance (KID,
unbiased, so that it may be measured on few) in the features of EfficientNet-Lite1, from 200 garments that
the averaged generator draws to real ones outside the 200: to those that clothing-128 was not trained on either, which
are few, and to all. What each run did is kept in runs/start_from.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor

from fashiongan import checkpoint, files
from fashiongan.data import datasets
from fashiongan.evaluation import metrics
from fashiongan.gans import efficientnet, sampling
from fashiongan.training import run_folder, transfer
from fashiongan.training.trainer import Trainer, pick_device

SOURCE, CLASS, PHOTOGRAPHS, DRAWN = "clothing-128", "t-shirt", 200, 200
# Whether a run starts from the checkpoint, and how many times its learning rates.
WAYS = {
    "from scratch": (False, 1.0),
    f"from {SOURCE}": (True, 1.0),
    f"from {SOURCE}, a tenth of the rates": (True, 0.1),
}
RUNS = Path("runs", "start_from")
OUT = Path(__file__).with_name("start_from.md")


def photographs(data: Path) -> dict[str, Path]:
    """Folders: of the 200 photographs, of those that neither way was trained on, and of all others of the class."""
    seen = {p.stem for p in (data / "clothing-128" / "train").glob("*/*")}
    every = {part: sorted((data / "garments-256" / part / CLASS).iterdir()) for part in ("train", "validation")}
    own = [p for p in every["train"] if p.stem not in seen][:PHOTOGRAPHS]
    others = [p for p in (*every["train"], *every["validation"]) if p not in own]
    folders = {}
    for name, paths in (("own", own), ("unseen", [p for p in others if p.stem not in seen]), ("all others", others)):
        folders[name] = RUNS / "data" / name
        (folders[name] / CLASS).mkdir(parents=True, exist_ok=True)
        for path in paths:
            shutil.copy(path, folders[name] / CLASS)
    return folders


def features(pictures: Tensor, device: str) -> Tensor:
    """(N, 3, S, S) uint8 -> (N, 1280) of EfficientNet-Lite1."""
    net = efficientnet.load("lite1", device)
    return torch.cat([net.pooled(x.to(device).float() / 127.5 - 1).cpu() for x in pictures.split(50)])


def read(folder: Path, device: str) -> Tensor:
    """The features of the photographs in a folder, read as the trainer reads them."""
    return features(datasets.load(str(folder), size=128).images, device)


def distances(real: dict[str, Tensor], drawn: Tensor) -> dict[str, float]:
    """The kernel distances from features of drawn pictures to those of each set of real ones."""
    return {name: metrics.kid(x, drawn) for name, x in real.items()}


def trained(way: str, seed: int, folder: Path, steps: int, at: list[int], real: dict, device: str) -> dict:
    """Distances at steps `at` of one run."""
    begin, rate = WAYS[way]
    recipe = transfer.recipe(
        f"{SOURCE}.safetensors", data=str(folder), batch=16, steps=steps, seed=seed, schedule="constant"
    )
    recipe = recipe.replace(lr_g=rate * recipe.lr_g, lr_d=rate * recipe.lr_d)
    if begin:
        out = RUNS / f"run-{seed}"
        shutil.rmtree(out, ignore_errors=True)
        trainer = run_folder.start(recipe, out, device)
    else:
        trainer = Trainer(*datasets.prepare(recipe.replace(start_from="")), device)
    results, seconds = {}, 0.0
    while True:
        if trainer.step in at:
            z, c = sampling.draw(trainer.gan, DRAWN, 1000 + seed)
            drawn = sampling.render(trainer.gan, z, c, trainer.average)
            results[trainer.step] = distances(real, features(drawn, device))
            print(way, seed, trainer.step, results[trainer.step], f"{seconds:.0f} s", flush=True)
        if trainer.step >= steps:
            break
        start = perf_counter()
        trainer.update()
        seconds += perf_counter() - start
    trainer.means()
    where = checkpoint.device_name(trainer.device)
    return {"distances": results, "seconds": seconds, "device": where, "note": trainer.recipe.start_note}


def written(runs: dict[str, list[dict]], at: list[int], seeds: list[int], facts: dict) -> str:
    rows = []
    for name in facts["floor"]:
        curves = {
            way: [[r["distances"][str(step)][name] for step in at] for r in results] for way, results in runs.items()
        }
        for way, curve in curves.items():
            cells = [f"{mean(c):.2f} ({min(c):.2f} to {max(c):.2f})" for c in zip(*curve, strict=True)]
            rows.append(f"| {name} ({facts['real'][name]}) | {way} | {' | '.join(cells)} |")
        scratch = curves["from scratch"]
        for way, curve in list(curves.items())[1:]:
            ratios = [[x / y for x, y in zip(*pair, strict=True)] for pair in zip(scratch, curve, strict=True)]
            cells = [f"{mean(r):.2f}" for r in zip(*ratios, strict=True)]
            rows.append(f"| {name} | times nearer {way}, seed by seed | {' | '.join(cells)} |")
    floor = ", ".join(f"{name} {value:.2f}" for name, value in facts["floor"].items())
    return f"""# Start from a trained model

{PHOTOGRAPHS} photographs of the class {CLASS}, none of which {SOURCE} was trained on: its net (studio, 128 x 128),
batch 16, from fresh weights or from its own, at its rates or at a tenth of them. Kernel distance (KID) in the features
of EfficientNet-Lite1, from {DRAWN} drawn garments to real ones outside the {PHOTOGRAPHS}: to those that {SOURCE} was
not trained on either, and to all. Means over seeds {", ".join(map(str, seeds))}, with the smallest and the largest.
The {PHOTOGRAPHS} photographs themselves: {floor}. By `python benchmarks/start_from.py`,
{facts["where"]}; {facts["seconds"]:.1f} s an update beside other work.

| real ones | weights | {" | ".join(f"{step} steps" for step in at)} |
|---|---|{"---|" * len(at)}
{chr(10).join(rows)}

"{runs[f"from {SOURCE}"][0]["note"]}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with clothing-128 and garments-256")
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    device, at = pick_device(args.device), [args.steps * k // 4 for k in (0, 1, 2, 4)]
    folders = photographs(args.data)
    real = {name: read(folders[name], device) for name in ("unseen", "all others")}
    for seed in args.seeds:
        for way in WAYS:
            place = RUNS / f"{way.replace(' ', '-')}-{args.steps}-{seed}.json"
            if not place.exists():
                result = trained(way, seed, folders["own"], args.steps, at, real, device)
                files.write(place, json.dumps(result).encode())
    kept = {w: [RUNS / f"{w.replace(' ', '-')}-{args.steps}-{s}.json" for s in args.seeds] for w in WAYS}
    runs = {w: [json.loads(p.read_text(encoding="utf-8")) for p in places] for w, places in kept.items()}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    device_names = ", ".join(sorted({r["device"] for results in runs.values() for r in results}))
    facts = {
        "real": {name: len(x) for name, x in real.items()},
        "floor": distances(real, read(folders["own"], device)),
        "where": f"commit {commit.strip()}, {device_names}",
        "seconds": mean(r["seconds"] / args.steps for results in runs.values() for r in results),
    }
    files.write(OUT, written(runs, at, args.seeds, facts).encode())


if __name__ == "__main__":
    main()

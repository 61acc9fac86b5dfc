"""How easily the bundled classifiers are fooled, in one table. Writes benchmarks/robustness.md.

    python benchmarks/robustness.py [--device cuda] [--limit 100]

What has been measured of these very weights lies in benchmarks/robustness.json and is not measured again, so that it
may be stopped at any time. `--limit` takes fewer pictures, to try it out, and keeps nothing.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from fashiongan import attacks, checkpoint, classifiers, files
from fashiongan.classifiers import store
from fashiongan.evaluation import features, robustness
from fashiongan.training.trainer import pick_device

OUT = Path(__file__).with_name("robustness.md")
KEPT = OUT.with_suffix(".json")
ORDER = ("dense", "conv", "cnn", "robust")
WHOLE, SOME = 10_000, 1_000
MASKS = ("garment", "none")
# (attack, eps, pictures): one column for each. `robust` gets the promised figures on all the pictures.
COLUMNS = (
    ("fgsm", 0.0, WHOLE),
    ("fgsm", 0.025, WHOLE),
    ("noise", 0.1, WHOLE),
    ("fgsm", 0.1, WHOLE),
    ("pgd-5", 0.1, SOME),
    ("ensemble", 0.1, SOME),
)
PROMISED = ("robust", "pgd-5", 0.1, "none")  # on all
HIDDEN, SPEED = "20 and 100 steps", "speed"
Cell = tuple[str, str, float, str, int]  # classifier, attack, eps, mask, pictures


def cells() -> Iterator[Cell]:
    """All that is measured, what matters most first."""
    first = [(*PROMISED, WHOLE), ("robust", "ensemble", 0.1, "none", SOME)]
    yield from first
    for attack, eps, n in COLUMNS:
        for mask in MASKS if eps else MASKS[:1]:
            for name in (name for name in ORDER if name in store.bundled()):
                if (name, attack, eps, mask) != PROMISED and (name, attack, eps, mask, n) not in first:
                    yield name, attack, eps, mask, n


def measure(name: str, attack: str, eps: float, mask: str, n: int, device: str, root: str | None) -> dict[str, float]:
    """accuracy, n and seconds of one cell."""
    chosen = robustness.garments(None, n, root=root)
    (*_, point) = robustness.curve({name: classifiers.load(name, device)}, chosen, [attack], [eps], [mask])
    return {"accuracy": point.accuracy, "n": point.n, "seconds": round(point.seconds, 1)}


def steps_of(name: str, n: int, device: str, root: str | None) -> dict[str, float]:
    """Accuracy of a classifier at 0.1 under PGD of 20 and 100 steps: hidden gradients would need the hundred."""
    chosen, net = robustness.garments(None, n, root=root), classifiers.load(name, device)
    results = {}
    for steps in (20, 100):
        right, rng = 0, torch.Generator(device).manual_seed(0)
        for x, y in zip(classifiers.pieces(net, chosen.images), chosen.labels.split(classifiers.PIECE), strict=True):
            changed = attacks.pgd(net, x, y.to(device), 0.1, None, rng, steps=steps)
            right += int((net(changed).argmax(1) == y.to(device)).sum())
        results[str(steps)] = right / n
    return results


def speed(root: str | None) -> dict[str, float]:
    """Seconds of one FGSM on one picture (the middle of 20), and of a curve of 9 strengths on 1,000 pictures."""
    net, chosen = classifiers.load("cnn"), robustness.garments(None, SOME, root=root)
    x, y, times = chosen.images[:1].float() / 255, chosen.labels[:1], []
    for _ in range(20):
        begin = perf_counter()
        attacks.attack("fgsm", net, x, y, 0.1)
        times.append(perf_counter() - begin)
    begin = perf_counter()
    list(robustness.curve({"cnn": net}, chosen, ["fgsm"], [0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3]))
    return {"picture": sorted(times)[10], "curve": perf_counter() - begin}


def key(*what: object) -> str:
    """Under which a figure is kept: what was measured, and of which weights."""
    return " ".join(map(str, (*what, features.sha256(classifiers.find(str(what[0])))[:12])))


def percent(result: dict[str, float] | None, usual: int) -> str:
    if result is None:
        return ""
    return f"{100 * result['accuracy']:.1f}" + ("" if result["n"] == usual else f" (n={result['n']:,})")


def written(kept: dict[str, dict[str, float]], where: str) -> str:
    """The page, of what has been measured so far."""
    heads = []
    for attack, eps, n in COLUMNS:
        title = "clean" if eps == 0 else f"{attack} {eps:g}"
        heads.append(title if n == WHOLE else f"{title}, first {n:,}")
    lines = [f"| classifier | pixels | {' | '.join(heads)} |", f"|---|---|{'---|' * len(heads)}"]
    for name in (n for n in ORDER if n in store.bundled()):
        for mask in MASKS:
            row = []
            for attack, eps, n in COLUMNS:
                n_here = WHOLE if (name, attack, eps, mask) == PROMISED else n
                row.append(percent(kept.get(key(name, attack, eps, mask if eps else MASKS[0], n_here)), n))
            lines.append(f"| {name} | {'garment' if mask == 'garment' else 'all'} | {' | '.join(row)} |")
    hidden, fast = kept.get(key("robust", HIDDEN)), kept.get(SPEED)
    text = f"""# How easily the classifiers are fooled

Accuracy in % on Fashion-MNIST's test pictures, all 10,000 unless it says otherwise. The number behind an attack is
epsilon, in units of the 0..1 pixel range; the change of any pixel is at most that. "garment": only pixels above black
may change, as in report 001, whose own test is fgsm 0.025 (its 0.05 was in units of -1..1). Attacks are those of
`python -m fashiongan attack`: pgd-5 is 40 steps from up to 5 random starts, ensemble is APGD on the cross-entropy, APGD
on the targeted DLR loss and Square with 5,000 queries. By `python benchmarks/robustness.py`, {where}.

{chr(10).join(lines)}
"""
    if hidden:
        text += (
            f"\n`robust` at 0.1, all pixels, first {SOME:,}: PGD of 20 steps leaves {100 * hidden['20']:.1f} %, of 100 "
            f"steps {100 * hidden['100']:.1f} %.\n"
        )
    if fast:
        text += (
            f"\nFGSM on one picture for `cnn`: {1000 * fast['picture']:.0f} ms (the middle of 20); a curve of 9 "
            f"strengths on 1,000 pictures: {fast['curve']:.1f} s.\n"
        )
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--limit", type=int, default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    where = f"commit {commit.strip()}, {checkpoint.device_name(torch.device(device))}"
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() and args.limit is None else {}

    def keep(name: str, result: dict[str, float]) -> None:
        kept[name] = result
        print(name, result, flush=True)
        if args.limit is None:
            files.write(KEPT, (json.dumps(kept, indent=1) + "\n").encode())
            files.write(OUT, written(kept, where).encode())

    if key("robust", HIDDEN) not in kept:
        keep(key("robust", HIDDEN), steps_of("robust", min(SOME, args.limit or SOME), device, args.data_root))
    for *what, n in cells():
        if key(*what, n) not in kept:
            keep(key(*what, n), measure(*what, min(n, args.limit or n), device, args.data_root))
    keep(SPEED, speed(args.data_root))
    if args.limit is not None:
        print(written(kept, where))


if __name__ == "__main__":
    main()

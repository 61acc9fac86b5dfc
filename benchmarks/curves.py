"""How soon a GAN's garments can be recognised, and how good they are when: time against score.

Writes benchmarks/curves-DEVICE-SETTINGS.md, and the same as a picture beside it.

    python benchmarks/curves.py                                           the Train tab's quick run of every GAN
    python benchmarks/curves.py --full --epochs 50 --batch 512 --at-once 10 --ten     a GPU's three minutes

At moments that grow with the time spent, a thousand garments are drawn by the averaged generator and shown to the
scorer (`cnn`), on training pictures only: their Frechet distance in its features, how sure it is of what it sees,
and how many classes it sees. Recognisable: it is sure of 60 % in the middle, and sees all ten classes, each in one
of fifty. Only training is counted as time. What each GAN did is kept in runs/curves, so a cut run goes on with the
next one.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed

from fashiongan import files, gans
from fashiongan.data import datasets
from fashiongan.evaluation import quick
from fashiongan.training.trainer import Trainer, pick_device

TEN = ("gan", "cgan", "infogan", "ebgan", "acgan", "lsgan", "wgan", "began", "wgan-gp", "dragan")  # of report 001
NOT = ("colorizer", "large")  # the first draws no garments, the second is for a hundred pictures
RUNS = Path("runs", "curves")
FIRST, GROWTH = 1.0, 1.2  # seconds before the first measurement, and times as long before each further one
MARKS = (5.0, 3.0, 2.0, 1.5, 1.0)  # distances whose time is reported
OUT = Path(__file__).parent


def recipe(gan: str, args: argparse.Namespace) -> gans.Recipe:
    changes = {} if args.full else dict(gans.find(gan).recipe_type.quick)
    changes |= {k: v for k in ("epochs", "batch", "width") if (v := getattr(args, k))}
    return gans.new_recipe(gan, **changes)


def one(gan: str, args: argparse.Namespace, device: str) -> dict[str, object]:
    """Train and measure: everything that the table shows."""
    garments = datasets.load(datasets.FASHION_MNIST, root=args.data_root)
    chosen, pictures = datasets.prepare(recipe(gan, args), loaded=garments)
    trainer = Trainer(chosen, pictures, device)
    update, shown = trainer.update, (trainer.gan, trainer.average)
    if args.usual:
        theirs, update = speed.usual(trainer, pictures)
        shown = (theirs, theirs.G)
    scorer = quick.Quick(pictures, trainer.device)
    looks: list[dict[str, float]] = []
    spent, due = 0.0, FIRST
    since = perf_counter()
    step = 0
    while step < trainer.steps and spent < args.seconds:
        update()
        step += 1
        if step % 10 and step < trainer.steps:
            continue
        if not args.usual:
            trainer.means()  # waits for the device; the usual loop has waited
        now = spent + perf_counter() - since
        if now >= due or step == trainer.steps:
            spent, due = now, now * GROWTH
            shown[1].eval()
            looks.append({"seconds": round(spent, 2), "step": step, **scorer.measure(*shown)})
            shown[1].train(args.usual)
            since = perf_counter()
    return {
        "gan": gan,
        "recipe": chosen.to_json(),
        "seconds": spent,
        "epochs": trainer.epochs_at(step),
        "images_per_second": step * chosen.batch * chosen.d_steps / spent,
        "looks": looks,
        "by": speed.where(device),
    }


def recognisable(point: dict[str, float]) -> bool:
    return point["confidence"] >= 0.6 and point["classes"] >= 10


def moment(curve: dict[str, object], condition: object) -> str:
    """The seconds until a measurement first met the condition."""
    return next((f"{point['seconds']:.0f} s" for point in curve["looks"] if condition(point)), "")  # type: ignore[attr-defined,operator]


def row(curve: dict[str, object]) -> str:
    r, last = json.loads(str(curve["recipe"])), curve["looks"][-1]  # type: ignore[index]
    cells = [
        curve["gan"], r["batch"], f"{curve['epochs']:.3g}", f"{curve['seconds']:.0f} s",
        f"{curve['images_per_second']:,.0f}", moment(curve, recognisable),
        *(moment(curve, lambda point, mark=mark: point["distance"] <= mark) for mark in MARKS),
        f"{last['distance']:.2f}", f"{100 * last['confidence']:.0f} %", f"{last['classes']:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def drawn(curves: list[dict[str, object]]) -> str:
    """Distance against seconds, both by their logarithms, as SVG."""
    wide, high, left, low = 900, 480, 60, 40
    every = [point for f in curves for point in f["looks"]]  # type: ignore[attr-defined]
    x0, x1 = (math.log10(fold(point["seconds"] for point in every)) for fold in (min, max))
    y0, y1 = (math.log10(fold(max(point["distance"], 0.05) for point in every)) for fold in (min, max))

    def at(seconds: float, distance: float) -> str:
        x = left + (math.log10(seconds) - x0) / (x1 - x0 or 1) * (wide - left - 110)
        y = high - low - (math.log10(max(distance, 0.05)) - y0) / (y1 - y0 or 1) * (high - 2 * low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        f'<text x="{left}" y="20">Frechet distance in the scorer\'s features, against seconds of training</text>',
    ]
    ticks = [m * 10**e for e in range(-2, 5) for m in (1, 2, 5)]
    for t in ticks:
        if x0 <= math.log10(t) <= x1:
            x = at(t, 10**y0).split(",")[0]
            parts.append(f'<text x="{x}" y="{high - 15}" text-anchor="middle" fill="#555">{t:g} s</text>')
        if y0 <= math.log10(t) <= y1:
            y = at(10**x0, t).split(",")[1]
            parts.append(f'<text x="{left - 8}" y="{y}" text-anchor="end" fill="#555">{t:g}</text>')
            parts.append(f'<path d="M{left},{y}H{wide - 110}" stroke="#ddd"/>')
    for i, f in enumerate(curves):
        color = f"hsl({360 * i / len(curves):.0f},65%,42%)"
        points = [at(point["seconds"], point["distance"]) for point in f["looks"]]  # type: ignore[attr-defined]
        x, y = points[-1].split(",")
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="1.8"/>')
        parts.append(f'<text x="{float(x) + 5}" y="{float(y) + 4}" fill="{color}">{f["gan"]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def written(curves: list[dict[str, object]], args: argparse.Namespace, wall: float, command: str, picture: str) -> str:
    beside = f", {args.at_once} at a time on one device" if args.at_once > 1 else ""
    took = f" All together they took {wall:.0f} s, start-up included." if wall else ""
    by = "; ".join(sorted({str(f["by"]) for f in curves}))
    titles = ["GAN", "batch", "epochs", "training", "pictures/s", "recognisable after"]
    titles += [*(f"distance {mark:g}" for mark in MARKS), "last distance", "sure", "classes"]
    return f"""# Time against score

See the head of `benchmarks/curves.py` for what is measured.{took} By `{command}`{beside}, {by}, one run each.

![Distance against seconds]({picture})

| {" | ".join(titles)} |
|{"---|" * len(titles)}
{chr(10).join(map(row, curves))}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gans", nargs="*", metavar="GAN", help="which (default: all that draw garments)")
    parser.add_argument("--ten", action="store_true", help="report 001's ten")
    parser.add_argument("--full", action="store_true", help="each GAN's own recipe, not the Train tab's quick run")
    parser.add_argument("--usual", action="store_true", help="by the usual loop of benchmarks/speed.py, batch 64")
    parser.add_argument("--width", type=int, help="other than the recipe's")
    parser.add_argument("--epochs", type=int, help="other than the recipe's")
    parser.add_argument("--batch", type=int, help="other than the recipe's")
    parser.add_argument("--seconds", type=float, default=math.inf, help="of training for each at most")
    parser.add_argument("--at-once", type=int, default=1, help="how many side by side, each a process (default: 1)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # where a process of --at-once leaves its result
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    chosen = args.gans or [g for g in (TEN if args.ten else gans.GANS) if g not in NOT]
    if args.one:
        files.write(args.one, json.dumps(one(chosen[0], args, device)).encode())
        return
    command = " ".join(["python", "benchmarks/curves.py", *sys.argv[1:]])
    settings = (
        ["quick", "full"][args.full],
        args.epochs,
        args.batch,
        args.width and f"w{args.width}",
        args.usual and "usual",
    )
    place = RUNS / "-".join([device, *map(str, filter(None, settings))])
    begin, waiting = perf_counter(), [g for g in chosen if not (place / f"{g}.json").exists()]
    fresh, running = len(waiting) == len(chosen), {}
    while waiting or running:
        while waiting and len(running) < args.at_once:
            gan = waiting.pop(0)
            options = [a for a in sys.argv[1:] if a not in (*args.gans, "--ten")]
            call = [sys.executable, __file__, gan, *options, "--one", str(place / f"{gan}.json")]
            running[gan] = subprocess.Popen(call)
        for gan, process in list(running.items()):
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            del running[gan]
            if process.returncode == 0:
                print(row(json.loads((place / f"{gan}.json").read_text(encoding="utf-8"))), flush=True)
    wall = perf_counter() - begin if fresh else 0.0
    curves = [
        json.loads((place / f"{g}.json").read_text(encoding="utf-8")) for g in chosen if (place / f"{g}.json").exists()
    ]
    out = OUT / f"curves-{place.name}{'-ten' if args.ten else ''}.md"
    files.write(out.with_suffix(".svg"), drawn(curves).encode())
    files.write(out, written(curves, args, wall, command, out.with_suffix(".svg").name).encode())


if __name__ == "__main__":
    main()

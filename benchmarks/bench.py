"""How fast everything is, on this machine: `make bench`. Prints, and writes benchmarks/README.md.

    python benchmarks/bench.py [--seconds 4] [--device cuda]

Training beside the usual loop and the machine's ceiling (benchmarks/speed.py), drawing, sliders, attacks, scoring, and
what the app takes to start and holds in memory. Some minutes on two cores, which should have nothing else to do.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed
import torch

from fashiongan import attacks, checkpoint, classifiers, files
from fashiongan.data import datasets, sheets
from fashiongan.evaluation import evaluate, sources
from fashiongan.latent import spec
from fashiongan.training.trainer import pick_device

OUT = Path(__file__).with_name("README.md")
N = 30  # of what is quick
# Other measurements, each with a command of its own.
ELSEWHERE = {
    "speed-cuda.md": "the same training, on a GPU",
    "causes-cpu.md": "what each saving in the training loop is worth",
    "threads.md": "how a run in a thread waits for its helpers",
    "soon.md": "time against score on two cores, and what the Train tab opens on",
    "curves-cuda-full-50-512-ten.md": "report 001's ten GANs for 50 epochs side by side on a GPU",
    "curves-cuda-full-50-512.md": "the whole catalogue so",
    "flagship.md": "the studio's own generator, seed by seed",
    "seeds.md": "which GANs fail, over five seeds",
    "few.md": "a hundred boots, with augmentation and without",
    "folders.md": "folders of one's own: reading them, and memory",
    "desk.md": "what the Sample tab waits for: names of sliders, a sheet in color, a palette from a photograph",
    "sliders.md": "what the sliders change, and with which rank correlation",
    "robustness.md": "every classifier under every attack",
    "colorize.md": "the colorizers",
}


def spread(values: list[float], unit: str, digits: int = 0) -> str:
    low, middle, high = min(values), median(values), max(values)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f} to {high:,.{digits}f}, n={len(values)})"


def times(work: Callable[[int], object], n: int) -> list[float]:
    """Seconds of each call but the first."""
    results = []
    for i in range(n + 1):
        begin = time.perf_counter()
        work(i)
        results.append(time.perf_counter() - begin)
    return results[1:]


def drawing() -> Iterator[tuple[str, str]]:
    for name in ("studio", "dcgan", "garments-128"):
        gan = checkpoint.load(name)
        result = times(lambda i, gan=gan: gan.sample_images(500, i), 5)
        yield f"drawing with {name}, 500 at a time", spread([500 / t for t in result], "pictures/s")

        def moved(i: int, gan: object = gan) -> None:
            look = spec.SampleSpec("", 40, 0, None, 1.0, sliders=(i / 10,))
            sheets.png(sheets.sheet(spec.picture(gan, look), 10), "")  # type: ignore[arg-type]

        yield f"a slider of {name}: 40 garments drawn and packed", spread([1000 * t for t in times(moved, N)], "ms", 1)


def attacking(device: str, root: str | None) -> Iterator[tuple[str, str]]:
    test = datasets.load(datasets.FASHION_MNIST, split="test", root=root)
    x, y = test.images[:500].float().to(device) / 255, test.labels[:500].to(device)
    for name in ("dense", "cnn"):
        net = classifiers.load(name, device)
        mask = attacks.may_change(x, "garment")
        rng = torch.Generator(device).manual_seed(0)

        def fgsm(_: int, net: object = net, mask: object = mask) -> None:
            attacks.fgsm(net, x, y, 0.05, mask).sum().item()  # type: ignore[arg-type]

        def pgd(_: int, net: object = net, mask: object = mask, rng: object = rng) -> None:
            attacks.pgd(net, x, y, 0.05, mask, rng, steps=20).sum().item()  # type: ignore[arg-type]

        yield f"FGSM on {name}", spread([500 / t for t in times(fgsm, 5)], "pictures/s")
        yield f"PGD of 20 steps on {name}", spread([500 / t for t in times(pgd, 3)], "pictures/s")


def scoring(device: str, root: str | None) -> Iterator[tuple[str, str]]:
    def scored(_: int) -> None:
        for _step in evaluate.evaluate(sources.draw("dcgan", 10_000), root, device=device):
            pass

    result = times(scored, 1)  # after one that fills the cache
    yield "`evaluate dcgan`: 10,000 pictures drawn and scored", spread(result, "s", 1)


@contextmanager
def opened(port: int, folder: str) -> Iterator[tuple[int, float]]:
    """The app's process and the seconds until its first answer."""
    from page import open_app

    app, seconds = open_app(port, folder)
    try:
        yield app.pid, seconds
    finally:
        app.terminate()
        app.wait()


def starting() -> Iterator[tuple[str, str]]:
    starts, held = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(4):
            with opened(7900 + i, folder) as (pid, seconds):
                time.sleep(2)
                status = dict(
                    line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
                )
                starts.append(seconds)
                held.append(int(status["VmRSS"].split()[0]) / 1000)
    yield "`python app.py` to its first answer", spread(starts[1:], "s", 1)
    yield "memory of the app when nobody is there", spread(held[1:], "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each way of training each GAN (default: 4)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device, load = pick_device(args.device), os.getloadavg()[0]
    training = speed.table(device, args.seconds, [], args.data_root)
    rows = []
    for part in (drawing(), attacking(device, args.data_root), scoring(device, args.data_root), starting()):
        for what, value in part:
            rows.append(f"| {what} | {value} |")
            print(rows[-1], flush=True)
    others = [f"- [{name}]({name}): {what}" for name, what in ELSEWHERE.items() if OUT.with_name(name).exists()]
    text = f"""# How fast, and how good

By `make bench`, {speed.where(device)}, load {load:.1f} before. Medians, with the smallest and the largest.

## Training

{training}
## Everything else

| what | measured |
|---|---|
{chr(10).join(rows)}

## Further tables

Each says by which command.

{chr(10).join(others)}
"""
    files.write(OUT, text.encode())


if __name__ == "__main__":
    main()

"""How fast the studio trains, beside the usual loop and beside what the machine can do.

Writes benchmarks/speed-DEVICE.md.

    python benchmarks/speed.py [--device cuda] [--seconds 5] [dcgan wgan ...]

For each GAN the same nets and the same batch of 64 are trained in two ways, by turns, so that both meet the same noise:

studio  this project's Trainer: bytes in memory, one fused optimiser step, channels last, averaged weights kept, curves
        added up where they are; on a GPU, each update replayed
usual   as the popular collections do it: torchvision's DataLoader, ToTensor and Normalize for every picture, PyTorch's
        plain optimiser and its own ELU, losses fetched by .item() at every step; no averaged weights

The ceiling is the faster of a large matrix product and a 3x3 convolution of 64 filters on 64 pictures, in the same
run; a net's operations are PyTorch's own count of those of its products and convolutions, forth and back.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fashiongan import checkpoint, files, gans
from fashiongan.data import datasets
from fashiongan.gans import networks
from fashiongan.gans.base import GAN, Batch
from fashiongan.training.trainer import Trainer, pick_device

TEN = ("gan", "cgan", "infogan", "ebgan", "acgan", "lsgan", "wgan", "began", "wgan-gp", "dragan")
BATCH, ROUNDS, WARM = 64, 3, 8
WIDE = 512  # batch of a GPU that is not to wait
OUT = Path(__file__).with_name("speed")


def endless(garments: datasets.Dataset) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (BATCH, 1, 28, 28) in -1..1 and classes, by torchvision's transforms and PyTorch's DataLoader."""
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    look = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    pictures, labels = garments.images.cpu().numpy(), garments.labels.tolist()

    class Pictures(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            return look(Image.fromarray(pictures[i, 0])), labels[i]

    while True:
        yield from DataLoader(Pictures(), batch_size=BATCH, shuffle=True, drop_last=True)


def plain_elu(update: Callable[[], None]) -> Callable[[], None]:
    """The same update with PyTorch's own ELU in its nets."""

    def plain() -> None:
        kept, networks.elu = networks.elu, F.elu
        update()
        networks.elu = kept

    return plain


def usual(trainer: Trainer, garments: datasets.Dataset) -> tuple[GAN, Callable[[], None]]:
    """A GAN of the trainer's recipe, and one update of it by the usual loop."""
    r, device = trainer.recipe, trainer.device
    gan = gans.build(r).to(device)
    kinds = {"adam": lambda p, lr: torch.optim.Adam(p, lr, (r.beta1, r.beta2), foreach=False)}
    kinds |= {"rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr, foreach=False)}
    opt_d, opt_g = kinds[r.optimizer](gan.D.parameters(), r.lr_d), kinds[r.optimizer](gan.G.parameters(), r.lr_g)
    batches, rng, step = endless(garments), torch.Generator(device).manual_seed(0), 0

    def batch() -> Batch:
        x, y = (t.to(device) for t in next(batches))
        c = torch.randint(10, (BATCH,), generator=rng, device=device)
        return Batch(x, y, gan.latents(BATCH, rng), c, rng, step)

    @plain_elu
    def update() -> None:
        nonlocal step
        for _ in range(r.d_steps):
            b = batch()
            opt_d.zero_grad()
            loss = sum(gan.d_loss(b).terms.values())
            loss.backward()
            opt_d.step()
            gan.after_d_step()
            loss.item()
        b = b._replace(z=gan.latents(BATCH, rng))
        opt_g.zero_grad()
        loss = sum(gan.g_loss(b).terms.values())
        loss.backward()
        opt_g.step()
        loss.item()
        step += 1

    return gan, update


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def rate(update: Callable[[], None], device: str, seconds: float) -> float:
    """Updates a second."""
    wait(device)
    begin, n = perf_counter(), 0
    while perf_counter() - begin < seconds:
        update()
        n += 1
        if n % 10 == 0:
            wait(device)
    wait(device)
    return n / (perf_counter() - begin)


def ceiling(device: str, seconds: float) -> float:
    """Floating-point operations a second of the faster of two large operations."""
    n = 8192 if device == "cuda" else 1024
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    x = torch.randn(BATCH, 64, 28, 28, device=device).contiguous(memory_format=torch.channels_last)
    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(device).to(memory_format=torch.channels_last)
    with torch.no_grad():
        results = []
        for run, cost in ((lambda: a @ b, 2 * n**3), (lambda: conv(x), 2 * BATCH * 28 * 28 * 64 * 64 * 9)):
            rate(run, device, 0.3)
            results.append(cost * rate(run, device, seconds))
    return max(results)


class Counted(TorchDispatchMode):
    """PyTorch's count of operations, without its FlopCounterMode's modules, which gradients of gradients confuse."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def operations(trainer: Trainer) -> int:
    """Of one update."""
    with Counted() as counted:
        trainer.move_both()
    return counted.total


def measure(gan: str, garments: datasets.Dataset, device: str, seconds: float) -> dict[str, list[float] | float]:
    recipe, pictures = datasets.prepare(gans.new_recipe(gan, batch=BATCH), loaded=garments)
    trainer = Trainer(recipe, pictures, device)
    _, theirs = usual(trainer, pictures)
    ours: list[float] = []
    others: list[float] = []
    for _ in range(WARM):
        trainer.update()
        theirs()
    flops = operations(trainer)
    for _ in range(ROUNDS):
        ours.append(rate(trainer.update, device, seconds / ROUNDS))
        others.append(rate(theirs, device, seconds / ROUNDS))
    results = {"studio": ours, "usual": others, "operations": flops, "real": BATCH * recipe.d_steps, "n": len(pictures)}
    if device == "cuda":
        wide = Trainer(recipe.replace(batch=WIDE), pictures, device)
        for _ in range(WARM):
            wide.update()
        pace = rate(wide.update, device, seconds / 2)
        results |= {"wide": pace * WIDE * recipe.d_steps, "wide operations": pace * operations(wide)}
    return results


def table(device: str, seconds: float, chosen: list[str], root: str | None) -> str:
    """Everything measured, in Markdown."""
    garments = datasets.load(datasets.FASHION_MNIST, root=root)
    top = ceiling(device, 1.0)
    rows, ratios, bounds, fifty = [], [], [], 0.0
    for gan in chosen or ("dcgan", "cdcgan", *TEN, "studio"):
        result = measure(gan, garments, device, seconds)
        pairs = [a / b for a, b in zip(result["studio"], result["usual"], strict=True)]
        pace, ratio = median(result["studio"]), median(pairs)
        if gan in TEN:
            ratios.append(ratio)
            bounds.append(ratio * top / (pace * result["operations"]))
            fifty += 50 * result["n"] / (pace * result["real"])
        rows.append(
            f"| {gan} | {ratio:.2f} ({min(pairs):.2f} to {max(pairs):.2f}) | {pace * result['real']:,.0f} "
            f"| {median(result['usual']) * result['real']:,.0f} | {result['operations'] / 1e9:.2f} "
            f"| {100 * pace * result['operations'] / top:.0f} % |"
        )
        if "wide" in result:
            times = result["wide"] / (median(result["usual"]) * result["real"])
            rows[-1] += f" {result['wide']:,.0f} | {times:.0f} | {100 * result['wide operations'] / top:.0f} % |"
        print(rows[-1], flush=True)
    ten = ""
    if len(ratios) == len(TEN):
        ten = (
            f" The ten of report 001: {median(ratios):.2f} times as fast in the middle, {min(ratios):.2f} at least "
            f"(a loop that did nothing but their operations, at the whole ceiling: {median(bounds):.2f} and "
            f"{min(bounds):.2f}); 50 epochs of each would take {fifty / 60:.1f} minutes in a row."
        )
    more = f" batch {WIDE}, pictures/s | times the usual loop | of the ceiling |" if device == "cuda" else ""
    return f"""Same nets, same batch of {BATCH}, by turns in one run, {ROUNDS} rounds each: the studio's loop against
the usual one (see the head of `benchmarks/speed.py`). Ratio first, with its range.{ten} The last column is the share of
this machine's ceiling, {top / 1e12:.3g} TFLOP/s in the same run, that the studio's loop makes of the operations it must
do.

| GAN | studio / usual | studio, pictures/s | usual, pictures/s | GFLOP an update | of the ceiling |{more}
|---|---|---|---|---|---|{"---|" * more.count("|")}
{chr(10).join(rows)}
"""


def where(device: str) -> str:
    """The commit and the machine, as every table says them."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    name = checkpoint.device_name(torch.device(device))
    return f"commit {commit.strip()}, {name}, torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gans", nargs="*", metavar="GAN", help="which (default: report 001's ten, and more)")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each way of each GAN (default: 6)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    text = table(device, args.seconds, args.gans, args.data_root)
    if not args.gans:
        by = f"By `python benchmarks/speed.py --device {device}`, {where(device)}."
        files.write(OUT.with_name(f"speed-{device}.md"), f"# Speed of training\n\n{text}\n{by}\n".encode())


if __name__ == "__main__":
    main()

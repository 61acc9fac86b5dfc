"""What each of the studio's savings is worth. Writes benchmarks/causes-DEVICE.md.

    python benchmarks/causes.py [--gan dcgan] [--device cuda]

One saving at a time is undone, and the same GAN trained at a batch of 64 with and without it, by turns. Beside the
times slower stands how far the losses of the first 20 steps come apart, relatively: without a saving that changes what
is learned, that is rounding. (A loader deals the pictures in another order, so its losses are not compared.)
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed
import torch
from torch import Tensor, nn

from fashiongan import files, gans
from fashiongan.data import datasets
from fashiongan.gans.base import Batch
from fashiongan.training import trainer as loop
from fashiongan.training.trainer import Trainer, pick_device

STEPS = 20
OUT = Path(__file__).parent
Undo = Callable[[Trainer], Callable[[], None]]  # makes of a trainer an update without a saving


def loader(trainer: Trainer) -> Callable[[], None]:
    """Pictures read one by one, as ToTensor and Normalize would, and put together by torchvision's DataLoader."""
    batches = speed.endless(trainer.data)

    def drawn(_index: Tensor) -> Batch:
        x, y = (t.to(trainer.device) for t in next(batches))
        z = trainer.gan.latents(len(x), trainer.rng)
        c = trainer.trained[torch.randint(len(trainer.trained), (len(x),), generator=trainer.rng, device=x.device)]
        return Batch(x.contiguous(memory_format=torch.channels_last), y, z, c, trainer.own, trainer.step)

    trainer.drawn = drawn  # type: ignore[method-assign]
    return trainer.update


def plain_adam(trainer: Trainer) -> Callable[[], None]:
    r = trainer.recipe
    for name, net, lr in (("opt_d", trainer.gan.D, r.lr_d), ("opt_g", trainer.gan.G, r.lr_g)):
        setattr(trainer, name, torch.optim.Adam(net.parameters(), lr, (r.beta1, r.beta2), foreach=False))
    return trainer.update


def channels_first(trainer: Trainer) -> Callable[[], None]:
    for net in (trainer.gan, trainer.average):
        net.to(memory_format=torch.contiguous_format)
    as_it_is = trainer.drawn

    def drawn(index: Tensor) -> Batch:
        b = as_it_is(index)
        return b._replace(x=b.x.contiguous())

    trainer.drawn = drawn  # type: ignore[method-assign]
    return trainer.update


def waiting(trainer: Trainer) -> Callable[[], None]:
    def update() -> None:
        trainer.update()
        trainer.means()

    return update


def whole_scorer(trainer: Trainer) -> Callable[[], None]:
    """The discriminator's own gradients are taken in the generator's turn too, and thrown away."""
    scorer = trainer.gan.D
    scorer.requires_grad_ = lambda *_: scorer  # type: ignore[method-assign,assignment]
    return trainer.update


def one_by_one(trainer: Trainer) -> Callable[[], None]:
    """The averaged generator is moved a tensor at a time."""

    @torch.no_grad()
    def blend(average: nn.Module, net: nn.Module, memory: Tensor) -> None:
        for a, b in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if a.is_floating_point():
                a.copy_(a * memory + b * (1 - memory))
            else:
                a.copy_(b)

    def update() -> None:
        kept, loop.blend = loop.blend, blend
        trainer.update()
        loop.blend = kept

    return update


def own_elu(trainer: Trainer) -> Callable[[], None]:
    return speed.plain_elu(trainer.update)


def compiled(trainer: Trainer) -> Callable[[], None]:
    trainer.gan.G.compile()
    trainer.gan.D.compile()
    return trainer.update


def eager(trainer: Trainer) -> Callable[[], None]:
    trainer.gan.kind = lambda _: None  # type: ignore[method-assign,assignment]
    return trainer.update


WAYS: dict[str, Undo] = {  # of the chosen GAN
    "bytes in memory, a batch by one index": loader,
    "losses added up on the device": waiting,
    "one fused optimiser step": plain_adam,
    "channels last": channels_first,
    "no gradients of the discriminator in the generator's turn": whole_scorer,
    "the average moved by one operation": one_by_one,
}
BEGANS: dict[str, Undo] = {"in `began`: ELU by exp, not by expm1": own_elu}
# What a CPU does without; a GPU's updates are replayed, compiled or not. It comes last, since in a process that has
# compiled nets PyTorch's expm1 has been seen to take as little time as exp.
CPUS: dict[str, Undo] = {"nets as they are, not by torch.compile": compiled}


def fresh(gan: str, garments: datasets.Dataset, device: str) -> Trainer:
    return Trainer(*datasets.prepare(gans.new_recipe(gan, batch=speed.BATCH), loaded=garments), device)


def losses(trainer: Trainer, update: Callable[[], None], every_step: bool) -> list[float]:
    """The discriminator's mean loss over each of the first 20 steps, or over all of them where each was fetched."""
    results = []
    for _ in range(STEPS):
        update()
        if not every_step:
            results.append(trainer.means()["d_loss"])
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gan", default="dcgan")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each of three rounds (default: 4)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", default=None)
    args = parser.parse_args()
    device = pick_device(args.device)
    garments = datasets.load(datasets.FASHION_MNIST, root=args.data_root)
    ways = WAYS | ({"an update replayed as a graph": eager} if device == "cuda" else BEGANS | CPUS)
    rows = []
    for saving, undo in ways.items():
        gan = "began" if saving in BEGANS else args.gan
        apart = ""
        if undo not in (loader, waiting):
            trainer, other = fresh(gan, garments, device), fresh(gan, garments, device)
            expected = losses(trainer, trainer.update, False)
            update = undo(other)
            pairs = zip(expected, losses(other, update, False), strict=True)
            apart = f"{max(abs(a - b) / abs(a) for a, b in pairs):.1e}"
        ours, theirs = fresh(gan, garments, device), fresh(gan, garments, device)
        undone = undo(theirs)
        for _ in range(speed.WARM):
            ours.update()
            undone()
        times = []
        for _ in range(speed.ROUNDS):
            whole = speed.rate(ours.update, device, args.seconds)
            times.append(whole / speed.rate(undone, device, args.seconds))
        rows.append(f"| {saving} | {median(times):.2f} ({min(times):.2f} to {max(times):.2f}) | {apart} |")
        print(rows[-1], flush=True)
    text = f"""# What each saving is worth

{args.gan}, batch {speed.BATCH}: times slower without it, in the middle of {speed.ROUNDS} rounds side by side, and how
far the losses of {STEPS} steps come apart. By `python benchmarks/causes.py --device {device}`, {speed.where(device)}.

| saving | times slower without | losses apart |
|---|---|---|
{chr(10).join(rows)}
"""
    files.write(OUT / f"causes-{device}.md", text.encode())


if __name__ == "__main__":
    main()

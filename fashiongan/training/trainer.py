"""The only adversarial training loop. It uses the contract of a GAN, knows no particular one, and yields Ticks."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypedDict, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from .. import gans
from ..data.augment import augment
from ..data.datasets import Dataset, load
from ..data.sampler import Shuffle
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN, Batch, Loss
from ..gans.recipe import Recipe
from .distributed import ProcessGroup
from .ema import blend
from .graphs import Recording, recorded
from .optimizers import forget, optimizer, set_rate

WARM = 3  # updates of a kind before it is recorded: libraries and optimisers allocate their state in these


@runtime_checkable
class Grows(Protocol):
    """A GAN whose nets change with the run's length."""

    def fit(self, steps: int) -> None:
        """Raise StudioError if a run of so many updates is too short for it."""

    def grow(self, step: int, steps: int) -> bool:
        """Called before update `step` of `steps`: whether the optimisers are to begin anew. Waits for no device."""


@dataclass(frozen=True)
class Tick:
    """A record of a run: where it is, and the means of every curve since the tick before."""

    step: int
    steps: int
    epoch: float  # how often each picture has been seen
    seconds: float  # spent training, resumed parts included
    images_per_second: float  # real pictures
    losses: dict[str, float]
    ended: int  # number of the epoch that ended with this step, or 0
    remarks: tuple[str, ...] = ()  # the doctor's, in plain words


class RunNumbers(TypedDict):
    """The numbers of a saved state, as they stand in its header."""

    step: int
    seconds: float  # spent training


class Trainer:
    """A run in memory: two players, their optimisers, the averaged generator, and where in the data it is.

    Given the same recipe, data and kind of device, two trainers give the same result. `state_dict` is the whole state.
    Constructing one seeds the process's rng for a moment (to draw weights), so construct one at a time.

    On a GPU an update is some hundred small operations, and asking for them takes longer than they do. So the GAN's
    kinds of update are each recorded once and then replayed, which is one request.

    With a group of several, each process draws what the whole batch needs and works on its share: all start alike, and
    stay alike. What a loss draws beside (noise, points between pictures) is each process's own.
    """

    def __init__(self, recipe: Recipe, data: Dataset, device: str = "cpu", group: ProcessGroup = ProcessGroup()):  # noqa: B008
        self.recipe = r = recipe
        self.group = group
        self.device = torch.device(device)
        self.data = data.to(self.device)
        if self.device.type == "cuda":
            # Every shape stays as it is, so the fastest way to convolve it is worth a search: 1.65 times as many
            # updates of dcgan a second (H200, batch 128, one run).
            torch.backends.cudnn.benchmark = True
        self.shuffle = Shuffle(len(data), r.batch, r.seed, self.device, data.labels if r.balance == "even" else None)
        self.gan = gans.build(r).to(self.device).to(memory_format=torch.channels_last)
        self.beside = unpaired(self.gan, self.device)
        self.average = copy.deepcopy(self.gan.G).eval().requires_grad_(False)
        self.opt_d = optimizer(self.gan.D, r, r.lr_d)
        self.opt_g = optimizer(self.gan.G, r, r.lr_g)
        self.rng = torch.Generator(self.device).manual_seed(r.seed)
        # What each process of a group draws for its share of the pictures alone, so that `rng` stays the same in all.
        self.own = torch.Generator(self.device) if group.size > 1 else self.rng
        for m in self.gan.modules():
            if hasattr(m, "rng"):  # a layer that draws: dropout, a random ground
                m.rng = self.own  # type: ignore[assignment]
        if r.augment:
            # As a hook on the discriminator's input, so that no paper's file needs to know about augmentation.
            gap = torch.tensor(self.gan.gap, device=self.device)[:, None, None]
            self.gan.D.register_forward_pre_hook(
                lambda _, seen: (augment(seen[0], r.augment.split(","), r.low, self.own, gap), *seen[1:])
            )
        # Fakes' classes are drawn from this: the class of every real picture, or each class once.
        as_found = r.labels and r.balance == "as found"
        self.trained = self.data.labels if as_found else torch.tensor(r.trained or (0,), device=self.device)
        self.step, self.seconds = 0, 0.0
        self.steps = r.steps or math.ceil(r.epochs * len(data) / (r.batch * r.d_steps))
        if isinstance(self.gan, Grows):
            self.gan.fit(self.steps)
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        # What changes between updates is kept in tensors with fixed addresses, since a recorded CUDA graph reads there.
        self.index = torch.zeros(r.d_steps, r.batch, dtype=torch.long, device=self.device)
        self.ema_decay = torch.zeros((), device=self.device)
        self.noted: list[str] = []  # by the update under way
        self.done: dict[int, int] = {}  # updates of each kind that were not replayed
        self.recordings: dict[int, Recording] = {}

    def epochs_at(self, step: int) -> float:
        return step * self.recipe.d_steps * self.recipe.batch / len(self.data)

    def batch(self, i: int) -> Batch:
        """The i-th batch of the run, with fresh latents and classes for as many fakes."""
        return self.drawn(self.shuffle[i])

    def drawn(self, index: Tensor) -> Batch:
        """The pictures (batch,) of these numbers, with fresh latents and classes."""
        r, mine = self.recipe, self.group.share(self.recipe.batch)
        index = index[mine]
        x = self.data.images[index].float().mul_((1 - r.low) / 255).add_(r.low)
        z = self.gan.latents(r.batch, self.rng)
        c = self.trained[torch.randint(len(self.trained), (r.batch,), generator=self.rng, device=self.device)]
        x = x.contiguous(memory_format=torch.channels_last)
        b = Batch(x, self.data.labels[index], z[mine], c[mine], self.own, self.step)
        if self.beside is None:
            return b
        other = torch.randint(len(self.beside), (r.batch,), generator=self.rng, device=self.device)[mine]
        return b._replace(unpaired=self.beside.images[other], unpaired_y=self.beside.labels[other])

    def update(self) -> None:
        """One generator update and the discriminator updates that belong to it."""
        r = self.recipe
        if self.group.size > 1:
            self.own.manual_seed(own_seed(r.seed, self.group.rank, self.step))
        if isinstance(self.gan, Grows) and self.gan.grow(self.step, self.steps):
            forget(self.opt_d)
            forget(self.opt_g)
        factor = 1.0 if r.schedule == "constant" else min(1.0, 2 * (1 - self.step / self.steps))
        for opt, lr in ((self.opt_d, r.lr_d), (self.opt_g, r.lr_g)):
            set_rate(opt, lr * factor)
        for k, place in enumerate(self.index):
            place.copy_(self.shuffle[self.step * r.d_steps + k])
        # A young average would remember the random start: let its decay grow with the run.
        self.ema_decay.fill_(min(r.ema, (self.step + 1) / (self.step + 11)) if r.ema else 0.0)
        replayed = self.device.type == "cuda" and self.group.size == 1
        kind = self.gan.kind(self.step) if replayed else None
        if kind is None or self.done.get(kind, 0) < WARM:
            self.move_both()
            if kind is not None:
                self.done[kind] = self.done.get(kind, 0) + 1
        else:
            if kind not in self.recordings:
                graph = recorded(self.move_both, self.rng)
                self.recordings[kind] = Recording(graph, self.noted)
            graph, self.noted = self.recordings[kind]
            graph.replay()
        for name in self.noted:
            self.counts[name] = self.counts.get(name, 0) + 1
        self.step += 1

    def move_both(self) -> None:
        """The players' turns, on pictures of the numbers in `index`."""
        r, gan = self.recipe, self.gan
        self.noted = []
        b = self.drawn(self.index[0])
        if gan.g_first:
            self.move_g(b)
        for k in range(r.d_steps):
            b = self.drawn(self.index[k]) if k else b
            with self.autocast():
                loss = gan.d_loss(b)
            self.move("d", self.opt_d, loss)
            gan.after_d_step()
        if not gan.g_first:
            self.move_g(b)
        self.group.agree(gan)
        blend(self.average, gan.G, self.ema_decay)

    def move_g(self, b: Batch) -> None:
        """The generator's turn, with new noise (report 000, steps 5 to 7)."""
        b = b._replace(z=self.gan.latents(self.recipe.batch, self.rng)[self.group.share(self.recipe.batch)])
        self.gan.D.requires_grad_(False)  # saves the cost of D's gradients, which this turn does not need
        with self.autocast():
            loss = self.gan.g_loss(b)
        self.move("g", self.opt_g, loss)
        self.gan.D.requires_grad_(True)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16")

    def move(self, player: str, opt: torch.optim.Optimizer, loss: Loss) -> None:
        """Add the terms up, step, and note every curve on the device without waiting for it."""
        total = torch.stack(list(loss.terms.values())).sum()
        opt.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.group.average(self.gan.D if player == "d" else self.gan.G, self.recipe.batch)
        opt.step()
        curves = {f"{player}_loss": total, **loss.notes}
        if len(loss.terms) > 1:
            curves |= {f"{player}_{name}": term for name, term in loss.terms.items()}
        for name, value in curves.items():
            if name not in self.sums:
                self.sums[name] = torch.zeros((), device=self.device)
            self.sums[name] += value.detach()
            self.noted.append(name)

    def run(self, every: int | None = None, pace: float = 0.5) -> Iterator[Tick]:
        """Train to the end, yielding a record after the first step and at each epoch's end.

        Between these, a record follows every `every` steps or, without it, about every `pace` seconds.
        Raises StudioError when a loss is no longer a number. To stop, stop iterating.
        """
        since, done, start = perf_counter(), self.step, perf_counter()
        while self.step < self.steps:
            before = int(self.epochs_at(self.step))
            self.update()
            ended = int(self.epochs_at(self.step))
            due = self.step % every == 0 if every else perf_counter() - since >= pace
            if due or ended > before or self.step in (1, self.steps):
                losses = self.means()
                now = perf_counter()
                self.seconds += now - start
                speed = (self.step - done) * self.recipe.batch * self.recipe.d_steps / (now - start)
                yield Tick(
                    self.step,
                    self.steps,
                    self.epochs_at(self.step),
                    self.seconds,
                    speed,
                    losses,
                    ended if ended > before else 0,
                )
                since = start = perf_counter()  # what the reader does with the record is not training time
                done = self.step

    def means(self) -> dict[str, float]:
        """Every curve's mean since the last call. The only place that waits for the device."""
        names = list(self.counts)
        values = torch.stack([self.sums[n] for n in names]).tolist()
        losses = {n: v / self.counts[n] for n, v in zip(names, values, strict=True)}
        self.counts = {}
        for total in self.sums.values():
            total.zero_()
        bad = [n for n in ("d_loss", "g_loss") if not math.isfinite(losses[n])]
        if bad:
            raise StudioError(
                f"The run diverged: {bad[0]} is no longer a number at step {self.step}; try a lower learning rate."
            )
        return losses

    def samples(self) -> tuple[Tensor, int]:
        """((n, C, H, W) uint8, columns): a sheet by the averaged generator from noise that stays the same all run."""
        return sampling.fixed_sheet(self.gan, self.average)

    def state_dict(self) -> tuple[dict[str, Tensor], RunNumbers]:
        """The whole state of the run, for exact resuming: tensors by name, and plain numbers."""
        tensors = {f"gan.{k}": v for k, v in self.gan.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for name, opt in (("opt_d", self.opt_d), ("opt_g", self.opt_g)):
            for i, slots in opt.state_dict()["state"].items():
                tensors |= {f"{name}.{i}.{slot}": value for slot, value in slots.items()}
        tensors["rng"] = self.rng.get_state()
        return tensors, {"step": self.step, "seconds": self.seconds}

    def load_state_dict(self, tensors: dict[str, Tensor], numbers: RunNumbers) -> None:
        """Go on from a state of a trainer with the same recipe."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix + "."): v for k, v in tensors.items() if k.startswith(prefix + ".")}

        self.gan.load_state_dict(part("gan"))
        self.average.load_state_dict(part("average"))
        for name, opt in (("opt_d", self.opt_d), ("opt_g", self.opt_g)):
            params = opt.param_groups[0]["params"]
            for key, value in part(name).items():
                i, slot = key.split(".")
                p = params[int(i)]
                # The fused step walks memory in order, so a moment must lie in memory as its weight does.
                on_device = value.to(p.device, copy=True)
                opt.state[p][slot] = on_device if value.dim() == 0 else torch.empty_like(p).copy_(on_device)
        self.rng.set_state(tensors["rng"])
        self.step, self.seconds = int(numbers["step"]), float(numbers["seconds"])


def own_seed(seed: int, rank: int, step: int) -> int:
    """What a process of a group draws from at an update. It follows from the step, since only rank 0 saves the state of
    its random numbers: a resumed run would draw others than an uninterrupted one."""
    return int(np.random.SeedSequence((seed, rank, step)).generate_state(1, np.uint64)[0])


def pick_device(name: str) -> str:
    """The device called `name`, a CPU or a CUDA GPU; 'auto' is the GPU if there is one.

    Raises StudioError for a missing device, and for kinds that would give wrong results: Apple's mps has no float64,
    and its BatchNorm is wrong in the memory layout that the nets here have (channels_last).
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(name).type
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        raise StudioError(f"There is no device {name!r} here: use auto or cpu.") from e
    if kind not in ("cpu", "cuda"):
        raise StudioError(f"The device {name!r} would give wrong results, so the studio uses cpu and cuda: say auto.")
    return name


def unpaired(gan: GAN, device: torch.device) -> Dataset | None:
    """The gray garments that a GAN looks at beside its data, with its own numbers of their classes; None if none."""
    if not gan.unpaired:
        return None
    dataset = load(gan.unpaired, size=28)
    if dataset.images.shape[1] != 1:
        raise StudioError(f"The garments without a pair must be gray, and those of {dataset.source} are not.")
    numbers = torch.tensor([gan.matching_class(name) for name in dataset.names])
    return replace(dataset, labels=numbers[dataset.labels]).to(device)

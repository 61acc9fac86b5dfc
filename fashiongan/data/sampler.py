"""Which pictures are in which minibatch: shuffled epochs, with random access to any batch by its number."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    pass


class Shuffle:
    """An endless stream of shuffled epochs, cut into batches of one size.

    A batch may straddle two epochs, so every picture is seen once per epoch and no batch is short. Any batch can be
    asked for by number: nothing has to be stored to resume. With `labels` (n,), an epoch of as many holds every class
    equally often instead: the pictures of a rare one several times, and of a frequent one some.
    """

    def __init__(self, n: int, batch: int, seed: int, device: str | torch.device = "cpu", labels: Tensor | None = None):
        self.n, self.batch, self.seed, self.device = n, batch, seed, device
        labels = torch.empty(0) if labels is None else labels.cpu()
        self.classes = [(labels == c).nonzero().flatten() for c in labels.unique()]
        self.orders: dict[int, Tensor] = {}

    def __getitem__(self, i: int) -> Tensor:
        """Picture numbers (batch,) of the i-th batch."""
        start, end = i * self.batch, (i + 1) * self.batch
        first, last = start // self.n, (end - 1) // self.n
        orders = torch.cat([self.order(e) for e in range(first, last + 1)])
        return orders[start - first * self.n : end - first * self.n]

    def order(self, epoch: int) -> Tensor:
        if epoch not in self.orders:
            self.orders = {e: o for e, o in self.orders.items() if e >= epoch - 1}
            rng = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            # Shuffled by the CPU, the same on every device, and sent there once an epoch.
            order = self.even(rng) if self.classes else torch.randperm(self.n, generator=rng)
            self.orders[epoch] = order.to(self.device)
        return self.orders[epoch]

    def even(self, rng: torch.Generator) -> Tensor:
        """Picture numbers (n,), balanced: classes differ by at most one picture."""
        k = len(self.classes)
        more = torch.randperm(k, generator=rng) < self.n % k  # True for the classes that get one more
        parts = []
        for members, extra in zip(self.classes, more.tolist(), strict=True):
            wanted = self.n // k + extra
            rounds = range(-(-wanted // len(members)))
            shuffled = [members[torch.randperm(len(members), generator=rng)] for _ in rounds]
            parts.append(torch.cat([members[:0], *shuffled])[:wanted])
        return torch.cat(parts)[torch.randperm(self.n, generator=rng)]

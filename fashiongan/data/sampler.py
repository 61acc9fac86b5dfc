"""Which pictures are in which minibatch: shuffled epochs, with random access to any batch by its number."""

import torch
from torch import Tensor


class Shuffle:
    """An endless stream of shuffled epochs, cut into batches of one size.

    A batch may straddle two epochs, so every picture comes once per epoch and no batch is short. Any batch is computed
    from its number alone, so a resume needs no stored state. With `labels` (n,), an epoch has the same length but holds
    every class equally often: pictures of a rare class come several times, and some of a frequent class are left out.
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
            order = self.balanced(rng) if self.classes else torch.randperm(self.n, generator=rng)
            self.orders[epoch] = order.to(self.device)
        return self.orders[epoch]

    def balanced(self, rng: torch.Generator) -> Tensor:
        """Picture numbers (n,), balanced: classes differ by at most one picture."""
        k = len(self.classes)
        more = torch.randperm(k, generator=rng) < self.n % k  # True for the classes that get one more
        parts = []
        for members, extra in zip(self.classes, more.tolist(), strict=True):
            count = self.n // k + extra
            rounds = range(-(-count // len(members)))
            shuffled = [members[torch.randperm(len(members), generator=rng)] for _ in rounds]
            parts.append(torch.cat([members[:0], *shuffled])[:count])
        return torch.cat(parts)[torch.randperm(self.n, generator=rng)]

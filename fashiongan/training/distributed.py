"""Several processes train one run together: each looks at its share of every batch, and gradients are averaged.

As PyTorch's DistributedDataParallel does, but after each player's backward pass instead of in hooks: a GAN's losses run
their nets several times and take gradients of gradients, which those hooks do not follow. Started by torchrun; alone,
a run is a group of one, which costs nothing.
"""

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from ..errors import StudioError


@dataclass(frozen=True)
class ProcessGroup:
    """One process's place among those of a run."""

    rank: int = 0
    size: int = 1

    def share(self, n: int) -> slice:
        """The slice of n pictures that this process trains on; shares differ by at most one picture."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def average(self, net: nn.Module, n: int) -> None:
        """Give every process the gradients of the whole batch of n: the shares' means, weighted by their sizes."""
        if self.size == 1:
            return
        mine = self.share(n)
        grads = [p.grad for p in net.parameters() if p.grad is not None]
        self.add_up(grads, (mine.stop - mine.start) / n)

    def agree(self, net: nn.Module) -> None:
        """Average the batch-norm statistics, which each process measures on its own share."""
        if self.size > 1:
            self.add_up([b for b in net.buffers() if b.is_floating_point()], 1 / self.size)

    def add_up(self, tensors: list[Tensor], weight: float) -> None:
        """Replace each tensor by the weighted sum over all processes; in one message."""
        if not tensors:
            return
        flat = torch.cat([t.detach().flatten().float() for t in tensors]) * weight
        distributed.all_reduce(flat)
        for t, summed in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(summed.view(t.shape))

    def wait(self) -> None:
        """Wait until every process has reached this point."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Leave the group once every process has finished: an early exit makes the others fail."""
        if self.size > 1:
            distributed.barrier()
            distributed.destroy_process_group()


def join(device: str) -> tuple[ProcessGroup, str]:
    """This process's place in the group that torchrun started (a group of one without it), and its device.

    Raises StudioError if there are fewer GPUs than processes on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return ProcessGroup(), device
    cuda = device.startswith("cuda")
    if cuda:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise StudioError(
                f"There are {torch.cuda.device_count()} GPUs on this machine: start at most as many processes here."
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if cuda else "gloo")
    return ProcessGroup(distributed.get_rank(), size), device

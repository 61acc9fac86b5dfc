"""The optimisers of a run: create them, set their learning rates, and reset their moments."""

import torch
from torch import Tensor, nn

from ..gans.recipe import Recipe


def optimizer(net: nn.Module, r: Recipe, lr: float) -> torch.optim.Optimizer:
    """Adam in one fused step, or RMSProp, or SGD with momentum, as the recipe says.

    On a GPU the learning rate is a tensor, so that a recorded CUDA graph can be replayed with another rate.
    """
    device = next(net.parameters()).device
    replayed = device.type == "cuda"
    rate = torch.tensor(lr, device=device) if replayed else lr
    if r.optimizer == "rmsprop":
        return torch.optim.RMSprop(net.parameters(), rate, capturable=replayed)
    if r.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), rate, momentum=r.beta1, fused=replayed)
    return torch.optim.Adam(net.parameters(), rate, (r.beta1, r.beta2), fused=True, capturable=replayed)


def set_rate(opt: torch.optim.Optimizer, lr: float) -> None:
    group = opt.param_groups[0]
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(lr)
    else:
        group["lr"] = lr


@torch.no_grad()
def forget(opt: torch.optim.Optimizer) -> None:
    """Reset every moment to zero in place, since a recorded CUDA graph keeps its address."""
    for slots in opt.state.values():
        for value in slots.values():
            value.zero_()

"""The generator that draws: an exponential moving average (EMA) of the weights of the one that learns."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def blend(average: nn.Module, net: nn.Module, ema_decay: Tensor) -> None:
    """average = ema_decay * average + (1 - ema_decay) * net, buffers too: they belong to the weights."""
    pairs = list(zip(average.state_dict().values(), net.state_dict().values(), strict=True))
    floats = [(a, b) for a, b in pairs if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], [1 - ema_decay] * len(floats))
    for a, b in pairs:
        if not a.is_floating_point():
            a.copy_(b)

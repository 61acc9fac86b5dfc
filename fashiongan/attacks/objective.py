"""What an attack climbs: the losses on logits, the gradient of a picture's loss, and whether it has been fooled."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Net = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor], Tensor]  # logits (N, classes) -> (N,), the larger the more wrong


def error(y: Tensor, target: Tensor | None = None) -> Loss:
    """Cross-entropy of each picture against its class or, towards a target, less its cross-entropy against that."""
    if target is None:
        return lambda z: F.cross_entropy(z, y, reduction="none")
    return lambda z: -F.cross_entropy(z, target, reduction="none")


def fooled(z: Tensor, y: Tensor, target: Tensor | None = None) -> Tensor:
    """Logits -> bool (N,): whether the attack reached what it wanted."""
    return z.argmax(1) != y if target is None else z.argmax(1) == target


def slope(net: Net, x: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of each picture's loss with respect to it, that loss (N,), and the logits.

    Their sum is differentiated, so that no picture's gradient shrinks with the batch.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        z = net(x)
        value = loss(z)
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return gradient, value.detach(), z.detach()


def within(d: Tensor, allowed: Tensor | None) -> Tensor:
    return d if allowed is None else d * allowed


def part(value: Any, index: Tensor) -> Any:
    """Those pictures' entries of what may be a tensor, or one thing for all."""
    return value[index] if isinstance(value, Tensor) and value.dim() else value


# The ensemble: no knob to get wrong


def margin(z: Tensor, y: Tensor) -> Tensor:
    """(N,): the logit of y less the largest other; 0 and below where the picture is named wrong."""
    return z.gather(1, y[:, None])[:, 0] - z.scatter(1, y[:, None], -math.inf).amax(1)

"""The objective of an attack: losses on logits, their gradient with respect to the image, and the test for success."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Net = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor], Tensor]  # logits (N, classes) -> (N,), which the attack maximises


def error(y: Tensor, target: Tensor | None = None) -> Loss:
    """Cross-entropy with the true class or, with a target, minus the cross-entropy with the target class."""
    if target is None:
        return lambda z: F.cross_entropy(z, y, reduction="none")
    return lambda z: -F.cross_entropy(z, target, reduction="none")


def fooled(z: Tensor, y: Tensor, target: Tensor | None = None) -> Tensor:
    """Logits -> bool (N,): whether the attack succeeded, by a wrong class or by the target class."""
    return z.argmax(1) != y if target is None else z.argmax(1) == target


def slope(net: Net, x: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of each image's loss with respect to that image, the losses (N,), and the logits.

    The sum of the losses is differentiated, not the mean, so that gradients do not shrink as the batch grows.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        z = net(x)
        value = loss(z)
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return gradient, value.detach(), z.detach()


def within(d: Tensor, allowed: Tensor | None) -> Tensor:
    """The change d, set to 0 where nothing may change."""
    return d if allowed is None else d * allowed


def part(value: Any, index: Tensor) -> Any:
    """The entries at `index` of a tensor; a number or None, which holds for all images, is returned unchanged."""
    return value[index] if isinstance(value, Tensor) and value.dim() else value


def margin(z: Tensor, y: Tensor) -> Tensor:
    """(N,): the logit of class y minus the largest other logit; 0 or less where the image is misclassified."""
    return z.gather(1, y[:, None])[:, 0] - z.scatter(1, y[:, None], -math.inf).amax(1)

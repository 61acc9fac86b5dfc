"""The fast gradient sign method, which takes one step, and random noise as its control."""

from typing import Any

import torch
from torch import Tensor

from .objective import Net, error, slope, within


def noise(
    _net: Net,
    x: Tensor,
    _y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    _target: Tensor | None = None,
) -> Tensor:
    """The control experiment: every pixel moves by eps, up or down at random. The net is not used."""
    signs = torch.randint(0, 2, x.shape, generator=rng, device=x.device) * 2 - 1
    return (x + within(eps * signs, allowed)).clamp(0, 1)


def fgsm(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None = None,
    _rng: torch.Generator | None = None,
    target: Tensor | None = None,
) -> Tensor:
    """The fast gradient sign method: one step of eps along the gradient's sign (Goodfellow et al. 2015, section 4,
    https://arxiv.org/abs/1412.6572)."""
    gradient, _, _ = slope(net, x, error(y, target))
    return (x + within(eps * gradient.sign(), allowed)).clamp(0, 1)

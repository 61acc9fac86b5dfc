"""Projected gradient descent, in any norm, with restarts."""

import math
from typing import Any

import torch
from torch import Tensor

from .norms import LINF, Norm
from .objective import Net, error, fooled, part, slope, within


def pgd(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    target: Tensor | None = None,
    *,
    norm: Norm = LINF,
    steps: int = 40,
    size: float | None = None,
    restarts: int = 1,
) -> Tensor:
    """Projected gradient steps from a random point of the ball (Madry et al. 2018, section 2.1,
    https://arxiv.org/abs/1706.06083).

    Args:
        size: the step size as a share of eps; by default 2.5 / steps, so that all steps together can cross the ball.
        restarts: the most random starts an image gets. If none succeeds, the result of highest loss is returned.
    """
    size = 2.5 / steps if size is None else size
    best, worst = x.clone(), torch.full((len(x),), -math.inf, device=x.device)
    left = torch.arange(len(x), device=x.device)
    for _ in range(restarts):
        x_, eps_, allowed_, y_, target_ = (part(v, left) for v in (x, eps, allowed, y, target))
        loss = error(y_, target_)
        d = within(eps_ * norm.start(x_, rng), allowed_)
        d = (x_ + norm.project(d, eps_)).clamp(0, 1) - x_
        for _ in range(steps):
            gradient, _, _ = slope(net, x_ + d, loss)
            # Mask the gradient before it is normalised, so that the whole step length goes into the allowed pixels.
            d = norm.project(d + size * eps_ * norm.steepest(within(gradient, allowed_)), eps_)
            d = (x_ + d).clamp(0, 1) - x_
        with torch.no_grad():
            z = net(x_ + d)
        value, won = loss(z), fooled(z, y_, target_)
        better = won | (value > worst[left])
        best[left[better]], worst[left[better]] = (x_ + d)[better], value[better]
        left = left[~won]
        if not len(left):
            break
    return best

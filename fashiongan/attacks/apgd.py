"""Auto-PGD: projected gradient steps with a step size that adapts itself."""

import math
from typing import Any

import torch
from torch import Tensor

from .norms import LINF
from .objective import Loss, Net, error, part, slope, within


def targeted_dlr(y: Tensor, target: Tensor) -> Loss:
    """The targeted DLR loss (difference of logits ratio): its gradient does not vanish where the net is very confident.
    It needs four classes or more (Croce and Hein 2020, equation 7)."""

    def loss(z: Tensor) -> Tensor:
        ranked = z.sort(1, descending=True).values
        scale = ranked[:, 0] - (ranked[:, 2] + ranked[:, 3]) / 2 + 1e-12
        return (z.gather(1, target[:, None]) - z.gather(1, y[:, None]))[:, 0] / scale

    return loss


def apgd(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    target: Tensor | None = None,
    *,
    steps: int = 100,
) -> Tensor:
    """Auto-PGD in the L-inf ball: momentum, and a step size that is halved where there is no progress (Croce and Hein
    2020, algorithm 1, https://arxiv.org/abs/2003.01690).

    It maximises the cross-entropy or, with a target, the DLR loss towards it. In both cases any wrong class will do.
    Returns for each image the first misclassified point, or the point of highest loss if there is none.
    """

    def loss(z: Tensor) -> Tensor:
        return error(y[index])(z) if target is None else targeted_dlr(y[index], target[index])(z)

    index = torch.arange(len(x), device=x.device)
    d = within(eps * LINF.start(x, rng), allowed)
    at = (x + d).clamp(0, 1)
    adversarial, (gradient, value, z) = at.clone(), slope(net, at, loss)
    before, best, best_value, best_gradient = at, at, value, gradient
    size = 2 * eps * torch.ones(len(x), 1, 1, 1, device=x.device)
    climbed = torch.zeros_like(value)  # how often the loss rose since the last checkpoint
    halved, value_then = torch.zeros_like(value, dtype=torch.bool), value
    checkpoint_steps, last = checkpoints(steps), 0
    for k in range(1, steps + 1):
        left = z.argmax(1) == y[index]  # still classified correctly; the others are done
        if not left.all():
            pictures = (index, at, before, best, best_gradient, gradient, size)
            index, at, before, best, best_gradient, gradient, size = (v[left] for v in pictures)
            numbers = (value, best_value, climbed, halved, value_then)
            value, best_value, climbed, halved, value_then = (v[left] for v in numbers)
        if not len(index):
            break
        here = x[index], at, before, gradient, size, part(eps, index), part(allowed, index)
        before, at = at, climb(*here, pull=0.75 if k > 1 else 1.0)
        gradient, new, z = slope(net, at, loss)
        climbed += (new > value).float()
        value = new
        better = value > best_value
        best, best_gradient = (
            torch.where(better[:, None, None, None], a, b) for a, b in ((at, best), (gradient, best_gradient))
        )
        best_value = torch.where(better, value, best_value)
        won = z.argmax(1) != y[index]
        adversarial[index] = torch.where(won[:, None, None, None], at, best)
        if k in checkpoint_steps:
            stuck = (climbed < 0.75 * (k - last)) | (~halved & (value_then >= best_value))
            size = torch.where(stuck[:, None, None, None], size / 2, size)
            at = torch.where(stuck[:, None, None, None], best, at)
            gradient = torch.where(stuck[:, None, None, None], best_gradient, gradient)
            value = torch.where(stuck, best_value, value)
            halved, value_then, last = stuck, best_value.clone(), k
            climbed = torch.zeros_like(value)
    return adversarial


def climb(
    x: Tensor, at: Tensor, before: Tensor, gradient: Tensor, size: Tensor, eps: Any, allowed: Tensor | None, pull: float
) -> Tensor:
    """One step of algorithm 1 (lines 7 and 8): a projected step along the gradient's sign, then a mean of that step
    (weight `pull`) and of the previous one (weight 1 - `pull`), projected again."""
    straight = (x + LINF.project(within(at + size * gradient.sign() - x, allowed), eps)).clamp(0, 1)
    moved = at + pull * (straight - at) + (1 - pull) * (at - before)
    return (x + LINF.project(within(moved - x, allowed), eps)).clamp(0, 1)


def checkpoints(steps: int) -> set[int]:
    """The steps at which APGD may halve its step size: the first at 22 % of all, the later ones ever closer (Croce and
    Hein 2020, section 3.1)."""
    p = [0.0, 0.22]
    while p[-1] < 1:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    return {math.ceil(round(share * steps, 6)) for share in p[1:] if share <= 1}  # rounded: 0.57 is inexact

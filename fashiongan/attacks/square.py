"""The Square attack: random search, without gradients."""

import math
from typing import Any

import torch
from torch import Tensor

from .objective import Net, margin, part, within


def square(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    queries: int = 5000,
) -> Tensor:
    """Set random squares to +eps or -eps and keep those that shrink the margin. It uses no gradient, so that masked
    gradients are no defence (Andriushchenko et al. 2020, algorithms 1 and 2, https://arxiv.org/abs/1912.00049, with
    their p = 0.8)."""
    adversarial = x.clone()
    n, c, h, w = x.shape
    index = torch.arange(n, device=x.device)

    def signs(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=rng, device=x.device) * 2.0 - 1

    d = within(eps * signs(n, c, 1, w).expand(n, c, h, w), allowed)  # initialised with vertical stripes
    with torch.no_grad():
        value = margin(net((x + d).clamp(0, 1)), y)
    adversarial[:] = (x + d).clamp(0, 1)
    for k in range(1, queries):
        left = value > 0
        if not left.all():
            index, d, value = index[left], d[left], value[left]
        if not len(index):
            break
        side = max(1, min(h, w, round(math.sqrt(share(k / queries) * h * w))))
        rows = torch.arange(h, device=x.device) - torch.randint(
            0, h - side + 1, (len(d), 1), generator=rng, device=x.device
        )
        columns = torch.arange(w, device=x.device) - torch.randint(
            0, w - side + 1, (len(d), 1), generator=rng, device=x.device
        )
        inside = ((rows >= 0) & (rows < side))[:, None, :, None] & ((columns >= 0) & (columns < side))[:, None, None, :]
        tried = within(torch.where(inside, part(eps, index) * signs(len(d), c, 1, 1), d), part(allowed, index))
        with torch.no_grad():
            new = margin(net((x[index] + tried).clamp(0, 1)), y[index])
        better = new < value
        d = torch.where(better[:, None, None, None], tried, d)
        value = torch.where(better, new, value)
        adversarial[index] = (x[index] + d).clamp(0, 1)
    return adversarial


def share(done: float) -> float:
    """The share of the image that a square covers: it starts at 0.8 and is halved as the search goes on. Of 10,000
    queries it is halved after 10, 50, 200, 500, 1,000, 2,000, 4,000, 6,000 and 8,000 (their section 5)."""
    return 0.8 / 2 ** sum(done > k / 10_000 for k in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))

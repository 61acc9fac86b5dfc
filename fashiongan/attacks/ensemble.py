"""The strongest attack: several attacks without parameters to tune, one after the other."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .apgd import apgd
from .objective import Net, part
from .square import square


def ensemble(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    _target: Tensor | None = None,
    *,
    queries: int = 5000,
) -> Tensor:
    """Three parameter-free attacks: APGD on the cross-entropy, targeted APGD for up to nine other classes, and Square.
    Each runs on the images that are still classified correctly.

    This is AutoAttack (Croce and Hein 2020, section 5) without its fourth part, FAB, but with a mask, which no library
    offers.
    """
    adversarial = x.clone()
    with torch.no_grad():
        z = net(x)
    wrong = z.argmax(1) != y
    ranked = z.scatter(1, y[:, None], math.inf).argsort(1, descending=True)[:, 1:]  # the other classes, likeliest first

    def attempt(attack: Callable[..., Tensor], *more: Any) -> None:
        """Run attack(net, x, y, eps, allowed, rng, *more) on the images that are still classified correctly."""
        nonlocal wrong
        index = (~wrong).nonzero().flatten()
        if len(index):
            here = (part(v, index) for v in (x, y, eps, allowed))
            tried = attack(net, *here, rng, *(part(m, index) for m in more))
            with torch.no_grad():
                won = net(tried).argmax(1) != y[index]
            adversarial[index] = tried
            wrong = wrong.index_fill(0, index[won], True)

    attempt(apgd)
    for r in range(min(9, ranked.shape[1]) if z.shape[1] >= 4 else 0):  # equation 7 needs four logits
        attempt(apgd, ranked[:, r])
    attempt(partial(square, queries=queries))
    return adversarial

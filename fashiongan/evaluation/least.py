"""The least noise strength that fools a classifier on one picture."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import attacks
from ..classifiers import Classifier
from .robustness import LEVELS, answers

# Strengths, in 255ths, of the coarse search of `smallest`.
LADDER = (1, 2, 3, 4, 6, 8, 11, 15, 20, 27, 36, 48, 64, 85, 113, 150, 200, 255)


def smallest(
    net: Classifier, attack: str, x: Tensor, y: Tensor, mask: str, target: Tensor | None = None, seed: int = 0
) -> int | None:
    """The least noise strength, in 255ths, at which this attack fools the net on a picture (1, 1, 28, 28) in 0..1.

    0 if the net is fooled without noise; None if not even 255 is enough. Coarse to fine: among the strengths of LADDER,
    find the first that fools; then try every level between it and the one before.
    """
    if bool(attacks.fooled(answers(net, x), y, target)):
        return 0
    first = _first(net, attack, x, y, mask, target, seed, LADDER)
    if first is None:
        return None
    below = max([0, *(k for k in LADDER if k < first)])
    between = range(below + 1, first)
    return _first(net, attack, x, y, mask, target, seed, between) or first


def _first(
    net: Classifier,
    attack: str,
    x: Tensor,
    y: Tensor,
    mask: str,
    target: Tensor | None,
    seed: int,
    tried: Sequence[int],
) -> int | None:
    """The first of these strengths that fools. All are tried in one batch, with one copy of the picture for each."""
    if not tried:
        return None
    n = len(tried)
    eps = torch.tensor(tried, device=x.device)[:, None, None, None] / LEVELS
    many, goal = x.expand(n, -1, -1, -1), None if target is None else target.expand(n)
    rng = torch.Generator(x.device).manual_seed(seed)
    after = attacks.attack(attack, net, many, y.expand(n), eps, mask, rng, goal)
    fooled = attacks.fooled(answers(net, after), y.expand(n), goal)
    return next((k for k, w in zip(tried, fooled.tolist(), strict=True) if w), None)

"""Attacks on a classifier, as functions of tensors: how little must be added to a picture until it is named wrong?

`net` is any function from pictures (N, C, H, W) in 0..1 to logits (N, classes), in eval mode. x are the pictures, y
(N,) their classes, and `allowed` a bool tensor of x's shape, the pixels that may change, or None for all. `eps`, how
far they may move, is in units of 0..1: one number, or a tensor (N, 1, 1, 1) with each picture's own. `target` (N,)
holds classes to be taken for; without it any wrong one will do. All return pictures of x's shape that lie in the ball
of eps round x and in the box 0..1, and equal x where nothing is allowed; `attack` makes sure of that.

One file an attack; a new one is a function, a test and a line in `catalogue`. Import the names from here. Nothing here
knows our classifiers, data sets, files or the page.
"""

from .apgd import apgd, checkpoints, targeted_dlr
from .catalogue import ATTACKS, MASKS, Attack, attack, check_eps, find, may_change, refuse, verify
from .ensemble import ensemble
from .fgsm import fgsm, noise
from .norms import L2, LINF, Norm, euclid, in_round_ball
from .objective import Loss, Net, error, fooled, margin, part, slope, within
from .pgd import pgd
from .square import share, square

__all__ = [
    "ATTACKS", "L2", "LINF", "MASKS", "Attack", "Loss", "Net", "Norm", "apgd", "attack", "check_eps", "checkpoints",
    "ensemble", "error", "euclid", "fgsm", "find", "fooled", "in_round_ball", "margin", "may_change", "noise", "part",
    "pgd", "refuse", "share", "slope", "square", "targeted_dlr", "verify", "within",
]  # fmt: skip

"""Adversarial attacks on a classifier, as functions of tensors: small changes that make it predict a wrong class.

`net` is any function from images (N, C, H, W) in 0..1 to logits (N, classes), in eval mode. x holds the images and y
(N,) their classes. `allowed` is a bool tensor of x's shape with the pixels that may change, or None for all. `eps` is
the radius of the ball round x, in units of 0..1: one number, or a tensor (N, 1, 1, 1) with one for each image. `target`
(N,) holds the classes to reach; without it any wrong class will do. An attack returns images of x's shape that lie in
the ball and in the box 0..1, and equal x where `allowed` is False; `attack` verifies that.

Each attack has its own file. To add one, write a function, a test and a line in `catalogue`. Import names from here.
Nothing here knows our classifiers, data sets, files or the page.
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

"""A net whose answers come with a proof that no small change of the pixels alters them, and the bounds of the proof.

Interval bound propagation (Gowal et al. 2018, https://arxiv.org/abs/1810.12715): every pixel may be anywhere in an
interval, and each layer maps the intervals of its inputs to intervals that hold all its outputs.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..gans.recipe import knob
from .base import Classifier, Recipe

Interval = tuple[Tensor, Tensor]  # center and radius: all values from center - radius to center + radius


@dataclass(frozen=True, kw_only=True)
class CertifiedRecipe(Recipe):
    epochs: int = 30
    lr: float = 1e-2
    schedule: str = "one cycle"
    precision: str = "bfloat16"
    eps: float = knob(
        0.1, "Certified strength", "how far each pixel may move, where 1 is from black to white", 0.0, 1.0
    )
    warmup: float = knob(
        0.25, "Warm-up", "share of the fit in which the certified strength grows from 0 to its value", 0.0, 1.0
    )
    ordinary: float = knob(
        0.5,
        "Weight of the ordinary loss",
        "at the end: more names more pictures right, less certifies more of them",
        0.0,
        1.0,
    )


class Certified(Classifier):
    """Two 4x4 convolutions of stride 2, 16 and 32 filters, and a layer of 100, with ReLU; 166,406 weights.

    The small net of Gowal et al. 2018 (table 1), with stride 2 in both convolutions, since a fit takes minutes on one
    core. Of the stabilisers of Shi et al. 2021 (https://arxiv.org/abs/2103.17171) it has the short warm-up. Their
    starting weights brought nothing to a net of four layers: after 4 epochs 65.1 % of the held-out pictures were
    certified, and 65.8 % by PyTorch's own.
    """

    title = "fitted for a proof: no attack of some strength fools it on most pictures"
    recipe_type = CertifiedRecipe
    halved = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.first, self.second = nn.Conv2d(1, 16, 4, 2, 1), nn.Conv2d(16, 32, 4, 2, 1)
        self.hidden = nn.Linear(32 * 7 * 7, 100)
        self.judge = nn.Linear(100, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        h = F.relu(self.second(F.relu(self.first(x))))
        return F.relu(self.hidden(h.flatten(1)))

    def margins(self, x: Tensor, y: Tensor, eps: float, allowed: Tensor | None = None) -> Tensor:
        """How far the logit of class y stays above each other one, at least, whatever an attacker does: lower bounds
        (N, classes) of z_y - z_j, 0 for j = y.

        The output layer is joined with the difference of two logits, which is tighter than a difference of two bounds
        (Gowal et al. 2018, section 3, "elision of the last layer").

        Args:
            x: (N, 1, 28, 28) in 0..1.
            y: (N,) classes.
            eps: how far each pixel may move, within 0..1.
            allowed: bool like x, the pixels that may move; None: all.
        """
        center, radius = around(x, eps, allowed)
        for conv in (self.first, self.second):
            center, radius = rectified(through(conv, (center, radius)))
        center, radius = rectified(through(self.hidden, (center.flatten(1), radius.flatten(1))))
        weight, bias = self.judge.weight, self.judge.bias
        difference = weight[y, None] - weight[None]  # (N, classes, d)
        worst = (difference @ center[:, :, None] - difference.abs() @ radius[:, :, None]).squeeze(2)
        return worst.float() + bias[y, None] - bias


def around(x: Tensor, eps: float, allowed: Tensor | None = None) -> Interval:
    """Every picture that differs from x by at most eps a pixel and stays in 0..1; pixels not allowed stay as they
    are."""
    lower, upper = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    if allowed is not None:
        lower, upper = torch.where(allowed, lower, x), torch.where(allowed, upper, x)
    return (lower + upper) / 2, (upper - lower) / 2


def through(layer: nn.Conv2d | nn.Linear, inputs: Interval) -> Interval:
    """The outputs of an affine layer: center W c + b, radius |W| r (Gowal et al. 2018, section 3)."""
    center, radius = inputs
    weight = layer.weight.abs()
    if isinstance(layer, nn.Linear):
        return layer(center), F.linear(radius, weight)
    return layer(center), F.conv2d(radius, weight, None, layer.stride, layer.padding)


def rectified(inputs: Interval) -> Interval:
    """The outputs of ReLU, which is monotone: it maps the ends of the interval (Gowal et al. 2018, section 3)."""
    center, radius = inputs
    lower, upper = F.relu(center - radius), F.relu(center + radius)
    return (lower + upper) / 2, (upper - lower) / 2


def worst_case_loss(margins: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy of the worst logits that the bounds allow (Gowal et al. 2018, section 3).

    margins: (N, classes) as `Certified.margins` gives them; the logits are these, negated, up to one number a picture.
    """
    return F.cross_entropy(-margins, y)


def certified(net: Certified, x: Tensor, y: Tensor, eps: float, allowed: Tensor | None = None) -> Tensor:
    """(N,) bool: whether a picture is named right, and no change that is allowed alters it."""
    with torch.no_grad():
        margins = net.margins(x, y, eps, allowed)
    return (margins.scatter(1, y[:, None], math.inf) > 0).all(1)

"""L-inf and L2 norms, with the operations that projected gradient descent needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Norm:
    """The operations on a norm's ball that projected gradient descent needs."""

    start: Callable[[Tensor, torch.Generator], Tensor]  # x, rng -> random changes of x's shape in the ball of radius 1
    steepest: Callable[[Tensor], Tensor]  # gradient -> the step of length 1 that raises the loss most
    project: Callable[[Tensor, Any], Tensor]  # change, eps -> the nearest change no longer than eps
    length: Callable[[Tensor], Tensor]  # change (N, C, H, W) -> (N, 1, 1, 1)
    most: float  # the longest change that an attack may be asked for


def euclid(d: Tensor) -> Tensor:
    """Euclidean lengths, (N, C, H, W) -> (N, 1, 1, 1), clamped above 0 so that one can divide by them."""
    return d.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def in_round_ball(x: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform in the unit L2 ball: a uniform direction and the radius u^(1/d), u from U(0, 1), in d dimensions."""
    d = torch.randn(x.shape, generator=rng, device=x.device)
    radius = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) ** (1 / x[0].numel())
    return d / euclid(d) * radius


LINF = Norm(
    lambda x, rng: torch.rand(x.shape, generator=rng, device=x.device) * 2 - 1,
    torch.sign,
    lambda d, eps: torch.maximum(torch.minimum(d, torch.as_tensor(eps)), -torch.as_tensor(eps)),
    lambda d: d.abs().amax((1, 2, 3), keepdim=True),
    1.0,  # from black to white
)
L2 = Norm(
    in_round_ball,
    lambda g: g / euclid(g),
    lambda d, eps: d * (eps / euclid(d)).clamp(max=1),
    euclid,
    10.0,  # papers use up to 5 at 28 x 28 pixels; from all black to all white is 28
)

"""The guided filter with a color guide (He et al. 2013): a mask whose edges follow those of a picture."""

import torch
from torch import Tensor
from torch.nn import functional as F

RADIUS, FLAT = 2, 1e-4  # the guided filter's window (2 r + 1 pixels of the mask) and epsilon, for colors in 0..1


def mean(x: Tensor, r: int) -> Tensor:
    """The mean over (2 r + 1)^2 pixels around each of (N, C, H, W), of those that exist."""
    k = 2 * r + 1
    x = F.avg_pool2d(x, (k, 1), 1, (r, 0), count_include_pad=False)
    return F.avg_pool2d(x, (1, k), 1, (0, r), count_include_pad=False)


def coefficients(guide: Tensor, p: Tensor, r: int = RADIUS, eps: float = FLAT) -> Tensor:
    """(1, 4, H, W): the three factors of the colors and the constant of the guided filter (He et al. 2013, (19)-(21)).

    `guide` is (1, 3, H, W) in 0..1. `p` is the (H, W) mask whose edges shall follow the guide's.
    """
    flat = torch.cat([guide, p[None, None]], 1)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (0, 3), (1, 3), (2, 3)]
    products = torch.cat([flat[:, i : i + 1] * flat[:, j : j + 1] for i, j in pairs], 1)
    both = mean(torch.cat([flat, products], 1), r)
    m, s = both[:, :4], both[:, 4:]
    c = {pair: s[:, k] - m[:, pair[0]] * m[:, pair[1]] for k, pair in enumerate(pairs)}
    xx, yy, zz = (c[i, i] + eps for i in range(3))
    xy, xz, yz = c[0, 1], c[0, 2], c[1, 2]
    ax, ay, az = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy  # the first row of the adjugate matrix
    by, bz, cz = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    u, v, w = c[0, 3], c[1, 3], c[2, 3]
    factors = torch.stack([ax * u + ay * v + az * w, ay * u + by * v + bz * w, az * u + bz * v + cz * w], 1)
    factors = factors / (xx * ax + xy * ay + xz * az)[:, None]
    constant = m[:, 3:] - (factors * m[:, :3]).sum(1, keepdim=True)
    return mean(torch.cat([factors, constant], 1), r)

"""The main colors of many pixels: k-means (Lloyd 1982) in CIE L*a*b*, without randomness.

Pixels are counted in small cells of that space first, so that the time hardly depends on how many there are. Light and
shade spread one dye along L*: there, differences count by LIGHT.
"""

import torch
from torch import Tensor

from . import color_space

CELL = 4.0  # side of a cell in L*a*b*
LIGHT = 0.6  # how much a difference in L* counts, over one in a* or b*
ROUNDS = 30  # of k-means, at most
ALIKE = 12.0  # two colors nearer than that are one, while more than the fewest are left
RARE = 0.02  # share of the pixels below which a color goes to its nearest, likewise


def palette(rgb: Tensor, fewest: int = 3, most: int = 6) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The main colors of pixels (N >= 1, 3) uint8, the most frequent first, as "#rrggbb", and their shares.

    There are `fewest` to `most` of them, or less if the pixels have fewer colors. The order of pixels does not matter.
    """
    lab, weight = cells(rgb)
    points = lab * torch.tensor([LIGHT, 1.0, 1.0])
    member = means(points, weight, most)
    members = [(points[member == k], weight[member == k], lab[member == k]) for k in member.unique()]
    while len(members) > fewest:
        at = torch.stack([(p * w[:, None]).sum(0) / w.sum() for p, w, _ in members])
        share = torch.stack([w.sum() for _, w, _ in members]) / weight.sum()
        far = torch.cdist(at, at) + torch.diag(torch.full((len(at),), torch.inf))
        i = int(share.argmin()) if float(share.min()) < RARE else int(far.amin(1).argmin())
        if float(share.min()) >= RARE and float(far.min()) >= ALIKE:
            break
        j = int(far[i].argmin())
        joined = tuple(torch.cat(pair) for pair in zip(members[i], members[j], strict=True))
        members = [m for k, m in enumerate(members) if k not in (i, j)] + [(joined[0], joined[1], joined[2])]
    members.sort(key=lambda m: -float(m[1].sum()))
    colors = tuple(hexed((full * w[:, None]).sum(0) / w.sum()) for _, w, full in members)
    return colors, tuple(float(w.sum() / weight.sum()) for _, w, _ in members)


def cells(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """The mean L*a*b* (M, 3) of the pixels in each cell that is not empty, and their number (M,)."""
    unique, count = rgb.unique(dim=0, return_counts=True)
    lab = color_space.lab(unique.T[None, :, :, None].float() / 255)[0, :, :, 0].T.double()
    weight = count.double()
    _, cell = (lab / CELL).floor().unique(dim=0, return_inverse=True)
    total = torch.zeros(int(cell.max()) + 1).double().index_add(0, cell, weight)
    sums = torch.zeros(len(total), 3).double().index_add(0, cell, lab * weight[:, None])
    return sums / total[:, None], total


def means(points: Tensor, weight: Tensor, most: int) -> Tensor:
    """(M,): the cluster, from 0, of each weighted point (M, 3); at most `most` clusters.

    The first center is the heaviest point. Each further one is far from those before it and heavy: the largest product
    of squared distance and weight.
    """
    centers = [points[weight.argmax()]]
    for _ in range(most - 1):
        far = torch.stack([(points - c).square().sum(1) for c in centers]).amin(0)
        if float(far.max()) == 0:
            break
        centers.append(points[(far * weight).argmax()])
    at, member = torch.stack(centers), torch.full((len(points),), -1)
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, at).argmin(1)
        if torch.equal(nearest, member):
            break
        member = nearest
        total = torch.zeros(len(at)).double().index_add(0, member, weight)
        sums = torch.zeros(len(at), 3).double().index_add(0, member, points * weight[:, None])
        at = torch.where(total[:, None] > 0, sums / total.clamp_min(1e-9)[:, None], at)
    return member


def hexed(lab: Tensor) -> str:
    """The color (3,) in L*a*b* as "#rrggbb"; what is outside sRGB is clipped."""
    rgb = color_space.encoded(color_space.light_of(lab.view(1, 3, 1, 1).float()).clamp(0, 1)).flatten()
    red, green, blue = (255 * rgb).round().int().tolist()
    return color_space.hexed((red, green, blue))

"""Garments of a requested color: of a generator that draws in color, the latents whose garments come nearest to it.

A garment's color is the mean L*, a* and b* of its pixels, counted by alpha; nearness is CIEDE2000. Of a few random
latents the nearest is moved step by step (Newton's method for three equations, by the step of least length). How the
color changes with the latent is computed by differentiation at the start, and improved by what each step did (Broyden
1965, "A class of methods for solving nonlinear simultaneous equations"). A step that brings a garment no nearer is
taken back, and the next one is half as long. Where that ends far from the color, the next of the random latents is
moved. A latent keeps its length, since a longer one would draw a less typical garment. What is missing in the end,
`dye` adds.

Which latents are found depends on the GAN, the class, the color, the seed and the garment's number alone. They are
kept, so that neither a slider nor the choice of a garment waits for a search again. A search can be bounded in time
(`within`): it goes on where it stopped.
"""

import math
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from ..cache import Cache
from ..color import color_space
from ..color.difference import ciede2000
from ..gans.base import GAN
from ..gans.sampling import draw, render
from . import attributes, directions

CANDIDATES = 6  # random latents, of which the nearest is moved
STARTS = 2  # of them, one after the other, are moved until one comes near
STEPS = 4  # of each
NEAR = 12.0  # a garment as near as that needs no other start
CLOSE = 4.0  # a garment as near as that stays
FARTHEST = 3.0  # standard deviations of z that the first step moves, at most
AT_ONCE = 10  # garments that are searched together, so that memory stays bounded
BARE = 0.01  # of its picture: what covers less is no garment
NO_GARMENT = 1000.0  # the distance of a picture without a garment

_latents: Cache[tuple[object, ...], Tensor] = Cache(5000)  # of single garments
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)  # of time.monotonic()


class UnfinishedError(Exception):
    """A search was stopped by `within`. The garments that are found by then are kept."""

    def __init__(self, done: int, n: int):
        super().__init__(f"{done} of {n} garments are found")
        self.done, self.n = done, n


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A search in this block that is not done after so many seconds raises UnfinishedError; it then has found a few
    garments more, however short the time is."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def latents(gan: GAN, c: Tensor, numbers: Sequence[int], colors: Sequence[str], seed: int, psi: float = 1.0) -> Tensor:
    """Latents (n, ...) of garments in n colors.

    Args:
        gan: a GAN that draws in color.
        c: the garments' choices (n,), or shares of a blend (n, classes).
        numbers: of the garments among those of the seed.
        colors: one for each garment, such as "#b03a2e".
        seed: another one finds other garments.
        psi: the truncation with which the garments will be drawn.
    """
    keys = [
        (weakref.ref(gan), tuple(own.flatten().tolist()), number, color, seed, psi)
        for own, number, color in zip(c, numbers, colors, strict=True)
    ]
    each = [_latents.find(key) for key in keys]
    missing = [i for i, z in enumerate(each) if z is None]
    while missing:
        piece, missing = missing[:AT_ONCE], missing[AT_ONCE:]
        latest = search(gan, c[piece], [numbers[i] for i in piece], [colors[i] for i in piece], seed, psi)
        for i, z in zip(piece, latest, strict=True):
            each[i] = z
            _latents.put(keys[i], z)
        if missing and time.monotonic() > _deadline.get():
            raise UnfinishedError(len(keys) - len(missing), len(keys))
    return torch.stack([z for z in each if z is not None])


@torch.no_grad()
def search(gan: GAN, c: Tensor, numbers: Sequence[int], colors: Sequence[str], seed: int, psi: float) -> Tensor:
    """As `latents`, not kept."""
    target = torch.stack([color_space.lab_of(color) for color in colors])
    each = torch.stack([candidates(gan, seed, number) for number in numbers])  # (n, CANDIDATES, ...)
    n, k = each.shape[:2]
    z = gan.choose(each.flatten(0, 1), c.repeat_interleave(k, 0))
    lab, far = measured(gan, z, c.repeat_interleave(k, 0), target.repeat_interleave(k, 0), psi)
    z, lab, far = (x.unflatten(0, (n, k)) for x in (z, lab, far))
    order, row = far.argsort(dim=1, stable=True), torch.arange(n)
    best, best_far = z[row, order[:, 0]], far[row, order[:, 0]]
    for start in range(STARTS):
        todo = (best_far > NEAR).nonzero().flatten()
        if not len(todo):
            break
        at = todo, order[todo, start]
        end, end_far = approached(gan, z[at], lab[at], far[at], c[todo], target[todo], psi)
        better = end_far < best_far[todo]
        best[todo[better]], best_far[todo[better]] = end[better], end_far[better]
    return best


def approached(
    gan: GAN, z: Tensor, lab: Tensor, far: Tensor, c: Tensor, target: Tensor, psi: float
) -> tuple[Tensor, Tensor]:
    """Latents (n, ...) moved so that their garments, which have colors `lab` (n, 3) and are as `far` (n,) from their
    targets (n, 3), come nearer; and how far they then are (n,)."""
    slopes = slopes_at(gan, z, c, psi)
    radius = torch.full((len(z), 1), FARTHEST * directions.spread(gan))
    for _ in range(STEPS):
        todo = (far > CLOSE).nonzero().flatten()
        if not len(todo):
            break
        before, after = directions.noise(gan, z[todo]), z[todo].clone()
        noise = directions.noise(gan, after)
        noise[:] = stepped(before, slopes[todo], target[todo] - lab[todo], radius[todo])
        now, now_far = measured(gan, after, c[todo], target[todo], psi)
        slopes[todo] = corrected(slopes[todo], noise - before, now - lab[todo])
        better = now_far < far[todo]
        radius[todo[~better]] /= 2
        nearer = todo[better]
        z[nearer], lab[nearer], far[nearer] = after[better], now[better], now_far[better]
    return z, far


def candidates(gan: GAN, seed: int, number: int) -> Tensor:
    """(CANDIDATES, ...): the latent that the seed gives a garment of that number, and others of its own."""
    rng = torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)
    others = [gan.latents(1, rng) for _ in range(CANDIDATES - 1)]
    return torch.cat([draw(gan, 1, seed, None, number)[0], *others])


def measured(gan: GAN, z: Tensor, c: Tensor, target: Tensor, psi: float) -> tuple[Tensor, Tensor]:
    """The garments' colors (n, 3), and how far each is from its target (n, 3), by CIEDE2000."""
    x = render(gan, gan.truncate(z, psi), c)
    lab = attributes.mean_color(x)
    bare = attributes.area(x) < BARE
    return lab, torch.where(bare, NO_GARMENT, ciede2000(lab, target).float())


def slopes_at(gan: GAN, z: Tensor, c: Tensor, psi: float) -> Tensor:
    """(n, 3, z_dim): how L*, a* and b* of the garments change with each number of their noise."""
    device = directions.device(gan)
    parts = []
    for zs, cs in zip(z.split(AT_ONCE), c.split(AT_ONCE), strict=True):
        with torch.enable_grad():
            own = zs.clone().requires_grad_()
            x = gan.generate(gan.G, gan.truncate(own, psi).to(device), cs.to(device))
            low = gan.recipe.low
            lab = attributes.mean_color((x - low) * (255 / (1 - low)))
            grads = [torch.autograd.grad(lab[:, i].sum(), own, retain_graph=i < 2)[0] for i in range(3)]
        parts.append(torch.stack([directions.noise(gan, g) for g in grads], 1))
    return torch.cat(parts)


def stepped(noise: Tensor, slopes: Tensor, lack: Tensor, radius: Tensor) -> Tensor:
    """Noise (n, z_dim) after a step toward colors that differ by `lack` (n, 3), at most `radius` (n, 1) long; it keeps
    its length."""
    gram = slopes @ slopes.mT
    gram = gram + 0.01 * gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(3) + 1e-6 * torch.eye(3)
    step = (slopes.mT @ torch.linalg.solve(gram, lack[:, :, None]))[:, :, 0]
    step = step * (radius / step.norm(dim=1, keepdim=True).clamp_min(1e-9)).clamp_max(1.0)
    moved = noise + step
    return moved * (noise.norm(dim=1, keepdim=True) / moved.norm(dim=1, keepdim=True).clamp_min(1e-9))


def corrected(slopes: Tensor, step: Tensor, change: Tensor) -> Tensor:
    """Broyden's update: the slopes (n, 3, z_dim) nearest to the given ones by which a step (n, z_dim) makes just the
    change (n, 3) that was measured."""
    missed = change - (slopes @ step[:, :, None])[:, :, 0]
    return slopes + missed[:, :, None] * step[:, None] / step.square().sum(1)[:, None, None].clamp_min(1e-9)

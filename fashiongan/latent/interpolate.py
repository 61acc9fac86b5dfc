"""From one garment to others: neighbours, mixtures of two, a walk. Each is a description for `spec.picture`."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN
from . import directions, spec
from .spec import SampleSpec


def garment(gan: GAN, look: SampleSpec, i: int) -> SampleSpec:
    """The i-th picture of a sheet, described by itself."""
    if look.across:
        z, c, sliders = spec.grid_rows(gan, replace(look, truncation=1.0))
        row, column = divmod(i, spec.ACROSS)
        return replace(
            look, n=1, across=0, latents=spec.pack(z[row : row + 1]), label=spec.label_of(gan, c[row]),
            sliders=tuple(sliders[column].tolist()),
        )  # fmt: skip
    if look.latents:
        return replace(look, n=1, latents=spec.pack(spec.unpack(gan, look.latents, look.n)[i : i + 1]))
    if look.shares:
        return replace(look, n=1, first=look.first + i)
    _, c = sampling.draw(gan, 1, look.seed, look.label, look.first + i)
    return replace(look, n=1, first=look.first + i, label=spec.label_of(gan, c[0]))


def shares_of(gan: GAN, look: SampleSpec) -> tuple[float, ...]:
    """A look's class as shares of each choice."""
    if look.shares or not gan.choices:
        return look.shares
    at = list(gan.choices).index(sampling.number(gan, look.label)) if look.label is not None else 0
    return tuple(float(i == at) for i in range(len(gan.choices)))


def neighbours(gan: GAN, look: SampleSpec, far: float, seed: int) -> SampleSpec:
    """Nine garments round one: itself in the middle, and eight that are `far` (0..1) of the way to another latent."""
    z, _ = spec.latents(gan, look)
    rng = torch.Generator().manual_seed(seed)
    others = torch.cat([gan.latents(1, rng) for _ in range(8)])
    z = z.repeat(9, 1)
    places = [i for i in range(9) if i != 4]
    noise = directions.noise(gan, z)
    noise[places] = turned(noise[places], directions.noise(gan, others), torch.full((8,), far))
    return replace(look, n=9, latents=spec.pack(z))


def mixed(gan: GAN, a: SampleSpec, b: SampleSpec, share: float) -> SampleSpec:
    """A garment between two, `share` (0..1) of the second, with as much of its class."""
    z, other = spec.latents(gan, a)[0], spec.latents(gan, b)[0]
    between = torch.lerp(z, other, share)
    between[:, : gan.recipe.z_dim] = turned(
        directions.noise(gan, z), directions.noise(gan, other), torch.tensor([share])
    )
    shares = zip(shares_of(gan, a), shares_of(gan, b), strict=True)
    blend = tuple(round((1 - share) * x + share * y, 4) for x, y in shares)
    single = a.label == b.label and not (a.shares or b.shares)
    return replace(
        a, n=1, latents=spec.pack(between), label=a.label if single else None, shares=() if single else blend
    )


def turned(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation: (N, d), (N, d) and (N,) shares of the second -> (N, d).

    It keeps the length of draws of N(0, I), where a straight way would pass through too typical ones (White 2016,
    https://arxiv.org/abs/1609.04468).
    """
    t = t[:, None]
    angle = torch.arccos(F.cosine_similarity(a, b, dim=1).clamp(-1, 1))[:, None]
    near = angle.sin() < 1e-4
    angle = angle.clamp(1e-4, math.pi - 1e-4)
    round_ = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / angle.sin()
    return torch.where(near, torch.lerp(a, b, t), round_)


def walk(gan: GAN, stops: Sequence[SampleSpec], each: int) -> list[SampleSpec]:
    """Garments on the way from stop to stop and back to the first, `each` for a leg, with their sliders."""
    if len(stops) < 2:
        raise StudioError("A walk needs two garments or more: keep some on the board.")
    found = []
    for a, b in zip(stops, [*stops[1:], stops[0]], strict=True):
        for i in range(each):
            t = (1 - math.cos(math.pi * i / each)) / 2  # slowly away, slowly there
            k = max(len(a.sliders), len(b.sliders))
            pairs = zip(*((*s.sliders, *[0.0] * (k - len(s.sliders))) for s in (a, b)), strict=True)
            sliders = tuple((1 - t) * x + t * y for x, y in pairs)
            truncation = (1 - t) * a.truncation + t * b.truncation
            found.append(replace(mixed(gan, a, b, t), sliders=sliders, truncation=truncation))
    return found

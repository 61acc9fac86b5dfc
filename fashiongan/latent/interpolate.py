"""Interpolation: neighbours of a garment, mixtures of two, a walk through several. All return descriptions, which
`spec.picture` draws."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import limits
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN
from . import directions, spec
from .spec import SampleSpec


def garment(gan: GAN, sample: SampleSpec, i: int) -> SampleSpec:
    """The description of a sheet's i-th image alone, in the color that it has there."""
    sample = replace(sample, palette=spec.colors(gan, sample)[i : i + 1])
    if sample.across:
        z, c, sliders = spec.grid_rows(gan, sample)
        row, column = divmod(i, spec.ACROSS)
        return replace(
            sample, n=1, across=0, latents=spec.pack(z[row : row + 1]), label=spec.label_of(gan, c[row]),
            sliders=tuple(sliders[column].tolist()), liked="", labels=(),
        )  # fmt: skip
    if sample.latents:
        return replace(sample, n=1, latents=spec.pack(spec.unpack(gan, sample.latents, sample.n)[i : i + 1]))
    if sample.shares:
        return replace(sample, n=1, first=sample.first + i)
    one = replace(sample, n=1, first=sample.first + i)
    c = spec.classes(gan, one) if sample.liked else sampling.draw(gan, 1, sample.seed, sample.label, one.first)[1]
    return replace(one, label=spec.label_of(gan, c[0]), labels=())


def more(gan: GAN, samples: Sequence[SampleSpec], n: int, seed: int, blend: bool = False) -> SampleSpec:
    """A sheet of n garments around liked ones, which are single garments of the GAN: see `liked.around`.

    The garments take the classes of the liked ones in turn or, with `blend`, all classes together. Sliders and
    truncation stay as they are if all liked ones have the same; otherwise their latents are moved by them first.
    Raises StudioError unless 2 to limits.LIKED garments of one checkpoint are given.
    """
    if not 2 <= len(samples) <= limits.LIKED:
        raise StudioError(f"Choose 2 to {limits.LIKED} garments that you like: {len(samples)} are chosen.")
    first = samples[0]
    if any(sample.checkpoint != first.checkpoint for sample in samples):
        raise StudioError("More like these can be drawn from one checkpoint: choose garments of the same one.")
    alike = all((a.sliders, a.truncation, a.ways) == (first.sliders, first.truncation, first.ways) for a in samples)
    sheet = first if alike else replace(first, sliders=(), truncation=1.0)
    z = torch.cat([spec.latents(gan, sample)[0] if alike else spec.placed(gan, sample)[0] for sample in samples])
    shares: tuple[float, ...] = ()
    labels: tuple[int | str, ...] = ()
    if gan.choices and (blend or any(sample.shares for sample in samples)):
        each = torch.tensor([shares_of(gan, sample) for sample in samples])
        shares = tuple(round(float(share), 4) for share in (each / each.sum(1, keepdim=True)).mean(0))
    elif gan.choices:
        labels = tuple(sample.label for sample in samples if sample.label is not None)
    return replace(
        sheet, n=n, seed=seed, first=0, across=0, latents="", other="", cut=0, liked=spec.pack(z), shares=shares,
        label=labels[0] if len(set(labels)) == 1 else None, labels=labels if len(set(labels)) > 1 else (),
    )  # fmt: skip


def shares_of(gan: GAN, sample: SampleSpec) -> tuple[float, ...]:
    """The description's class as a share of each of the GAN's choices; () if it has none."""
    if sample.shares or not gan.choices:
        return sample.shares
    at = list(gan.choices).index(sampling.number(gan, sample.label)) if sample.label is not None else 0
    return tuple(float(i == at) for i in range(len(gan.choices)))


def neighbours(gan: GAN, sample: SampleSpec, far: float, seed: int) -> SampleSpec:
    """A 3 x 3 sheet: the garment in the middle, and eight neighbours, `far` (0..1) of the way to a random latent."""
    z, _ = spec.latents(gan, sample)
    rng = torch.Generator().manual_seed(seed)
    others = torch.cat([gan.latents(1, rng) for _ in range(8)])
    z = z.repeat(9, 1)
    places = [i for i in range(9) if i != 4]
    noise = directions.noise(gan, z)
    noise[places] = turned(noise[places], directions.noise(gan, others), torch.full((8,), far))
    return replace(sample, n=9, latents=spec.pack(z), liked="")


def mixed(gan: GAN, a: SampleSpec, b: SampleSpec, share: float) -> SampleSpec:
    """A garment between a and b: latent and class are interpolated, with a `share` (0..1) of b."""
    z, other = spec.latents(gan, a)[0], spec.latents(gan, b)[0]
    between = torch.lerp(z, other, share)
    between[:, : gan.recipe.z_dim] = turned(
        directions.noise(gan, z), directions.noise(gan, other), torch.tensor([share])
    )
    shares = zip(shares_of(gan, a), shares_of(gan, b), strict=True)
    blend = tuple(round((1 - share) * x + share * y, 4) for x, y in shares)
    single = a.label == b.label and not (a.shares or b.shares)
    return replace(
        a, n=1, latents=spec.pack(between), liked="", label=a.label if single else None, shares=() if single else blend
    )


def turned(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (slerp): a (N, d), b (N, d) and b's share t (N,) -> (N, d).

    It keeps the length that draws from N(0, I) have; a straight line would pass through shorter vectors, whose images
    are too typical (White 2016, https://arxiv.org/abs/1609.04468).
    """
    t = t[:, None]
    angle = torch.arccos(F.cosine_similarity(a, b, dim=1).clamp(-1, 1))[:, None]
    near = angle.sin() < 1e-4
    angle = angle.clamp(1e-4, math.pi - 1e-4)
    round_ = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / angle.sin()
    return torch.where(near, torch.lerp(a, b, t), round_)


def walk(gan: GAN, stops: Sequence[SampleSpec], each: int) -> list[SampleSpec]:
    """A closed walk from stop to stop and back to the first, with `each` garments a leg. Sliders and truncation are
    interpolated too."""
    if len(stops) < 2:
        raise StudioError("A walk needs two garments or more: keep some on the board.")
    path = []
    for a, b in zip(stops, [*stops[1:], stops[0]], strict=True):
        for i in range(each):
            t = (1 - math.cos(math.pi * i / each)) / 2  # eases out of each stop and into the next
            k = max(len(a.sliders), len(b.sliders))
            pairs = zip(*((*s.sliders, *[0.0] * (k - len(s.sliders))) for s in (a, b)), strict=True)
            sliders = tuple((1 - t) * x + t * y for x, y in pairs)
            truncation = (1 - t) * a.truncation + t * b.truncation
            path.append(replace(mixed(gan, a, b, t), sliders=sliders, truncation=truncation))
    return path

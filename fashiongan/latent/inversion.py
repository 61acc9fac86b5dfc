"""GAN inversion: find the latent whose image is nearest to a given one, by search and then by gradient descent.

The search takes the nearest of a few thousand random samples. From such a start gradient descent converges, as it does
from the encoder's output in Zhu et al. 2016 (https://arxiv.org/abs/1609.03552), but no encoder is trained. Several
starts are optimised side by side, and after each round the worst are dropped, so that most steps go into the best.
"""

import math
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import classifiers
from ..cache import Cache
from ..errors import StudioError
from ..evaluation import features, quick
from ..gans import sampling
from ..gans.base import GAN
from . import directions
from .spec import SampleSpec, label_of, pack

ROUNDS = ((12, 12), (6, 16), (3, 24), (1, 60))  # for each round: starts kept, and optimisation steps
RATE = 0.1  # Adam's learning rate, in standard deviations of z; it falls to 0 along a half cosine
TYPICAL = 1e-4  # weight of the penalty |z|^2 / z_dim, added to the mean squared error of pixels in 0..1
SAMPLED = 3000  # latents that the search samples; fewer where directions.WORK does not allow so many


@dataclass(frozen=True)
class Guess:
    """The state of an inversion after some steps."""

    step: int
    steps: int
    sample: SampleSpec  # the description of the best latent so far
    psnr: float  # dB, between its image and the target
    picture: Tensor  # its image, (C, H, W) uint8


@dataclass(frozen=True)
class Pool:
    """Sampled latents, their classes and their images, to search in."""

    z: Tensor
    c: Tensor
    small: Tensor  # the images, (N, pixels) float, 0..1


_pools: Cache[weakref.ref[GAN], Pool] = Cache(8)  # by weak references: they keep no GAN in memory


def pool(gan: GAN) -> Pool:
    """The GAN's pool. It is sampled once for each GAN, so that the search for the next image is immediate."""

    def fill() -> Pool:
        n = min(SAMPLED, directions.pictures(gan, 1))
        z, c = directions.sample(gan, n, 4)
        return Pool(z, c, sampling.render(gan, z, c).flatten(1).float() / 255)

    return _pools.get(weakref.ref(gan), fill)


@cache
def scorer() -> classifiers.Classifier:
    return classifiers.load(features.SCORER)


def seen(gan: GAN, target: Tensor) -> str | None:
    """The scorer's class for the target (C, H, W) uint8; None if the GAN does not draw by these classes.

    An inversion restricted to this class ends in the right class more often than one that goes by pixels alone.
    """
    if not gan.conditional or gan.colors or not quick.Quick.can(gan.recipe):
        return None
    with torch.no_grad():
        label = scorer().recipe.labels[int(scorer()(target[None].float() / 255).argmax())]
    return label if label in gan.choices.values() else None


def project(gan: GAN, name: str, target: Tensor, label: int | str | None = None) -> Iterator[Guess]:
    """Find the latent that draws the target (C, H, W) uint8. Yields guesses: the first from the search alone, each no
    worse than the one before.

    Args:
        name: the checkpoint's name, for the description.
        label: the class that the result must have; by default the class of the nearest sample.
    """
    r = gan.recipe
    if target.shape != (gan.channels, r.size, r.size):
        raise StudioError(f"The picture must be {gan.channels} x {r.size} x {r.size} for this checkpoint.")
    goal = target.float() / 255
    samples = pool(gan)
    distance = (samples.small - goal.flatten()).square().mean(1)
    if label is not None:
        distance = distance.masked_fill(samples.c != sampling.number(gan, label), torch.inf)
    order = distance.argsort()[: ROUNDS[0][0]]
    z, c = samples.z[order].clone(), samples.c[order]
    steps, step = sum(steps for _, steps in ROUNDS), 0
    best = guess(gan, name, z[:1], c[:1], target, step, steps)
    yield best
    noise = directions.noise(gan, z) / (sigma := directions.spread(gan))
    state = torch.zeros_like(noise), torch.zeros_like(noise)  # Adam's moving averages of gradient and squared gradient
    for starts, each in ROUNDS:
        error = errors(gan, z, noise * sigma, c, goal)[0]
        keep = error.argsort()[:starts]
        z, c, noise, state = z[keep], c[keep], noise[keep], (state[0][keep], state[1][keep])
        for _ in range(each):
            step += 1
            slope = errors(gan, z, noise * sigma, c, goal)[1] * sigma
            noise = adam(noise, slope, state, step, RATE * (1 + math.cos(math.pi * (step - 1) / steps)) / 2)
            if step % 12 == 0 or step == steps:
                z[:, : r.z_dim] = noise * sigma
                first = int(errors(gan, z, noise * sigma, c, goal)[0].argmin())
                now = guess(gan, name, z[first : first + 1], c[first : first + 1], target, step, steps)
                best = now if now.psnr > best.psnr else Guess(step, steps, best.sample, best.psnr, best.picture)
                yield best


def errors(gan: GAN, z: Tensor, noise: Tensor, c: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
    """(N,): each image's loss, which is mean squared error plus the penalty on its latent; and the loss's gradient with
    respect to the noise."""
    device = next(gan.G.parameters()).device
    with torch.enable_grad():
        noise = noise.clone().requires_grad_()
        whole = torch.cat([noise, z[:, gan.recipe.z_dim :]], 1).to(device)
        low = gan.recipe.low
        x = (gan.generate(gan.G, whole, c.to(device)).cpu() - low) / (1 - low)
        error = (x - goal).square().flatten(1).mean(1) + TYPICAL * noise.square().mean(1)
        (slope,) = torch.autograd.grad(error.sum(), noise)
    return error.detach(), slope


def adam(x: Tensor, slope: Tensor, state: tuple[Tensor, Tensor], step: int, rate: float) -> Tensor:
    """One step of Adam (Kingma and Ba 2014, algorithm 1) with betas (0.9, 0.99). Rows are independent, so that dropping
    some leaves the others' averages valid."""
    mean, square = state
    mean.lerp_(slope, 0.1)
    square.lerp_(slope.square(), 0.01)
    return x - rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.99**step)).sqrt() + 1e-9)


def guess(gan: GAN, name: str, z: Tensor, c: Tensor, target: Tensor, step: int, steps: int) -> Guess:
    """A Guess from a latent. Its image is drawn from the latent rounded to float16, as the description stores it."""
    text = pack(z)
    rounded = z.half().float()
    picture = sampling.render(gan, rounded, c)[0]
    sample = SampleSpec(name, latents=text, label=label_of(gan, c[0]), ways="measured")
    return Guess(step, steps, sample, psnr(picture, target), picture)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio of two uint8 images, in dB; 99 if they are equal."""
    error = F.mse_loss(a.float(), b.float()).item()
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)

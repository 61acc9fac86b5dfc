"""From a picture to the latent that draws it: the best of many that were sampled, then a few steps down the error.

A latent whose picture is near already is a start from which gradient descent arrives, as after the encoder of Zhu et
al. 2016 (https://arxiv.org/abs/1609.03552); the search needs no training. Several starts run side by side, and the
worse are dropped again and again, so that most of the work goes into the best.
"""

import math
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import classifiers
from ..errors import StudioError
from ..evaluation import features, quick
from ..gans import sampling
from ..gans.base import GAN
from . import directions
from .spec import SampleSpec, label_of, pack

ROUNDS = ((12, 12), (6, 16), (3, 24), (1, 60))  # starts kept, and steps with them
RATE = 0.1  # of Adam, in standard deviations of z, falling to nothing along a half cosine
TYPICAL = 1e-4  # weight of |z|^2 / z_dim beside the mean squared error of pixels in 0..1
SAMPLED = 3000  # latents to start from, if directions.WORK allows


@dataclass(frozen=True)
class Guess:
    """How near a projection is."""

    step: int
    steps: int
    look: SampleSpec  # the best so far
    psnr: float  # dB, of its picture and the target
    picture: Tensor  # (C, H, W) uint8


@dataclass(frozen=True)
class Pool:
    """Latents and their pictures, to search in."""

    z: Tensor
    c: Tensor
    small: Tensor  # (N, pixels) float, 0..1


_kept: weakref.WeakKeyDictionary[GAN, Pool] = weakref.WeakKeyDictionary()
_keeping = threading.Lock()


def pool(gan: GAN) -> Pool:
    """Sampled once for each GAN: the next picture is found at once."""
    with _keeping:
        if gan not in _kept:
            n = min(SAMPLED, directions.pictures(gan, 1))
            z, c = directions.sample(gan, n, 4)
            _kept[gan] = Pool(z, c, sampling.render(gan, z, c).flatten(1).float() / 255)
        return _kept[gan]


@lru_cache(maxsize=1)
def scorer() -> classifiers.Classifier:
    return classifiers.load(features.SCORER)


def seen(gan: GAN, target: Tensor) -> str | None:
    """The class that the scorer sees in the target (C, H, W) uint8, if it knows such garments and the GAN draws by
    those classes. Held to it, a projection stays of that class more often than if the nearest pixels decide."""
    if not gan.conditional or gan.colors or not quick.Quick.can(gan.recipe):
        return None
    with torch.no_grad():
        found = scorer().recipe.labels[int(scorer()(target[None].float() / 255).argmax())]
    return found if found in gan.choices.values() else None


def project(gan: GAN, name: str, target: Tensor, label: int | str | None = None) -> Iterator[Guess]:
    """Guesses at the latent that draws the target (C, H, W) uint8, the first from the search alone, each no worse than
    the one before.

    Args:
        name: of the checkpoint, for the description.
        label: a class that it shall have; by default any that the search finds.
    """
    r = gan.recipe
    if target.shape != (gan.channels, r.size, r.size):
        raise StudioError(f"The picture must be {gan.channels} x {r.size} x {r.size} for this checkpoint.")
    goal = target.float() / 255
    found = pool(gan)
    far = (found.small - goal.flatten()).square().mean(1)
    if label is not None:
        far = far.masked_fill(found.c != sampling.number(gan, label), torch.inf)
    order = far.argsort()[: ROUNDS[0][0]]
    z, c = found.z[order].clone(), found.c[order]
    steps, step = sum(steps for _, steps in ROUNDS), 0
    best = guess(gan, name, z[:1], c[:1], target, step, steps)
    yield best
    noise = directions.noise(gan, z) / (sigma := directions.spread(gan))
    state = torch.zeros_like(noise), torch.zeros_like(noise)  # Adam's averages
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
                best = now if now.psnr > best.psnr else Guess(step, steps, best.look, best.psnr, best.picture)
                yield best


def errors(gan: GAN, z: Tensor, noise: Tensor, c: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
    """(N,): the mean squared error of each picture and how untypical its latent is; and its gradient by the noise."""
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
    """One step of Adam (Kingma and Ba 2014, algorithm 1) with betas (0.9, 0.99) for each row by itself."""
    mean, square = state
    mean.lerp_(slope, 0.1)
    square.lerp_(slope.square(), 0.01)
    return x - rate * (mean / (1 - 0.9**step)) / ((square / (1 - 0.99**step)).sqrt() + 1e-9)


def guess(gan: GAN, name: str, z: Tensor, c: Tensor, target: Tensor, step: int, steps: int) -> Guess:
    """A latent as its description draws it, which keeps 16 bits of each number."""
    text = pack(z)
    rounded = z.half().float()
    picture = sampling.render(gan, rounded, c)[0]
    look = SampleSpec(name, latents=text, label=label_of(gan, c[0]), ways="measured")
    return Guess(step, steps, look, psnr(picture, target), picture)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal to noise of two uint8 pictures, in dB; 99 for the same."""
    error = F.mse_loss(a.float(), b.float()).item()
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)

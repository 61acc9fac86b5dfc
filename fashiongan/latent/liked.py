"""Draws around liked garments: from a normal distribution with the mean and the spread of their latents, narrowed.

Whoever chooses among the draws and draws again comes closer with each round: a round's spread is NARROW times that of
the garments chosen in the round before.
"""

import torch
from torch import Tensor

from ..gans.base import GAN

CODE_REACH = 2.0  # a code's slider goes from -2 to 2 (it is trained in -1..1)
NARROW = 0.7  # the draws' standard deviation over that of the liked latents
PRIOR = 64  # draws that show what a GAN's prior is


def around(gan: GAN, liked: Tensor, n: int, seed: int, first: int = 0) -> Tensor:
    """(n, ...): latents around liked ones (m >= 2, ...), from the seed's draw number `first` on.

    Row i depends on (seed, i) alone.
    Noise and codes are normal, each number by itself: mean and NARROW times the standard deviation (with m - 1) of the
    liked ones. They are cut off at -1 and 1 where the prior is U(-1, 1), and brought to the prior's length where that
    is the same for all latents. What else a latent holds comes from the prior.
    """
    rng = torch.Generator().manual_seed(seed)
    rows = [(gan.latents(1, rng), torch.randn(1, liked.shape[1], generator=rng)) for _ in range(first + n)][first:]
    z = torch.cat([z for z, _ in rows])
    steps = torch.cat([step for _, step in rows])
    drawn = liked.mean(0) + NARROW * liked.std(0) * steps
    size, codes = gan.recipe.z_dim, liked.shape[1] - gan.codes
    z[:, :size] = within_prior(gan, drawn[:, :size])
    z[:, codes:] = drawn[:, codes:].clamp(-CODE_REACH, CODE_REACH)
    return z


def within_prior(gan: GAN, noise: Tensor) -> Tensor:
    """Noise (N, z_dim), moved to where the GAN's prior has its latents: a sphere, a cube, or all of the space."""
    prior = gan.latents(PRIOR, torch.Generator().manual_seed(0))[:, : gan.recipe.z_dim]
    length = prior.norm(dim=1)
    if float(length.std()) < 1e-3 * float(length.mean()):
        return noise * (length.mean() / noise.norm(dim=1, keepdim=True).clamp_min(1e-6))
    return noise.clamp(-1, 1) if float(prior.abs().max()) <= 1 else noise

"""DRAGAN: the loss of the first GAN, and a penalty that holds the discriminator's slope near 1 around real pictures.

Kodali et al. 2017, https://arxiv.org/abs/1705.07215, algorithm 1. Where the paper leaves constants open, they come from
the authors' code (kodalinaveen3/DRAGAN): lambda 10, k = 1, Adam 1e-4 with betas (0.5, 0.9), batch 128, z ~ U(-1, 1) of
100 numbers. A perturbed picture is x + 0.5 std(x) u, with u ~ U(0, 1) for each pixel. The penalty is taken at one
random point between each picture and its perturbed copy, on the logit and not on its sigmoid. The discriminator has no
batch norm, because the penalty is defined for single pictures.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import losses, networks
from .base import GAN, Batch, Loss, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class DRAGANRecipe(Recipe):
    lr_g: float = 1e-4
    lr_d: float = 1e-4
    beta2: float = 0.9
    penalty: float = knob(
        10.0, "Penalty", "how strictly the discriminator's slope is held at 1 near real pictures", 0.0, 1000.0
    )


class DRAGAN(GAN):
    recipe_type = DRAGANRecipe
    year, paper = 2017, "https://arxiv.org/abs/1705.07215"
    title = "a GAN whose discriminator is kept smooth around the real garments"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))"
        r" + \lambda\,\mathbb{E}(\lVert\nabla D(x + \delta)\rVert - 1)^2",
        r"-\mathbb{E}\log D(G(z))",
    )
    recipe: DRAGANRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output)
        self.D = networks.ConvD(r.width, r.size, r.channels, norm="none")
        networks.dcgan_init(self)

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return uniform(n, self.recipe.z_dim, rng)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        u = torch.rand(b.x.shape, generator=b.rng, device=b.x.device)
        slopes = losses.slope(self.D, losses.between(b.x, b.x + 0.5 * b.x.std() * u, b.rng))
        penalty = self.recipe.penalty * (slopes - 1).square().mean()
        notes = {"d_slope": slopes.mean()} | losses.accuracy(real, fake)
        return Loss({"real": on_real, "fake": on_fake, "penalty": penalty}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

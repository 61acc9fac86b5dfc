"""WGAN-GP: a penalty holds the critic's slope near 1, instead of clipped weights.

Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, eq. 3 and algorithm 1: lambda 10, five critic steps for each
generator step, Adam 1e-4 with betas (0, 0.9), batch 64. The penalty is taken at a + t (b - a), with one t for each
picture. The slope is the norm of the gradient over all pixels of a picture. The critic has no batch norm, because its
penalty is defined for single pictures (section 4). The generator has it. z ~ N(0, I) of 100 numbers; the authors'
script for MNIST has 128, and no batch norm in either net. Weights start as in the authors' code
(igul222/improved_wgan_training): U(-s, s), where s follows He's rule in the convolutions, and Xavier's in the first
layer of the generator and in the last of the critic.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class WGANGPRecipe(Recipe):
    batch: int = 64
    lr_g: float = 1e-4
    lr_d: float = 1e-4
    beta1: float = 0.0
    beta2: float = 0.9
    d_steps: int = 5
    penalty: float = knob(10.0, "Penalty", "how strictly the critic's slope is held at 1", 0.0, 1000.0)


@torch.no_grad()
def he_init(m: nn.Conv2d | nn.ConvTranspose2d, dense: bool) -> None:
    """Start weights from U(-s, s) with the variance 4 / (fan in + fan out), and biases from 0.

    A dense layer has the variance 2 / (fan in + fan out), and a single pixel on one of its sides. A stride makes one of
    the two fans smaller.
    """
    wide = m.kernel_size[0] ** 2
    narrow, gain = (1.0, 1) if dense else (wide / m.stride[0] ** 2, 2)
    into, out = (narrow, wide) if isinstance(m, nn.ConvTranspose2d) else (wide, narrow)
    bound = math.sqrt(3 * 2 * gain / (m.in_channels * into + m.out_channels * out))
    nn.init.uniform_(m.weight, -bound, bound)
    if m.bias is not None:
        nn.init.zeros_(m.bias)


class WGANGP(GAN):
    recipe_type = WGANGPRecipe
    year, paper = 2017, "https://arxiv.org/abs/1704.00028"
    title = "a WGAN whose critic is kept smooth by a penalty on its slope"
    critic = True
    formulas = (
        r"\mathbb{E} f(G(z)) - \mathbb{E} f(x) + \lambda\,\mathbb{E}(\lVert\nabla f(\hat x)\rVert - 1)^2",
        r"-\mathbb{E} f(G(z))",
    )
    recipe: WGANGPRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output)
        self.D = networks.ConvD(r.width, r.size, r.channels, norm="none")
        for m in self.modules():
            if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
                he_init(m, dense=m in (self.G.project, self.D.judge))

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        slopes = losses.slope(self.D, losses.between(b.x, x_fake, b.rng))
        distance = real.mean() - fake.mean()
        notes = {"d_distance": distance, "d_slope": slopes.mean()}
        notes |= losses.accuracy(real, fake, losses.middle(real, fake))
        return Loss({"critic": -distance, "penalty": self.recipe.penalty * (slopes - 1).square().mean()}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": -self.D(x_fake).mean()}, {"diversity": losses.diversity(x_fake)})

"""LSGAN: least squares instead of the logarithm. Fakes that lie far on the right side are still pulled to the data.

Mao et al. 2016, https://arxiv.org/abs/1611.04076, eq. 2 with a = 0 and b = c = 1 (the 0-1 coding of eq. 9). Each term
has its factor 1/2. Adam 2e-4, beta 1 = 0.5 and batch 64 are those of the authors' code for characters of 28x28 pixels
(xudonmao/LSGAN). Their z has 1024 numbers from U(-1, 1). Ours has DCGAN's 100 from N(0, I), because 1024 would need a
first layer of six million weights, most of the net. The discriminator returns the raw score, without a sigmoid.
"""

from dataclasses import dataclass

import torch

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class LSGANRecipe(Recipe):
    batch: int = 64


class LSGAN(GAN):
    recipe_type = LSGANRecipe
    year, paper = 2016, "https://arxiv.org/abs/1611.04076"
    title = "the discriminator gives marks, and both players are graded by the square of the error"
    formulas = (
        r"\tfrac12 \mathbb{E}(D(x) - 1)^2 + \tfrac12 \mathbb{E}\,D(G(z))^2",
        r"\tfrac12 \mathbb{E}(D(G(z)) - 1)^2",
    )

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output)
        self.D = networks.ConvD(r.width, r.size, r.channels)
        networks.dcgan_init(self)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.ls_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake, 0.5))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.ls_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

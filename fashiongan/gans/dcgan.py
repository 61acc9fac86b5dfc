"""DCGAN: only convolutions, and batch norm in both players (section 3 of the paper).

Radford, Metz and Chintala 2015, https://arxiv.org/abs/1511.06434

The recipe is that of report 000: z ~ N(0, I) of 100 numbers, binary cross-entropy, Adam 2e-4 with betas (0.5, 0.999),
batch 128, 20 epochs, tanh. The paper (section 4) has uniform z, and twice the filters at 64 pixels. Everything else
agrees. Weights start from N(0, 0.02) as in the paper. The report's notebook used PyTorch's default.

Real and generated pictures go through the discriminator as two batches. In one batch, batch norm could tell them apart
by their mix. With `output=sigmoid` (report 002), both players see pictures in 0..1.
"""

import torch

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


class DCGAN(GAN):
    year, paper = 2015, "https://arxiv.org/abs/1511.06434"
    title = "two convolutional nets, one drawing garments, one telling them from real ones"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))",
        r"-\mathbb{E}\log D(G(z))",
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
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

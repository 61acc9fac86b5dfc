"""RaGAN: the discriminator does not say whether a garment is real. It says whether it is more real than the average of
the others.

Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734, RaSGAN, section 4.2. Let C be the discriminator's score.
Then D(x) = sigmoid(C(x) - E C(G(z))) and D(G(z)) = sigmoid(C(G(z)) - E C(x)), where each mean is over the batch. Both
players use both terms, so the generator also learns from the real garments. The constants come from the author's code
(AlexiaJM/RelativisticGAN, stable.sh): Adam 2e-4 with betas (0.5, 0.999), one update each in turn, batch 32,
z ~ N(0, I), spectral norm in the discriminator. The nets are DCGAN's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class RaGANRecipe(Recipe):
    batch: int = 32


class RaGAN(GAN):
    recipe_type = RaGANRecipe
    year, paper = 2018, "https://arxiv.org/abs/1807.00734"
    title = "the discriminator compares: is this garment more real than those?"
    formulas = (
        r"-\mathbb{E}\log\sigma(C(x) - \mathbb{E}\,C(G(z))) - \mathbb{E}\log(1 - \sigma(C(G(z)) - \mathbb{E}\,C(x)))",
        r"-\mathbb{E}\log\sigma(C(G(z)) - \mathbb{E}\,C(x)) - \mathbb{E}\log(1 - \sigma(C(x) - \mathbb{E}\,C(G(z))))",
    )

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output)
        self.D = networks.ConvD(r.width, r.size, r.channels, norm="none")
        networks.dcgan_init(self)
        for m in self.D.modules():
            if isinstance(m, nn.Conv2d):
                spectral_norm(m)

    def terms(self, up: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """-E log sigma(up - E down) and -E log(1 - sigma(down - E up)), of scores (N,)."""
        return losses.bce_d(up - down.mean(), down - up.mean())

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = self.terms(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake, losses.middle(real, fake)))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        on_fake, on_real = self.terms(self.D(x_fake), self.D(b.x))
        return Loss({"fake": on_fake, "real": on_real}, {"diversity": losses.diversity(x_fake)})

"""EBGAN: the discriminator is an autoencoder. A picture that it reconstructs badly counts as fake.

Zhao, Mathieu and LeCun 2016, https://arxiv.org/abs/1609.03126. The energy is D(x) = ||Dec(Enc(x)) - x||, the Euclidean
norm over the pixels of one picture (section 2.3). The losses are L_D = D(x) + [m - D(G(z))]+ and L_G = D(G(z)) (eqs. 1
and 2), with the hinge taken for each picture. The pull-away term on the codes of the fakes has weight 0.1 (section
2.4). In these units the margin m is 10, the paper's value for MNIST, and Adam's learning rate is the paper's 1e-3. The
generator's gradient flows through both Dec(Enc(x)) and x.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class EBGANRecipe(Recipe):
    batch: int = 64
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    margin: float = knob(
        10.0, "Margin", "energy above which a fake is bad enough; too low and the discriminator gives up", 0.1, 1000.0
    )
    pull_away: float = knob(0.1, "Pull-away", "how strongly fakes repel one another; 0 lets them be alike", 0.0, 100.0)


class EBGAN(GAN):
    recipe_type = EBGANRecipe
    year, paper = 2016, "https://arxiv.org/abs/1609.03126"
    title = "an autoencoder tells by how well it can redraw a picture"
    critic = True
    redraws = True
    formulas = (
        r"\mathbb{E} E(x) + \mathbb{E}[m - E(G(z))]^+, \quad E(x) = \lVert \mathrm{Dec}(\mathrm{Enc}(x)) - x \rVert",
        r"\mathbb{E} E(G(z)) + 0.1\, f_{PT}",
    )
    recipe: EBGANRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output)
        self.D = networks.AutoEncoder(r.width, r.size, r.channels)
        networks.dcgan_init(self)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real = losses.energy(b.x, self.D(b.x)[0])
        fake = losses.energy(x_fake, self.D(x_fake)[0])
        hinge = F.relu(self.recipe.margin - fake).mean()
        notes = {"d_energy_fake": fake.mean()} | losses.accuracy(-real, -fake, losses.middle(-real, -fake))
        return Loss({"energy_real": real.mean(), "hinge": hinge}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        redrawn, codes = self.D(x_fake)
        terms = {"energy": losses.energy(x_fake, redrawn).mean()}
        repulsion = losses.pull_away(codes)
        return Loss(
            terms | {"repulsion": self.recipe.pull_away * repulsion},
            {"pull_away": repulsion, "diversity": losses.diversity(x_fake)},
        )

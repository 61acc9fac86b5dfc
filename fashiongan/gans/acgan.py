"""ACGAN: the discriminator also predicts the class, and the generator is rewarded when that prediction is right.

Odena, Olah and Shlens 2016, https://arxiv.org/abs/1610.09585, section 3. L_S is the log-likelihood of the right
source (real or generated), and L_C that of the right class, on real and on generated pictures. The discriminator
maximises L_S + L_C, and the generator L_C - L_S, here in its non-saturating form, as everywhere. Both weights are 1.

From the paper: Adam 2e-4, beta 1 = 0.5, batch 100, z of 100 numbers, dropout 0.5 in the discriminator. Theirs has six
convolutions, with dropout after each. Ours has two at 28 pixels, with dropout only before its two output layers. The
generator reads the label once, beside z. The discriminator never reads it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ACGANRecipe(Recipe):
    batch: int = 100


class NamingD(networks.ConvD):
    """(N, C, S, S) -> source logits (N,) and class logits (N, classes)."""

    def __init__(self, r: Recipe):
        super().__init__(r.width, r.size, r.channels)
        self.drop = networks.Dropout(0.5)
        base = self.judge.kernel_size[0]
        self.name = nn.Conv2d(self.judge.in_channels, len(r.labels), base)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        h = self.drop(self.features(x))
        return self.judge(h).flatten().float(), self.name(h).flatten(1).float()


class LabelledG(networks.ConvG):
    """A DCGAN generator that reads (z, one-hot class) at its first layer only."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([z, y], 1))


class ACGAN(GAN):
    recipe_type = ACGANRecipe
    year, paper = 2016, "https://arxiv.org/abs/1610.09585"
    title = "the discriminator says real or fake, and which garment it is"
    formulas = (
        r"-L_S - L_C",
        r"-\mathbb{E}\log D(G(z, c)) - L_C",
    )
    conditional = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = recipe
        self.G = LabelledG(r.z_dim + len(r.labels), r.width, r.size, r.channels, r.output)
        self.D = NamingD(r)
        networks.dcgan_init(self)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z, self.one_hot(b.c))
        (real, real_class), (fake, fake_class) = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        terms = {"real": on_real, "fake": on_fake}
        terms |= {"class_real": F.cross_entropy(real_class, b.y), "class_fake": F.cross_entropy(fake_class, b.c)}
        notes = {"d_class_accuracy_real": losses.right(real_class, b.y)}
        notes |= {"d_class_accuracy_fake": losses.right(fake_class, b.c)}
        return Loss(terms, notes | losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z, self.one_hot(b.c))
        fake, fake_class = self.D(x_fake)
        terms = {"adv": losses.bce_g(fake), "class": F.cross_entropy(fake_class, b.c)}
        return Loss(terms, {"diversity": losses.diversity(x_fake)})

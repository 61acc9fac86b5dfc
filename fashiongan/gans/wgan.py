"""WGAN: a critic without sigmoid estimates the Wasserstein distance between fakes and data. Its weights are clipped, so
that its slope stays bounded.

Arjovsky, Chintala and Bottou 2017, https://arxiv.org/abs/1701.07875. Algorithm 1 with its defaults: RMSProp 5e-5,
clipping at 0.01 after every critic step, batch 64, five critic steps for each generator step; z ~ N(0, I) and DCGAN
nets as in the authors' code. Their code also takes 100 critic steps for each of the first 25 generator steps and for
every 500th. The paper does not mention this, and we leave it out, since it would take most of the time of a short run.
As in their code, all parameters of the critic are clipped, those of batch norm too.
"""

from dataclasses import dataclass

import torch

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class WGANRecipe(Recipe):
    batch: int = 64
    optimizer: str = "rmsprop"
    lr_g: float = 5e-5
    lr_d: float = 5e-5
    d_steps: int = 5
    clip: float = knob(
        0.01, "Clipping", "bound of each weight of the critic; raise it if most weights sit there", 1e-4, 1.0
    )


class WGAN(GAN):
    recipe_type = WGANRecipe
    year, paper = 2017, "https://arxiv.org/abs/1701.07875"
    title = "a critic measures the distance between fakes and garments, and the generator shortens it"
    critic = True
    formulas = (
        r"\mathbb{E} f(G(z)) - \mathbb{E} f(x), \quad |w| \le c",
        r"-\mathbb{E} f(G(z))",
    )
    recipe: WGANRecipe

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
        distance = real.mean() - fake.mean()
        notes = {"d_distance": distance, "d_clipped": self.clipped()}
        return Loss({"critic": -distance}, notes | losses.accuracy(real, fake, losses.middle(real, fake)))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": -self.D(x_fake).mean()}, {"diversity": losses.diversity(x_fake)})

    @torch.no_grad()
    def after_d_step(self) -> None:
        for p in self.D.parameters():
            p.clamp_(-self.recipe.clip, self.recipe.clip)

    @torch.no_grad()
    def clipped(self) -> torch.Tensor:
        """Share of the critic's weights that sit at the bound."""
        at = [(p.abs() >= self.recipe.clip).sum() for p in self.D.parameters()]
        return torch.stack(at).sum() / sum(p.numel() for p in self.D.parameters())

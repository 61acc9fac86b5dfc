"""MLP GAN: the first model of report 004, with three fully connected hidden layers in each player.

The losses are those of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, as binary cross-entropy on logits. From
the report: z ~ U(-1, 1) of 100 numbers, layers that get wider in the generator and narrower in the discriminator,
learning rate 0.002, and the generator's update before the discriminator's for every batch. The report leaves the rest
open. We chose 256, 512 and 1024 units (`width` is the first), LeakyReLU 0.2, batch norm in the generator, and Adam with
beta 1 = 0.5.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import losses, networks
from .base import GAN, Batch, Loss, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class MLPRecipe(Recipe):
    epochs: int = 50
    lr_g: float = 0.002
    lr_d: float = 0.002
    width: int = knob(
        256, "Net width", "units of the smallest hidden layer; the next have two and four times as many", 4, 2048
    )
    quick = {"epochs": 4, "width": 128}


class MLPG(nn.Sequential):
    """(N, z_dim) -> (N, C, S, S)."""

    def __init__(self, r: Recipe):
        layers: list[nn.Module] = []
        for a, b in ((r.z_dim, r.width), (r.width, 2 * r.width), (2 * r.width, 4 * r.width)):
            layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2)]
        out = nn.Linear(4 * r.width, r.channels * r.size**2)
        super().__init__(*layers, out, networks.AsPictures(r.size, r.channels, r.output))


class MLPD(nn.Module):
    """(N, C, S, S) -> logits (N,)."""

    def __init__(self, r: Recipe):
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for a, b in ((r.channels * r.size**2, 4 * r.width), (4 * r.width, 2 * r.width), (2 * r.width, r.width)):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(r.width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).flatten().float()  # type: ignore[no-any-return]


class MLPGAN(GAN):
    recipe_type = MLPRecipe
    year, paper = 2014, "https://arxiv.org/abs/1406.2661"
    title = "report 004's first model: three plain layers on each side, the generator moves first"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))",
        r"-\mathbb{E}\log D(G(z))",
    )
    g_first = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = MLPG(recipe)
        self.D = MLPD(recipe)
        networks.dcgan_init(self)

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return uniform(n, self.recipe.z_dim, rng)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

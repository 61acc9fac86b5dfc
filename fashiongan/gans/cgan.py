"""CGAN: both perceptrons get the class as an input.

Mirza and Osindero 2014, https://arxiv.org/abs/1411.1784, eq. 2 and section 4.1. The generator maps 100 numbers
z ~ U(-1, 1) to 200 ReLU units and the class to 1000, and joins both in a layer of 1200. The discriminator maps the
picture to a maxout layer of 240 units with 5 pieces and the class to one of 50 with 5, and joins both in one of 240
with 4. Batch 100, dropout 0.5. The paper trains by SGD 0.1 with rising momentum. Our default is Adam 2e-4 with beta 1 =
0.5, for the reason given in `gan`: by the same measurement it reaches 13.80, and SGD 0.01 reaches 19.09; SGD 0.1
diverged at step 214. `width` is the width of the joint layer; the two layers before it keep the paper's proportion.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import losses, networks
from .base import GAN, Batch, Loss, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class CGANRecipe(Recipe):
    batch: int = 100
    width: int = knob(1200, "Net width", "units of the layer that joins noise and class", 12, 4800)
    quick = {"epochs": 4, "width": 600}


class JoinedG(nn.Module):
    """(N, z_dim), one-hot (N, classes) -> (N, C, S, S)."""

    def __init__(self, r: Recipe):
        super().__init__()
        z_units, y_units = r.width // 6, 5 * r.width // 6
        self.z = nn.Linear(r.z_dim, z_units)
        self.y = nn.Linear(len(r.labels), y_units)
        self.joint = nn.Linear(z_units + y_units, r.width)
        self.out = nn.Linear(r.width, r.channels * r.size**2)
        self.pictures = networks.AsPictures(r.size, r.channels, r.output)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        h = torch.cat([self.z(z), self.y(y)], 1).relu()
        return self.pictures(self.out(self.joint(h).relu()))  # type: ignore[no-any-return]


class JoinedD(nn.Module):
    """(N, C, S, S), one-hot (N, classes) -> logits (N,)."""

    def __init__(self, r: Recipe):
        super().__init__()
        self.x = networks.Maxout(r.channels * r.size**2, 240, 5)
        self.y = networks.Maxout(len(r.labels), 50, 5)
        self.joint = networks.Maxout(290, 240, 4)
        self.drop = networks.Dropout(0.5)
        self.out = nn.Linear(240, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.drop(torch.cat([self.x(x.flatten(1)), self.y(y)], 1))
        return self.out(self.drop(self.joint(h))).flatten().float()  # type: ignore[no-any-return]


class CGAN(GAN):
    recipe_type = CGANRecipe
    year, paper = 2014, "https://arxiv.org/abs/1411.1784"
    title = "the first GAN that takes the class of the garment to draw"
    formulas = (
        r"-\mathbb{E}\log D(x|y) - \mathbb{E}\log(1 - D(G(z|y)|y))",
        r"-\mathbb{E}\log D(G(z|y)|y)",
    )
    conditional = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = JoinedG(recipe)
        self.D = JoinedD(recipe)
        networks.uniform_init(self.G, 0.05)
        networks.uniform_init(self.D, 0.005)

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return uniform(n, self.recipe.z_dim, rng)

    def d_loss(self, b: Batch) -> Loss:
        c = self.one_hot(b.c)
        with torch.no_grad():
            x_fake = self.G(b.z, c)
        real, fake = self.D(b.x, self.one_hot(b.y)), self.D(x_fake, c)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        c = self.one_hot(b.c)
        x_fake = self.G(b.z, c)
        return Loss({"adv": losses.bce_g(self.D(x_fake, c))}, {"diversity": losses.diversity(x_fake)})

"""GAN: the first one. Both players are multilayer perceptrons.

Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, eq. 1, with the non-saturating loss of the generator from
section 3. The nets are those of the authors' code for MNIST (goodfeli/adversarial, mnist.yaml): z of 100 numbers, a
generator with two hidden layers of 1200 ReLU, and a discriminator with two maxout layers of 240 units with 5 pieces.
Dropout keeps 0.8 of the picture and 0.5 of the hidden units. Weights start from U(-0.05, 0.05) in the generator and
from U(-0.005, 0.005) in the discriminator. Batch 100. `width` is the number of units of the generator's hidden layers.

There are two differences. Their z ~ N(0, I) is `--noise normal` here; the default is U(-1, 1), which existing
checkpoints have. The last biases of our generator start from 0, and theirs from the mean of the training pictures.

They train with SGD 0.1 and rising momentum over 250 epochs: `--optimizer sgd --lr-g 0.1 --lr-d 0.1`. Our default is
Adam 2e-4 with beta 1 = 0.5, which draws recognisable garments within one epoch. After three epochs of the bundled
checkpoint's nets, a thousand samples had a Frechet distance of 8.07 to real garments (in the classifier's features)
with Adam, and of 21.16 with SGD 0.01. SGD 0.1 diverged at step 346 (`python benchmarks/optimisers.py`, commit c52e79c,
CPU, 1 thread, one seed).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import losses, networks
from .base import GAN, Batch, Loss, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class FirstRecipe(Recipe):
    batch: int = 100
    width: int = knob(1200, "Net width", "hidden units of each of the generator's layers", 8, 4800)
    noise: str = knob(
        "uniform", "Noise", "what the latent numbers are drawn from: U(-1, 1), or N(0, 1) as by the authors",
        choices=("uniform", "normal"),
    )  # fmt: skip
    quick = {"epochs": 4, "width": 400}


def perceptron_g(inputs: int, r: Recipe) -> nn.Sequential:
    """(N, inputs) -> (N, C, S, S) through two hidden layers."""
    pixels = r.channels * r.size**2
    hidden = [nn.Linear(inputs, r.width), nn.ReLU(), nn.Linear(r.width, r.width), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(r.width, pixels), networks.AsPictures(r.size, r.channels, r.output))


class MaxoutD(nn.Module):
    """(N, C, S, S) -> logits (N,)."""

    def __init__(self, r: Recipe):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), networks.Dropout(0.2), networks.Maxout(r.channels * r.size**2, 240, 5),
            networks.Dropout(0.5), networks.Maxout(240, 240, 5), networks.Dropout(0.5), nn.Linear(240, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).flatten().float()  # type: ignore[no-any-return]


class FirstGAN(GAN):
    recipe_type = FirstRecipe
    recipe: FirstRecipe
    year, paper = 2014, "https://arxiv.org/abs/1406.2661"
    title = "the first one: two plain networks, a forger and a discriminator"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))",
        r"-\mathbb{E}\log D(G(z))",
    )

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = perceptron_g(recipe.z_dim, recipe)
        self.D = MaxoutD(recipe)
        networks.uniform_init(self.G, 0.05)
        networks.uniform_init(self.D, 0.005)

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return uniform(n, self.recipe.z_dim, rng) if self.recipe.noise == "uniform" else super().latents(n, rng)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

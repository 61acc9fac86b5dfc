"""GAN: the first one, two multilayer perceptrons at play.

Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, eq. 1, with the generator's non-saturating loss of section
3. Nets from the authors' code for MNIST (goodfeli/adversarial, mnist.yaml): z of 100, generator 1200-1200
ReLU, discriminator of two maxout layers of 240 units with 5 pieces, dropout keeping 0.8 of the picture and 0.5 of
the hidden units, weights from U(-0.05, 0.05) in the generator and U(-0.005, 0.005) in the discriminator, batch 100.
Two differences: z ~ N(0, I) there is `--noise normal` here, where the default is the U(-1, 1) of the checkpoints that
there are; and the generator's last biases start from 0, there from the mean of the training pictures.
There SGD 0.1 with rising momentum learns over 250 epochs; our default is Adam 2e-4 with beta 1 = 0.5, which shows
garments within one. After three epochs of the bundled checkpoint's nets a thousand samples were 8.07 from real
garments (Frechet distance in the classifier's features) by Adam and 21.16 by SGD 0.01; SGD 0.1 diverged at step 346
(`python benchmarks/optimisers.py`, commit c52e79c, CPU, 1 thread, one seed). `--optimizer sgd --lr-g 0.1 --lr-d 0.1`
gives theirs. `width` is the number of the generator's hidden units.
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

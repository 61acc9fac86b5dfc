"""BEGAN: two autoencoders in balance; k decides how much of the judge's effort goes into redrawing fakes badly.

Berthelot, Schumm and Metz 2017, https://arxiv.org/abs/1703.10717, section 3.4: L(v) = |v - D(v)| (mean over pixels),
L_D = L(x) - k L(G(z_D)), L_G = L(G(z_G)), k <- clip(k + lambda_k (gamma L(x) - L(G(z_G))), 0, 1) from k = 0, and the
measure of convergence M = L(x) + |gamma L(x) - L(G(z_G))|. lambda_k 0.001, gamma 0.5 (the paper's range is 0.3 to 0.7),
Adam 1e-4, batch 16, z ~ U(-1, 1) of 64 numbers, ELU nets without batch norm, the code as long as z. Two differences: 32
filters, where the paper has 64 and more for faces four times as large; and the learning rate falls linearly over the
second half, where the paper halves it by hand when M stalls, so that a run is decided by its recipe alone.
Weights start from Xavier's uniform distribution and biases from 0, lest every picture be redrawn alike at first.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from .. import losses, nets
from ..gan import GAN, Batch, Loss, uniform
from ..recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class BEGANRecipe(Recipe):
    batch: int = 16
    z_dim: int = 64
    width: int = 32
    lr_g: float = 1e-4
    lr_d: float = 1e-4
    schedule: str = "linear"
    gamma: float = knob(0.5, "Gamma", "lower is cleaner and more alike, higher more varied", 0.05, 1.0)
    lambda_k: float = knob(0.001, "Balance rate", "how quickly the balance between the players is corrected", 1e-6, 1.0)


class Redraw(nn.Module):
    """(N, C, S, S) -> (N, C, S, S): BEGAN's judge."""

    def __init__(self, r: Recipe):
        super().__init__()
        self.encode = nets.EluEncoder(r.z_dim, r.width, r.size, r.channels)
        self.decode = nets.EluDecoder(r.z_dim, r.width, r.size, r.channels)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.decode(self.encode(x)))


class BEGAN(GAN):
    recipe_type = BEGANRecipe
    year, paper = 2017, "https://arxiv.org/abs/1703.10717"
    title = "two autoencoders held in balance between variety and quality"
    critic = True
    redraws = True
    formulas = (
        r"L(x) - k_t L(G(z)), \quad k_{t+1} = k_t + \lambda_k(\gamma L(x) - L(G(z)))",
        r"L(G(z)), \quad L(v) = |v - D(v)|",
    )
    recipe: BEGANRecipe
    k: Tensor
    real: Tensor

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = nets.EluDecoder(recipe.z_dim, recipe.width, recipe.size, recipe.channels)
        self.D = Redraw(recipe)
        for m in self.modules():
            if isinstance(m, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("real", torch.zeros(()))  # L(x) of the newest discriminator step

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return uniform(n, self.recipe.z_dim, rng)

    def off(self, v: Tensor) -> Tensor:
        """(N,): L(v), each picture's mean absolute error of reconstruction."""
        return (v - self.D(v)).abs().flatten(1).mean(1)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.off(b.x), self.off(x_fake)
        with torch.no_grad():
            self.real.copy_(real.mean())
        notes = losses.accuracy(-real, -fake, losses.middle(-real, -fake))
        return Loss({"real": real.mean(), "fake": -self.k.clone() * fake.mean()}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        fake = self.off(x_fake).mean()
        with torch.no_grad():
            balance = self.recipe.gamma * self.real - fake
            notes = {"k": self.k.clone(), "m": self.real + balance.abs(), "diversity": losses.diversity(x_fake)}
            self.k.add_(self.recipe.lambda_k * balance).clamp_(0, 1)
        return Loss({"adv": fake}, notes)

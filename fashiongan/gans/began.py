"""BEGAN: two autoencoders in balance; k is the weight of the fakes' reconstruction error in the discriminator's loss.

Berthelot, Schumm and Metz 2017, https://arxiv.org/abs/1703.10717, section 3.4: L(v) = |v - D(v)| (mean over pixels),
L_D = L(x) - k L(G(z_D)), L_G = L(G(z_G)), k <- clip(k + lambda_k (gamma L(x) - L(G(z_G))), 0, 1) from k = 0, and the
measure of convergence M = L(x) + |gamma L(x) - L(G(z_G))|. lambda_k 0.001, gamma 0.5 (the paper's range is 0.3 to 0.7),
Adam 1e-4, batch 16, z ~ U(-1, 1) of 64 numbers, ELU nets without batch norm, the code as long as z. There are two
differences. We use 32 filters; the paper uses 64 and more for faces four times as large. Our learning rate falls
linearly over the second half; the paper halves it by hand when M stalls, and then the recipe alone would not determine
a run. Weights start from Xavier's uniform distribution and biases from 0; else all reconstructions would start alike.

Section 3.5 improves the gradient, here by `--residuals 16000`: a layer that keeps the shape of its input returns a mix
of input and output, in which the share of the input falls from 1 to 0 over so many updates; and the decoders' first
tensor is joined in again, enlarged, after each upsampling. 0, the default, leaves both out.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class BEGANRecipe(Recipe):
    batch: int = 16
    z_dim: int = 64
    width: int = 32
    lr_g: float = 1e-4
    lr_d: float = 1e-4
    schedule: str = "linear"
    gamma: float = knob(0.5, "Gamma", "lower is cleaner and more alike, higher more varied", 0.05, 1.0)
    residuals: int = knob(
        0, "Vanishing residuals", "updates until layers stand alone; 0: without them and without skips", 0, 1_000_000
    )
    lambda_k: float = knob(0.001, "Balance rate", "how quickly the balance between the players is corrected", 1e-6, 1.0)


class Helped(nn.Module):
    """Vanishing residuals (section 3.5): a layer's input is mixed into its output, with a share that falls to 0."""

    def __init__(self, updates: int):
        super().__init__()
        self.updates = updates
        self.register_buffer("done", torch.tensor(0))
        self.done: Tensor

    def forward(self, h: Tensor, out: Tensor) -> Tensor:
        """A layer's output; until `updates` are done and if shapes agree, mixed with its input."""
        if h.shape != out.shape:
            return out
        carry = (1 - (self.done + 1) / self.updates).clamp(min=0)
        return out + (h - out) * carry.to(out.dtype)


class HelpedDecoder(networks.EluDecoder):
    """As its parent, with vanishing residuals and with the first tensor joined in after each upsampling."""

    def __init__(self, hidden: int, width: int, size: int, channels: int, updates: int):
        super().__init__(hidden, width, size, channels)
        for i in range(2, len(self.convs), 2):
            self.convs[i] = nn.Conv2d(2 * width, width, 3, padding=1)
        self.help = Helped(updates)

    def forward(self, z: Tensor) -> Tensor:
        h = first = self.start(z).unflatten(1, (self.width, self.base, self.base))
        for i, conv in enumerate(self.convs):
            if i and i % 2 == 0:
                h = F.interpolate(torch.cat([h, F.interpolate(first, h.shape[2:])], 1), scale_factor=2.0)
            h = self.help(h, networks.elu(conv(h)))
        return cast(Tensor, self.last(h)).float()


class HelpedEncoder(networks.EluEncoder):
    """As its parent, with vanishing residuals."""

    def __init__(self, hidden: int, width: int, size: int, channels: int, updates: int):
        super().__init__(hidden, width, size, channels)
        self.help = Helped(updates)

    def forward(self, x: Tensor) -> Tensor:
        h = networks.elu(self.first(x))
        for conv in self.convs[::2]:  # with an ELU after each
            h = self.help(h, networks.elu(conv(h)))
        return cast(Tensor, self.last(h.flatten(1)))


def decoder(r: BEGANRecipe) -> nn.Module:
    sizes = (r.z_dim, r.width, r.size, r.channels)
    return HelpedDecoder(*sizes, r.residuals) if r.residuals else networks.EluDecoder(*sizes)


class Redraw(nn.Module):
    """(N, C, S, S) -> (N, C, S, S): BEGAN's discriminator."""

    def __init__(self, r: BEGANRecipe):
        super().__init__()
        sizes = (r.z_dim, r.width, r.size, r.channels)
        self.encode = HelpedEncoder(*sizes, r.residuals) if r.residuals else networks.EluEncoder(*sizes)
        self.decode = decoder(r)

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
        self.G = decoder(cast(BEGANRecipe, recipe))
        self.D = Redraw(cast(BEGANRecipe, recipe))
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
            for m in self.modules():
                if isinstance(m, Helped):
                    m.done.add_(1)
        return Loss({"adv": fake}, notes)

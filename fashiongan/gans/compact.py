"""Compact and large: the two GANs of report 003, a small one and a larger one to compare it with.

The losses are those of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661. The report gives numbers of parameters
and no layers. These layers have exactly the reported numbers, for gray pictures of 28 pixels.

The discriminator has three 3x3 convolutions of stride 2, LeakyReLU 0.2, dropout and a dense layer. Its filters are 32,
32 and 64 in "compact" (29,089 parameters), and 64, 64 and 128 in "large" (113,473). The compact generator has a dense
layer 100 -> 7 x 7 x 16 with batch norm over its 784 units, three 3x3 transposed convolutions of 32 filters with batch
norm, and a 5x5 convolution to the picture: 104,881 trainable parameters, or 106,641 with the statistics of batch norm,
as reported. The report does not describe the large generator. Ours has twice the filters. `width` is the number of
filters of the first layer.

The report trained on class 9 with 100 pictures: `--classes "Ankle boot" --limit 100`, batch 32, Adam 2e-4 with
beta 1 = 0.5. Weights start from Xavier's uniform distribution. With DCGAN's N(0, 0.02), a discriminator without batch
norm hardly reacts to its input at first.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class CompactRecipe(Recipe):
    batch: int = 32
    width: int = 32
    quick = {"epochs": 4, "batch": 64}


@dataclass(frozen=True, kw_only=True)
class LargeRecipe(CompactRecipe):
    width: int = 64


class CompactG(nn.Module):
    """(N, z_dim) -> (N, C, S, S)."""

    def __init__(self, r: Recipe):
        super().__init__()
        self.base, ups = networks.stages(r.size)
        w = r.width
        self.dense = nn.Linear(r.z_dim, self.base**2 * w // 2)
        self.dense_norm = nn.BatchNorm1d(self.base**2 * w // 2)
        strides = [2] * ups + [1]
        self.convs = nn.ModuleList(
            nn.ConvTranspose2d(w // 2 if i == 0 else w, w, 3, s, 1, output_padding=s - 1) for i, s in enumerate(strides)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for _ in strides)
        self.last = nn.Conv2d(w, r.channels, 5, padding=2)
        self.output = r.output

    def forward(self, z: Tensor) -> Tensor:
        h = F.leaky_relu(self.dense_norm(self.dense(z)), 0.2).unflatten(1, (-1, self.base, self.base))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = F.leaky_relu(norm(conv(h)), 0.2)
        x = self.last(h).float()
        return torch.tanh(x) if self.output == "tanh" else torch.sigmoid(x)


class CompactD(nn.Module):
    """(N, C, S, S) -> logits (N,)."""

    def __init__(self, r: Recipe):
        super().__init__()
        w = r.width
        filters = [r.channels, w, w, 2 * w]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(filters))
        side = r.size
        for _ in self.convs:
            side = (side + 1) // 2
        self.drop = networks.Dropout(0.3)
        self.dense = nn.Linear(2 * w * side**2, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = self.drop(F.leaky_relu(conv(x), 0.2))
        return cast(Tensor, self.dense(x.flatten(1))).flatten().float()


class Compact(GAN):
    recipe_type = CompactRecipe
    year, paper = 2014, "https://arxiv.org/abs/1406.2661"
    title = "report 003's small net: a quarter of the discriminator, two fifths of the whole"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))",
        r"-\mathbb{E}\log D(G(z))",
    )

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = CompactG(recipe)
        self.D = CompactD(recipe)
        for m in self.modules():
            if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})


class Large(Compact):
    recipe_type = LargeRecipe
    title = "report 003's larger net, for comparison"

"""Studio: this project's own GAN, a modern recipe that is small enough to train on a laptop.

The loss is that of R3GAN (Huang et al. 2024, https://arxiv.org/abs/2501.05441, eqs. 2 and 3). It compares each real
garment with one generated garment of the same class, so leaving out a mode does not pay. Penalties on the
discriminator's slope, at real and at generated pictures, make it converge without further tricks. These zero-centred
penalties need a gradient of a gradient, which is slow. They are computed at every 4th step only, with 4 times the
weight (Karras et al. 2020, https://arxiv.org/abs/1912.04958, section 3.1).

The nets have DCGAN's sizes, but no batch norm, so no picture depends on the others of its batch. In the generator, each
layer's features are normalised to unit size at every pixel (Karras et al. 2018), then scaled and shifted by the latent
and the class. The discriminator projects its features on the class (Miyato and Koyama 2018,
https://arxiv.org/abs/1802.05637, eq. 4). Pictures are drawn by the averaged generator.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob

LAZY = 4  # steps between two gradient penalties


@dataclass(frozen=True, kw_only=True)
class StudioRecipe(Recipe):
    batch: int = 64
    z_dim: int = 64
    lr_g: float = 1e-3
    lr_d: float = 5e-4
    beta2: float = 0.99
    schedule: str = "linear"
    gamma: float = knob(
        0.5, "Smoothness", "how flat the discriminator is kept at garments, real and drawn", 0.0, 1000.0
    )
    # The width and batch that showed recognisable garments soonest on two cores, of those tried: benchmarks/soon.md.
    quick = {"epochs": 3, "width": 24, "batch": 16}


class StudioG(nn.Module):
    """(N, z_dim) and one-hot (N, classes) -> (N, C, S, S).

    `layers` is the number of its layers that read the latent. They go from the coarsest to the finest.
    """

    def __init__(self, r: Recipe, classes: int):
        super().__init__()
        self.base, _ = networks.stages(r.size)
        filters = networks.widths(r.size, r.width)[::-1]
        self.output = r.output
        self.start = nn.Linear(r.z_dim + classes, filters[0] * self.base**2)
        self.styles = nn.ModuleList(nn.Linear(r.z_dim + classes, 2 * c) for c in filters)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(filters, [*filters[1:], r.channels], strict=True)
        )

    @property
    def layers(self) -> int:
        return 1 + len(self.styles)

    def forward(self, z: Tensor, y: Tensor, other: Tensor | None = None, cut: int = 0) -> Tensor:
        """With other latents, layers from number `cut` on read those."""
        zy = torch.cat([z, y], 1)
        fine = zy if other is None else torch.cat([other, y], 1)
        h = (
            self.start(zy if cut > 0 else fine)
            .unflatten(1, (-1, self.base, self.base))
            .contiguous(memory_format=torch.channels_last)
        )
        for i, (style, up) in enumerate(zip(self.styles, self.ups, strict=True), 1):
            scale, shift = style(zy if cut > i else fine)[:, :, None, None].chunk(2, 1)
            h = up(F.leaky_relu(networks.pixel_norm(h) * (1 + scale) + shift, 0.2))
        return torch.tanh(h.float()) if self.output == "tanh" else torch.sigmoid(h.float())


class StudioD(nn.Module):
    """(N, C, S, S) and one-hot (N, classes) -> logits (N,)."""

    def __init__(self, r: Recipe, classes: int):
        super().__init__()
        base, _ = networks.stages(r.size)
        filters = networks.widths(r.size, r.width)
        units = 2 * r.width
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 4, 2, 1) for a, b in zip([r.channels, *filters[:-1]], filters, strict=True)
        )
        self.dense = nn.Linear(filters[-1] * base**2, units)
        self.judge = nn.Linear(units, 1, bias=False)  # only differences of scores count
        self.classes = nn.Linear(classes, units, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = x
        for down in self.downs:
            h = F.leaky_relu(down(h), 0.2)
        h = F.leaky_relu(self.dense(h.flatten(1)), 0.2)
        projected = (h * self.classes(y)).sum(1) / math.sqrt(h.shape[1])
        return (self.judge(h)[:, 0] + projected).float()


@torch.no_grad()
def he_init(net: nn.Module) -> None:
    """Start weights from N(0, 2 / inputs) and biases from 0 (He et al. 2015). LeakyReLU then keeps its inputs' size."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # In a 4x4 transposed convolution of stride 2, each output depends on a quarter of the weights.
            inputs = m.in_channels * 4 if isinstance(m, nn.ConvTranspose2d) else m.weight[0].numel()
            nn.init.normal_(m.weight, 0.0, math.sqrt(2 / inputs))
            if m.bias is not None:
                nn.init.zeros_(m.bias)


class Studio(GAN):
    recipe_type = StudioRecipe
    year, paper = 2024, "https://arxiv.org/abs/2501.05441"
    title = "this studio's own: real and drawn garments compared in pairs, by a discriminator kept smooth"
    formulas = (
        r"-\mathbb{E}\log\sigma(D(x|y) - D(G(z|y)|y))"
        r" + \tfrac{\gamma}{2}\,\mathbb{E}\lVert\nabla D(x|y)\rVert^2"
        r" + \tfrac{\gamma}{2}\,\mathbb{E}\lVert\nabla D(G(z|y)|y)\rVert^2",
        r"-\mathbb{E}\log\sigma(D(G(z|y)|y) - D(x|y))",
    )
    conditional = True
    recipe: StudioRecipe
    G: StudioG

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = StudioG(recipe, len(recipe.labels))
        self.D = StudioD(recipe, len(recipe.labels))
        he_init(self)
        with torch.no_grad():  # at the start, styles are weak and pictures are gray
            for style in self.G.styles:
                cast(nn.Linear, style).weight.mul_(0.2)
            cast(nn.ConvTranspose2d, self.G.ups[-1]).weight.mul_(0.3)

    @property
    def layers(self) -> int:
        return self.G.layers

    def generate_mixed(self, G: nn.Module, z: Tensor, other: Tensor, c: Tensor, cut: int) -> Tensor:
        return G(z, self.one_hot(c), other, cut)  # type: ignore[no-any-return]

    def kind(self, step: int) -> int:
        return int(step % LAZY == 0)

    def d_loss(self, b: Batch) -> Loss:
        y = self.one_hot(b.y)  # fakes of the real garments' classes, since they are compared in pairs
        with torch.no_grad():
            x_fake = self.G(b.z, y)
        slopes: dict[str, Tensor] = {}
        if b.step % LAZY:
            real, fake = self.D(b.x, y), self.D(x_fake, y)
        else:
            weight = LAZY * self.recipe.gamma / 2
            real, r1 = losses.scored(lambda x: self.D(x, y), b.x)
            fake, r2 = losses.scored(lambda x: self.D(x, y), x_fake)
            slopes = {"r1": weight * r1, "r2": weight * r2}
        notes = losses.accuracy(real, fake, losses.middle(real, fake))
        return Loss({"pair": losses.pair_d(real, fake), **slopes}, notes)

    def g_loss(self, b: Batch) -> Loss:
        y = self.one_hot(b.y)
        x_fake = self.G(b.z, y)
        fake = self.D(x_fake, y)
        with torch.no_grad():
            real = self.D(b.x, y)
        return Loss({"pair": losses.pair_d(fake, real)}, {"diversity": losses.diversity(x_fake)})

"""StyleGAN: a latent becomes a style that scales the channels of every layer, and noise adds fine random detail.

Karras et al. 2019, https://arxiv.org/abs/1812.04948 (mapping network, styles, noise, mixing, truncation), with the
generator of Karras et al. 2020, https://arxiv.org/abs/1912.04958: convolutions modulated by the style and demodulated
(section 2.2, eqs. 1 and 3), pictures summed over the sizes (section 4.1, "skip"), a residual discriminator, and the
non-saturating loss with R1 every 16th step (section 3.1). Constants for small pictures are from the authors'
configuration for CIFAR-10 (NVlabs/stylegan2-ada): a mapping network of 2 layers at a hundredth of the learning rate,
Adam 2.5e-3 with betas (0, 0.99), batch 64, z and w of 512, gamma 0.01, no style mixing in training, and no path length
regulariser, which is slow. The discriminator is the residual one of their other configurations; CIFAR-10's has no
skips.

A latent is (style, truncation, noise): z_dim numbers of N(0, I); one number psi, 1 at first, by which truncation moves
w towards its mean; and the noise of every layer. So the latent alone determines the picture, and sliders that move the
style keep the noise.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob

LAZY = 16  # steps between two R1 penalties (2020, section 3.1)
MEMORY = 0.998  # decay of the mean w, per batch (stylegan2-ada)


@dataclass(frozen=True, kw_only=True)
class StyleGANRecipe(Recipe):
    batch: int = 64
    z_dim: int = 512
    lr_g: float = 2.5e-3
    lr_d: float = 2.5e-3
    beta1: float = 0.0
    beta2: float = 0.99
    mapping: int = knob(2, "Mapping layers", "dense layers that turn a latent into a style", 1, 16)
    mixing: float = knob(0.0, "Style mixing", "share of pictures drawn with two styles, so that layers part", 0.0, 1.0)
    gamma: float = knob(
        0.01, "Smoothness", "how strongly the discriminator's slope at real garments is penalised (R1)", 0.0, 1000.0
    )
    quick = {"epochs": 2, "width": 16}


class Mapping(nn.Module):
    """z (N, z_dim) -> w (N, z_dim)."""

    def __init__(self, z_dim: int, depth: int):
        super().__init__()
        self.layers = nn.ModuleList(networks.EqualLinear(z_dim, z_dim, rate=0.01) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        w = networks.pixel_norm(z)
        for layer in self.layers:
            w = networks.leaky(layer(w))
        return w


class Modulated(nn.Module):
    """A modulated convolution, 3x3 or 1x1: x (N, C, H, W), w (N, z_dim) -> (N, outputs, H, W).

    A style scales the input channels; demodulation divides each output by the standard deviation that unit inputs would
    have. Scaling inputs and outputs gives the same as scaling the weights, and needs no weights for each picture.
    """

    def __init__(self, z_dim: int, inputs: int, outputs: int, side: int = 3, demodulate: bool = True):
        super().__init__()
        self.style = networks.EqualLinear(z_dim, inputs, start=1.0)
        self.conv = networks.EqualConv(inputs, outputs, side, bias=False)
        self.demodulate = demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        s = self.style(w)  # (N, inputs)
        h = self.conv(x * s[:, :, None, None])
        if self.demodulate:
            # A fixed memory order makes the sum round the same way, wherever the weights came from.
            weight = (self.conv.weight * self.conv.scale).contiguous().square().sum((2, 3))  # (outputs, inputs)
            d = torch.rsqrt(s.float().square() @ weight.T + 1e-8)  # eq. 3
            h = h * d.to(h.dtype)[:, :, None, None]
        return cast(Tensor, h)


class Layer(nn.Module):
    """A modulated convolution, its noise, its bias, LeakyReLU."""

    def __init__(self, z_dim: int, inputs: int, outputs: int):
        super().__init__()
        self.conv = Modulated(z_dim, inputs, outputs)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        h = self.conv(x, w)
        return networks.leaky(h + (self.strength * noise + self.bias[:, None, None]).to(h.dtype))


class StyleG(nn.Module):
    """(N, z_dim + 1 + noise) latents -> (N, C, S, S). Each of its `layers` takes a style, from coarse to fine."""

    def __init__(self, r: StyleGANRecipe):
        super().__init__()
        base, _ = networks.stages(r.size)
        filters = [networks.widths(r.size, r.width)[-1], *networks.widths(r.size, r.width)[::-1]]
        self.z_dim, self.output = r.z_dim, r.output
        self.mapping = Mapping(r.z_dim, r.mapping)
        self.start = nn.Parameter(torch.randn(filters[0], base, base))
        self.convs, self.pictures = nn.ModuleList(), nn.ModuleList()
        self.sides: list[int] = []
        for i, outputs in enumerate(filters):
            for inputs in (filters[i - 1], outputs) if i else (outputs,):
                self.convs.append(Layer(r.z_dim, inputs, outputs))
                self.sides.append(base * 2**i)
            self.pictures.append(Modulated(r.z_dim, outputs, r.channels, 1, demodulate=False))
        self.biases = nn.Parameter(torch.zeros(r.channels))
        self.register_buffer("mean", torch.zeros(r.z_dim))
        self.mean: Tensor

    @property
    def layers(self) -> int:
        return len(self.convs)

    def styles(self, latents: Tensor) -> Tensor:
        """(N, z_dim): w, moved towards its mean by the latents' psi; training updates the running mean."""
        w = self.mapping(latents[:, : self.z_dim]).float()
        if self.training:
            self.mean.lerp_(w.detach().mean(0), 1 - MEMORY)
        return torch.lerp(self.mean, w, latents[:, self.z_dim : self.z_dim + 1])

    def forward(self, latents: Tensor, other: Tensor | None = None, cut: Tensor | None = None) -> Tensor:
        """With `other` latents, layers from number `cut` (N,) on use their styles."""
        w = self.styles(latents)
        fine = None if other is None else self.styles(other)
        noise = latents[:, self.z_dim + 1 :].split([side**2 for side in self.sides], 1)
        h = self.start.expand(latents.shape[0], -1, -1, -1)
        x: Tensor | None = None
        for i, (conv, side) in enumerate(zip(self.convs, self.sides, strict=True)):
            if i % 2:  # the first of a size
                h = networks.twice(h)
            style = w if fine is None or cut is None else torch.where((cut <= i)[:, None], fine, w)
            h = conv(h, style, noise[i].view(-1, 1, side, side))
            if i % 2 == 0:  # the last of a size
                drawn = self.pictures[i // 2](h, style).float()
                x = drawn if x is None else networks.twice(x) + drawn
        assert x is not None
        x = x + self.biases[:, None, None]
        return torch.tanh(x) if self.output == "tanh" else torch.sigmoid(x)


class StyleD(nn.Module):
    """(N, C, S, S) -> logits (N,): residual blocks that halve the size, minibatch std, and two dense layers."""

    def __init__(self, r: StyleGANRecipe):
        super().__init__()
        base, _ = networks.stages(r.size)
        filters = [*networks.widths(r.size, r.width), networks.widths(r.size, r.width)[-1]]
        self.first = networks.EqualConv(r.channels, filters[0], 1)
        self.blocks = nn.ModuleList(
            nn.ModuleList([networks.EqualConv(a, a), networks.EqualConv(a, b), networks.EqualConv(a, b, 1, bias=False)])
            for a, b in pairwise(filters)
        )
        self.last = networks.EqualConv(filters[-1] + 1, filters[-1])
        self.dense = networks.EqualLinear(filters[-1] * base**2, filters[-1])
        self.judge = networks.EqualLinear(filters[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        h = networks.leaky(self.first(x))
        for block in self.blocks:
            one, two, skip = cast(nn.ModuleList, block)
            inner = F.avg_pool2d(networks.leaky(two(networks.leaky(one(h)))), 2)
            h = (inner + skip(F.avg_pool2d(h, 2))) / math.sqrt(2)
        h = networks.leaky(self.last(networks.minibatch_std(h)))
        return cast(Tensor, self.judge(networks.leaky(self.dense(h.flatten(1))))).flatten().float()


class StyleGAN(GAN):
    recipe_type = StyleGANRecipe
    year, paper = 2019, "https://arxiv.org/abs/1812.04948"
    title = "a latent becomes a style for every layer, and styles of two garments mix"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z)))"
        r" + \tfrac{\gamma}{2}\,\mathbb{E}\lVert\nabla D(x)\rVert^2",
        r"-\mathbb{E}\log D(G(z))",
    )
    recipe: StyleGANRecipe
    G: StyleG

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = StyleG(cast(StyleGANRecipe, recipe))
        self.D = StyleD(cast(StyleGANRecipe, recipe))

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        z = torch.randn(n, self.recipe.z_dim, generator=rng, device=rng.device)
        noise = torch.randn(n, sum(side**2 for side in self.G.sides), generator=rng, device=rng.device)
        return torch.cat([z, torch.ones_like(z[:, :1]), noise], 1)

    def truncate(self, z: Tensor, psi: float) -> Tensor:
        """Latents whose w is psi times as far from its mean (2019, appendix B), with noise times psi."""
        return torch.cat([z[:, : self.recipe.z_dim], z[:, self.recipe.z_dim :] * psi], 1)

    @property
    def layers(self) -> int:
        return self.G.layers

    def generate_mixed(self, G: nn.Module, z: Tensor, other: Tensor, c: Tensor, cut: int) -> Tensor:  # noqa: ARG002
        return G(z, other, torch.full((len(z),), cut, device=z.device))  # type: ignore[no-any-return]

    def draw(self, b: Batch) -> Tensor:
        """Fakes from b's latents; a share `mixing` of them use a second style from a random layer on."""
        n, rng = len(b.z), b.rng
        if not self.recipe.mixing:
            return self.G(b.z)  # type: ignore[no-any-return]
        mixed = torch.rand(n, generator=rng, device=b.z.device) < self.recipe.mixing
        cut = torch.randint(1, self.G.layers, (n,), generator=rng, device=b.z.device)
        other = self.latents(n, rng)
        return self.G(b.z, other, torch.where(mixed, cut, self.G.layers))  # type: ignore[no-any-return]

    def kind(self, step: int) -> int:
        return int(step % LAZY == 0)

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.draw(b)
        if b.step % LAZY:
            real, terms = self.D(b.x), {}
        else:
            real, square = losses.scored(self.D, b.x)
            terms = {"slope": self.recipe.gamma / 2 * LAZY * square}
        fake = self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake, **terms}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.draw(b)
        return Loss({"adv": losses.bce_g(self.D(x_fake))}, {"diversity": losses.diversity(x_fake)})

"""ProGAN: both players begin with tiny pictures, and layers for finer ones are faded in while they train.

Karras et al. 2018, https://arxiv.org/abs/1710.10196: a phase of 600,000 pictures at each size and one for each fade
between (section 2, appendix A); equalised learning rate, pixel norm in the generator, one more channel with the
batch's standard deviation in the discriminator (sections 3 and 4); the loss of WGAN-GP with lambda 10, one turn
each, and a drift term of 0.001 E f(x)^2 (appendix A.1); Adam 1e-3 with betas (0, 0.99), batch 16, z of 512 on the
unit sphere, averaged weights.

Pictures come out full-size at every age, small ones enlarged, and the discriminator shrinks what it sees to its own
age. Every size has as many filters, as the paper's sizes up to 32 do, so one layer turns them to pictures and one
reads them. The last layer ends in the recipe's output range, where the paper's is linear.
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

DRIFT = 1e-3


@dataclass(frozen=True, kw_only=True)
class ProGANRecipe(Recipe):
    batch: int = 16
    z_dim: int = 512
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    penalty: float = knob(10.0, "Penalty", "how strictly the critic's slope is held at 1", 0.0, 1000.0)
    phase: int = knob(
        600_000, "Phase", "pictures seen at each size, and while the next one fades in; 0 begins fully grown",
        0, 100_000_000,
    )  # fmt: skip
    quick = {"epochs": 4, "width": 16, "batch": 64, "phase": 30_000}


class Growing(nn.Module):
    """What both players share: how many pictures were seen, in a buffer, and so their age."""

    def __init__(self, r: ProGANRecipe):
        super().__init__()
        self.base, self.ups = networks.stages(r.size)
        self.phase = r.phase
        self.register_buffer("seen", torch.tensor(0))
        self.seen: Tensor

    @property
    def age(self) -> float:
        """0 with the smallest pictures, 1 with twice that side, and so on; between them a size fades into the next."""
        if not self.phase:
            return float(self.ups)
        doublings, share = divmod(int(self.seen) / self.phase, 2)
        return min(doublings + max(0.0, share - 1), float(self.ups))

    def now(self) -> tuple[int, float]:
        """The finest size in use, as a number of doublings, and how far it is faded in, above 0 to 1."""
        level = math.ceil(self.age)
        return level, 1 - (level - self.age)


class GrowingG(Growing):
    """(N, z_dim) -> (N, C, S, S)."""

    def __init__(self, r: ProGANRecipe):
        super().__init__(r)
        self.start = networks.EqualLinear(r.z_dim, r.width * self.base**2)
        self.first = networks.EqualConv(r.width, r.width)
        self.blocks = nn.ModuleList(
            nn.ModuleList([networks.EqualConv(r.width, r.width), networks.EqualConv(r.width, r.width)])
            for _ in range(self.ups)
        )
        self.picture = networks.EqualConv(r.width, r.channels, 1)
        self.width, self.size, self.output = r.width, r.size, r.output

    def forward(self, z: Tensor) -> Tensor:
        level, fade = self.now()
        h = self.start(networks.pixel_norm(z)).unflatten(1, (self.width, self.base, self.base))
        h = networks.pixel_norm(networks.leaky(self.first(networks.pixel_norm(networks.leaky(h)))))
        coarse = h
        for block in list(self.blocks)[:level]:
            coarse, h = h, F.interpolate(h, scale_factor=2.0, mode="nearest")
            for layer in cast(nn.ModuleList, block):
                h = networks.pixel_norm(networks.leaky(layer(h)))
        x = self.picture(h).float()
        if fade < 1:
            x = torch.lerp(F.interpolate(self.picture(coarse).float(), scale_factor=2.0, mode="nearest"), x, fade)
        x = torch.tanh(x) if self.output == "tanh" else torch.sigmoid(x)
        return F.interpolate(x, size=self.size, mode="nearest")


class GrowingD(Growing):
    """(N, C, S, S) -> scores (N,)."""

    def __init__(self, r: ProGANRecipe):
        super().__init__(r)
        self.read = networks.EqualConv(r.channels, r.width, 1)
        self.blocks = nn.ModuleList(  # from the coarsest, as the generator's
            nn.ModuleList([networks.EqualConv(r.width, r.width), networks.EqualConv(r.width, r.width)])
            for _ in range(self.ups)
        )
        self.last = networks.EqualConv(r.width + 1, r.width)
        self.dense = networks.EqualLinear(r.width * self.base**2, r.width)
        self.judge = networks.EqualLinear(r.width, 1)

    def forward(self, x: Tensor) -> Tensor:
        level, fade = self.now()
        x = F.avg_pool2d(x, 2 ** (self.ups - level))
        h = networks.leaky(self.read(x))
        for i, block in reversed(list(enumerate(list(self.blocks)[:level], start=1))):
            for layer in cast(nn.ModuleList, block):
                h = networks.leaky(layer(h))
            h = F.avg_pool2d(h, 2)
            if i == level and fade < 1:
                h = torch.lerp(networks.leaky(self.read(F.avg_pool2d(x, 2))).to(h.dtype), h, fade)
        h = networks.leaky(self.last(networks.minibatch_std(h)))
        return cast(Tensor, self.judge(networks.leaky(self.dense(h.flatten(1))))).flatten().float()


class ProGAN(GAN):
    recipe_type = ProGANRecipe
    year, paper = 2018, "https://arxiv.org/abs/1710.10196"
    title = "grows from tiny pictures to large ones while it trains"
    critic = True
    formulas = (
        r"\mathbb{E} f(G(z)) - \mathbb{E} f(x) + \lambda\,\mathbb{E}(\lVert\nabla f(\hat x)\rVert - 1)^2"
        r" + \epsilon\,\mathbb{E} f(x)^2",
        r"-\mathbb{E} f(G(z))",
    )
    recipe: ProGANRecipe
    G: GrowingG
    D: GrowingD

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = GrowingG(cast(ProGANRecipe, recipe))
        self.D = GrowingD(cast(ProGANRecipe, recipe))

    def kind(self, step: int) -> None:
        """Every update is of an age of its own."""

    def after_d_step(self) -> None:
        self.G.seen += self.recipe.batch
        self.D.seen += self.recipe.batch

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real, fake = self.D(b.x), self.D(x_fake)
        slopes = losses.slope(self.D, losses.between(b.x, x_fake, b.rng))
        distance = real.mean() - fake.mean()
        notes = {"d_distance": distance, "d_slope": slopes.mean()}
        notes |= losses.accuracy(real, fake, losses.middle(real, fake))
        penalty = self.recipe.penalty * (slopes - 1).square().mean()
        return Loss({"critic": -distance, "penalty": penalty, "drift": DRIFT * real.square().mean()}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": -self.D(x_fake).mean()}, {"diversity": losses.diversity(x_fake)})

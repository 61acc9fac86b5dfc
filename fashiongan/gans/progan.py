"""ProGAN: both nets begin with tiny pictures, and layers for larger ones fade in while they train.

Karras et al. 2018, https://arxiv.org/abs/1710.10196. There is a phase for each size and one for each fade between two
sizes, in which real pictures fade as the generated ones do (section 2, figure 2, appendix A). Adam starts anew in each
phase, as in the authors' code (tkarras/progressive_growing_of_gans). Equalised learning rate, pixel norm in the
generator, one more channel with the batch's standard deviation in the discriminator (sections 3 and 4); the loss of
WGAN-GP with lambda 10, one step each, and a drift term of 0.001 E f(x)^2 (appendix A.1); Adam 1e-3 with betas
(0, 0.99), batch 16, z of 512 on the unit sphere, averaged weights. The paper's phases have 600,000 pictures each. Ours
share the first half of the run, whatever its length; the second half trains at full size.

The generator always returns pictures of the full size, enlarged in early phases, and the discriminator shrinks its
input to the current size. Every size has the same number of filters, as up to 32 pixels in the paper, so one layer
makes pictures from all and one reads them. The last layer ends in the recipe's output range; the paper's is linear.
Latents are put on the sphere when they are drawn, so that truncation can move them inwards, where the biases of the
first layer weigh more.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import StudioError
from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe, knob

DRIFT = 1e-3
UNIT = 1_000_000  # length of a phase in `seen`, if the run's length determines how long a phase is


@dataclass(frozen=True, kw_only=True)
class ProGANRecipe(Recipe):
    batch: int = 16
    z_dim: int = 512
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    penalty: float = knob(10.0, "Penalty", "how strictly the critic's slope is held at 1", 0.0, 1000.0)
    phase: int | None = knob(
        None, "Phase", "pictures seen at each size, and while the next one fades in; 0 begins fully grown, and empty "
        "means that growing takes half of the run", 0, 100_000_000,
    )  # fmt: skip
    quick = {"epochs": 4, "width": 16, "batch": 64}


class Growing(nn.Module):
    """The base of both nets: a buffer counts the pictures (or parts of a phase) seen so far, which gives their age."""

    def __init__(self, r: ProGANRecipe):
        super().__init__()
        self.base, self.ups = networks.stages(r.size)
        self.size, self.phase = r.size, UNIT if r.phase is None else r.phase
        self.register_buffer("seen", torch.tensor(0))
        self.seen: Tensor
        self.cpu_stage: int | None = None  # `stage` in training, as a Python number, so that nothing waits for the GPU

    @property
    def age(self) -> float:
        """0 at the smallest size, 1 at twice that side, and so on; fractions while one size fades into the next."""
        if not self.phase:
            return float(self.ups)
        doublings, share = divmod(int(self.seen) / self.phase, 2)
        return min(doublings + max(0.0, share - 1), float(self.ups))

    @property
    def stage(self) -> int:
        """The number of completed phases. In even stages the size stays; in odd ones the next size fades in."""
        if self.cpu_stage is not None:
            return self.cpu_stage
        return min(int(self.seen) // self.phase, 2 * self.ups) if self.phase else 2 * self.ups

    def now(self) -> tuple[int, Tensor | None]:
        """The largest size in use, as a number of doublings, and its share in a fade, 0..1; None without a fade."""
        stage = self.stage
        return (stage + 1) // 2, self.seen / self.phase - stage if stage % 2 else None

    def faded(self, x: Tensor) -> Tensor:
        """Real pictures (N, C, S, S) reduced to the detail that the generator can draw at this stage."""
        level, fade = self.now()
        if level == self.ups and fade is None:
            return x
        x = F.avg_pool2d(x, 2 ** (self.ups - level))
        if fade is not None:
            x = mixed(F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0, mode="nearest"), x, fade)
        return F.interpolate(x, size=self.size, mode="nearest")


def mixed(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Linear interpolation: a for a share of 0, b for 1."""
    return a + (b - a) * share


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
        self.width, self.output = r.width, r.output

    def forward(self, z: Tensor) -> Tensor:
        level, fade = self.now()
        h = self.start(z).unflatten(1, (self.width, self.base, self.base))
        h = networks.pixel_norm(networks.leaky(self.first(networks.pixel_norm(networks.leaky(h)))))
        coarse = h
        for block in list(self.blocks)[:level]:
            coarse, h = h, F.interpolate(h, scale_factor=2.0, mode="nearest")
            for layer in cast(nn.ModuleList, block):
                h = networks.pixel_norm(networks.leaky(layer(h)))
        x = self.picture(h).float()
        if fade is not None:
            x = mixed(F.interpolate(self.picture(coarse).float(), scale_factor=2.0, mode="nearest"), x, fade)
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
            if i == level and fade is not None:
                h = mixed(networks.leaky(self.read(F.avg_pool2d(x, 2))).to(h.dtype), h, fade)
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

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        return networks.pixel_norm(super().latents(n, rng))

    def kind(self, step: int) -> int:  # noqa: ARG002  `grow` has set the stage of this step
        return self.G.stage

    def fit(self, steps: int) -> None:
        phases, phase = 2 * self.G.ups, self.recipe.phase
        shown = steps * self.recipe.batch * self.recipe.d_steps
        if phase is None and steps < 2 * phases:
            raise StudioError(
                f"progan cannot grow to {self.recipe.size} pixels in {steps} updates: give it at least {2 * phases}, "
                "or --phase 0 to begin fully grown."
            )
        if phase is not None and phases * phase > shown:
            raise StudioError(
                f"progan cannot grow to {self.recipe.size} pixels in this run: {phases} phases of {phase:,} pictures "
                f"are {phases * phase:,}, and it sees {shown:,}; train for longer, or leave --phase out."
            )

    def grow(self, step: int, steps: int) -> bool:
        r, before, phases = self.recipe, self.G.stage, 2 * self.G.ups
        seen = step * r.batch * r.d_steps if r.phase is not None else step * 2 * phases * UNIT // steps
        now = max(before, min(seen // self.G.phase, phases) if self.G.phase else phases)
        for net in (self.G, self.D):
            net.seen.clamp_(min=seen)  # a finished run that is extended keeps its size
            net.cpu_stage = now
        return now > before

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        x = self.D.faded(b.x)
        real, fake = self.D(x), self.D(x_fake)
        slopes = losses.slope(self.D, losses.between(x, x_fake, b.rng))
        distance = real.mean() - fake.mean()
        notes = {"d_distance": distance, "d_slope": slopes.mean()}
        notes |= losses.accuracy(real, fake, losses.middle(real, fake))
        penalty = self.recipe.penalty * (slopes - 1).square().mean()
        return Loss({"critic": -distance, "penalty": penalty, "drift": DRIFT * real.square().mean()}, notes)

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        return Loss({"adv": -self.D(x_fake).mean()}, {"diversity": losses.diversity(x_fake)})

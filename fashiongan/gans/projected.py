"""Projected GAN: the discriminator sees features of a frozen ImageNet net, so a few thousand photographs are enough.

Sauer et al. 2021 (https://arxiv.org/abs/2111.01007). Real and drawn pictures go through EfficientNet-Lite0, which is
not trained. Fixed random convolutions, 1x1 across channels and 3x3 across scales, mix features of four resolutions
(section 3.2). A small discriminator with spectral norm scores each level at each place, by the hinge loss (eq. 4; no
penalty). The mixed features have standard deviations from 5 to 31, so each level is first scaled to 1.

The generator follows FastGAN (Liu et al. 2021, https://arxiv.org/abs/2101.04775): gated linear units, and skip-layer
excitation, in which coarse layers gate the channels of fine ones. Both nets get the class: with the latent, it scales
and shifts the generator's batch norms (as in BigGAN, Brock et al. 2019,
https://arxiv.org/abs/1809.11096), and every level of the discriminator projects its features on it (Miyato and Koyama
2018, https://arxiv.org/abs/1802.05637, eq. 4). Beside its features, a level sees how much the batch's pictures of one
class differ, since a generator that draws each class well may draw it always alike.

`apart` adds diversity-sensitive regularization (Yang et al. 2019, https://arxiv.org/abs/1901.09024, eq. 3): where a
class has few pictures, the generator may draw one outline for all latents, and the discriminator's loss alone does not
bring the others back.

With cut-outs (`--fit cutout`) it draws color with alpha. The discriminator gets real and drawn garments on plain
backgrounds of random colors, so that only the garment itself counts.

Only training needs the frozen net: a checkpoint draws without it.
"""

import itertools
import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from . import losses, networks
from .base import GAN, Batch, Loss
from .efficientnet import CHANNELS, EfficientNet, load
from .recipe import Recipe, knob

WIDTHS = (2.5, 2.5, 2.0, 1.5, 1.0, 0.375, 0.25)  # channels at 4, 8, 16 ... 256 pixels, times the width
MIXED = (64, 64, 128, 128)  # channels of the mixed features, fine to coarse
INSIDE = 64  # channels inside a discriminator
CODE = 32  # numbers that stand for the class in the generator
PLAIN = 0.5  # share of white backgrounds
# Up to this mean absolute difference, in 0..1, `apart` drives two garments of a class apart. Of real ones in
# garments-256, alpha differs by 0.15 (t-shirts) to 0.26 (shoes), and color on white by 0.17 to 0.24.
BOUND = 0.15


@dataclass(frozen=True, kw_only=True)
class ProjectedRecipe(Recipe):
    size: int = 128
    batch: int = 64
    z_dim: int = 64
    lr_g: float = 4e-4
    lr_d: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    augment: str = "flip,colour,shift,cutout"
    seen: int = knob(
        128, "Pixels seen", "size at which the frozen net looks; larger sees finer detail, and takes longer", 64, 256
    )
    apart: float = knob(
        0.0, "Keep apart", "weight of a loss that makes two garments of one class differ as their latents do", 0, 50
    )
    quick = {"epochs": 4, "size": 64, "width": 32, "batch": 32, "seen": 64}


class Up(nn.Module):
    """(N, a, S, S) and styles (N, s) -> (N, b, 2 S, 2 S): transposed convolution, then a `Gate`."""

    def __init__(self, a: int, b: int, style: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(a, 2 * b, 4, 2, 1, bias=False)
        self.gate = Gate(b, style)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        return cast(Tensor, self.gate(self.conv(h), w))


class Gate(nn.Module):
    """(N, 2 b, S, S) -> (N, b, S, S): batch norm, scaled and shifted by the style, then a gated linear unit."""

    def __init__(self, b: int, style: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(2 * b, affine=False)
        self.bend = nn.Linear(style, 4 * b)
        nn.init.normal_(self.bend.weight, 0.0, 0.5 / math.sqrt(style))
        nn.init.zeros_(self.bend.bias)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.bend(w)[:, :, None, None].chunk(2, 1)
        if self.training:
            return F.glu(self.norm(h) * (1 + scale) + shift, 1)
        # The same in one pass over the picture: memory traffic dominates the time of drawing.
        mean, variance = (cast(Tensor, v)[:, None, None] for v in (self.norm.running_mean, self.norm.running_var))
        scale = (1 + scale) * (variance + self.norm.eps).rsqrt()
        return F.glu(torch.addcmul(shift - mean * scale, h, scale), 1)


class Excite(nn.Module):
    """Skip-layer excitation (Liu et al. 2021, eq. 1): coarse layers (N, a, ...) gate each fine channel (N, b, ...) by a
    factor in 0..1."""

    def __init__(self, a: int, b: int):
        super().__init__()
        self.net = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Conv2d(a, b, 4), nn.SiLU(), nn.Conv2d(b, b, 1))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return fine * torch.sigmoid(self.net(coarse))


class ProjectedG(nn.Module):
    """(N, z_dim) and one-hot or blended classes (N, classes) -> (N, channels, S, S) in -1..1 or 0..1."""

    def __init__(self, r: Recipe, classes: int):
        super().__init__()
        self.base, ups = networks.stages(r.size)
        widths = [max(8, round(share * r.width)) for share in WIDTHS[: ups + 1]]
        self.output = r.output
        self.code = nn.Linear(classes, CODE, bias=False)
        nn.init.normal_(self.code.weight)
        style = r.z_dim + CODE
        self.start = nn.Linear(style, 2 * widths[0] * self.base**2)
        self.first = Gate(widths[0], style)
        self.ups = nn.ModuleList(Up(a, b, style) for a, b in itertools.pairwise(widths))
        self.excite = nn.ModuleList(Excite(a, b) for a, b in zip(widths, widths[4:], strict=False))
        self.last = nn.Conv2d(widths[-1], r.channels, 3, padding=1)

    @property
    def layers(self) -> int:
        """How many layers read a latent, from coarse to fine."""
        return 1 + len(self.ups)

    def forward(self, z: Tensor, y: Tensor, other: Tensor | None = None, cut: int = 0) -> Tensor:
        """With `other` latents, layers from number `cut` on read those."""
        code = self.code(y)
        w = torch.cat([z, code], 1)
        fine = w if other is None else torch.cat([other, code], 1)
        begin = w if cut > 0 else fine
        h = self.start(begin).unflatten(1, (-1, self.base, self.base)).contiguous(memory_format=torch.channels_last)
        outputs = [self.first(h, begin)]
        for i, up in enumerate(self.ups, 1):
            h = up(outputs[-1], w if cut > i else fine)
            outputs.append(self.excite[i - 4](outputs[i - 4], h) if i >= 4 else h)
        h = self.last(outputs[-1]).float()
        return torch.tanh(h) if self.output == "tanh" else torch.sigmoid(h)


class Projector:
    """Frozen features of pictures (N, 3, S, S) in -1..1: four levels (N, MIXED[i], R, R), fine to coarse, mixed.

    It is not an nn.Module, since it has nothing to train or save. Its weights come from a fixed seed, with He's scale.
    """

    def __init__(self, seen: int):
        self.seen = seen
        rng = torch.Generator().manual_seed(0)
        self.across = [he(a, b, 1, rng) for a, b in zip(CHANNELS, MIXED, strict=True)]
        self.down = [he(a, b, 3, rng) for a, b in zip(MIXED[:0:-1], MIXED[-2::-1], strict=True)]  # coarse to fine
        self.net: EfficientNet | None = None

    def __call__(self, x: Tensor) -> list[Tensor]:
        if self.net is None:
            self.net = load("lite0", str(x.device))
            self.across, self.down = ([w.to(x.device) for w in ws] for ws in (self.across, self.down))
        if x.shape[-1] != self.seen:
            x = F.interpolate(x, size=self.seen, mode="bilinear", align_corners=False)
        features = [F.conv2d(h, w) for h, w in zip(self.net(x), self.across, strict=True)]
        mixed = [features[-1]]
        for w, finer in zip(self.down, features[-2::-1], strict=True):
            coarse = F.interpolate(
                F.conv2d(mixed[-1], w, padding=1), size=finer.shape[2:], mode="bilinear", align_corners=False
            )
            mixed.append(coarse + finer)
        return mixed[::-1]


def he(inputs: int, outputs: int, side: int, rng: torch.Generator) -> Tensor:
    """Weights (outputs, inputs, side, side) from N(0, 2 / (inputs side^2))."""
    return torch.randn(outputs, inputs, side, side, generator=rng) * math.sqrt(2 / (inputs * side**2))


class Level(nn.Module):
    """The discriminator of one level: features (N, C, R, R) and classes (N, K) -> logits (N, places)."""

    def __init__(self, channels: int, side: int, classes: int):
        super().__init__()
        layers: list[nn.Module] = []
        while side > 7:
            layers += [spectral_norm(nn.Conv2d(channels, INSIDE, 4, 2, 1)), nn.LeakyReLU(0.2)]
            channels, side = INSIDE, side // 2
        layers += [spectral_norm(nn.Conv2d(channels, INSIDE, 3, padding=1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.output = spectral_norm(nn.Conv2d(INSIDE + 1, 1, 3, padding=1, bias=False))
        self.by_class = spectral_norm(nn.Conv2d(INSIDE, INSIDE, 3, padding=1, bias=False))
        self.code = nn.Linear(classes, INSIDE, bias=False)
        nn.init.normal_(self.code.weight)

    def forward(self, f: Tensor, y: Tensor) -> Tensor:
        h = self.body(f)
        out = self.output(networks.class_std(h, y))[:, 0]
        by_label = (self.by_class(h) * self.code(y)[:, :, None, None]).sum(1) / math.sqrt(INSIDE)
        return (out + by_label).flatten(1)


class Ground(nn.Module):
    """Pictures (N, 3, S, S) for the frozen net. Those with alpha (N, 4, S, S) are composed on plain backgrounds, half
    of them white; gray ones (N, 1, S, S) get three equal channels.

    It draws from `rng`, which the trainer sets, so that a resumed run draws the same as an uninterrupted one.
    """

    def __init__(self, low: float):
        super().__init__()
        self.low = low
        self.rng: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != 4:
            return x.expand(-1, 3, -1, -1)
        color = torch.rand(len(x), 4, 1, 1, generator=self.rng, device=x.device)
        ground = torch.where(color[:, 3:] < PLAIN, 1.0, color[:, :3] * (1 - self.low) + self.low)
        return laid_on(x, ground, self.low)


def laid_on(x: Tensor, ground: Tensor, low: float) -> Tensor:
    """(N, 4, S, S) with alpha, composed on `ground`, which broadcasts to (N, 3, S, S): (N, 3, S, S), all in low..1."""
    alpha = (x[:, 3:] - low) / (1 - low)
    return x[:, :3] * alpha + ground * (1 - alpha)


class ProjectedD(nn.Module):
    """Pictures (N, 1, 3 or 4, S, S) in low..1 and classes (N, K) -> logits [(N, places)], a level each, fine first."""

    scale: Tensor

    def __init__(self, seen: int, classes: int, low: float = -1.0):
        super().__init__()
        self.low = low
        self.ground = Ground(low)
        self.project = Projector(seen)
        self.levels = nn.ModuleList(Level(c, max(1, seen // (4 * 2**i)), classes) for i, c in enumerate(MIXED))
        self.register_buffer("scale", torch.ones(len(MIXED)))  # measured on the first real pictures

    def features(self, x: Tensor) -> list[Tensor]:
        """The mixed features of pictures, each level of unit size."""
        x = self.ground(x)
        x = (x - self.low) * (2 / (1 - self.low)) - 1
        return [f.float() * k for f, k in zip(self.project(x), self.scale, strict=True)]

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Set each level's scale so that its features of these real pictures have a standard deviation of 1."""
        self.scale.fill_(1)
        self.scale.copy_(torch.stack([1 / f.std() for f in self.features(x)]))

    def forward(self, x: Tensor, y: Tensor) -> list[Tensor]:
        features = self.features(x)
        with torch.autocast(x.device.type, enabled=False):  # spectral norm needs float32
            return [level(f, y) for level, f in zip(self.levels, features, strict=True)]


def hinge_d(real: list[Tensor], fake: list[Tensor]) -> tuple[Tensor, Tensor]:
    """max(0, 1 - D(x)) and max(0, 1 + D(G(z))), averaged over places and added over levels (eq. 4)."""
    on_real = torch.stack([F.relu(1 - v).mean() for v in real]).sum()
    return on_real, torch.stack([F.relu(1 + v).mean() for v in fake]).sum()


def hinge_g(fake: list[Tensor]) -> Tensor:
    """-D(G(z)), averaged over places and added over levels."""
    return -torch.stack([v.mean() for v in fake]).sum()


def alike(x: Tensor, z: Tensor, low: float) -> Tensor:
    """How far two garments of a class fall short of the difference that their latents ask for: 0 (not at all) to 1.

    The first half of `x` (N, C, S, S), in low..1, is compared with the second, and so are the latents `z` (N, Z): the
    mean absolute difference of color on white, and of alpha if there is one, divided by that of the latents, which
    counts as 1 where it is as large as that of two normal ones, and cut at BOUND (Yang et al. 2019, eq. 3).
    """
    u, v = z.float().chunk(2)
    wide = BOUND * (math.sqrt(math.pi) / 2) * (u - v).abs().mean(1)
    x = x.float()
    parts = [laid_on(x, x.new_ones(()), low), x[:, 3:]] if x.shape[1] == 4 else [x]
    differences = [(a - b).abs().mean((1, 2, 3)) / (1 - low) for a, b in (part.chunk(2) for part in parts)]
    short = [F.relu(1 - d / wide) for d in differences]
    return torch.stack(short).mean()


def overall(logits: list[Tensor]) -> Tensor:
    """(N,): the mean over levels of each picture's mean logit."""
    return torch.stack([v.mean(1) for v in logits]).mean(0)


class Projected(GAN):
    recipe_type = ProjectedRecipe
    year, paper = 2021, "https://arxiv.org/abs/2111.01007"
    title = "color garments from a few thousand photographs: the discriminator looks through a frozen ImageNet net"
    formulas = (
        r"\sum_{l}\mathbb{E}\max(0, 1 - D_l(P_l(x)|y)) + \mathbb{E}\max(0, 1 + D_l(P_l(G(z|y))|y))",
        r"-\sum_{l}\mathbb{E}\,D_l(P_l(G(z|y))|y)",
    )
    conditional = True
    recipe: ProjectedRecipe
    G: ProjectedG
    D: ProjectedD

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.G = ProjectedG(recipe, len(recipe.labels))
        self.D = ProjectedD(recipe.seen, len(recipe.labels), recipe.low)  # type: ignore[attr-defined]

    @property
    def layers(self) -> int:
        return self.G.layers

    def generate_mixed(self, G: nn.Module, z: Tensor, other: Tensor, c: Tensor, cut: int) -> Tensor:
        return G(z, self.one_hot(c), other, cut)  # type: ignore[no-any-return]

    def kind(self, step: int) -> int | None:
        return 0 if step else None  # the first update also measures the features

    def d_loss(self, b: Batch) -> Loss:
        y = self.one_hot(b.y)  # fakes get the classes of the real garments: the discriminator scores (picture, class)
        if b.step == 0:
            self.D.measure(b.x)
        with torch.no_grad():
            x_fake = self.G(b.z, y)
        real, fake = self.D(b.x, y), self.D(x_fake, y)
        on_real, on_fake = hinge_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(overall(real), overall(fake), 0.0))

    def g_loss(self, b: Batch) -> Loss:
        r, y, z = self.recipe, self.one_hot(b.y), b.z
        if r.apart:
            half = len(y) // 2
            y, z = torch.cat([y[:half]] * 2), z[: 2 * half]  # the i-th garment of both halves has the same class
        x_fake = self.G(z, y)
        terms = {"adv": hinge_g(self.D(x_fake, y))}
        if r.apart:
            terms["alike"] = r.apart * alike(x_fake, z, r.low)
        return Loss(terms, {"diversity": losses.diversity(x_fake)})

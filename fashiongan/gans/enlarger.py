"""Enlarger: turns a gray garment of 28 pixels, as in Fashion-MNIST, into one of 128 pixels, in color, with alpha.

Image-to-image translation (Isola et al. 2017, https://arxiv.org/abs/1611.07004). Xiao et al. 2017 made Fashion-MNIST
from photographs: trimmed, shrunk until the longest edge is 28, negated, gray (https://arxiv.org/abs/1708.07747, section
2). `shrink` does that to a cut-out, which makes a pair of both. The net learns the inverse from these pairs (color at a
quarter of the size, features of a frozen net, alpha). From Fashion-MNIST itself, which has no pairs, it learns by a
projected discriminator (see `projected`) and by consistency.

Consistency is built in. The net draws detail. The difference between its shrunk result and the input is then added, as
the smoothest picture that shrinks to that difference (back-projection, Irani and Peleg 1991, "Improving resolution by
image registration"). Color is added as chroma, which does not change the gray, and made paler where sRGB has no such
color. So errors come only from alpha and from clipping, and a loss reduces them.

The net always gets a garment's mean chroma as an input: the hinted one, the true one, or one that `Palette` draws from
the noise. The palette learns the distribution of chroma given class and lightness, and maps two normal numbers to it
by the inverse of its distribution function. So noise varies the color as much as real garments' colors vary, and the
adversarial loss cannot drop a hue.
"""

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import StudioError
from . import losses, networks
from .base import GAN, Batch, Loss
from .palette import Palette
from .projected import ProjectedD, hinge_d, hinge_g, laid_on, overall
from .recipe import Recipe, knob
from .shrinking import SMALL, corrected, grown, luma, mean_chroma, shrink, tinted, tone_stats, toned

STYLE = 64  # numbers that stand for noise, class and color in the net
UNKNOWN = 0.2  # share of pairs whose class is hidden from the net
# Fashion-MNIST's class names that have another name in garments-256.
SYNONYMS = {
    "t-shirt/top": "t-shirt", "trouser": "pants", "pullover": "longsleeve", "coat": "outwear",
    "sandal": "shoes", "sneaker": "shoes", "ankle boot": "shoes",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class EnlargerRecipe(Recipe):
    size: int = 128
    batch: int = 32
    z_dim: int = 16
    lr_g: float = 4e-4
    lr_d: float = 4e-4
    beta1: float = 0.0
    beta2: float = 0.99
    schedule: str = "linear"
    augment: str = "flip,shift,cutout"
    seen: int = knob(
        128, "Pixels seen", "size at which the frozen net looks; larger sees finer detail, and takes longer", 64, 256
    )
    unpaired: str = knob(
        "fashion-mnist", "Without a pair", "gray garments of 28 pixels to learn from as well; empty means none"
    )
    adversary: float = knob(0.5, "Weight of the discriminator", "how much real garments' looks count", 0.0, 1e3)
    redraw: float = knob(10.0, "Weight of redrawing", "how closely a pair's color and outline are given back", 0.0, 1e3)
    likeness: float = knob(2.0, "Weight of likeness", "how closely a pair's features are given back", 0.0, 1e3)
    consistency: float = knob(20.0, "Weight of consistency", "how surely it shrinks to what came in", 0.0, 1e3)
    hint: float = knob(10.0, "Weight of the hint", "how surely a garment has the color that it is told", 0.0, 1e3)
    quick = {"epochs": 4, "size": 64, "width": 32, "batch": 16, "seen": 64}


class StyledConv(nn.Module):
    """(N, a, S, S) and style (N, STYLE) -> (N, b, S, S): pixel norm, scale and shift by the style, convolution."""

    def __init__(self, a: int, b: int):
        super().__init__()
        self.style = nn.Linear(STYLE, 2 * a)
        self.conv = nn.Conv2d(a, b, 3, padding=1)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.style(w)[:, :, None, None].chunk(2, 1)
        return self.conv(F.leaky_relu(networks.pixel_norm(h) * (1 + scale) + shift, 0.2))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """(N, a, S, S) and style (N, STYLE) -> the same shape: a residual block."""

    def __init__(self, a: int):
        super().__init__()
        self.one, self.two = StyledConv(a, a), StyledConv(a, a)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        return h + cast(Tensor, self.two(self.one(h, w), w))


class EnlargerG(nn.Module):
    """Gray (N, 1, 28, 28) in 0..1, classes (N, K), noise (N, z_dim) and mean chroma (N, 2) -> (N, 4, S, S) in 0..1.

    A U-Net at 32, 16 and 8 pixels, then two upsampling steps from 32 to 128. Noise, class and color scale and shift
    every layer, as in `studio`. All classes zero: the class is unknown. Without chroma, the palette draws it from the
    first two numbers of the noise.
    """

    def __init__(self, r: Recipe):
        super().__init__()
        w, classes = r.width, len(r.labels)
        a, b, c, fine, last = (max(4, round(w * k)) for k in (1.0, 1.5, 2.5, 0.625, 0.25))
        self.size = r.size
        self.style = nn.Linear(r.z_dim + classes + 2, STYLE)  # first, since sliders look for the layer that reads z
        self.palette = Palette(classes)
        self.first = nn.Conv2d(1, a, 3, padding=1)
        self.downs = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1), nn.Conv2d(b, c, 4, 2, 1)])
        self.ways = nn.ModuleList([Residual(a), Residual(b), Residual(c), Residual(b), Residual(a)])
        self.ups = nn.ModuleList([StyledConv(c, b), StyledConv(b, a)])
        steps = [a, fine, last] if r.size == 128 else [a, fine]
        self.wide = nn.ModuleList(StyledConv(i, 4 * o) for i, o in itertools.pairwise(steps))
        self.detail = Residual(fine)
        self.last = StyledConv(steps[-1], 4)

    def forward(
        self, small: Tensor, y: Tensor, z: Tensor, chroma: Tensor | None = None, alpha: Tensor | None = None
    ) -> Tensor:
        """If `alpha` (N, 1, S, S) is given, the result has that alpha."""
        chroma = self.palette.draw(y, tone_stats(small), z) if chroma is None else chroma
        drawn = self.drawn(small, torch.cat([z, y, 4 * chroma], 1))
        base = grown(small, self.size)
        # A range a little wider than 0..1, then clipped, so that the net can reach exactly 0 and 1.
        own = (1.1 * torch.sigmoid(drawn[:, :1] + 16 * base.clamp(0, 0.5) - 3) - 0.05).clamp(0, 1)
        alpha = own if alpha is None else alpha
        dark = corrected((base + 0.5 * torch.tanh(drawn[:, 1:2])).clamp(0, 1), alpha, small)
        color = chroma[:, :, None, None] + 0.4 * torch.tanh(drawn[:, 2:])
        return torch.cat([tinted(1 - dark, color), alpha], 1)

    def drawn(self, small: Tensor, condition: Tensor) -> Tensor:
        """The net's raw output (N, 4, S, S), not bounded."""
        w = F.silu(self.style(condition))
        x = grown(small, 32).contiguous(memory_format=torch.channels_last)
        skips, h = [], self.first(2 * x - 1)
        for way, down in zip(self.ways, self.downs, strict=False):
            skips.append(way(h, w))
            h = down(F.leaky_relu(skips[-1], 0.2))
        h = self.ways[2](h, w)
        for way, up in zip(list(self.ways)[3:], self.ups, strict=True):
            h = way(F.interpolate(up(h, w), scale_factor=2) + skips.pop(), w)
        for i, wide in enumerate(self.wide):
            h = F.pixel_shuffle(wide(h, w), 2)
            h = h if i else self.detail(h, w)
        return self.last(h, w).float()  # type: ignore[no-any-return]


@torch.no_grad()
def begin(net: EnlargerG) -> None:
    """Weights N(0, 2 / inputs), biases 0, as in `studio`; residuals, styles and detail begin small.

    Before a pixel shuffle, each four filters begin equal (Aitken et al. 2017, https://arxiv.org/abs/1707.02937).
    """
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, math.sqrt(2 / m.weight[0].numel()))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    for m in net.modules():
        if isinstance(m, StyledConv):
            m.style.weight.mul_(0.2)
        if isinstance(m, Residual):
            m.two.conv.weight.mul_(0.3)
    for m in net.wide:  # the four pixels made from one begin equal, which avoids checkerboard patterns
        weight = cast(StyledConv, m).conv.weight
        weight.copy_(weight[::4].repeat_interleave(4, 0))
    net.last.conv.weight.mul_(0.1)
    net.last.conv.weight[2:].mul_(0.3)  # at first the color is the given mean chroma


class Inputs(NamedTuple):
    """The generator's inputs in one update, pairs first, and the true pictures of the pairs."""

    small: Tensor  # (N, 1, 28, 28) in 0..1
    y: Tensor  # (N, classes), zeros where the class is hidden
    chroma: Tensor  # (N, 2) mean chroma
    real: Tensor  # (M, 4, S, S) in 0..1, M <= N
    real_y: Tensor  # (M, classes), never hidden


class Enlarger(GAN):
    recipe_type = EnlargerRecipe
    year, paper = 2017, "https://arxiv.org/abs/1611.07004"
    title = "enlarges a gray garment of 28 pixels to 128, in color and cut out, in as many variants as you want"
    formulas = (
        r"\sum_{l}\mathbb{E}\max(0, 1 - D_l(P_l(x)|y)) + \mathbb{E}\max(0, 1 + D_l(P_l(G(s, y, z, c))|y))",
        r"-\lambda_a\sum_{l}\mathbb{E}\,D_l(P_l(G(s, y, z, c))|y) + \lambda_s\lVert S(G(s, y, z, c)) - s\rVert_1"
        r" + \lambda_r\lVert G(S(x), y, z, c) - x\rVert_1"
        r" + \lambda_l\sum_l\lVert P_l(G(S(x), y, z, c)) - P_l(x)\rVert_1"
        r" + \lambda_c\lVert \bar{c}(G(s, y, z, c)) - c\rVert_1 - \mathbb{E}\log p(c|y)",
    )
    conditional = True
    from_pictures = True
    recipe: EnlargerRecipe
    G: EnlargerG
    D: ProjectedD
    example: Tensor
    met: Tensor

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        if recipe.size not in (64, 128):
            raise StudioError(f"enlarger draws at 64 or 128 pixels, not at {recipe.size}: choose one with --size.")
        if recipe.channels == 1:
            raise StudioError("enlarger learns from color pictures: give it photographs, best with the fit cutout.")
        self.G = EnlargerG(recipe)
        begin(self.G)
        self.D = ProjectedD(self.recipe.seen, len(recipe.labels), recipe.low)
        # The garments that it enlarges when none is given: the first of each class in training.
        self.register_buffer("example", torch.zeros(len(recipe.labels), 1, SMALL, SMALL, dtype=torch.uint8))
        self.register_buffer("met", torch.zeros(len(recipe.labels), dtype=torch.bool))

    @property
    def unpaired(self) -> str:
        return self.recipe.unpaired

    def matching_class(self, name: str) -> int:
        """Accepts the class names of Fashion-MNIST and of garments-256."""
        own = [label.casefold() for label in self.recipe.labels]
        match = next((n for n in (name.casefold(), SYNONYMS.get(name.casefold())) if n in own), None)
        return own.index(match) if match else -1

    def after_classes(self, name: str) -> int:
        """The layer of styles also reads two numbers of chroma, the palette's nets two of tone and the first chroma."""
        return {"G.style.weight": 2, "G.palette.nets.0.0.weight": 2, "G.palette.nets.1.0.weight": 3}.get(name, 0)

    def generate(self, G: nn.Module, z: Tensor, c: Tensor) -> Tensor:
        y = self.one_hot(c)
        small = (y @ (self.example.flatten(1) / 255)).unflatten(1, self.example.shape[1:])
        return self.given(G(small, y, z))

    def given(self, rgba: Tensor) -> Tensor:
        """(N, 4, S, S) in 0..1 -> the data's format, in low..1: composed on white if the data has no alpha."""
        low = self.recipe.low
        x = rgba if self.recipe.channels == 4 else laid_on(rgba, torch.ones_like(rgba[:, :3]), 0.0)
        return x * (1 - low) + low

    def real(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Pictures in the data's format, low..1 -> (N, 4, S, S) in 0..1, toned like a catalogue's."""
        x = (x - self.recipe.low) / (1 - self.recipe.low)
        x = x if x.shape[1] == 4 else torch.cat([x, torch.ones_like(x[:, :1])], 1)
        return toned(x, rng)

    def kind(self, step: int) -> int | None:
        return 0 if step else None  # the first update also measures the features

    def inputs(self, b: Batch) -> Inputs:
        """Half of a batch as pairs, randomly mirrored, and as many unpaired garments; without those, all as pairs."""
        n, device = len(b.x), b.x.device
        m = n - n // 2 if b.unpaired is not None else n
        with torch.no_grad():
            x = self.real(b.x[:m], b.rng)
            mirrored, visible = torch.rand(2, m, generator=b.rng, device=device)
            x = torch.where(mirrored[:, None, None, None] < 0.5, x.flip(3), x)
            small, y, chroma = (shrink(x) * 255).round() / 255, self.one_hot(b.y[:m]), mean_chroma(x)
            self.remember(small, y)
            hidden = y * (visible[:, None] > UNKNOWN)
            if b.unpaired is None:
                return Inputs(small, hidden, chroma, x, y)
            other = b.unpaired[: n - m].float() / 255
            other_y = self.one_hot(b.unpaired_y[: n - m])  # type: ignore[index]
            drawn = self.G.palette.draw(other_y, tone_stats(other), b.z[m:])
            borrowed = torch.rand(n - m, 1, generator=b.rng, device=device) < 0.5  # a real garment's color
            drawn = torch.where(borrowed, chroma[: n - m], drawn)
            return Inputs(torch.cat([small, other]), torch.cat([hidden, other_y]), torch.cat([chroma, drawn]), x, y)

    def remember(self, small: Tensor, y: Tensor) -> None:
        """Keep the first garment of each class as its example, without waiting for the device."""
        first = y.argmax(0)  # (classes,): the first of each class, where there is one
        new = (y.amax(0) > 0) & ~self.met
        self.example.copy_(torch.where(new[:, None, None, None], (small[first] * 255).round().byte(), self.example))
        self.met.logical_or_(new)

    def d_loss(self, b: Batch) -> Loss:
        if b.step == 0:
            self.D.measure(b.x)
        with torch.no_grad():
            t = self.inputs(b)
            x_fake = self.given(self.G(t.small, t.y, b.z, t.chroma))
            x = self.given(self.real(b.x, b.rng))
        real, fake = self.D(x, self.one_hot(b.y)), self.D(x_fake, t.y)
        on_real, on_fake = hinge_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(overall(real), overall(fake), 0.0))

    def g_loss(self, b: Batch) -> Loss:
        r, t = self.recipe, self.inputs(b)
        rgba = self.G(t.small, t.y, b.z, t.chroma)
        m = len(t.real)
        white = torch.ones_like(rgba[:m, :3])
        own, real = laid_on(rgba[:m], white, 0.0), laid_on(t.real, white, 0.0)
        low = r.low
        with torch.no_grad():
            real_features = self.D.features(real * (1 - low) + low)
        own_features = self.D.features(own * (1 - low) + low)
        outline = (rgba[:m, 3] - t.real[:, 3]).abs().mean()
        missed = (shrink(rgba) - t.small).abs().mean()
        terms = {
            "adv": r.adversary * hinge_g(self.D(self.given(rgba), t.y)),
            "redraw": r.redraw * ((F.avg_pool2d(own, 4) - F.avg_pool2d(real, 4)).abs().mean() + outline),
            "likeness": r.likeness * unlike(own_features, real_features),
            "consistency": r.consistency * missed,
            "hint": r.hint
            * (mean_chroma(rgba) - torch.cat([t.chroma[:m], reachable(rgba, t.chroma)[m:]])).abs().mean(),
            "palette": self.G.palette.loss(t.real_y, tone_stats(t.small[:m]), t.chroma[:m], b.rng),
        }
        return Loss(terms, {"diversity": losses.diversity(self.given(rgba))})


@torch.no_grad()
def reachable(rgba: Tensor, chroma: Tensor) -> Tensor:
    """The mean chroma (N, 2) that garments (N, 4, S, S) get if every pixel is given `chroma` (N, 2).

    Black and white parts take no color. The other parts must not compensate for them.
    """
    painted = tinted(luma(rgba[:, :3]).clamp(0, 1), chroma[:, :, None, None])
    return mean_chroma(torch.cat([painted, rgba[:, 3:]], 1))


def unlike(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Mean absolute difference of features, each level counting the same."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(one, other, strict=True)]).mean()

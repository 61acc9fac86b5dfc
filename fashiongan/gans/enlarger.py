"""Enlarger: a gray garment of 28 pixels in, as Fashion-MNIST shows it; out comes one of 128, in color, with alpha.

Image-to-image translation (Isola et al. 2017, https://arxiv.org/abs/1611.07004). Xiao et al. 2017 made Fashion-MNIST
from photographs: trimmed, shrunk until the longest edge is 28, negated, gray (https://arxiv.org/abs/1708.07747, section
2). `shrink` does that to a cut-out and so makes a pair of each. The net learns the way back from these pairs (color at
a quarter of the size, features of a frozen net, alpha), and from Fashion-MNIST itself, to which there are no pairs, by
a projected discriminator (see `projected`) and by consistency.

Consistency is built in. The net draws detail; what a garment lacks when it is shrunk again is then added, as the
smoothest picture that shrinks to just that (back-projection, Irani and Peleg 1991, "Improving resolution by image
registration"). Color is added as chroma, which gray does not see, and made paler where a screen has no such color. So
only alpha and the ends of the gray scale can miss, and a loss pulls those.

A garment's mean chroma is always told to the net: as hinted, as it truly is, or drawn by `Palette` from the noise. The
palette learns how such chroma is distributed, given class and lightness, and turns two normal numbers into it by the
inverse of its distribution function. So noise changes the color as much as colors differ among real garments, and no
adversary can make it forget a hue.
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
from .shrinking import SMALL, corrected, grown, looks, luma, mean_chroma, shrink, tinted, toned

STYLE = 64  # numbers that stand for noise, class and color in the net
UNKNOWN = 0.2  # share of pairs whose class is hidden from the net
# Fashion-MNIST's class names that have another name in garments-256.
KIN = {
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


class Bent(nn.Module):
    """(N, a, S, S) and style (N, STYLE) -> (N, b, S, S): unit size, scaled and shifted by the style, then convolved."""

    def __init__(self, a: int, b: int):
        super().__init__()
        self.style = nn.Linear(STYLE, 2 * a)
        self.conv = nn.Conv2d(a, b, 3, padding=1)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.style(w)[:, :, None, None].chunk(2, 1)
        return self.conv(F.leaky_relu(networks.pixel_norm(h) * (1 + scale) + shift, 0.2))  # type: ignore[no-any-return]


class Residual(nn.Module):
    """(N, a, S, S) and style -> the same shape, changed a little."""

    def __init__(self, a: int):
        super().__init__()
        self.one, self.two = Bent(a, a), Bent(a, a)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        return h + cast(Tensor, self.two(self.one(h, w), w))


class EnlargerG(nn.Module):
    """Gray (N, 1, 28, 28) in 0..1, classes (N, K), noise (N, z_dim) and mean chroma (N, 2) -> (N, 4, S, S) in 0..1.

    A U-Net at 32, 16 and 8 pixels, whose every layer is bent by noise, class and color as in `studio`; from 32 on, two
    steps up to 128. Classes all zero: not known. Without chroma, the palette draws it from the first two of the noise.
    """

    def __init__(self, r: Recipe):
        super().__init__()
        w, classes = r.width, len(r.labels)
        a, b, c, fine, last = (max(4, round(w * k)) for k in (1.0, 1.5, 2.5, 0.625, 0.25))
        self.size = r.size
        self.palette = Palette(classes)
        self.style = nn.Linear(r.z_dim + classes + 2, STYLE)
        self.first = nn.Conv2d(1, a, 3, padding=1)
        self.downs = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1), nn.Conv2d(b, c, 4, 2, 1)])
        self.ways = nn.ModuleList([Residual(a), Residual(b), Residual(c), Residual(b), Residual(a)])
        self.ups = nn.ModuleList([Bent(c, b), Bent(b, a)])
        steps = [a, fine, last] if r.size == 128 else [a, fine]
        self.wide = nn.ModuleList(Bent(i, 4 * o) for i, o in itertools.pairwise(steps))
        self.detail = Residual(fine)
        self.last = Bent(steps[-1], 4)

    def forward(
        self, small: Tensor, y: Tensor, z: Tensor, told: Tensor | None = None, alpha: Tensor | None = None
    ) -> Tensor:
        """With `alpha` (N, 1, S, S) given, that outline is kept."""
        told = self.palette.draw(y, looks(small), z) if told is None else told
        drawn = self.drawn(small, torch.cat([z, y, 4 * told], 1))
        base = grown(small, self.size)
        # A little more than 0..1, cut off, so that the net can reach both ends.
        mine = (1.1 * torch.sigmoid(drawn[:, :1] + 16 * base.clamp(0, 0.5) - 3) - 0.05).clamp(0, 1)
        alpha = mine if alpha is None else alpha
        dark = corrected((base + 0.5 * torch.tanh(drawn[:, 1:2])).clamp(0, 1), alpha, small)
        color = told[:, :, None, None] + 0.4 * torch.tanh(drawn[:, 2:])
        return torch.cat([tinted(1 - dark, color), alpha], 1)

    def drawn(self, small: Tensor, told: Tensor) -> Tensor:
        """The net's raw output (N, 4, S, S), not bounded."""
        w = F.silu(self.style(told))
        seen = grown(small, 32).contiguous(memory_format=torch.channels_last)
        skips, h = [], self.first(2 * seen - 1)
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
    """Weights N(0, 2 / inputs), biases 0, as in `studio`; changes, styles and detail begin small.

    Of a shuffled layer, four filters begin alike (Aitken et al. 2017, https://arxiv.org/abs/1707.02937).
    """
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, math.sqrt(2 / m.weight[0].numel()))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    for m in net.modules():
        if isinstance(m, Bent):
            m.style.weight.mul_(0.2)
        if isinstance(m, Residual):
            m.two.conv.weight.mul_(0.3)
    for m in net.wide:  # the four pixels that one becomes begin alike, lest they draw a chessboard
        weight = cast(Bent, m).conv.weight
        weight.copy_(weight[::4].repeat_interleave(4, 0))
    net.last.conv.weight.mul_(0.1)
    net.last.conv.weight[2:].mul_(0.3)  # at first the color is the given mean chroma


class Asked(NamedTuple):
    """What is to be enlarged in one update, the pairs first, and the pairs' truth."""

    small: Tensor  # (N, 1, 28, 28) in 0..1
    y: Tensor  # (N, classes), zeros where the class is not told
    told: Tensor  # (N, 2) mean chroma
    real: Tensor  # (M, 4, S, S) in 0..1, M <= N
    real_y: Tensor  # (M, classes), never untold


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
            raise StudioError("enlarger learns from color pictures: give it photographs, best with --fit cutout.")
        self.G = EnlargerG(recipe)
        begin(self.G)
        self.D = ProjectedD(self.recipe.seen, len(recipe.labels), recipe.low)
        # The garments that it enlarges when none is given: the first of each class in training.
        self.register_buffer("example", torch.zeros(len(recipe.labels), 1, SMALL, SMALL, dtype=torch.uint8))
        self.register_buffer("met", torch.zeros(len(recipe.labels), dtype=torch.bool))

    @property
    def unpaired(self) -> str:
        return self.recipe.unpaired

    def akin(self, name: str) -> int:
        """Accepts the class names of Fashion-MNIST and of garments-256."""
        mine = [label.casefold() for label in self.recipe.labels]
        known = next((n for n in (name.casefold(), KIN.get(name.casefold())) if n in mine), None)
        return mine.index(known) if known else -1

    def generate(self, G: nn.Module, z: Tensor, c: Tensor) -> Tensor:
        y = self.one_hot(c)
        small = (y @ (self.example.flatten(1) / 255)).unflatten(1, self.example.shape[1:])
        return self.given(G(small, y, z))

    def given(self, rgba: Tensor) -> Tensor:
        """(N, 4, S, S) in 0..1 -> the data's format, in low..1: laid on white if the data has no alpha."""
        low = self.recipe.low
        x = rgba if self.recipe.channels == 4 else laid_on(rgba, torch.ones_like(rgba[:, :3]), 0.0)
        return x * (1 - low) + low

    def real(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Pictures as the data has them, low..1 -> (N, 4, S, S) in 0..1, toned like a catalogue's."""
        x = (x - self.recipe.low) / (1 - self.recipe.low)
        x = x if x.shape[1] == 4 else torch.cat([x, torch.ones_like(x[:, :1])], 1)
        return toned(x, rng)

    def kind(self, step: int) -> int | None:
        return 0 if step else None  # the first update also measures the features

    def asked(self, b: Batch) -> Asked:
        """Half of a batch as pairs, mirrored or not, and as many garments without one; or all as pairs."""
        n, device = len(b.x), b.x.device
        m = n - n // 2 if b.unpaired is not None else n
        with torch.no_grad():
            x = self.real(b.x[:m], b.rng)
            mirrored, known = torch.rand(2, m, generator=b.rng, device=device)
            x = torch.where(mirrored[:, None, None, None] < 0.5, x.flip(3), x)
            small, y, told = (shrink(x) * 255).round() / 255, self.one_hot(b.y[:m]), mean_chroma(x)
            self.remember(small, y)
            hidden = y * (known[:, None] > UNKNOWN)
            if b.unpaired is None:
                return Asked(small, hidden, told, x, y)
            other = b.unpaired[: n - m].float() / 255
            other_y = self.one_hot(b.akin[: n - m])  # type: ignore[index]
            drawn = self.G.palette.draw(other_y, looks(other), b.z[m:])
            borrowed = torch.rand(n - m, 1, generator=b.rng, device=device) < 0.5  # a real garment's color
            drawn = torch.where(borrowed, told[: n - m], drawn)
            return Asked(torch.cat([small, other]), torch.cat([hidden, other_y]), torch.cat([told, drawn]), x, y)

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
            t = self.asked(b)
            x_fake = self.given(self.G(t.small, t.y, b.z, t.told))
            x = self.given(self.real(b.x, b.rng))
        real, fake = self.D(x, self.one_hot(b.y)), self.D(x_fake, t.y)
        on_real, on_fake = hinge_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(overall(real), overall(fake), 0.0))

    def g_loss(self, b: Batch) -> Loss:
        r, t = self.recipe, self.asked(b)
        rgba = self.G(t.small, t.y, b.z, t.told)
        m = len(t.real)
        white = torch.ones_like(rgba[:m, :3])
        mine, real = laid_on(rgba[:m], white, 0.0), laid_on(t.real, white, 0.0)
        low = r.low
        with torch.no_grad():
            wanted = self.D.features(real * (1 - low) + low)
        got = self.D.features(mine * (1 - low) + low)
        outline = (rgba[:m, 3] - t.real[:, 3]).abs().mean()
        missed = (shrink(rgba) - t.small).abs().mean()
        terms = {
            "adv": r.adversary * hinge_g(self.D(self.given(rgba), t.y)),
            "redraw": r.redraw * ((F.avg_pool2d(mine, 4) - F.avg_pool2d(real, 4)).abs().mean() + outline),
            "likeness": r.likeness * unlike(got, wanted),
            "consistency": r.consistency * missed,
            "hint": r.hint * (mean_chroma(rgba) - torch.cat([t.told[:m], reachable(rgba, t.told)[m:]])).abs().mean(),
            "palette": self.G.palette.loss(t.real_y, looks(t.small[:m]), t.told[:m], b.rng),
        }
        return Loss(terms, {"diversity": losses.diversity(self.given(rgba))})


@torch.no_grad()
def reachable(rgba: Tensor, told: Tensor) -> Tensor:
    """The mean chroma (N, 2) that garments (N, 4, S, S) get if every pixel is given chroma `told` (N, 2).

    Black and white parts take no color, and the other parts must not make up for it.
    """
    painted = tinted(luma(rgba[:, :3]).clamp(0, 1), told[:, :, None, None])
    return mean_chroma(torch.cat([painted, rgba[:, 3:]], 1))


def unlike(one: list[Tensor], other: list[Tensor]) -> Tensor:
    """Mean absolute difference of features, each level counting the same."""
    return torch.stack([(a - b).abs().mean() for a, b in zip(one, other, strict=True)]).mean()

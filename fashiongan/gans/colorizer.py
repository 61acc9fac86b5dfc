"""Colorizer: predicts the colors of a gray garment, which follow the user's hints and vary with the noise.

BicycleGAN (Zhu et al. 2017, https://arxiv.org/abs/1711.11586, eq. 6) with hints as in Zhang et al. 2017
(https://arxiv.org/abs/1705.02999, section 3.1). An encoder E maps the colors of a real picture to a code, from which
the generator must reconstruct the picture (L1). From a picture that is drawn with a code from N(0, I), E must recover
the code. The discriminator sees pairs of gray and color. Weights are the paper's: L1 10, code 0.5, divergence 0.01;
least squares for the adversarial loss; codes of 8 numbers. Adam 2e-4 with beta1 0.5 and batch norm in the discriminator
are as in `dcgan`.

The generator never draws lightness. It gives a* and b*, made paler where sRGB has no such color at the gray pixel's
lightness (`color_space.shown`). It starts from the hints, spread over the picture by distance in place and lightness,
and learns a residual, so that one hint alone colors the whole garment. With gray data the colors are random, one or two
for a garment and sometimes report 001's color of the class; with photographs they are the true colors. Half of the
batch has no hints. Hints determine the colors whatever the noise is, so hinted garments must be reconstructed too, and
their codes are not in the loss: with both, the net followed the noise and painted a spot at the hint (after three
epochs 35 of CIEDE2000 off, by benchmarks/colorize.py).

With so small a weight of the divergence the codes of real pictures are not quite N(0, I). Their mean and spread are
stored, and when the net proposes colors, noise is scaled to them, times `reach`.

Cut-outs (four channels, the last one alpha) have a net of another kind. Only the garment counts; it is composed on a
plain background, mirrored and moved a little. Hints spread by attention: each pixel and each hint's place have a key,
the most similar hint has the largest weight, and similarity also gives the strength of the color (0 to 2 times), so
that a hint keeps its hue everywhere. Half of the hinted garments have rotated hues and a fifth are dyed; otherwise the
net would color denim blue whatever the hint is. Hinted garments get no noise, and the net's residual for them is a
separate output from the colors that it proposes: with one output for both, proposals spread into hinted garments.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..color import color_space
from . import losses, networks
from .base import GAN, Batch, Loss
from .colorizer_networks import ColorizerG, critical
from .recipe import Recipe, knob

HINTS = 4  # at most, in training
MEMORY = 0.99  # decay of the codes' running mean, per step
REMEMBER = 100  # steps in which the examples are collected


@dataclass(frozen=True, kw_only=True)
class ColorizerRecipe(Recipe):
    batch: int = 64
    z_dim: int = 8
    width: int = 32
    schedule: str = "linear"
    redraw: float = knob(10.0, "Weight of redrawing", "how closely a real picture's colors are given back", 0.0, 1e3)
    code: float = knob(0.5, "Weight of the code", "how surely the noise shows in the colors", 0.0, 1e3)
    divergence: float = knob(0.01, "Weight of the divergence", "how close codes stay to plain noise", 0.0, 1e3)
    reach: float = knob(1.0, "Reach of the noise", "how far proposals go from the most usual colors", 0.0, 5.0)


class Truth(NamedTuple):
    """Colored garments, and the hints about their colors that the generator gets."""

    gray: Tensor  # (N, 1, S, S) uint8
    ab: Tensor  # (N, 2, S, S) in CHROMA
    hints: Tensor  # (N, HINTS, 5)
    y: Tensor  # (N, classes), zeros where the class is hidden
    alpha: Tensor | None = None  # (N, 1, S, S) 0..1: weight of each pixel's color; None: all count


class Colorizer(GAN):
    recipe_type = ColorizerRecipe
    year, paper = 2017, "https://arxiv.org/abs/1711.11586"
    title = "colors a gray garment as it is hinted, or as it likes, in as many variants as you want"
    formulas = (
        r"\tfrac12\mathbb{E}(D(g, ab) - 1)^2 + \tfrac12\mathbb{E}\,D(g, G(g, h, z))^2",
        r"\tfrac12\mathbb{E}(D(g, G(g, h, z)) - 1)^2 + \lambda\lVert ab - G(g, h, E(ab))\rVert_1"
        r" + \lambda_z\lVert z - E(G(g, h, z))\rVert_1 + \lambda_{KL} D_{KL}(E(ab) \Vert N(0, I))",
    )
    conditional = True
    colors = from_pictures = True
    recipe: ColorizerRecipe
    G: ColorizerG
    example: Tensor
    seen: Tensor
    code_mean: Tensor
    code_square: Tensor

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        classes = len(recipe.labels)
        self.G = ColorizerG(recipe)
        self.D = networks.ConvD(critical(recipe), recipe.size, 3, classes)
        # The garments that it colors when none is given: the first of each class in training.
        self.register_buffer("example", torch.zeros(classes, 1, recipe.size, recipe.size, dtype=torch.uint8))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))
        self.register_buffer("classic", color_space.classic(classes))
        # Mean and mean square of the codes of real pictures.
        self.register_buffer("code_mean", torch.zeros(recipe.z_dim))
        self.register_buffer("code_square", torch.ones(recipe.z_dim))

    def after_classes(self, name: str) -> int:
        """With cut-outs, the layers of styles also read whether there is a hint."""
        return int(self.G.cutouts) if name.startswith(("G.start.", "G.styles.")) else 0

    def generate(self, G: nn.Module, z: Tensor, c: Tensor) -> Tensor:
        shares = self.one_hot(c)
        gray = (shares @ self.example.float().flatten(1)).unflatten(1, self.example.shape[1:]).round().to(torch.uint8)
        hints = torch.zeros(len(z), 1, 5, device=z.device)
        x = color_space.painted(gray, G(gray, hints, self.usual(z), shares) * color_space.CHROMA)
        return x * (1 - self.recipe.low) + self.recipe.low

    @property
    def gap(self) -> tuple[float, ...]:
        """Black, which has no chroma: see `pair`."""
        return (-1.0, 0.0, 0.0)

    def usual(self, z: Tensor) -> Tensor:
        """Noise (N, z_dim) scaled to the distribution of real codes, `reach` times as far from their mean."""
        spread = (self.code_square - self.code_mean.square()).clamp_min(0).sqrt()
        return self.code_mean + self.recipe.reach * spread * z

    def variety(self, x: Tensor) -> Tensor:
        """Diversity of the colors only, since the lightness is given."""
        y = torch.zeros(len(x), dtype=torch.long, device=x.device)
        rng = torch.Generator(x.device).manual_seed(0)
        return losses.diversity(self.truth(Batch(x, y, x, y, rng, REMEMBER)).ab)

    def truth(self, b: Batch) -> Truth:
        """A batch in color: photographs with their own colors, gray data with random ones."""
        with torch.no_grad(), torch.autocast(b.x.device.type, enabled=False):  # bfloat16 is too coarse for Lab
            x = (b.x - self.recipe.low) * (255 / (1 - self.recipe.low))
            if x.shape[1] == 4:
                return self.cut_out(x, b)
            x = x.round().to(torch.uint8)
            gray = color_space.gray_of(x)
            self.remember(gray, b)
            n, device = len(x), x.device
            count = self.counts(n, 0.5, 0.75, b.rng)
            if x.shape[1] == 3:
                ab = color_space.lab(x.float() / 255)[:, 1:] / color_space.CHROMA
                hint_ab = F.avg_pool2d(ab, 5, 1, 2, count_include_pad=False)
                half = torch.zeros_like(gray, dtype=torch.bool)
            else:
                hint_ab, half = self.dyed(gray, b, count)
                ab = color_space.shown(gray, hint_ab * color_space.CHROMA) / color_space.CHROMA
            hints = self.hinted(gray > 25, hint_ab, half, count, b.rng)
            visible = torch.rand(n, 1, generator=b.rng, device=device) > 0.2
            return Truth(gray, ab, hints, self.one_hot(b.y) * visible)

    def counts(self, n: int, none: float, one: float, rng: torch.Generator) -> Tensor:
        """(n,) int64: the number of hints for each garment: 0 for a share `none`, at most 1 for a share `one`."""
        kind = torch.rand(n, generator=rng, device=rng.device)
        several = 2 + ((kind - one) / (1 - one) * (HINTS - 1)).long().clamp_max(HINTS - 2)
        return torch.where(kind < none, 0, torch.where(kind < one, 1, several))

    def cut_out(self, x: Tensor, b: Batch) -> Truth:
        """Cut-outs (N, 4, S, S) in 0..255 on plain backgrounds; half of the hinted ones have rotated hues, and a fifth
        are dyed."""
        if b.step < REMEMBER:
            self.remember(color_space.gray_of(on_ground(x, x[:, 3:] / 255, x.new_tensor(255.0))), b)
        n, device = len(x), x.device
        u = torch.rand(6, n, 1, 1, 1, generator=b.rng, device=device)
        x = moved(x, b.rng)
        alpha = x[:, 3:] / 255
        rgb = on_ground(x, alpha, torch.where(u[0] < 0.5, 255.0, 255 * u[1]))
        gray, ab = color_space.gray_of(rgb), color_space.lab(rgb.float() / 255)[:, 1:]
        count = self.counts(n, 0.4, 0.8, b.rng)
        hinted = (count > 0)[:, None, None, None]
        angle, stronger = 2 * math.pi * u[2], 0.7 + 0.8 * u[3]
        cos, sin = stronger * angle.cos(), stronger * angle.sin()
        turned = torch.cat([ab[:, :1] * cos - ab[:, 1:] * sin, ab[:, :1] * sin + ab[:, 1:] * cos], 1)
        ab = color_space.shown(gray, torch.where(hinted & (u[4] < 0.5), turned, ab)) / color_space.CHROMA
        near = F.avg_pool2d(torch.cat([ab * alpha, alpha], 1), 5, 1, 2)
        hint_ab = near[:, :2] / near[:, 2:].clamp_min(1e-3)
        dye, half = self.dyed(gray, b, count)
        dye = dye * shading(gray, alpha)
        dyed = hinted & (u[5] < 0.2)
        ab = torch.where(dyed, color_space.shown(gray, dye * color_space.CHROMA) / color_space.CHROMA, ab)
        hints = self.hinted(alpha > 0.9, torch.where(dyed, dye, hint_ab), half & dyed, count, b.rng)
        visible = torch.rand(n, 1, generator=b.rng, device=device) > 0.2
        return Truth(gray, ab * (alpha > 0), hints, self.one_hot(b.y) * visible, alpha)

    def dyed(self, gray: Tensor, b: Batch, count: Tensor) -> tuple[Tensor, Tensor]:
        """Random colors (N, 2, S, S) for gray garments, and the mask (N, 1, S, S) of the half with the second color.

        Garments with one hint have one color; half of the others have two.
        """
        n, s, device = len(gray), gray.shape[-1], gray.device
        u = torch.rand(2, n, 3, generator=b.rng, device=device)
        angle, chroma = 2 * math.pi * u[..., 0], 90 * u[..., 1].sqrt() * torch.where(u[..., 2] < 0.1, 0.1, 1.0)
        ab = torch.stack([chroma * angle.cos(), chroma * angle.sin()], 2) / color_space.CHROMA  # (2, N, 2)
        v = torch.rand(n, 4, generator=b.rng, device=device)
        usual = cast(Tensor, self.classic)[b.y]
        ab[0] = torch.where(v[:, :1] < 1 / 8, usual, ab[0])
        two = torch.where(count == 0, (v[:, 1] < 0.5) & (v[:, 0] >= 1 / 8), count > 1)[:, None, None, None]
        axis = (torch.arange(s, device=device) + 0.5) / s - 0.5
        turn = (2 * math.pi * v[:, 2])[:, None, None]
        side = axis[:, None] * turn.sin() + axis * turn.cos() > (0.3 * v[:, 3] - 0.15)[:, None, None]
        half = side[:, None] & two
        return torch.where(half, ab[1][..., None, None], ab[0][..., None, None]), half

    def hinted(self, garment: Tensor, colors: Tensor, half: Tensor, count: Tensor, rng: torch.Generator) -> Tensor:
        """Hints (N, HINTS, 5) at random pixels of the garment (N, 1, S, S) bool, of which the first `count` (N,) are
        set. The first two lie in different halves. Their colors come from `colors` (N, 2, S, S)."""
        s, device = garment.shape[-1], garment.device
        axis = (torch.arange(s, device=device) + 0.5) / s - 0.5
        middle = torch.exp(-(axis[:, None] ** 2 + axis**2) / 0.08).flatten()  # garments are in the middle
        weight = garment.flatten(1) * middle + 1e-6 * middle
        second = half.flatten(1)
        at = torch.cat(
            [
                torch.multinomial(weight * ~second + 1e-9, 1, generator=rng),
                torch.multinomial(weight * (second | ~second.any(1, keepdim=True)) + 1e-9, 1, generator=rng),
                torch.multinomial(weight, HINTS - 2, replacement=True, generator=rng),
            ],
            1,
        )
        ab = colors.flatten(2).gather(2, at[:, None].expand(-1, 2, -1))
        there = torch.arange(HINTS, device=device) < count[:, None]
        row, column = (at // s + 0.5) / s, (at % s + 0.5) / s
        return torch.stack([row, column, ab[:, 0], ab[:, 1], there.float()], 2)

    def remember(self, gray: Tensor, b: Batch) -> None:
        """Keep the first garment of each class as its example."""
        if b.step >= REMEMBER:
            return
        for i in range(len(gray)):
            c = int(b.y[i])
            if not self.seen[c]:
                self.example[c], self.seen[c] = gray[i], True

    def code(self, t: Truth, z: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """z, whose first half is replaced by codes that E predicts from the real colors; E's mean and log variance."""
        n = len(z) // 2
        mean, log_variance = self.G.encoder(pair(t.gray[:n], t.ab[:n], t.alpha))
        noise = torch.randn(mean.shape, generator=rng, device=mean.device)
        return torch.cat([mean + noise * (log_variance / 2).exp(), z[n:]]), mean, log_variance

    def kind(self, step: int) -> int | None:
        return 0 if step >= REMEMBER else None

    def d_loss(self, b: Batch) -> Loss:
        t = self.truth(b)
        with torch.no_grad():
            fake_ab = self.G(t.gray, t.hints, self.code(t, b.z, b.rng)[0], t.y)
        real, fake = self.D(pair(t.gray, t.ab, t.alpha), t.y), self.D(pair(t.gray, fake_ab, t.alpha), t.y)
        on_real, on_fake = losses.ls_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake, 0.5))

    def g_loss(self, b: Batch) -> Loss:
        r, t = self.recipe, self.truth(b)
        z, mean, log_variance = self.code(t, b.z, b.rng)
        n = len(mean)
        with torch.no_grad():
            self.code_mean.lerp_(mean.mean(0), 1 - MEMORY)
            self.code_square.lerp_((mean.square() + log_variance.exp()).mean(0), 1 - MEMORY)
        ab = self.G(t.gray, t.hints, z, t.y)
        fake = pair(t.gray, ab, t.alpha)
        hinted = t.hints[..., 4].amax(1) > 0
        given = hinted | (torch.arange(len(z), device=z.device) < n)
        # The encoder's weights get no gradient here: else both nets would learn to hide the code in the picture.
        still = {k: v.detach() for k, v in self.G.encoder.named_parameters()}
        read, _ = torch.func.functional_call(self.G.encoder, still, (fake[n:],))
        terms = {
            "adv": losses.ls_g(self.D(fake, t.y)),
            "redraw": r.redraw * mean_of(off(ab, t), given),
            "code": r.code * mean_of((read - z[n:]).abs().mean(1), ~hinted[n:]),
            "divergence": r.divergence * losses.divergence(mean, log_variance),
        }
        return Loss(terms, {"diversity": losses.diversity(ab)})


def mean_of(values: Tensor, which: Tensor) -> Tensor:
    """Mean of those values (N,) that the mask (N,) bool selects; 0 if it selects none."""
    return (values * which).sum() / which.sum().clamp_min(1)


def off(ab: Tensor, t: Truth) -> Tensor:
    """(N,): mean absolute error of a, b (N, 2, S, S) over the garment (L1)."""
    far = (ab - t.ab).abs().mean(1, keepdim=True)
    if t.alpha is None:
        return far.mean((1, 2, 3))
    return (far * t.alpha).sum((1, 2, 3)) / t.alpha.sum((1, 2, 3)).clamp_min(1.0)


def pair(gray: Tensor, ab: Tensor, alpha: Tensor | None = None) -> Tensor:
    """The input of discriminator and encoder: lightness, a and b, about -1..1, (N, 3, S, S).

    Outside the garment a and b are 0. Of alpha (M, 1, S, S) the first N are used.
    """
    if alpha is not None:
        ab = ab * alpha[: len(ab)]
    return torch.cat([color_space.lightness(gray.float() / 255) / 50 - 1, ab], 1).contiguous(
        memory_format=torch.channels_last
    )


def shading(gray: Tensor, alpha: Tensor) -> Tensor:
    """(N, 1, S, S): the factor of one dye's chroma at each pixel: L* + 16 divided by its mean, at most 1.

    L* + 16, a* and b* follow the cube root of the light, so an eighth of the light halves them (CIE 15:2004).
    """
    light = color_space.lightness(gray.float() / 255) + 16
    mean = (light * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True).clamp_min(1e-3)
    return (light / mean.clamp_min(1.0)).clamp_max(1.0)


def on_ground(x: Tensor, alpha: Tensor, ground: Tensor) -> Tensor:
    """The colors of (N, 3 or 4, S, S) in 0..255, composed by alpha (N, 1, S, S) on a gray: (N, 3, S, S) uint8."""
    return torch.lerp(ground, x[:, :3], alpha).round().to(torch.uint8)


def moved(x: Tensor, rng: torch.Generator) -> Tensor:
    """Cut-outs (N, 4, S, S), half of them mirrored. Half are rotated by up to 10 degrees, scaled by up to a fifth and
    shifted by up to a twentieth of the side."""
    n, device = len(x), x.device
    u = torch.rand(6, n, generator=rng, device=device)
    much = (u[0] < 0.5).float()
    mirror = torch.where(u[1] < 0.5, 1.0, -1.0)
    angle, zoom = (u[2] - 0.5) * (much * math.pi / 9), 1 + (u[3] - 0.4) / 3 * much
    cos, sin, shift = zoom * angle.cos(), zoom * angle.sin(), (u[4:] - 0.5) * (much / 5)
    way = torch.stack([cos * mirror, -sin, shift[0], sin * mirror, cos, shift[1]], 1).view(n, 2, 3)
    solid = torch.cat([x[:, :3] * (x[:, 3:] / 255), x[:, 3:]], 1)
    there = F.grid_sample(solid, F.affine_grid(way, list(x.shape), align_corners=False), align_corners=False)
    return torch.cat([there[:, :3] * (255 / there[:, 3:].clamp_min(0.1)), there[:, 3:]], 1)

"""The colorizer's nets: a layer that spreads hints over the picture, the generator, and the encoder of the codes."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..color import color_space
from . import networks
from .recipe import Recipe

NEAR = 0.15  # of the picture's side: scale of a hint's nearness; also the weight of lightness in the distance
LIKE = 25.0  # scale of lightness (L*) in the distance between a pixel and a hint
KEYS = 8  # length of the keys whose dot product is the similarity of two pixels (cut-outs)


class Hints(nn.Module):
    """Hinted colors spread over a picture: lightness (N, 1, S, S), 0..100, and hints -> (N, 4, S, S).

    Hints are (N, K, 5): row and column in 0..1, a and b in units of CHROMA, and 1, or 0 for an unused row. The output
    has a and b, interpolated from the hints by inverse distance (Shepard 1968, power 4) in place and lightness; the
    nearness of the nearest hint, 0..1; whether there is any hint; and the pixel's lightness minus the hints', over 50.
    """

    def forward(self, light: Tensor, hints: Tensor) -> Tensor:
        return self.spread(light, hints)[0]

    def spread(self, light: Tensor, hints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 5, S, S) as above, each hint's share of each pixel (N, K, S, S), and its pixel's number (N, 1, K)."""
        n, _, s, _ = light.shape
        row, column, there = hints[..., 0], hints[..., 1], hints[..., 4]
        axis = (torch.arange(s, device=light.device) + 0.5) / s
        at = ((row * s).long().clamp(0, s - 1) * s + (column * s).long().clamp(0, s - 1))[:, None]
        own = light.flatten(2).gather(2, at)[:, 0]  # (N, K)
        far = (axis[:, None] - row[..., None, None]) ** 2 + (axis - column[..., None, None]) ** 2
        far = far + ((light - own[..., None, None]) / LIKE) ** 2 * NEAR
        weight = there[..., None, None] / (far + 1e-4) ** 2
        total = weight.sum(1, keepdim=True)
        share = weight / total.clamp_min(1e-9)
        ab = torch.einsum("nkhw,nkc->nchw", share, hints[..., 2:4])
        near = (torch.exp(-far / NEAR**2) * there[..., None, None]).amax(1, keepdim=True)
        any_hint = there.amax(1)[:, None, None, None].expand(n, 1, s, s)
        lighter = (light * any_hint - (share * own[..., None, None]).sum(1, keepdim=True)) / 50
        return torch.cat([ab, near, any_hint, lighter], 1), share, at


class ColorizerG(nn.Module):
    """Gray (N, 1, S, S) uint8, hints (N, K, 5), z (N, z_dim), classes (N, classes) -> a, b (N, 2, S, S) in CHROMA.

    A U-Net of DCGAN's sizes. In its upper half each layer has pixel norm, and noise and class scale and shift it, as in
    `studio`. It holds BicycleGAN's encoder, since both are trained together. All classes zero: the class is unknown.

    For cut-outs it has half as many of the widest filters, and spreads hints by similarity.
    """

    def __init__(self, r: Recipe):
        super().__init__()
        self.cutouts = r.channels == 4
        filters = [min(w, (4 if self.cutouts else 8) * r.width) for w in networks.widths(r.size, r.width)]
        fine = max(8, r.width // 2)
        conditions = r.z_dim + len(r.labels) + self.cutouts
        self.hints = Hints()
        self.first = nn.Conv2d(9 if self.cutouts else 5, fine, 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip([fine, *filters], filters, strict=False))
        up = filters[::-1]
        self.start = nn.Linear(conditions, up[0])
        self.styles = nn.ModuleList(nn.Linear(conditions, 2 * c) for c in up)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a if i == 0 else 2 * a, b, 4, 2, 1)
            for i, (a, b) in enumerate(zip(up, [*up[1:], fine], strict=True))
        )
        self.last = nn.Conv2d(2 * fine, 5 + KEYS if self.cutouts else 2, 3, padding=1)
        self.encoder = ColorEncoder(r)
        if self.cutouts:
            self.mix = nn.Conv2d(2 * fine, 2 * fine, 3, padding=1)
            with torch.no_grad():  # at first hints spread unchanged
                self.last.weight[2:5] = 0
                self.last.bias[2:5] = 0  # type: ignore[index]

    def forward(self, gray: Tensor, hints: Tensor, z: Tensor, y: Tensor) -> Tensor:
        return color_space.shown(gray, self.raw_colors(gray, hints, z, y) * color_space.CHROMA) / color_space.CHROMA

    def raw_colors(self, gray: Tensor, hints: Tensor, z: Tensor, y: Tensor) -> Tensor:
        """As `forward`, but colors outside sRGB are not yet made paler."""
        light = color_space.lightness(gray.float() / 255)
        spread, share, at = self.hints.spread(light, hints)
        hinted = hints[..., 4].amax(1, keepdim=True)
        zy = torch.cat([z * (1 - hinted), y, hinted] if self.cutouts else [z, y], 1)
        shown = details(spread) if self.cutouts else spread[:, :4]
        seen = torch.cat([light / 50 - 1, shown], 1).contiguous(memory_format=torch.channels_last)
        h = F.leaky_relu(self.first(seen), 0.2)
        skips = [h]
        for down in self.downs:
            h = F.leaky_relu(down(h), 0.2)
            skips.append(h)
        h = skips.pop() + self.start(zy)[:, :, None, None]
        for i, (style, up) in enumerate(zip(self.styles, self.ups, strict=True)):
            scale, shift = style(zy)[:, :, None, None].chunk(2, 1)
            h = F.leaky_relu(networks.pixel_norm(h) * (1 + scale) + shift, 0.2)
            h = up(h if i == 0 else torch.cat([h, skips.pop()], 1))
        h = torch.cat([F.leaky_relu(h, 0.2), skips.pop()], 1)
        if self.cutouts:
            return by_likeness(self.last(F.leaky_relu(self.mix(h), 0.2)).float(), hints, share, at)
        return spread[:, :2] + torch.tanh(self.last(h).float())


def details(spread: Tensor) -> Tensor:
    """The input (N, 8, S, S) of the net for cut-outs: `Hints`'s output (N, 5, S, S), scaled so that garments differ by
    about 1; the chroma of a and b; and each pixel's row and column in -1..1."""
    n, _, s, _ = spread.shape
    axis = (torch.arange(s, device=spread.device) + 0.5) * (2 / s) - 1
    ab, rest, lighter = spread.split([2, 2, 1], 1)
    ab = ab * (color_space.CHROMA / 30)
    chroma = ab.square().sum(1, keepdim=True).add(1e-4).sqrt()
    row, column = axis.view(1, 1, s, 1).expand(n, 1, s, s), axis.expand(n, 1, s, s)
    return torch.cat([ab, rest, lighter * 2, chroma, row, column], 1)


def by_likeness(out: Tensor, hints: Tensor, share: Tensor, at: Tensor) -> Tensor:
    """Hints (N, K, 5) spread by similarity, plus the net's residual: a, b (N, 2, S, S) in CHROMA.

    `out` (N, 5 + KEYS, S, S) holds a and b for garments without hints, before tanh; the residual for hinted ones,
    before tanh of a quarter; the strength of the hints, before twice a sigmoid; and keys. Similarity is the scaled dot
    product of a pixel's key and the hint's. It changes the hints' shares (N, K, S, S), as in a softmax, and their
    strength. `at` (N, 1, K): the hints' pixels.
    """
    free, added, strength, keys = out.split([2, 2, 1, KEYS], 1)
    own = keys.flatten(2).gather(2, at.expand(-1, KEYS, -1))
    like = (torch.einsum("nchw,nck->nkhw", keys, own) / math.sqrt(KEYS)).clamp(-10, 10).float()
    share = share * like.exp()
    share = share / share.sum(1, keepdim=True).clamp_min(1e-9)
    ab = torch.einsum("nkhw,nkc->nchw", share, hints[..., 2:4])
    ab = ab * 2 * torch.sigmoid(strength + (share * like).sum(1, keepdim=True)) + torch.tanh(added / 4)
    return torch.where(hints[..., 4].amax(1)[:, None, None, None] > 0, ab, torch.tanh(free))


class ColorEncoder(nn.Module):
    """Pairs (N, 3, S, S) -> mean and log variance of the code, (N, z_dim) each."""

    def __init__(self, r: Recipe):
        super().__init__()
        base, _ = networks.stages(r.size)
        filters = networks.widths(r.size, critical(r))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip([3, *filters], filters, strict=False))
        self.code = nn.Linear(filters[-1] * base**2, 2 * r.z_dim)

    def forward(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        h = pair
        for down in self.downs:
            h = F.leaky_relu(down(h), 0.2)
        mean, log_variance = self.code(h.flatten(1)).float().chunk(2, 1)
        return mean, log_variance


def critical(r: Recipe) -> int:
    """The width of discriminator and encoder: for cut-outs, half of the generator's width."""
    return max(4, r.width // 2) if r.channels == 4 else r.width

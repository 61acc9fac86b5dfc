"""Slider directions in latent space, found in about a second without labels or training, and named by what they change.

There are three kinds. Two come from the generator alone: `layer`, the directions of z that the first layer stretches
most (SeFa, Shen and Zhou 2021, https://arxiv.org/abs/2007.06600), and `activations`, the principal components of the
first layer's activations (GANSpace, Harkonen et al. 2020, https://arxiv.org/abs/2004.02546, section 3). Each of these
is named after the attribute (see `attributes`) with which it has the highest rank correlation (Spearman). But such a
direction changes several attributes at once, and most of the correlations are weak.

The third kind, `measured`, goes further: for each attribute, it takes the direction of z in which the attribute rises
fastest, which is its mean gradient over a few dozen generated images. No net is trained and no label of the data is
used, but the attributes are chosen by hand, while SeFa and GANSpace use none.

A direction is (z_dim,), in standard deviations of z: a slider at 2 moves z by two of them. A GAN that draws by class
has measured directions of its own for each class. They avoid what changes the class, and are shortened where garments
would change their class all the same.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..cache import Cache
from ..errors import StudioError
from ..gans.base import GAN
from ..gans.sampling import in_bytes, render
from .attributes import COLORS, measurable, measure

REACH, MEASURED_REACH = 8.0, 4.0  # how far a slider goes each way, in standard deviations of z
POSITIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # slider positions at which images are measured
WORK = 1.2e10  # multiply-adds for drawing the images that measured directions are found from: about a second
FEWEST, MOST = 140, 3000  # bounds of the number of these images
GARMENTS, CHECKED = 20, 60  # garments moved along a direction, to measure it, and to check that they keep their class
KEPT = 0.96  # share of garments that must keep their class, by a rough linear probe, over a slider's POSITIONS
WEAK = 0.3  # below this correlation a direction gets no name
SURE = 0.9  # from this correlation on a slider does what its name says; that of a hue then comes before the others


@dataclass(frozen=True)
class SliderDirections:
    """A generator's slider directions, the best first."""

    vectors: Tensor  # (k, choices or 1, z_dim), in units of z
    names: tuple[str, ...]  # the attribute with which each has the highest rank correlation
    strengths: tuple[float, ...]  # -1..1: Spearman correlation of slider and attribute, the mean over garments
    reach: float  # how far a slider goes each way, in standard deviations of z

    def of(self, c: Tensor) -> Tensor:
        """(k, N, z_dim): the directions for N garments. c holds their choices (N,), counted from 0, or the shares
        (N, choices) of a blend."""
        if self.vectors.shape[1] == 1:
            return self.vectors.expand(-1, len(c), -1)
        if c.is_floating_point():
            return torch.einsum("nc,kcz->knz", c, self.vectors)
        return self.vectors[:, c]


# Directions are cached, so that a slider does not wait for them at every move.
_found: Cache[tuple[weakref.ref[GAN], str], SliderDirections] = Cache(32)  # weak, so that no GAN is kept in memory


def find(gan: GAN, kind: str = "measured") -> SliderDirections:
    """The GAN's directions of that kind, computed once and then kept. StudioError for an unknown kind."""
    if kind not in KINDS:
        raise StudioError(f"There are no sliders called {kind!r}: choose from {', '.join(KINDS)}.")
    return _found.get((weakref.ref(gan), kind), lambda: KINDS[kind](gan))


def keep(gan: GAN, kind: str, axes: SliderDirections) -> None:
    """Let `find` return these directions, which were found earlier, for the GAN."""
    _found.put((weakref.ref(gan), kind), axes)


def layer(gan: GAN) -> SliderDirections:
    """SeFa: the directions that the first layer stretches most, by decreasing eigenvalue."""
    k = min(12, gan.recipe.z_dim)
    return named(gan, sefa(gan, k)[:, None], REACH)


def sefa(gan: GAN, k: int) -> Tensor:
    """(k, z_dim): the unit directions of z that move the first layer's output most, the largest first.

    They are the eigenvectors of A^T A, where A is that layer's weight (SeFa, Shen and Zhou 2021). The sign is chosen so
    that the entry of largest magnitude is positive.
    """
    z_dim = gan.recipe.z_dim
    weight = first_layer(gan.G, z_dim)[:, :z_dim]  # a conditional net appends its classes after z
    weight = weight.float().cpu()
    v = torch.linalg.eigh(weight.T @ weight).eigenvectors.flip(1).T[:k]
    return v * v.gather(1, v.abs().argmax(1, keepdim=True)).sign()


def first_layer(G: nn.Module, z_dim: int) -> Tensor:
    """Weight of the layer that reads z, as (outputs, inputs >= z_dim)."""
    for m in G.modules():
        if isinstance(m, nn.ConvTranspose2d) and m.in_channels >= z_dim:
            return m.weight.detach().flatten(1).T
        if isinstance(m, nn.Linear) and m.in_features >= z_dim:
            return m.weight.detach()
    raise StudioError(
        "This generator has no layer that reads z directly: choose the sliders that are named by measure."
    )


def activations(gan: GAN) -> SliderDirections:
    """GANSpace: principal components of the first layer's activations, each regressed back to z."""
    z, c = sample(gan, pictures(gan, 3), 0)
    a = second_input(gan, z, c).flatten(1).float()
    a = a - a.mean(0)
    # The samples' coordinates along the components are eigenvectors of the Gram matrix. They are orthonormal, so that
    # regressing z on them is a plain product.
    u = torch.linalg.eigh(a @ a.T).eigenvectors.flip(1)[:, : min(12, gan.recipe.z_dim)]
    v = F.normalize(noise(gan, z).T @ u, dim=0).T
    return named(gan, v[:, None] * spread(gan), REACH, flip=True)


@torch.no_grad()
def second_input(gan: GAN, z: Tensor, c: Tensor) -> Tensor:
    """(N, ...): the input of the first layer with weights that reads neither z nor the class, in any generator."""
    read: list[Tensor] = []
    hooks = [m.register_forward_pre_hook(lambda _, args: read.append(args[0])) for m in weighty(gan.G)]
    try:
        gan.generate(gan.G, z.to(device(gan)), c.to(device(gan)))
    finally:
        for hook in hooks:
            hook.remove()
    given = [read[0], gan.one_hot(c.to(device(gan)))] if gan.conditional else [read[0]]
    # Some generators feed the latent to several layers, and cgan has a layer that reads the class alone: skip these.
    hidden = (a for a in read if not any(a.shape == b.shape and torch.equal(a, b) for b in given))
    return next(hidden, read[-1]).cpu()


def measured(gan: GAN) -> SliderDirections:
    """One direction for each attribute, sorted by rank correlation with it, the highest first.

    The hues of a generator in color come before all, where their sliders are sure: that is what people look for.
    """
    names = list(measurable(gan.channels))
    slopes = mean_slopes(gan, measure, len(names))
    probe = looks_like(gan) if len(gan.choices) > 1 else None
    if probe is not None:
        slopes = without(slopes, mean_slopes(gan, probe, 3 * len(gan.choices)))
    vectors = apart(slopes).permute(2, 0, 1).float() * spread(gan)
    if probe is not None:
        vectors = vectors * within_class(gan, vectors, probe)[None, :, None]
    correlation = rank_correlation(
        swept(gan, vectors, POSITIONS, 1, few(gan, GARMENTS))[0]
    ).diagonal()  # of direction i and attribute i
    order = correlation.argsort(descending=True).tolist()
    order.sort(key=lambda i: names[i] not in COLORS or float(correlation[i]) < SURE)
    return SliderDirections(
        vectors[order], tuple(names[i] for i in order), tuple(correlation[order].tolist()), MEASURED_REACH
    )


def mean_slopes(gan: GAN, of: Callable[[Tensor], Tensor], times: int) -> Tensor:
    """(classes, z_dim, K): for each class, the mean gradient with respect to z of `of`, which maps images to (N, K).

    For z from N(0, I) this mean equals the slope of a linear regression on z over infinitely many images (Stein's
    lemma), but a few dozen images are enough for it. Garments go through in batches of 64, which bounds the memory.
    """
    z, c = sample(gan, pictures(gan, times), 0)
    pieces = zip(z.split(64), c.split(64), strict=True)
    slopes, rows = torch.cat([slope(gan, *piece, of) for piece in pieces]).double(), places(gan, c)
    return torch.stack([slopes[rows == k].mean(0) for k in range(int(rows.max()) + 1)])


def slope(gan: GAN, z: Tensor, c: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """(N, z_dim, K): the gradient with respect to z of `of`, which maps float images in 0..255 to (N, K)."""
    with torch.enable_grad():
        z = z.to(device(gan)).requires_grad_()
        low = gan.recipe.low
        values = of((gan.generate(gan.G, z, c.to(device(gan))) - low) * (255 / (1 - low)))
        each = [torch.autograd.grad(k.sum(), z, retain_graph=True)[0] for k in values.T]
    return noise(gan, torch.stack(each, 2)).cpu()


def ridge(z: Tensor, y: Tensor, stiffness: float) -> Tensor:
    """Ridge regression. (z_dim, K): argmin over w of |z w - y|^2 + stiffness |w|^2."""
    return torch.linalg.solve(z.T @ z + stiffness * torch.eye(z.shape[1], dtype=z.dtype), z.T @ y)


def looks_like(gan: GAN) -> Callable[[Tensor], Tensor]:
    """A linear probe for the class: images -> scores (N, classes).

    It is fitted to generated images, labelled with the class that each was generated for.
    """

    def small(x: Tensor) -> Tensor:
        v = F.adaptive_avg_pool2d(x.float().mean(1, keepdim=True) / 255, 14).flatten(1).double()
        return torch.cat([v, torch.ones_like(v[:, :1])], 1)

    z, c = sample(gan, pictures(gan, 3), 2)
    weight = ridge(small(render(gan, z, c)), F.one_hot(places(gan, c)).double(), 5.0)
    return lambda x: small(x) @ weight


def without(slopes: Tensor, nuisance: Tensor) -> Tensor:
    """Slopes (classes, z_dim, K) with nearly all of their part along the nuisance (classes, z_dim, M) projected out."""
    n = F.normalize(nuisance, dim=1)
    gram = n.mT @ n + 0.3 * torch.eye(n.shape[2], dtype=n.dtype)
    slopes = F.normalize(slopes, dim=1)
    return slopes - n @ torch.linalg.solve(gram, n.mT @ slopes)


def apart(slopes: Tensor) -> Tensor:
    """Unit directions (classes, z_dim, K): each follows its own slope and turns a little away from the other slopes.

    The 3.0 regularises: at 0, direction i would be orthogonal to all slopes but its own, and where two attributes
    nearly agree, such as area and width, it would hardly change its own either.
    """
    s = F.normalize(slopes, dim=1)
    return F.normalize(s @ torch.linalg.inv(s.mT @ s + 3.0 * torch.eye(s.shape[2], dtype=s.dtype)), dim=1)


def within_class(gan: GAN, vectors: Tensor, probe: Callable[[Tensor], Tensor]) -> Tensor:
    """(classes,): the factor by which to shorten a class's directions, so that the probe sees a share of KEPT of its
    garments unchanged in class.

    Losses are assumed linear in the distance: half as far, half as many change. Only every fourth direction is tried.
    """
    x, rows = swept(gan, vectors[::4], (POSITIONS[0], 0.0, POSITIONS[-1]), 3, few(gan, CHECKED))
    predicted = probe(x.flatten(0, 2)).argmax(1).view(x.shape[:3])
    kept = (predicted[:, :, ::2] == predicted[:, :, 1:2]).double().mean((0, 2))
    lost = torch.stack([1 - kept[rows == k].mean() for k in range(int(rows.max()) + 1)])
    return ((1 - KEPT) / lost.clamp_min(1 - KEPT)).clamp_min(0.3).float()


def named(gan: GAN, vectors: Tensor, reach: float, flip: bool = False) -> SliderDirections:
    """Directions in the given order, each named after the attribute with the highest rank correlation. With `flip`, a
    direction with a negative correlation is reversed."""
    correlation = rank_correlation(swept(gan, vectors, POSITIONS, 1, few(gan, GARMENTS))[0])
    best = correlation.abs().argmax(1)
    strengths = correlation.gather(1, best[:, None])[:, 0]
    if flip:
        vectors, strengths = vectors * torch.where(strengths < 0, -1.0, 1.0)[:, None, None], strengths.abs()
    names = list(measurable(gan.channels))
    return SliderDirections(vectors, tuple(names[i] for i in best), tuple(strengths.tolist()), reach)


def rank_correlation(x: Tensor) -> Tensor:
    """(k, attributes): Spearman's correlation of slider position and each attribute, the mean over garments.

    x holds the images of garments moved along k directions: (k, garments, positions, C, H, W). A garment that does not
    change counts as 0.
    """
    values = measure(x.flatten(0, 2)).view(*x.shape[:3], -1).transpose(2, 3)  # (k, garments, attributes, positions)
    return spearman(torch.arange(x.shape[2]).expand_as(values), values).mean(1)


def spearman(a: Tensor, b: Tensor) -> Tensor:
    """Rank correlation, (..., n) and (..., n) -> (...). Ties get their mean rank; 0 if either input is constant."""
    ranks = []
    for v in (a, b):
        below, upto = (v[..., None] > v[..., None, :]).sum(-1), (v[..., None] >= v[..., None, :]).sum(-1)
        r = (below + upto).double()  # twice the mean rank, less a constant
        ranks.append(r - r.mean(-1, keepdim=True))
    size = ranks[0].square().sum(-1) * ranks[1].square().sum(-1)
    return (ranks[0] * ranks[1]).sum(-1) / size.sqrt().clamp_min(1e-9)


def swept(gan: GAN, vectors: Tensor, positions: Sequence[float], seed: int, garments: int) -> tuple[Tensor, Tensor]:
    """Move garments along each direction: images (k, garments, positions, C, H, W) uint8, classes (garments,) from 0.

    The unmoved garments are drawn once and shared by all directions.
    """
    z, c = sample(gan, garments, seed)
    rows = places(gan, c)
    of = SliderDirections(vectors, (), (), 0.0).of(rows)  # (k, garments, z_dim)
    still = render(gan, z, c)
    moving = [p for p in positions if p]
    moved = z.repeat(len(vectors), len(moving), 1, 1)  # (k, positions, garments, latent)
    moved[..., : gan.recipe.z_dim] += torch.tensor(moving)[None, :, None, None] * of[:, None]
    drawn = render(gan, moved.flatten(0, 2), c.repeat(len(vectors) * len(moving)))
    drawn = drawn.view(len(vectors), len(moving), garments, *still.shape[1:])
    every = [drawn[:, moving.index(p)] if p else still.expand(len(vectors), *still.shape) for p in positions]
    return torch.stack(every, 2), rows


def sample(gan: GAN, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n latents (n, ...) and their choices (n,), which cycle through all of the GAN's."""
    z = gan.latents(n, torch.Generator().manual_seed(seed))
    choices = torch.tensor(list(gan.choices) or [-1])
    c = choices[torch.arange(n) % len(choices)]
    return gan.choose(z, c), c


def places(gan: GAN, c: Tensor) -> Tensor:
    """Choices (N,) -> their indices in the GAN's list of choices, from 0; all 0 if the GAN has none. Shares of a blend
    (N, classes) -> the columns of the choices."""
    order = list(gan.choices)
    if c.is_floating_point():
        return c[:, order]
    return torch.tensor([order.index(int(i)) if order else 0 for i in c])


def noise(gan: GAN, z: Tensor) -> Tensor:
    """The noise part of latents, (N, z_dim), which sliders move: a view without categories and codes."""
    return z[:, : gan.recipe.z_dim]


def spread(gan: GAN) -> float:
    """Standard deviation of each entry of z: 1 for N(0, I), 0.577 for U(-1, 1)."""
    return float(noise(gan, sample(gan, 1000, 0)[0]).std())


def pictures(gan: GAN, times: int) -> int:
    """How many different images fit into WORK, if each costs `times` passes. Bounded by FEWEST and MOST."""
    return round(max(FEWEST, min(MOST, WORK / effort(gan)) / times))


def few(gan: GAN, usual: int) -> int:
    """How many garments to move: the usual number, or down to a quarter of it for a generator that is slow."""
    return round(usual * max(0.25, min(1.0, WORK / effort(gan) / 300)))


@torch.no_grad()
def effort(gan: GAN) -> float:
    """Approximate multiply-adds for one image: each weight counts once for every pixel of its layer's smaller map."""
    counted: list[float] = []

    def count(m: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        weight = next(p for p in m.parameters(recurse=False) if p.dim() >= 2)
        counted.append(weight.numel() * min(args[0][0, 0].numel(), out[0, 0].numel()))

    hooks = [m.register_forward_hook(count) for m in weighty(gan.G)]
    try:
        z, c = sample(gan, 1, 0)
        in_bytes(gan, gan.generate(gan.G, z.to(device(gan)), c.to(device(gan))))
    finally:
        for hook in hooks:
            hook.remove()
    return max(1.0, sum(counted))


def weighty(G: nn.Module) -> list[nn.Module]:
    """The modules that directly hold a weight matrix or a convolution kernel."""
    return [m for m in G.modules() if any(p.dim() >= 2 for p in m.parameters(recurse=False)) and not list(m.children())]


def device(gan: GAN) -> torch.device:
    return next(gan.G.parameters()).device


KINDS: dict[str, Callable[[GAN], SliderDirections]] = {"measured": measured, "layer": layer, "activations": activations}

"""Sliders of a generator, found in a second without labels or training, and named by what they measurably change.

Candidates come from the generator alone: `layer`, the directions of z that its first layer stretches most (SeFa, Shen
and Zhou 2021, https://arxiv.org/abs/2007.06600), and `activations`, those that move the first layer's activations most
(GANSpace, Harkonen et al. 2020, https://arxiv.org/abs/2004.02546, section 3). Each is called after the one of the
`attributes` with which its slider has the highest rank correlation (Spearman), but it changes several at once, and most
correlate less than a slider should. `measured` therefore goes beyond both: all numbers of z are combined, for each
attribute, into the direction in which it rises fastest, by its mean gradient over a few dozen pictures of the
generator's own. No net is trained and no label of the data is used, but the attributes are chosen by hand, where SeFa
and GANSpace know of none.

A direction is (z_dim,) in standard deviations of z, so that a slider at 2 moves a garment by two of them. A GAN that
draws by class has measured directions of its own for each class; they avoid what makes one class look like another, and
are shorter where garments would change their class even so.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import StudioError
from ..gans.base import GAN
from ..gans.sampling import in_bytes, render
from .attributes import ATTRIBUTES, measure

REACH, MEASURED_REACH = 8.0, 4.0  # how far a slider goes each way, in standard deviations of z
POSITIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # of a slider at which its pictures are measured
WORK = 1.2e10  # multiply-adds spent on drawing the pictures that measured directions are found from: a second or so
FEWEST, MOST = 140, 3000  # of these pictures
GARMENTS, CHECKED = 20, 60  # moved along a direction to measure it, and to see if they keep their class
KEPT = 0.96  # share of garments that shall keep their class, to a rough scorer, over a slider's POSITIONS
WEAK = 0.3  # correlation under which a direction has no name


@dataclass(frozen=True)
class SliderDirections:
    """A generator's directions, the best first."""

    vectors: Tensor  # (k, choices or 1, z_dim), in units of z
    names: tuple[str, ...]  # the measure with which each has the highest rank correlation
    strengths: tuple[float, ...]  # -1..1: Spearman correlation of slider and measure, the mean over garments
    reach: float

    def of(self, c: Tensor) -> Tensor:
        """(k, N, z_dim): the directions for each of (N,) choices, counted from 0, or (N, choices) shares of a blend."""
        if self.vectors.shape[1] == 1:
            return self.vectors.expand(-1, len(c), -1)
        if c.is_floating_point():
            return torch.einsum("nc,kcz->knz", c, self.vectors)
        return self.vectors[:, c]


# Found directions are kept as long as their GAN: a slider must not wait for them at every move.
_kept: weakref.WeakKeyDictionary[GAN, tuple[threading.Lock, dict[str, SliderDirections]]] = weakref.WeakKeyDictionary()
_keeping = threading.Lock()


def find(gan: GAN, kind: str = "measured") -> SliderDirections:
    """The directions of that kind, found once for each GAN. StudioError for a kind there is not."""
    if kind not in KINDS:
        raise StudioError(f"There are no sliders called {kind!r}: choose from {', '.join(KINDS)}.")
    with _keeping:
        lock, found = _kept.setdefault(gan, (threading.Lock(), {}))
    with lock:
        if kind not in found:
            found[kind] = KINDS[kind](gan)
    return found[kind]


def layer(gan: GAN) -> SliderDirections:
    """The directions that the first layer stretches most, by their eigenvectors' order."""
    k = min(12, gan.recipe.z_dim)
    return named(gan, sefa(gan, k)[:, None], REACH)


def sefa(gan: GAN, k: int) -> Tensor:
    """(k, z_dim): the unit directions of z that move the generator's first layer most, largest first.

    Eigenvectors of A^T A for that layer's weight A, as in SeFa (Shen and Zhou 2021), with the sign chosen so that the
    largest entry is positive.
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
    """Principal components of what the first layer hands to the second, each regressed back to z (GANSpace)."""
    z, c = sample(gan, pictures(gan, 3), 0)
    a = second_input(gan, z, c).flatten(1).float()
    a = a - a.mean(0)
    # The components' coordinates are eigenvectors of the Gram matrix; their regression of z is z's share along each.
    u = torch.linalg.eigh(a @ a.T).eigenvectors.flip(1)[:, : min(12, gan.recipe.z_dim)]
    v = F.normalize(noise(gan, z).T @ u, dim=0).T
    return named(gan, v[:, None] * spread(gan), REACH, flip=True)


@torch.no_grad()
def second_input(gan: GAN, z: Tensor, c: Tensor) -> Tensor:
    """What the first layer with weights that reads neither z nor the class reads, whatever the generator is made of."""
    read: list[Tensor] = []
    hooks = [m.register_forward_pre_hook(lambda _, args: read.append(args[0])) for m in weighty(gan.G)]
    try:
        gan.generate(gan.G, z.to(device(gan)), c.to(device(gan)))
    finally:
        for hook in hooks:
            hook.remove()
    given = [read[0], gan.one_hot(c.to(device(gan)))] if gan.conditional else [read[0]]
    # Some layers read the latent again, and one of cgan's the class alone.
    hidden = (a for a in read if not any(a.shape == b.shape and torch.equal(a, b) for b in given))
    return next(hidden, read[-1]).cpu()


def measured(gan: GAN) -> SliderDirections:
    """One direction for each attribute, the steadiest first."""
    slopes = mean_slopes(gan, measure, len(ATTRIBUTES))
    probe = looks_like(gan) if len(gan.choices) > 1 else None
    if probe is not None:
        slopes = without(slopes, mean_slopes(gan, probe, 3 * len(gan.choices)))
    vectors = apart(slopes).permute(2, 0, 1).float() * spread(gan)
    if probe is not None:
        vectors = vectors * within_class(gan, vectors, probe)[None, :, None]
    steady = rank_correlation(
        swept(gan, vectors, POSITIONS, 1, few(gan, GARMENTS))[0]
    ).diagonal()  # of direction i and attribute i
    order = steady.argsort(descending=True).tolist()
    names = list(ATTRIBUTES)
    return SliderDirections(
        vectors[order], tuple(names[i] for i in order), tuple(steady[order].tolist()), MEASURED_REACH
    )


def mean_slopes(gan: GAN, of: Callable[[Tensor], Tensor], times: int) -> Tensor:
    """(classes, z_dim, K): the mean gradient by z of what `of` says (N, K) of pictures, for each class.

    Of z from N(0, I) this mean is what regression on z would give of endlessly many pictures (Stein's lemma), from a
    few dozen. In pieces of 64 garments, so that memory stays bounded.
    """
    z, c = sample(gan, pictures(gan, times), 0)
    pieces = zip(z.split(64), c.split(64), strict=True)
    slopes, rows = torch.cat([slope(gan, *piece, of) for piece in pieces]).double(), places(gan, c)
    return torch.stack([slopes[rows == k].mean(0) for k in range(int(rows.max()) + 1)])


def slope(gan: GAN, z: Tensor, c: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """(N, z_dim, K): the gradient by z of what `of` says (N, K) of pictures in floats from 0 to 255."""
    with torch.enable_grad():
        z = z.to(device(gan)).requires_grad_()
        low = gan.recipe.low
        said = of((gan.generate(gan.G, z, c.to(device(gan))) - low) * (255 / (1 - low)))
        each = [torch.autograd.grad(k.sum(), z, retain_graph=True)[0] for k in said.T]
    return noise(gan, torch.stack(each, 2)).cpu()


def ridge(z: Tensor, y: Tensor, stiffness: float) -> Tensor:
    """(z_dim, K): argmin |z w - y|^2 + stiffness |w|^2."""
    return torch.linalg.solve(z.T @ z + stiffness * torch.eye(z.shape[1], dtype=z.dtype), z.T @ y)


def looks_like(gan: GAN) -> Callable[[Tensor], Tensor]:
    """A linear scorer, of pictures the generator drew, by the class each was asked for: pictures -> (N, classes)."""

    def small(x: Tensor) -> Tensor:
        v = F.adaptive_avg_pool2d(x.float().mean(1, keepdim=True) / 255, 14).flatten(1).double()
        return torch.cat([v, torch.ones_like(v[:, :1])], 1)

    z, c = sample(gan, pictures(gan, 3), 2)
    weight = ridge(small(render(gan, z, c)), F.one_hot(places(gan, c)).double(), 5.0)
    return lambda x: small(x) @ weight


def without(slopes: Tensor, nuisance: Tensor) -> Tensor:
    """Slopes (classes, z_dim, K) less what lies along the nuisance (classes, z_dim, M), all but exactly."""
    n = F.normalize(nuisance, dim=1)
    gram = n.mT @ n + 0.3 * torch.eye(n.shape[2], dtype=n.dtype)
    slopes = F.normalize(slopes, dim=1)
    return slopes - n @ torch.linalg.solve(gram, n.mT @ slopes)


def apart(slopes: Tensor) -> Tensor:
    """Unit directions (classes, z_dim, K) that each follow their own slope and turn away from the others' a little.

    At no stiffness, direction i would be at right angles to all slopes but its own: hardly anything would be left to
    move where two measures nearly agree, such as area and width.
    """
    s = F.normalize(slopes, dim=1)
    return F.normalize(s @ torch.linalg.inv(s.mT @ s + 3.0 * torch.eye(s.shape[2], dtype=s.dtype)), dim=1)


def within_class(gan: GAN, vectors: Tensor, probe: Callable[[Tensor], Tensor]) -> Tensor:
    """(classes,): by how much to shorten a class's directions, so that KEPT of its garments look to the scorer as they
    did unmoved.

    A straight line is assumed: half as far, half as many are lost. Every fourth direction is tried.
    """
    x, rows = swept(gan, vectors[::4], (POSITIONS[0], 0.0, POSITIONS[-1]), 3, few(gan, CHECKED))
    verdict = probe(x.flatten(0, 2)).argmax(1).view(x.shape[:3])
    kept = (verdict[:, :, ::2] == verdict[:, :, 1:2]).double().mean((0, 2))
    lost = torch.stack([1 - kept[rows == k].mean() for k in range(int(rows.max()) + 1)])
    return ((1 - KEPT) / lost.clamp_min(1 - KEPT)).clamp_min(0.3).float()


def named(gan: GAN, vectors: Tensor, reach: float, flip: bool = False) -> SliderDirections:
    """Directions in their own order, each called after the attribute with the highest rank correlation."""
    steady = rank_correlation(swept(gan, vectors, POSITIONS, 1, few(gan, GARMENTS))[0])
    best = steady.abs().argmax(1)
    strengths = steady.gather(1, best[:, None])[:, 0]
    if flip:
        vectors, strengths = vectors * torch.where(strengths < 0, -1.0, 1.0)[:, None, None], strengths.abs()
    names = list(ATTRIBUTES)
    return SliderDirections(vectors, tuple(names[i] for i in best), tuple(strengths.tolist()), reach)


def rank_correlation(x: Tensor) -> Tensor:
    """(k, attributes): Spearman's correlation of a slider's position and each attribute, the mean over garments, of
    pictures moved along k directions (k, garments, positions, C, H, W). A garment that does not change counts as 0.
    """
    values = measure(x.flatten(0, 2)).view(*x.shape[:3], -1).transpose(2, 3)  # (k, garments, attributes, positions)
    return spearman(torch.arange(x.shape[2]).expand_as(values), values).mean(1)


def spearman(a: Tensor, b: Tensor) -> Tensor:
    """(..., n) and (..., n) -> (...): the correlation of ranks, ties at their mean rank; 0 if either is constant."""
    ranks = []
    for v in (a, b):
        below, upto = (v[..., None] > v[..., None, :]).sum(-1), (v[..., None] >= v[..., None, :]).sum(-1)
        r = (below + upto).double()  # twice the mean rank, less a constant
        ranks.append(r - r.mean(-1, keepdim=True))
    size = ranks[0].square().sum(-1) * ranks[1].square().sum(-1)
    return (ranks[0] * ranks[1]).sum(-1) / size.sqrt().clamp_min(1e-9)


def swept(gan: GAN, vectors: Tensor, positions: Sequence[float], seed: int, garments: int) -> tuple[Tensor, Tensor]:
    """Garments moved along each direction: (k, garments, positions, C, H, W) uint8, and (garments,) their class from 0.

    The unmoved ones are drawn only once.
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
    """Latents and choices, all choices in turn."""
    z = gan.latents(n, torch.Generator().manual_seed(seed))
    choices = torch.tensor(list(gan.choices) or [-1])
    c = choices[torch.arange(n) % len(choices)]
    return gan.choose(z, c), c


def places(gan: GAN, c: Tensor) -> Tensor:
    """(N,) choices as their places among the GAN's, from 0; all 0 where there are none. Of (N, classes) shares of a
    blend, those of the choices."""
    order = list(gan.choices)
    if c.is_floating_point():
        return c[:, order]
    return torch.tensor([order.index(int(i)) if order else 0 for i in c])


def noise(gan: GAN, z: Tensor) -> Tensor:
    """The part of latents that sliders move: without categories and codes."""
    return z[:, : gan.recipe.z_dim]


def spread(gan: GAN) -> float:
    """Standard deviation of a number of z: 1 for N(0, I), 0.577 for U(-1, 1)."""
    return float(noise(gan, sample(gan, 1000, 0)[0]).std())


def pictures(gan: GAN, times: int) -> int:
    """How many pictures may be drawn for WORK, if each must be so many times."""
    return round(max(FEWEST, min(MOST, WORK / effort(gan)) / times))


def few(gan: GAN, usual: int) -> int:
    """How many garments to move: as many as usual, or down to a quarter where each is dear to draw."""
    return round(usual * max(0.25, min(1.0, WORK / effort(gan) / 300)))


@torch.no_grad()
def effort(gan: GAN) -> float:
    """Multiply-adds of a picture, about: each weight once for every place of its layer's smaller side."""
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
    """The modules that hold a matrix or a kernel of their own."""
    return [m for m in G.modules() if any(p.dim() >= 2 for p in m.parameters(recurse=False)) and not list(m.children())]


def device(gan: GAN) -> torch.device:
    return next(gan.G.parameters()).device


KINDS: dict[str, Callable[[GAN], SliderDirections]] = {"measured": measured, "layer": layer, "activations": activations}

"""Latents described, not stored: a seed, a class, a few offsets. Any picture can be made again from its description."""

import json
import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from .errors import StudioError
from .gan import GAN

REACH, CODE_REACH = 8.0, 2.0  # how far a slider goes each way: standard deviations of z; a code is trained in -1..1
ACROSS = 9  # pictures in a row of a grid


@dataclass(frozen=True)
class Look:
    """A description of a sheet of pictures; `checkpoint` and this are enough to draw it again."""

    checkpoint: str
    n: int = 1
    seed: int = 0
    label: int | str | None = None
    truncation: float = 1.0
    sliders: tuple[float, ...] = ()
    across: int = 0  # number of the slider that a grid moves from left to right; 0 for a plain sheet

    def to_json(self) -> str:
        return json.dumps({"made by": "FashionGAN Studio", **asdict(self)})


def draw(gan: GAN, n: int, seed: int, label: int | str | None = None) -> tuple[Tensor, Tensor]:
    """(n, ...) latents and (n,) choices for a seed. Row i depends on (seed, i) alone."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(n)])
    c = chosen(gan, n, label)
    return gan.choose(z, c), c


def chosen(gan: GAN, n: int, label: int | str | None) -> Tensor:
    """(n,) int64: the choice asked for, or all of them in turn; -1 where there is none."""
    choices = list(gan.choices)
    if label is not None:
        return torch.full((n,), number(gan, label))
    return torch.tensor([choices[i % len(choices)] for i in range(n)]) if choices else torch.full((n,), -1)


def number(gan: GAN, label: int | str) -> int:
    """One of the GAN's choices, by its number or its name."""
    if not gan.choices:
        raise StudioError(
            f"{gan.recipe.gan} does not draw by class: leave the class out, or use one that does, such as cdcgan."
        )
    text = str(label).strip().casefold()
    for i, name in gan.choices.items():
        if text in (str(i), name.casefold()):
            return i
    have = ", ".join(f"{i} {name}" for i, name in gan.choices.items())
    raise StudioError(f"This checkpoint has no class {label!r}: it draws {have}.")


def columns(gan: GAN, look: Look) -> int:
    """How wide a sheet is: a column for each choice where all are drawn, else about as wide as high."""
    if look.across:
        return ACROSS
    if look.label is None and 2 <= len(gan.choices) <= 16:
        return min(look.n, len(gan.choices))
    return max(1, math.ceil(math.sqrt(look.n)))


@torch.no_grad()
def render(gan: GAN, z: Tensor, c: Tensor, G: nn.Module | None = None) -> Tensor:
    """(N, z_dim) latents and (N,) classes -> (N, C, H, W) uint8 on the CPU, in pieces so that memory stays bounded."""
    G = G or gan.G
    device = next(G.parameters()).device
    parts = [gan.generate(G, a.to(device), b.to(device)) for a, b in zip(z.split(500), c.split(500), strict=True)]
    low = gan.recipe.low
    return ((torch.cat(parts) - low) * (255 / (1 - low))).round().clamp(0, 255).to(torch.uint8).cpu()


def fixed_sheet(gan: GAN, G: nn.Module | None = None) -> tuple[Tensor, int]:
    """((n, C, H, W) uint8, columns): the sheet by which a run is watched, from noise that depends on its seed alone."""
    wide = columns(gan, Look("", 64))
    z, c = draw(gan, 8 * wide, gan.recipe.seed)
    return render(gan, z, c, G), wide


def directions(gan: GAN, k: int) -> Tensor:
    """(k, z_dim): the unit directions of z that move the generator's first layer most, largest first.

    Eigenvectors of A^T A for that layer's weight A, as in SeFa (Shen and Zhou 2021, https://arxiv.org/abs/2007.06600),
    with the sign chosen so that the largest entry is positive.
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
    raise StudioError("This generator has no layer that reads z directly, so it has no sliders.")


def handles(gan: GAN, k: int) -> list[str]:
    """Names of a GAN's k sliders: the codes that it learned, then directions of its noise."""
    codes = [f"Code {i + 1}" for i in range(min(gan.codes, k))]
    return codes + [f"Direction {i + 1}" for i in range(k - len(codes))]


def moved(gan: GAN, z: Tensor, sliders: Tensor) -> Tensor:
    """Latents with sliders (N, k) or (k,) added, in the order of `handles`; a code stays within its reach."""
    z, sliders = z.clone(), sliders.to(z).expand(len(z), -1)
    codes = min(gan.codes, sliders.shape[1])
    if codes:
        first = z.shape[1] - gan.codes
        z[:, first : first + codes] = (z[:, first : first + codes] + sliders[:, :codes]).clamp(-CODE_REACH, CODE_REACH)
    if bool(sliders[:, codes:].any()):
        z[:, : gan.recipe.z_dim] += sliders[:, codes:] @ directions(gan, sliders.shape[1] - codes)
    return z


def picture(gan: GAN, look: Look) -> Tensor:
    """Draw a description: (n, C, H, W) uint8.

    A grid has a row for each choice, all of one noise (or, where there is none to make, eight rows of noise), and moves
    its slider by equal steps from one end to the other, from left to right.
    """
    if look.across:
        return render(gan, *grid(gan, look))
    z, c = draw(gan, look.n, look.seed, look.label)
    return render(gan, moved(gan, gan.truncate(z, look.truncation), torch.tensor(look.sliders)), c)


def grid(gan: GAN, look: Look) -> tuple[Tensor, Tensor]:
    """Latents and choices of a grid's rows * ACROSS pictures, row by row."""
    k = max(look.across, len(look.sliders))
    sliders = torch.zeros(ACROSS, k)
    sliders[:, : len(look.sliders)] = torch.tensor(look.sliders)
    code = look.across <= gan.codes
    reach = CODE_REACH if code else REACH
    sliders[:, look.across - 1] = torch.linspace(-reach, reach, ACROSS)
    if gan.choices and look.label is None:
        c = torch.tensor(list(gan.choices))
        z, _ = draw(gan, 1, look.seed)
        z = gan.choose(z.repeat(len(c), 1), c)
    else:
        z, c = draw(gan, 8, look.seed, look.label)
    z = gan.truncate(z, look.truncation)
    if code:
        z[:, z.shape[1] - gan.codes + look.across - 1] = 0.0  # a code's own value, not one added to what was drawn
    rows = len(z)
    return moved(gan, z.repeat_interleave(ACROSS, 0), sliders.repeat(rows, 1)), c.repeat_interleave(ACROSS)

"""From a seed to latents, and from latents to pictures."""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from ..errors import StudioError, quoted
from .recipe import Recipe


class Drawable(Protocol):
    """The part of a GAN that drawing needs. A protocol, since `base.GAN` imports this module and not the reverse."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def G(self) -> nn.Module: ...  # noqa: N802  the papers' name
    @property
    def choices(self) -> dict[int, str]: ...
    def latents(self, n: int, rng: torch.Generator) -> Tensor: ...
    def choose(self, z: Tensor, c: Tensor) -> Tensor: ...
    def truncate(self, z: Tensor, psi: float) -> Tensor: ...
    def generate(self, G: nn.Module, z: Tensor, c: Tensor) -> Tensor: ...


def sample_images(gan: Drawable, n: int, seed: int, label: int | str | None = None, truncation: float = 1.0) -> Tensor:
    """(n, C, H, W) uint8 on the CPU; picture i depends on (seed, i) alone."""
    z, c = draw(gan, n, seed, label)
    return render(gan, gan.truncate(z, truncation), c)


def columns(gan: Drawable, n: int, all_choices: bool = True) -> int:
    """The number of columns of a sheet of n pictures: one for each choice if all are drawn, else about sqrt(n)."""
    if all_choices and 2 <= len(gan.choices) <= 16:
        return min(n, len(gan.choices))
    return max(1, math.ceil(math.sqrt(n)))


def fixed_sheet(gan: Drawable, G: nn.Module | None = None) -> tuple[Tensor, int]:
    """((n, C, H, W) uint8, columns): the sheet that shows a run's progress. Its noise depends on the seed alone."""
    wide = columns(gan, 64)
    z, c = draw(gan, 8 * wide, gan.recipe.seed)
    return render(gan, z, c, G), wide


def draw(gan: Drawable, n: int, seed: int, label: int | str | None = None, first: int = 0) -> tuple[Tensor, Tensor]:
    """(n, ...) latents and (n,) choices for a seed, from its picture number `first` on. Row i depends on (seed, i)
    alone."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(first + n)])[first:]
    c = chosen(gan, first + n, label)[first:]
    return gan.choose(z, c), c


def chosen(gan: Drawable, n: int, label: int | str | None) -> Tensor:
    """(n,) int64: the given choice, or all choices in turn; -1 if the GAN has none."""
    choices = list(gan.choices)
    if label is not None:
        return torch.full((n,), number(gan, label))
    return torch.tensor([choices[i % len(choices)] for i in range(n)]) if choices else torch.full((n,), -1)


def number(gan: Drawable, label: int | str) -> int:
    """One of the GAN's choices, by its name or its number; a class called 3 comes before class number 3."""
    if not gan.choices:
        raise StudioError(
            f"{gan.recipe.gan} does not draw by class: leave the class out, or use one that does, such as cdcgan."
        )
    text = str(label).strip()
    names = {} if isinstance(label, int) else gan.choices
    for means in (
        [i for i, name in names.items() if name == label],
        [i for i, name in names.items() if name.strip().casefold() == text.casefold()],
        [i for i in gan.choices if str(i) == text],
    ):
        if len(means) == 1:
            return means[0]
    have = ", ".join(f"{i} {name}" for i, name in gan.choices.items())
    raise StudioError(f"This checkpoint has no class {quoted(label)}: it draws {have}.")


@torch.no_grad()
def render(gan: Drawable, z: Tensor, c: Tensor, G: nn.Module | None = None) -> Tensor:
    """(N, ...) latents and their classes -> (N, C, H, W) uint8 on the CPU, in pieces so that memory stays bounded.

    Classes are (N,) numbers, or (N, classes) shares of a blend.
    """
    G = G or gan.G
    device = next(G.parameters()).device
    parts = [gan.generate(G, a.to(device), b.to(device)) for a, b in zip(z.split(500), c.split(500), strict=True)]
    return in_bytes(gan, torch.cat(parts))


def in_bytes(gan: Drawable, x: Tensor) -> Tensor:
    """A generator's pictures, recipe.low..1, as uint8 on the CPU."""
    low = gan.recipe.low
    return ((x - low) * (255 / (1 - low))).round().clamp(0, 255).to(torch.uint8).cpu()

"""From a seed to latents, and from latents to pictures."""

import torch
from torch import Tensor, nn

from .errors import StudioError, quoted
from .gan import GAN


def draw(gan: GAN, n: int, seed: int, label: int | str | None = None, first: int = 0) -> tuple[Tensor, Tensor]:
    """(n, ...) latents and (n,) choices for a seed, from its picture number `first` on. Row i depends on (seed, i)
    alone."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(first + n)])[first:]
    c = chosen(gan, first + n, label)[first:]
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
    raise StudioError(f"This checkpoint has no class {quoted(label)}: it draws {have}.")


@torch.no_grad()
def render(gan: GAN, z: Tensor, c: Tensor, G: nn.Module | None = None) -> Tensor:
    """(N, ...) latents and their classes -> (N, C, H, W) uint8 on the CPU, in pieces so that memory stays bounded.

    Classes are (N,) numbers, or (N, classes) shares of a blend.
    """
    G = G or gan.G
    device = next(G.parameters()).device
    parts = [gan.generate(G, a.to(device), b.to(device)) for a, b in zip(z.split(500), c.split(500), strict=True)]
    return in_bytes(gan, torch.cat(parts))


def in_bytes(gan: GAN, x: Tensor) -> Tensor:
    """A generator's pictures, recipe.low..1, as uint8 on the CPU."""
    low = gan.recipe.low
    return ((x - low) * (255 / (1 - low))).round().clamp(0, 255).to(torch.uint8).cpu()

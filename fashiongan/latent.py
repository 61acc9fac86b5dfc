"""Latents described, not stored: a seed, a class, a few offsets. Any picture can be made again from its description."""

import json
import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from .errors import StudioError
from .gan import GAN


@dataclass(frozen=True)
class Look:
    """A description of a sheet of pictures; `checkpoint` and this are enough to draw it again."""

    checkpoint: str
    n: int = 1
    seed: int = 0
    label: int | str | None = None
    truncation: float = 1.0
    sliders: tuple[float, ...] = ()

    def to_json(self) -> str:
        return json.dumps({"made by": "FashionGAN Studio", **asdict(self)})


def draw(gan: GAN, n: int, seed: int, label: int | str | None = None) -> tuple[Tensor, Tensor]:
    """(n, z_dim) latents and (n,) classes for a seed. Row i depends on (seed, i) alone."""
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(n)])
    return z, classes(gan, n, label)


def classes(gan: GAN, n: int, label: int | str | None) -> Tensor:
    """(n,) int64: the class asked for, or the trained ones in turn; -1 where the GAN knows no classes."""
    if not gan.conditional:
        if label is not None:
            raise StudioError(
                f"{gan.recipe.gan} does not draw by class: leave the class out, or use one that does, such as cdcgan."
            )
        return torch.full((n,), -1)
    trained = gan.recipe.trained
    if label is None:
        return torch.tensor([trained[i % len(trained)] for i in range(n)])
    return torch.full((n,), class_number(gan, label))


def class_number(gan: GAN, label: int | str) -> int:
    """A class by number or name, as one of those the GAN was trained on."""
    names, trained = gan.recipe.labels, gan.recipe.trained
    text = str(label).strip().casefold()
    for i in trained:
        if text in (str(i), names[i].casefold()):
            return i
    raise StudioError(
        f"This checkpoint has no class {label!r}: it draws " + ", ".join(f"{i} {names[i]}" for i in trained) + "."
    )


def columns(gan: GAN, n: int, label: int | str | None = None) -> int:
    """How wide a sheet is: a column for each class where all are drawn, else about as wide as high."""
    trained = len(gan.recipe.trained)
    if gan.conditional and label is None and 2 <= trained <= 16:
        return min(n, trained)
    return max(1, math.ceil(math.sqrt(n)))


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
    wide = columns(gan, 64)
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


def picture(gan: GAN, look: Look) -> Tensor:
    """Draw a description: (n, C, H, W) uint8. Sliders are in standard deviations of z along `directions`."""
    z, c = draw(gan, look.n, look.seed, look.label)
    noise = z[:, : gan.recipe.z_dim]
    noise *= look.truncation
    if any(look.sliders):
        noise += torch.tensor(look.sliders, dtype=z.dtype) @ directions(gan, len(look.sliders))
    return render(gan, z, c)

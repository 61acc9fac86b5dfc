"""Enlarges gray garments of 28 x 28 pixels (generated, drawn by hand or from Fashion-MNIST) to color pictures with
alpha."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..color import color_space
from ..data import images
from ..errors import StudioError, quoted
from ..gans.base import GAN
from ..gans.enlarger import Enlarger
from ..gans.sampling import number
from ..gans.shrinking import SMALL, chroma, luma, shrink, shrunk

AT_ONCE = 10  # garments per pass: with more, the activations no longer fit the processor's cache
SATURATED = 16  # of 255: a picture is in color if the channels of a pixel differ by more than this
LEAST = 0.02  # least mean darkness, or lightness, by which `retoned` divides


def enlarger(gan: GAN) -> Enlarger:
    """The GAN itself if it is an enlarger; otherwise StudioError."""
    if not isinstance(gan, Enlarger):
        raise StudioError(f"{gan.recipe.gan} draws garments, it does not enlarge them: choose an enlarger.")
    return gan


def opened(source: Path | bytes) -> Tensor:
    """Open a picture file of 28 x 28 gray pixels, light on black like Fashion-MNIST, as (1, 28, 28) uint8.

    Raises StudioError for any other size, and for a picture in color.
    """
    im = images.opened(source, 4096)
    if im.size != (SMALL, SMALL):
        raise StudioError(
            f"An enlarger takes garments of {SMALL} x {SMALL} pixels, and this is {im.width} x {im.height}: "
            "Colorize takes pictures of any size."
        )
    rgb = torch.from_numpy(np.asarray(im.convert("RGB")).copy())
    if int((rgb.amax(2).short() - rgb.amin(2).short()).amax()) > SATURATED:
        raise StudioError("An enlarger takes gray garments, light on black, and this picture is in color.")
    return rgb[None, ..., 0].contiguous()


def classes(gan: Enlarger, n: int, label: int | str | Sequence[int | str | None] | None) -> Tensor:
    """(n, K) one-hot classes: one for all garments, or one for each; zeros for None.

    A class is given by its number, its name, or the name of a similar class of Fashion-MNIST. The net has no class for
    Fashion-MNIST's bag, so a bag counts as None. Raises StudioError for an unknown name.
    """
    labels = [label] * n if label is None or isinstance(label, int | str) else list(label)
    if len(labels) != n:
        raise StudioError(f"There are {n} garments and {len(labels)} classes: tell one class, or one for each.")
    numbers = [-1 if one is None or str(one).strip().casefold() == "bag" else class_number(gan, one) for one in labels]
    return gan.one_hot(torch.tensor(numbers))


def class_number(gan: Enlarger, label: int | str) -> int:
    """The number of a class of the net; a name may be that of a similar class of Fashion-MNIST."""
    similar = gan.matching_class(label.strip()) if isinstance(label, str) else -1
    return similar if similar >= 0 else number(gan, label)


@torch.no_grad()
def enlarged(
    gan: Enlarger,
    gray: Tensor,
    label: int | str | Sequence[int | str | None] | None = None,
    seed: int = 0,
    color: str | None = None,
    first: int = 0,
) -> Tensor:
    """Enlarge garments.

    Args:
        gan: an enlarger.
        gray: (N, 28, 28) uint8, light on black like Fashion-MNIST.
        label: one class for all, or one for each: see `classes`.
        seed: seed of the noise, which decides the colors. Garment i depends only on (seed, first + i).
        color: the mean color that all garments get, such as "#b03a2e"; they also get its lightness.
        first: number of the first garment's noise.

    Returns:
        (N, S, S, 4) uint8, RGBA; S is the net's size.
    """
    if gray.dim() != 3 or tuple(gray.shape[1:]) != (SMALL, SMALL) or gray.dtype != torch.uint8:
        raise StudioError(
            f"An enlarger takes gray garments of {SMALL} x {SMALL} pixels, not {quoted(tuple(gray.shape))}."
        )
    device = next(gan.G.parameters()).device
    y, small = classes(gan, len(gray), label), gray[:, None].float() / 255
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(first + len(gray))])[first:]
    tone = None if color is None else torch.tensor(color_space.parse(color)).view(1, 3, 1, 1) / 255
    tone = tone if tone is None else tone.to(device)
    parts = [
        drawn(gan, a.to(device), b.to(device), c.to(device), tone)
        for a, b, c in zip(small.split(AT_ONCE), y.split(AT_ONCE), z.split(AT_ONCE), strict=True)
    ]
    return torch.cat(parts)


def drawn(gan: Enlarger, small: Tensor, y: Tensor, z: Tensor, color: Tensor | None) -> Tensor:
    """Garments (N, 1, 28, 28) in 0..1, classes (N, K), noise, and a color (1, 3, 1, 1) in 0..1 or None ->
    (N, S, S, 4) uint8."""
    if color is None:
        rgba = gan.G(small, y, z)
    else:
        tone = chroma(color).flatten(1).expand(len(small), -1)
        alpha = gan.G(small, y, z, tone)[:, 3:]  # the first pass only finds where the garment is
        rgba = gan.G(retoned(small, shrunk(alpha).clamp(0, 1), 1 - float(luma(color))), y, z, tone, alpha)
    return (rgba * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu()


def retoned(small: Tensor, cover: Tensor, dark: float) -> Tensor:
    """Make garments (N, 1, 28, 28) lighter or darker, so that the mean darkness inside their masks becomes `dark`.

    Lighter ones lose contrast toward white, darker ones toward black. `cover` (N, 1, 28, 28): the masks, in 0..1.
    """
    share = cover.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    mean = (small * cover).sum((1, 2, 3), keepdim=True) / share
    lighter = small * (dark / mean.clamp_min(LEAST))
    darker = cover * (1 - (1 - small) * ((1 - dark) / (1 - mean).clamp_min(LEAST)))
    return torch.where(mean > dark, lighter, torch.maximum(small, darker)).clamp(0, 1)


def consistency(gray: Tensor, rgba: Tensor) -> Tensor:
    """PSNR in decibels between the input and the result shrunk to 28 x 28 again, both rounded to whole gray levels.

    (N, 28, 28) uint8 and (N, S, S, 4) uint8 -> (N,).
    """
    again = (shrink(rgba.permute(0, 3, 1, 2).float() / 255)[:, 0] * 255).round()
    error = (again - gray.float()).square().mean((1, 2))
    return 10 * torch.log10(255**2 / error.clamp_min(1e-3))


def picture(rgba: Tensor) -> Image.Image:
    """(S, S, 4) uint8 -> a PIL image with alpha."""
    return Image.fromarray(rgba.numpy(), "RGBA")

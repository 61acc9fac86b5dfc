"""Gray garments of 28 pixels, drawn, scribbled or from Fashion-MNIST, as color pictures of 128 with alpha."""

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

AT_ONCE = 10  # garments in one pass: what they need then stays near the processor
SATURATED = 16  # of 255: channels farther apart make a picture one in color
LEAST = 0.02  # of the mean darkness, or lightness, of a garment that is to become darker or lighter


def enlarger(gan: GAN) -> Enlarger:
    """A GAN that enlarges garments, or StudioError."""
    if not isinstance(gan, Enlarger):
        raise StudioError(f"{gan.recipe.gan} draws garments, it does not enlarge them: choose an enlarger.")
    return gan


def opened(source: Path | bytes) -> Tensor:
    """A picture file of 28 x 28 gray pixels, light on black as Fashion-MNIST is, as (1, 28, 28) uint8.

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
    """(n, K) one-hot: one class for all or one each, by its number or name or by Fashion-MNIST's; zeros for None.

    What Fashion-MNIST calls a bag is none of the net's classes, and is told as none. Raises StudioError for a name that
    nobody knows.
    """
    told = [label] * n if label is None or isinstance(label, int | str) else list(label)
    if len(told) != n:
        raise StudioError(f"There are {n} garments and {len(told)} classes: tell one class, or one for each.")
    found = [-1 if one is None or str(one).strip().casefold() == "bag" else known(gan, one) for one in told]
    return gan.one_hot(torch.tensor(found))


def known(gan: Enlarger, label: int | str) -> int:
    kin = gan.akin(label.strip()) if isinstance(label, str) else -1
    return kin if kin >= 0 else number(gan, label)


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
        gray: (N, 28, 28) uint8, light on black as Fashion-MNIST is.
        label: their class, or one each: see `classes`.
        seed: of the noise, which decides the colors; garment i depends on (seed, first + i) alone.
        color: the mean color that all shall have, such as "#b03a2e"; then they also become as light as that is.
        first: number of the first garment's noise.

    Returns:
        (N, S, S, 4) uint8, S by the net.
    """
    if gray.dim() != 3 or tuple(gray.shape[1:]) != (SMALL, SMALL) or gray.dtype != torch.uint8:
        raise StudioError(
            f"An enlarger takes gray garments of {SMALL} x {SMALL} pixels, not {quoted(tuple(gray.shape))}."
        )
    device = next(gan.G.parameters()).device
    y, small = classes(gan, len(gray), label), gray[:, None].float() / 255
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(first + len(gray))])[first:]
    told = None if color is None else torch.tensor(color_space.parse(color)).view(1, 3, 1, 1) / 255
    told = told if told is None else told.to(device)
    parts = [
        drawn(gan, a.to(device), b.to(device), c.to(device), told)
        for a, b, c in zip(small.split(AT_ONCE), y.split(AT_ONCE), z.split(AT_ONCE), strict=True)
    ]
    return torch.cat(parts)


def drawn(gan: Enlarger, small: Tensor, y: Tensor, z: Tensor, color: Tensor | None) -> Tensor:
    """(N, 1, 28, 28) in 0..1, (N, K), noise, and a color (1, 3, 1, 1) in 0..1 or none -> (N, S, S, 4) uint8."""
    if color is None:
        rgba = gan.G(small, y, z)
    else:
        told = chroma(color).flatten(1).expand(len(small), -1)
        alpha = gan.G(small, y, z, told)[:, 3:]  # first only to learn where the garment is
        rgba = gan.G(retoned(small, shrunk(alpha).clamp(0, 1), 1 - float(luma(color))), y, z, told, alpha)
    return (rgba * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu()


def retoned(small: Tensor, cover: Tensor, dark: float) -> Tensor:
    """Garments (N, 1, 28, 28) made lighter or darker, until their mean darkness where they are is `dark`.

    Lighter ones lose contrast toward white, darker ones toward black. `cover` (N, 1, 28, 28): where they are, 0..1.
    """
    share = cover.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    mean = (small * cover).sum((1, 2, 3), keepdim=True) / share
    lighter = small * (dark / mean.clamp_min(LEAST))
    darker = cover * (1 - (1 - small) * ((1 - dark) / (1 - mean).clamp_min(LEAST)))
    return torch.where(mean > dark, lighter, torch.maximum(small, darker)).clamp(0, 1)


def consistency(gray: Tensor, rgba: Tensor) -> Tensor:
    """How near the enlarged, shrunk again, is to what came in: PSNR in decibels, of whole gray levels.

    (N, 28, 28) uint8 and (N, S, S, 4) uint8 -> (N,).
    """
    again = (shrink(rgba.permute(0, 3, 1, 2).float() / 255)[:, 0] * 255).round()
    error = (again - gray.float()).square().mean((1, 2))
    return 10 * torch.log10(255**2 / error.clamp_min(1e-3))


def picture(rgba: Tensor) -> Image.Image:
    """(S, S, 4) uint8 as an image with alpha."""
    return Image.fromarray(rgba.numpy(), "RGBA")

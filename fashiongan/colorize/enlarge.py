"""Enlarges gray garments of 28 x 28 pixels (generated, drawn by hand or from Fashion-MNIST) to color pictures with
alpha."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import checkpoint
from ..color import color_space
from ..data import images, sheets
from ..errors import StudioError, quoted
from ..gans.base import GAN
from ..gans.enlarger import Enlarger
from ..gans.sampling import number
from ..gans.shrinking import MARGIN, SMALL, chroma, luma, shrink, shrunk
from ..hub import registry

NAME = "enlarger"  # of the bundled checkpoint
AT_ONCE = 10  # garments per pass: with more, the activations no longer fit the processor's cache
SATURATED = 16  # of 255: a picture is in color if the channels of a pixel differ by more than this
EMPTY = 16  # of 255: a picture shows a garment if some pixel differs from its ground by more than this
MISSING = (
    "There is no enlarger here yet: train one with `python train.py enlarger` and a folder of cut-outs, and name its "
    "checkpoint."
)
LEAST = 0.02  # least mean darkness, or lightness, by which `retoned` divides
CELL = 2  # pixels a side of the cells in which `attached` looks for pieces
SOLID, SHOWN = 0.25, 0.03  # alpha and input of a cell, both 0..1, above which it belongs to a piece, or is shown


def load(name: str | None = None) -> Enlarger:
    """The enlarger with that name, or the bundled one. StudioError if there is none."""
    if name is None and NAME not in registry.bundled():
        raise StudioError(MISSING)
    return enlarger(checkpoint.load(name or NAME))


def enlarger(gan: GAN) -> Enlarger:
    """The GAN itself if it is an enlarger; otherwise StudioError."""
    if not isinstance(gan, Enlarger):
        raise StudioError(f"{gan.recipe.gan} draws garments, it does not enlarge them: choose an enlarger.")
    return gan


def opened(source: Path | bytes) -> Tensor:
    """Open a picture file of 28 x 28 gray pixels as (1, 28, 28) uint8, light on black like Fashion-MNIST.

    One with a light border, or on nothing, is dark on white: it is negated. Raises StudioError for any other size, and
    for a picture in color, and for an empty one.
    """
    im = images.opened(source, 4096)
    if im.size != (SMALL, SMALL):
        raise StudioError(
            f"An enlarger takes garments of {SMALL} x {SMALL} pixels, and this is {im.width} x {im.height}: "
            "Colorize takes pictures of any size."
        )
    rgb = torch.from_numpy(np.asarray(images.on_background(im.convert("RGBA"))).copy())
    if int((rgb.amax(2).short() - rgb.amin(2).short()).amax()) > SATURATED:
        raise StudioError("An enlarger takes gray garments, and this picture is in color.")
    gray = rgb[..., 0]
    border = torch.cat([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    gray = 255 - gray if border.median() > 127 else gray
    if int(gray.max()) <= EMPTY:
        raise StudioError("This picture shows no garment: it is empty.")
    return gray[None].contiguous()


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
    check(gray)
    rng = torch.Generator().manual_seed(seed)
    z = torch.cat([gan.latents(1, rng) for _ in range(first + len(gray))])[first:]
    return from_noise(gan, gray, classes(gan, len(gray), label), z, () if color is None else [color] * len(gray))


def of_generator(
    gan: Enlarger, source: GAN, images: Tensor, z: Tensor, c: Tensor, colors: Sequence[str] = (), seed: int = 0
) -> Tensor:
    """Enlarge drawn garments.

    A garment's noise is computed from its own latent, so it keeps its color while sliders move it, alone and on a
    sheet, and its neighbors have similar colors.

    Args:
        gan: an enlarger.
        source: the GAN that drew the garments.
        images: (N, 1, 28, 28) uint8, light on black like Fashion-MNIST.
        z: the latents (N, ...) that they were drawn from, before sliders.
        c: their choices (N,), or shares of a blend (N, classes).
        colors: the mean color of each garment, such as "#b03a2e"; () lets the noise decide.
        seed: another one gives other colors.

    Returns:
        (N, S, S, 4) uint8, RGBA.
    """
    check_source(source)
    return from_noise(gan, images[:, 0], similar_classes(gan, source, c), noise_of(gan, source, z, seed), colors)


def check_source(source: GAN) -> None:
    """StudioError for a GAN whose garments an enlarger does not take: it needs gray ones of 28 x 28 pixels."""
    if source.channels != 1 or source.recipe.size != SMALL:
        kind = "gray" if source.channels == 1 else "color"
        size = source.recipe.size
        raise StudioError(
            f"An enlarger takes gray garments of {SMALL} x {SMALL} pixels, and this checkpoint draws {size} x {size} "
            f"in {kind}: choose one such as studio."
        )


def check(gray: Tensor) -> None:
    """StudioError unless these are garments (N, 28, 28) uint8."""
    if gray.dim() != 3 or tuple(gray.shape[1:]) != (SMALL, SMALL) or gray.dtype != torch.uint8:
        raise StudioError(
            f"An enlarger takes gray garments of {SMALL} x {SMALL} pixels, not {quoted(tuple(gray.shape))}."
        )


def similar_classes(gan: Enlarger, source: GAN, c: Tensor) -> Tensor:
    """Choices (N,) or shares (N, classes) of another GAN -> (N, K) classes of the enlarger, zeros where it has none."""
    y = torch.zeros(len(c), len(gan.recipe.labels))
    for i, name in source.choices.items():
        k = gan.matching_class(name)
        if k >= 0:
            y[:, k] += c[:, i] if c.is_floating_point() else (c == i).float()
    return y


def noise_of(gan: Enlarger, source: GAN, z: Tensor, seed: int) -> Tensor:
    """(N, z_dim) noise for the enlarger, about N(0, I): the directions of latents (N, ...), randomly projected."""
    own = z[:, : source.recipe.z_dim].float()
    own = own / own.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)
    d = own.shape[1]
    rng = torch.Generator().manual_seed(seed)
    return own @ (torch.randn(d, gan.recipe.z_dim, generator=rng) / d**0.5)


@torch.no_grad()
def from_noise(gan: Enlarger, gray: Tensor, y: Tensor, z: Tensor, colors: Sequence[str]) -> Tensor:
    """Garments (N, 28, 28) uint8, classes (N, K), noise (N, z_dim) and N colors, or () -> (N, S, S, 4) uint8."""
    device = next(gan.G.parameters()).device
    small = gray[:, None].float() / 255
    rows = [[v / 255 for v in color_space.parse(color)] for color in colors]
    tones = torch.tensor(rows)[:, :, None, None].split(AT_ONCE) if rows else [None] * len(small)
    parts = [
        drawn(gan, a.to(device), b.to(device), c.to(device), tone if tone is None else tone.to(device))
        for a, b, c, tone in zip(small.split(AT_ONCE), y.split(AT_ONCE), z.split(AT_ONCE), tones, strict=False)
    ]
    return torch.cat(parts)


def drawn(gan: Enlarger, small: Tensor, y: Tensor, z: Tensor, color: Tensor | None) -> Tensor:
    """Garments (N, 1, 28, 28) in 0..1, classes (N, K), noise, and colors (N, 3, 1, 1) in 0..1 or None ->
    (N, S, S, 4) uint8."""
    if color is None:
        rgba = gan.G(small, y, z)
        rgba[:, 3:] = attached(rgba[:, 3:], small)
    else:
        tone = chroma(color).flatten(1)
        alpha = attached(gan.G(small, y, z, tone)[:, 3:], small)  # the first pass only finds where the garment is
        rgba = gan.G(retoned(small, shrunk(alpha).clamp(0, 1), 1 - luma(color)), y, z, tone, alpha)
    return (rgba * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu()


def attached(alpha: Tensor, small: Tensor) -> Tensor:
    """Alpha (N, 1, S, S) without the pieces of which the input (N, 1, 28, 28) shows nothing, both in 0..1.

    White on white cannot be seen in the input, so the net also imagines white pieces where there is nothing. One that
    touches the garment can be a part of it, a detached one is taken away.
    """
    inner = 2 * round(alpha.shape[-1] / MARGIN / 2)
    edge = (alpha.shape[-1] - inner) // 2
    cells = F.max_pool2d(alpha, CELL) > SOLID
    kept = cells & (F.max_pool2d(F.pad(F.interpolate(small, inner), [edge] * 4), CELL) > SHOWN)
    while not torch.equal(wider := cells & around(kept), kept):
        kept = wider
    soft = around(kept) & ~cells  # the outline
    return alpha * F.interpolate((kept | soft).float(), scale_factor=CELL)


def around(cells: Tensor) -> Tensor:
    """Cells (N, 1, H, W) bool, and those that touch one, also at a corner."""
    return F.max_pool2d(cells.float(), 3, 1, 1) > 0


def retoned(small: Tensor, cover: Tensor, dark: Tensor | float) -> Tensor:
    """Make garments (N, 1, 28, 28) lighter or darker, so that the mean darkness inside their masks becomes `dark`.

    `dark` is one number or (N, 1, 1, 1).

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


def variants(gan: Enlarger, gray: Tensor, label: int | str | None, seed: int, colors: Sequence[str], n: int) -> Tensor:
    """Enlarge one garment (1, 28, 28) uint8 in n variants, each with the next of the colors: (n, S, S, 4) uint8."""
    z = torch.cat([gan.latents(1, rng) for rng in [torch.Generator().manual_seed(seed)] for _ in range(n)])
    each = [colors[i % len(colors)] for i in range(n)] if colors else ()
    return from_noise(gan, gray.repeat(n, 1, 1), classes(gan, n, label), z, each)


def description(name: str, label: int | str | None, seed: int, colors: Sequence[str], number: int) -> str:
    """The description of an enlarged picture as JSON, which is stored in it. `name`: of the enlarger."""
    values = {"label": label, "colours": list(colors)}
    given = {k: v for k, v in values.items() if v not in (None, [])}
    return json.dumps({"made by": "FashionGAN Studio", "enlarged by": name, "seed": seed, "variant": number, **given})


def png(rgba: Tensor, text: str, ground: tuple[int, int, int] | None = None) -> bytes:
    """(S, S, 4) uint8 -> PNG bytes with a description, on a color or, with None, transparent."""
    return sheets.png(sheets.sheet(rgba.permute(2, 0, 1)[None], 1, gap=0, ground=ground), text)

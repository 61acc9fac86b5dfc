"""Latents described, not stored: a seed, a class, a few offsets. Any picture can be made again from its description."""

import base64
import binascii
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import limits
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN
from ..gans.sampling import chosen, draw, in_bytes, render
from . import directions

CODE_REACH = 2.0  # how far a slider moves a code, which is trained in -1..1; others go as far as directions.Ways.reach
ACROSS = 9  # pictures in a row of a grid


@dataclass(frozen=True)
class SampleSpec:
    """A description of a sheet of pictures; `checkpoint` and this are enough to draw it again.

    Its latents are drawn from `seed`, or, where no seed leads to them (a mixture, a neighbour, a picture of somebody's
    own), told by value. New fields have a default that means what a description meant before they were there.
    """

    checkpoint: str
    n: int = 1
    seed: int = 0
    label: int | str | None = None
    truncation: float = 1.0
    sliders: tuple[float, ...] = ()
    across: int = 0  # number of the slider that a grid moves from left to right; 0 for a plain sheet
    first: int = 0  # number of the seed's picture that the sheet begins with
    ways: str = "layer"  # which directions the sliders are: one of directions.KINDS
    latents: str = ""  # n latents in float16, base64; then neither seed nor first count
    shares: tuple[float, ...] = ()  # of each of the GAN's choices, in a blend; then label does not count
    other: str = ""  # a second latent, in the same way, whose layers from `cut` on are used
    cut: int = 0

    def to_json(self) -> str:
        return json.dumps({"made by": "FashionGAN Studio", **self.brief()})

    def brief(self) -> dict[str, Any]:
        """What a plain sheet always tells, and of the rest what is not as usual."""
        usual = {f.name: f.default for f in fields(self)}
        rare = ("first", "ways", "latents", "shares", "other", "cut")
        return {k: v for k, v in asdict(self).items() if k not in rare or v != usual[k]}


def parse(told: Any) -> SampleSpec:
    """A SampleSpec from its JSON text or the dict in it, of whatever version; StudioError for anything else.

    Descriptions come from files and browsers, so every value is checked here, and `picture` can trust a SampleSpec.
    """
    try:
        told = json.loads(told) if isinstance(told, str | bytes) else told
        told = {k: v for k, v in told.items() if k != "made by"}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
        made = SampleSpec(**values)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise StudioError("This is not a description of garments by the studio.") from None
    rules = (
        isinstance(made.checkpoint, str),
        whole(made.n, 1, limits.SHEET_PICTURES),
        whole(made.seed, 0, 2**63 - 1),
        made.label is None or whole(made.label, 0, 1000) or isinstance(made.label, str),
        real(made.truncation, 0, 10),
        numbers(made.sliders, -100, 100) and len(made.sliders) <= 16,
        whole(made.across, 0, 16),
        whole(made.first, 0, 10 * limits.SHEET_PICTURES),
        made.ways in directions.KINDS,
        isinstance(made.latents, str) and isinstance(made.other, str),
        numbers(made.shares, 0, 1),
        whole(made.cut, 0, 1000),
    )
    if not all(rules):
        broken = rules.index(False)
        name = ("checkpoint", "n", "seed", "label", "truncation", "sliders", "across", "first", "ways", "latents")
        raise StudioError(
            f"This description of garments has no sensible {(*name, 'shares', 'cut')[broken]}: it was altered."
        )
    return made


def whole(x: Any, lo: int, hi: int) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and lo <= x <= hi


def real(x: Any, lo: float, hi: float) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) and lo <= x <= hi


def numbers(x: Any, lo: float, hi: float) -> bool:
    return isinstance(x, tuple) and all(real(v, lo, hi) for v in x)


def pack(z: Tensor) -> str:
    """(n, ...) latents as text: float16, base64. About 270 letters for a hundred numbers."""
    return base64.b64encode(z.numpy().astype("<f2").tobytes()).decode()


def unpack(gan: GAN, text: str, n: int) -> Tensor:
    """n latents (n, ...) of a GAN from their text, or StudioError."""
    shape = gan.latents(1, torch.Generator()).shape[1:]
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError):
        values = np.zeros(0, np.float32)
    if values.size != n * shape.numel() or not np.isfinite(values).all():
        raise StudioError("The latents in this description do not fit its checkpoint: it was altered, or retrained.")
    return torch.from_numpy(values).view(n, *shape)


def label_of(gan: GAN, c: Tensor) -> str | None:
    """The name of a choice, as a SampleSpec holds it."""
    return gan.choices.get(int(c))


def columns(gan: GAN, look: SampleSpec) -> int:
    """How wide a sheet is: a column for each choice where all are drawn, else about as wide as high."""
    if look.across:
        return ACROSS
    return sampling.columns(gan, look.n, look.label is None and not look.latents and not look.shares)


def handles(gan: GAN, k: int, ways: str = "layer") -> list[str]:
    """Names of a GAN's k sliders: the codes that it learned, then directions of its noise by what they change."""
    codes = [f"Code {i + 1}" for i in range(min(gan.codes, k))]
    try:
        found = directions.find(gan, ways)
    except StudioError:  # such directions it does not have
        return codes + [f"Direction {i + 1}" for i in range(k - len(codes))]
    named = []
    for i, (name, strength) in enumerate(zip(found.names, found.strengths, strict=True)):
        said = f"{name}, {strength:.2f}".replace("-", "\N{MINUS SIGN}")
        plain = f"Direction {i + 1}" if abs(strength) < directions.WEAK else f"Direction {i + 1}: {said}"
        named.append(said[0].upper() + said[1:] if ways == "measured" else plain)
    named += [f"Direction {i + 1}" for i in range(len(named), k)]
    return codes + named[: k - len(codes)]


def reaches(gan: GAN, k: int, ways: str = "layer") -> list[float]:
    """How far each of a GAN's k sliders goes: a code less far than a direction."""
    codes = min(gan.codes, k)
    reach = directions.MEASURED_REACH if ways == "measured" else directions.REACH
    return [CODE_REACH] * codes + [reach] * (k - codes)


def moved(gan: GAN, z: Tensor, sliders: Tensor, ways: str = "layer", c: Tensor | None = None) -> Tensor:
    """Latents with sliders (N, k) or (k,) added, in the order of `handles`; a code stays within its reach.

    `c`, the classes of the latents, counts where directions differ by class.
    """
    z, sliders = z.clone(), sliders.to(z).expand(len(z), -1)
    codes = min(gan.codes, sliders.shape[1])
    if codes:
        first = z.shape[1] - gan.codes
        z[:, first : first + codes] = (z[:, first : first + codes] + sliders[:, :codes]).clamp(-CODE_REACH, CODE_REACH)
    offsets = sliders[:, codes:]
    if bool(offsets.any()):
        if ways == "layer":  # known without looking at pictures, so without waiting for their names
            z[:, : gan.recipe.z_dim] += offsets @ directions.sefa(gan, offsets.shape[1])
        else:
            places = directions.places(gan, torch.full((len(z),), -1) if c is None else c)
            along = directions.find(gan, ways).of(places)[: offsets.shape[1]]
            z[:, : gan.recipe.z_dim] += torch.einsum("nk,knz->nz", offsets[:, : len(along)], along)
    return z


def latents(gan: GAN, look: SampleSpec) -> tuple[Tensor, Tensor]:
    """The latents (n, ...) of a plain sheet before sliders and truncation, and their classes (n,) or shares."""
    if look.latents:
        z, c = unpack(gan, look.latents, look.n), classes(gan, look)
        return (gan.choose(z, c) if look.label is not None else z), c
    if look.shares:
        z, _ = draw(gan, look.n, look.seed, None, look.first)
        c = blended(gan, look)
        return gan.choose(z, c), c
    return draw(gan, look.n, look.seed, look.label, look.first)


def classes(gan: GAN, look: SampleSpec) -> Tensor:
    """The classes (n,) of latents told by value, or their shares."""
    return blended(gan, look) if look.shares else chosen(gan, look.n, look.label)


def blended(gan: GAN, look: SampleSpec) -> Tensor:
    """(n, classes): the shares of a blend, of all the classes that a net is told of."""
    order = list(gan.choices)
    if len(look.shares) != len(order) or not order or not any(look.shares):
        raise StudioError(f"A blend for this checkpoint takes {len(order)} shares: it was made with another.")
    shares = torch.zeros(max(len(gan.recipe.labels), max(order) + 1) if gan.conditional else len(order))
    shares[order] = torch.tensor(look.shares)
    return (shares / shares.sum()).expand(look.n, -1)


def picture(gan: GAN, look: SampleSpec) -> Tensor:
    """Draw a description: (n, C, H, W) uint8.

    A grid has a row for each choice, all of one noise (or, where there is none to make, eight rows of noise), and moves
    its slider by equal steps from one end to the other, from left to right.
    """
    if look.across:
        return render(gan, *grid(gan, look))
    z, c = latents(gan, look)
    z = moved(gan, gan.truncate(z, look.truncation), torch.tensor(look.sliders), look.ways, c)
    if look.other and look.cut < gan.layers:
        other = gan.truncate(unpack(gan, look.other, 1), look.truncation).expand_as(z)
        with torch.no_grad():
            return in_bytes(gan, gan.generate_mixed(gan.G, z, other, c, look.cut))
    return render(gan, z, c)


def grid(gan: GAN, look: SampleSpec) -> tuple[Tensor, Tensor]:
    """Latents and choices of a grid's rows * ACROSS pictures, row by row."""
    z, c, sliders = grid_rows(gan, look)
    rows = len(z)
    c = c.repeat_interleave(ACROSS)
    return moved(gan, z.repeat_interleave(ACROSS, 0), sliders.repeat(rows, 1), look.ways, c), c


def grid_rows(gan: GAN, look: SampleSpec) -> tuple[Tensor, Tensor, Tensor]:
    """A grid's latents and choices, one for each row, and its sliders (ACROSS, k), one for each column."""
    k = max(look.across, len(look.sliders))
    sliders = torch.zeros(ACROSS, k)
    sliders[:, : len(look.sliders)] = torch.tensor(look.sliders)
    reach = reaches(gan, k, look.ways)[look.across - 1]
    sliders[:, look.across - 1] = torch.linspace(-reach, reach, ACROSS)
    if gan.choices and look.label is None:
        c = torch.tensor(list(gan.choices))
        z, _ = draw(gan, 1, look.seed)
        z = gan.choose(z.repeat(len(c), 1), c)
    else:
        z, c = draw(gan, 8, look.seed, look.label)
    z = gan.truncate(z, look.truncation)
    if look.across <= gan.codes:
        z[:, z.shape[1] - gan.codes + look.across - 1] = 0.0  # a code's own value, not one added to what was drawn
    return z, c, sliders

"""SampleSpec: a sheet of images described by a seed, a class and a few offsets. It can be drawn again at any time."""

import base64
import binascii
import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Interval, Len, Predicate
from torch import Tensor

from .. import limits
from ..checked import checked
from ..color import color_space
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN
from ..gans.sampling import chosen, draw, in_bytes, render
from . import color_search, directions, dye, liked
from .attributes import ENDS

CODE_REACH = liked.CODE_REACH  # others have SliderDirections.reach
ACROSS = 9  # images in a row of a grid
Label = Annotated[int, Interval(ge=0, le=1000)] | str
HEX = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True)
class SampleSpec:
    """The description of a sheet of images. It and the checkpoint's file are enough to draw the sheet again.

    The latents are drawn from `seed`. Latents that no seed gives (of a mixture, a neighbour, an inverted picture) are
    stored by value. Descriptions are kept in files: a new field needs a default that leaves old descriptions unchanged.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    checkpoint: str
    n: Annotated[int, Interval(ge=1, le=limits.SHEET_PICTURES)] = 1
    seed: Annotated[int, Interval(ge=0, le=limits.SEED)] = 0
    label: Label | None = None
    truncation: Annotated[float, Interval(ge=0, le=10)] = 1.0
    sliders: Annotated[tuple[Annotated[float, Interval(ge=-100, le=100)], ...], Len(0, 16)] = ()
    # a grid: number of the slider, from 1, that varies from left to right; 0 for a plain sheet
    across: Annotated[int, Interval(ge=0, le=16)] = 0
    # index of the sheet's first image among those that the seed gives
    first: Annotated[int, Interval(ge=0, le=10 * limits.SHEET_PICTURES)] = 0
    # the slider kind: one of directions.KINDS
    ways: Annotated[str, Predicate(directions.KINDS.__contains__)] = "layer"
    latents: str = ""  # n latents in float16, base64; seed and first are then ignored
    # a blend of classes: the share of each of the GAN's choices; label is then ignored
    shares: tuple[Annotated[float, Interval(ge=0, le=1)], ...] = ()
    other: str = ""  # style mixing: a second latent in the same format, which the layers from `cut` on read
    cut: Annotated[int, Interval(ge=0, le=1000)] = 0
    # the latents of 2 to limits.LIKED garments in the same format, around which the sheet is drawn from `seed`
    liked: str = ""
    labels: Annotated[tuple[Label, ...], Len(0, limits.LIKED)] = ()  # classes in turn; label is then ignored
    # garments in these colors, each "#rrggbb": gray ones are colored, and a generator in color is searched for such
    # garments. () for garments as they are drawn. `palette_seed` decides which color comes first.
    palette: Annotated[tuple[Annotated[str, Predicate(HEX.fullmatch)], ...], Len(0, limits.PALETTE_COLORS)] = ()
    palette_seed: Annotated[int, Interval(ge=0, le=limits.SEED)] = 0
    enlarger: str = ""  # the checkpoint that enlarges gray garments of 28 pixels; "" for their own size

    def to_json(self) -> str:
        return json.dumps({"made by": "FashionGAN Studio", **self.brief()})

    def brief(self) -> dict[str, object]:
        """The fields as a dict, where the rarely used ones are left out if they have their default."""
        defaults = {f.name: f.default for f in fields(self)}
        always = ("checkpoint", "n", "seed", "label", "truncation", "sliders", "across")
        return {k: v for k, v in asdict(self).items() if k in always or v != defaults[k]}


def parse(source: Any) -> SampleSpec:
    """A SampleSpec from JSON text, or from the dict in it, of any version of the studio; StudioError for anything else.

    Descriptions come from files and browsers. Every value is checked here, so that `picture` can trust a SampleSpec.
    """
    try:
        source = json.loads(source) if isinstance(source, str | bytes) else source
        source = {k: v for k, v in source.items() if k != "made by"}
    except (ValueError, AttributeError, RecursionError):
        raise StudioError(NONE) from None
    made: SampleSpec = checked(SampleSpec, source, refusal)
    return made


NONE = "This is not a description of garments by the studio."


def refusal(field: str, fault: str) -> str:
    """The sentence for a description with a wrong field. A field that is missing or unknown makes it none of ours."""
    if fault == "missing" or field not in SampleSpec.__dataclass_fields__:
        return NONE
    return f"This description of garments has no sensible {field}: it was altered."


def pack(z: Tensor) -> str:
    """Latents (n, ...) as text: float16, base64. About 270 characters for a hundred numbers."""
    return base64.b64encode(z.numpy().astype("<f2").tobytes()).decode()


def unpack(gan: GAN, text: str, n: int) -> Tensor:
    """n latents (n, ...) of the GAN from the text of `pack`; StudioError if the text does not fit."""
    shape = gan.latents(1, torch.Generator()).shape[1:]
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError):
        values = np.zeros(0, np.float32)
    if values.size != n * shape.numel() or not np.isfinite(values).all():
        raise StudioError("The latents in this description do not fit its checkpoint: it was altered, or retrained.")
    return torch.from_numpy(values).view(n, *shape)


def label_of(gan: GAN, c: Tensor) -> str | None:
    """The name of a choice, as SampleSpec.label holds it; None if the GAN does not draw by class."""
    return gan.choices.get(int(c))


def columns(gan: GAN, sample: SampleSpec) -> int:
    """The sheet's number of columns: one for each choice where all choices are drawn, else about the number of rows."""
    if sample.across:
        return ACROSS
    plain = sample.label is None and not (sample.latents or sample.shares or sample.liked)
    return sampling.columns(gan, sample.n, plain)


def colors(gan: GAN, sample: SampleSpec) -> tuple[str, ...]:
    """The color of each of the described images, () if they have no palette.

    Neighbors on a sheet differ where the palette has two colors or more. A row of a grid is one garment: it has one.
    """
    if not sample.palette:
        return ()
    wide = columns(gan, sample)
    cells = [divmod(sample.first + i, wide) for i in range(sample.n)]
    if sample.across:
        cells = [(row, 0) for row in range(grid_height(gan, sample)) for _ in range(ACROSS)]
    return tuple(sample.palette[(row + column + sample.palette_seed) % len(sample.palette)] for row, column in cells)


def handles(gan: GAN, k: int, ways: str = "layer") -> list[str]:
    """Names of a GAN's k sliders: first the codes that it learned, then directions, named by what they change.

    Measured directions have both ends in their names, and how surely they do what these say: on nearly every garment,
    mostly, or hardly. The others have a number, and the attribute with their correlation.
    """
    codes = [f"Code {i + 1}" for i in range(min(gan.codes, k))]
    try:
        axes = directions.find(gan, ways)
    except StudioError:  # the generator has no directions of this kind
        return codes + [f"Direction {i + 1}" for i in range(k - len(codes))]
    named = []
    for i, (name, strength) in enumerate(zip(axes.names, axes.strengths, strict=True)):
        if ways == "measured":
            surely = "" if strength >= directions.SURE else ", mostly" if strength >= directions.WEAK else ", hardly"
            named.append(ENDS.get(name, name).capitalize() + surely)
            continue
        text = f": {name}, {strength:.2f}".replace("-", "\N{MINUS SIGN}")
        named.append(f"Direction {i + 1}" + (text if abs(strength) >= directions.WEAK else ""))
    named += [f"Direction {i + 1}" for i in range(len(named), k)]
    return codes + named[: k - len(codes)]


def reaches(gan: GAN, k: int, ways: str = "layer") -> list[float]:
    """How far each of a GAN's k sliders goes each way; codes go less far than directions."""
    codes = min(gan.codes, k)
    reach = directions.MEASURED_REACH if ways == "measured" else directions.REACH
    return [CODE_REACH] * codes + [reach] * (k - codes)


def moved(gan: GAN, z: Tensor, sliders: Tensor, ways: str = "layer", c: Tensor | None = None) -> Tensor:
    """Latents moved by sliders (N, k) or (k,), in the order of `handles`. Codes are clamped to their reach.

    `c`, the classes of the latents, is needed where directions differ by class.
    """
    z, sliders = z.clone(), sliders.to(z).expand(len(z), -1)
    codes = min(gan.codes, sliders.shape[1])
    if codes:
        first = z.shape[1] - gan.codes
        z[:, first : first + codes] = (z[:, first : first + codes] + sliders[:, :codes]).clamp(-CODE_REACH, CODE_REACH)
    offsets = sliders[:, codes:]
    if bool(offsets.any()):
        if ways == "layer":  # computed from the weights alone: no need to wait until `find` has named the directions
            z[:, : gan.recipe.z_dim] += offsets @ directions.sefa(gan, offsets.shape[1])
        else:
            places = directions.places(gan, torch.full((len(z),), -1) if c is None else c)
            along = directions.find(gan, ways).of(places)[: offsets.shape[1]]
            z[:, : gan.recipe.z_dim] += torch.einsum("nk,knz->nz", offsets[:, : len(along)], along)
    return z


def latents(gan: GAN, sample: SampleSpec) -> tuple[Tensor, Tensor]:
    """A plain sheet's latents (n, ...) before sliders and truncation, and their classes (n,) or shares (n, classes)."""
    if sample.latents:
        z, c = unpack(gan, sample.latents, sample.n), classes(gan, sample)
        return (gan.choose(z, c) if sample.label is not None else z), c
    if sample.liked:
        z, c = liked.around(gan, liked_latents(gan, sample), sample.n, sample.seed, sample.first), classes(gan, sample)
        return gan.choose(z, c), c
    if sample.shares:
        z, _ = draw(gan, sample.n, sample.seed, None, sample.first)
        c = blended(gan, sample)
        return in_colors(gan, sample, gan.choose(z, c), c), c
    z, c = draw(gan, sample.n, sample.seed, sample.label, sample.first)
    return in_colors(gan, sample, z, c), c


def in_colors(gan: GAN, sample: SampleSpec, z: Tensor, c: Tensor) -> Tensor:
    """The latents that a seed gives or, with a palette, those of garments in its colors: see `color_search`."""
    if not sample.palette or not searchable(gan):
        return z
    numbers = [sample.first + i for i in range(sample.n)]
    return color_search.latents(gan, c, numbers, colors(gan, sample), sample.seed, sample.truncation)


def searchable(gan: GAN) -> bool:
    """Whether a GAN can be searched for garments of a color: it draws in color, and not by coloring a gray one."""
    return gan.channels > 1 and not gan.colors


def classes(gan: GAN, sample: SampleSpec) -> Tensor:
    """The classes (n,) of latents that no seed gives, or the shares (n, classes) of a blend."""
    if sample.labels and not sample.shares:
        turns = [sampling.number(gan, label) for label in sample.labels]
        return torch.tensor([turns[(sample.first + i) % len(turns)] for i in range(sample.n)])
    return blended(gan, sample) if sample.shares else chosen(gan, sample.n, sample.label)


def liked_latents(gan: GAN, sample: SampleSpec) -> Tensor:
    """(2 to limits.LIKED, ...): the latents that the sheet is drawn around; StudioError if they do not fit the GAN."""
    each = gan.latents(1, torch.Generator()).numel()
    count = round(len(sample.liked) * 3 / 4 / 2 / each)  # 2 bytes a number, of which base64 makes 4/3
    if not 2 <= count <= limits.LIKED:
        raise StudioError(f"A sheet is drawn around 2 to {limits.LIKED} garments: this description was altered.")
    return unpack(gan, sample.liked, count)


def blended(gan: GAN, sample: SampleSpec) -> Tensor:
    """(n, classes): the shares of a blend, with a column for every class that the net takes as input."""
    order = list(gan.choices)
    if len(sample.shares) != len(order) or not order or not any(sample.shares):
        raise StudioError(f"A blend for this checkpoint takes {len(order)} shares: it was made with another.")
    shares = torch.zeros(max(len(gan.recipe.labels), max(order) + 1) if gan.conditional else len(order))
    shares[order] = torch.tensor(sample.shares)
    return (shares / shares.sum()).expand(sample.n, -1)


def picture(gan: GAN, sample: SampleSpec) -> Tensor:
    """Draw the described images: (n, C, H, W) uint8.

    A grid has a row for each choice, all with the same noise; if a label is set or the GAN has no choices, it has eight
    rows of different noise. Its slider moves in equal steps from left to right over its whole reach.
    """
    x = undyed(gan, sample)
    if not sample.palette or not searchable(gan):
        return x
    z, c = origins(gan, sample)
    still = not (sample.across or any(sample.sliders) or sample.other)
    own = dye.unmoved(gan, z, c, sample.truncation, x if still else None)
    return dye.dyed(x, own, torch.stack([color_space.lab_of(color) for color in colors(gan, sample)]))


def undyed(gan: GAN, sample: SampleSpec) -> Tensor:
    """As `picture`, in the colors that the generator itself draws."""
    if sample.across:
        return render(gan, *grid(gan, sample))
    z, c = placed(gan, sample)
    if sample.other and sample.cut < gan.layers:
        other = gan.truncate(unpack(gan, sample.other, 1), sample.truncation).expand_as(z)
        with torch.no_grad():
            return in_bytes(gan, gan.generate_mixed(gan.G, z, other, c, sample.cut))
    return render(gan, z, c)


def placed(gan: GAN, sample: SampleSpec) -> tuple[Tensor, Tensor]:
    """As `latents`, with truncation and sliders."""
    z, c = latents(gan, sample)
    return moved(gan, gan.truncate(z, sample.truncation), torch.tensor(sample.sliders), sample.ways, c), c


def origins(gan: GAN, sample: SampleSpec) -> tuple[Tensor, Tensor]:
    """Latents and choices (or shares) of each of the described images, before sliders and truncation: what stays the
    same while a garment is changed."""
    if not sample.across:
        return latents(gan, sample)
    z, c, _ = grid_rows(gan, sample)
    return z.repeat_interleave(ACROSS, 0), c.repeat_interleave(ACROSS)


def grid(gan: GAN, sample: SampleSpec) -> tuple[Tensor, Tensor]:
    """Latents and choices of a grid's rows * ACROSS images, row by row."""
    z, c, sliders = grid_rows(gan, sample)
    rows = len(z)
    z, c = gan.truncate(z, sample.truncation), c.repeat_interleave(ACROSS)
    return moved(gan, z.repeat_interleave(ACROSS, 0), sliders.repeat(rows, 1), sample.ways, c), c


def grid_height(gan: GAN, sample: SampleSpec) -> int:
    """The number of rows of a grid: one for each choice, or eight garments."""
    return len(gan.choices) if gan.choices and sample.label is None and not sample.liked else 8


def grid_rows(gan: GAN, sample: SampleSpec) -> tuple[Tensor, Tensor, Tensor]:
    """A grid's latents before truncation and its choices, one for each row, and its slider values (ACROSS, k), one row
    for each column."""
    k = max(sample.across, len(sample.sliders))
    sliders = torch.zeros(ACROSS, k)
    sliders[:, : len(sample.sliders)] = torch.tensor(sample.sliders)
    reach = reaches(gan, k, sample.ways)[sample.across - 1]
    sliders[:, sample.across - 1] = torch.linspace(-reach, reach, ACROSS)
    if sample.liked:
        z, c = latents(gan, replace(sample, n=8))
    elif gan.choices and sample.label is None:
        c = torch.tensor(list(gan.choices))
        z, _ = draw(gan, 1, sample.seed)
        z = gan.choose(z.repeat(len(c), 1), c)
    else:
        z, c = draw(gan, 8, sample.seed, sample.label)
    if sample.palette and searchable(gan) and not sample.liked:
        numbers = [0] * len(c) if gan.choices and sample.label is None else list(range(8))
        z = color_search.latents(gan, c, numbers, colors(gan, sample)[::ACROSS], sample.seed, sample.truncation)
    if sample.across <= gan.codes:
        z[:, z.shape[1] - gan.codes + sample.across - 1] = 0.0  # the slider then sets the code, and is not added to it
    return z, c, sliders

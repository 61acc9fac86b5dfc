"""The state of the Sample tab: the values that decide its picture, as the page's address, and the history of them."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from annotated_types import Interval, Len, Predicate

from ... import limits
from ...checked import checked
from ...errors import StudioError
from ...latent import directions, spec
from ...latent.spec import SampleSpec
from ...studio import in_color

SLIDERS = 6
ALL = "All classes"
NEAR, ALONE = -1, -2  # views of a locked garment; sheets are numbered from 0
SEED, CLASS = "another seed", "itself as "  # what a garment is mixed with

KEY = "sample"  # of the address: ?sample={...}
VERSION = 1  # of the address; what it holds beyond that is the description of a sheet
BROKEN = "This link is broken: it holds no description of garments. Here are others instead."
OTHER = (
    "This link was made by another version of the studio, which this one cannot read. Here are other garments instead."
)
TOGETHER = 1.0  # seconds: moves of one slider in quicker succession are undone together


Amount = int | float | None  # of a number; None while its field is empty
Choice = str | None
# The types of the widgets' values, in the order of the fields of `Values`.
SENT: Any = tuple[  # type: ignore[misc]
    (str, str, str, Amount, Amount, int | None, Amount, str, Choice, bool | None, Choice, Choice)
    + (Amount,) * (3 + SLIDERS)
    + (int,)
]


@dataclass(frozen=True)
class Values:
    """The values of the tab's widgets."""

    locked: str  # description of the garment that was clicked, or ""
    base: str  # description of a sheet around liked garments, whose seed and number are those below; or ""
    mate: str  # what is mixed into it: SEED, or CLASS and the name of a class
    mate_seed: int
    share: float  # of the mate
    cut: int  # the first layer that reads the mate's latent; 0 for none
    far: float  # how far the neighbours are, 0..1
    ways: str
    palette: str  # name of a palette, or colors with commas between; "" for gray, or for any color
    enlarge: bool  # whether gray garments are enlarged, in color
    name: str  # name of the checkpoint
    label: str
    n: int
    seed: int
    truncation: float
    sliders: tuple[float, ...]
    across: int  # 0: a sheet; from 1: a grid along that slider; below 0: a view of the locked garment

    @classmethod
    def from_widgets(cls, *sent: object) -> "Values":
        """From the widgets' values, in the order of the fields, with one value for each slider. StudioError for values
        of other types; ranges are checked where values are used."""
        values = checked(SENT, sent, "These are not the values of the page's widgets: reload the page.")
        locked, base, mate, mate_seed, share, cut, far, ways, palette, enlarge, name, label, n, seed, *rest = values
        truncation, *sliders, across = rest
        return cls(
            locked, base, mate, whole(mate_seed), share, cut, far, ways, palette or "", bool(enlarge), name, label,
            whole(n), whole(seed), truncation, tuple(sliders), across,
        )  # fmt: skip

    @classmethod
    def of(cls, sample: SampleSpec) -> "Values":
        """The values that show what is described: a sheet, or a garment alone."""
        sheet = sample.across > 0 or (sample.n > 1 and not sample.latents)
        label = str(sample.label) if sheet and not sample.liked and sample.label is not None else ALL
        return cls(
            locked="" if sheet else sample.to_json(), base=sample.to_json() if sheet and sample.liked else "",
            mate=SEED, mate_seed=1, share=0, cut=0, far=0.4, ways=sample.ways, palette=in_color.named(sample.palette),
            enlarge=bool(sample.enlarger), name=sample.checkpoint, label=label, n=sample.n if sheet else 40,
            seed=min(sample.seed, limits.PAGE_SEED), truncation=sample.truncation, sliders=padded(sample.sliders),
            across=sample.across if sheet else ALONE,
        )  # fmt: skip


def whole(x: Any) -> Any:
    """A number rounded, as for a field of whole numbers; what is no finite number stays as it is."""
    return round(x) if isinstance(x, float) and math.isfinite(x) else x


def padded(sliders: tuple[float, ...]) -> tuple[float, ...]:
    """Values for all of the page's sliders."""
    return (*sliders, *[0.0] * SLIDERS)[:SLIDERS]


@dataclass(frozen=True)
class Link:
    """What the page's address holds. A field that has its default is left out."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    checkpoint: str
    version: int = VERSION
    n: Annotated[int, Interval(ge=1, le=limits.SHEET_PICTURES)] = 40
    seed: Annotated[int, Interval(ge=0, le=limits.PAGE_SEED)] = 0
    label: str = ALL
    truncation: Annotated[float, Interval(ge=0, le=1.5)] = 1.0
    sliders: Annotated[tuple[Annotated[float, Interval(ge=-100, le=100)], ...], Len(0, SLIDERS)] = ()
    across: Annotated[int, Interval(ge=ALONE, le=SLIDERS)] = 0
    ways: Annotated[str, Predicate(directions.KINDS.__contains__)] = "measured"
    palette: Annotated[str, Len(0, 200)] = ""
    enlarge: bool = False
    garment: SampleSpec | None = None
    around: SampleSpec | None = None  # the base
    mate: str = SEED
    mate_seed: Annotated[int, Interval(ge=0, le=limits.PAGE_SEED)] = 1
    share: Annotated[float, Interval(ge=0, le=1)] = 0.0
    cut: Annotated[int, Interval(ge=0, le=1000)] = 0
    far: Annotated[float, Interval(ge=0, le=1)] = 0.4


def address(v: Values) -> str:
    """The query of the page's address for these values, from "?"."""
    same = {f.name: getattr(v, f.name) for f in fields(Link) if hasattr(v, f.name)}
    link = Link(checkpoint=v.name, **same)
    brief = {k: x for k, x in asdict(link).items() if x != getattr(Link, k, None)} | {"version": VERSION}
    if not any(v.sliders):
        del brief["sliders"]
    if v.locked:
        brief["garment"] = spec.parse(v.locked).brief()
    if v.base:
        brief["around"] = spec.parse(v.base).brief()
    return "?" + urlencode({KEY: json.dumps(brief, separators=(",", ":"))})


def opened(text: str) -> Values:
    """The values in an address, or in the description inside a picture; StudioError for anything else."""
    try:
        source: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise StudioError(BROKEN) from None
    if not isinstance(source, dict):
        raise StudioError(BROKEN)
    if source.get("version", VERSION) != VERSION:
        raise StudioError(OTHER)
    if "version" not in source:
        return Values.of(spec.parse(source))
    link: Link = checked(Link, source, BROKEN)
    if any(sample and sample.checkpoint != link.checkpoint for sample in (link.garment, link.around)):
        raise StudioError(BROKEN)
    locked, base = (sample.to_json() if sample else "" for sample in (link.garment, link.around))
    own = {f.name: getattr(link, f.name) for f in fields(Values) if hasattr(link, f.name)}
    own |= {"sliders": padded(link.sliders), "across": link.across if locked else max(0, link.across)}
    return Values(**{**own, "name": link.checkpoint, "locked": locked, "base": base})


@dataclass(frozen=True)
class History:
    """What the page has shown, for undo and redo."""

    past: tuple[Values, ...] = ()
    at: int = -1  # which of them is shown
    when: float = 0.0  # of the last change, in seconds

    def with_(self, v: Values, now: float) -> "History":
        """The history after `v` was shown. Quick moves of one control are one step."""
        if self.past and self.past[self.at] == v:
            return self
        past = self.past[: self.at + 1]
        if len(past) > 1 and now - self.when < TOGETHER and changed(past[-2], past[-1]) == changed(past[-1], v):
            past = past[:-1]
        past = (*past, v)[-limits.UNDO :]
        return History(past, len(past) - 1, now)

    def moved(self, by: int) -> "History":
        """One step back (-1) or forth (1); StudioError at either end."""
        if not 0 <= self.at + by < len(self.past):
            raise StudioError("There is nothing to undo." if by < 0 else "There is nothing to redo.")
        return replace(self, at=self.at + by)

    @property
    def shown(self) -> Values:
        return self.past[self.at]


def changed(a: Values, b: Values) -> set[str]:
    """The names of the values that differ; sliders by number."""
    names = {f.name for f in fields(Values) if f.name != "sliders" and getattr(a, f.name) != getattr(b, f.name)}
    return names | {f"slider {i}" for i, (x, y) in enumerate(zip(a.sliders, b.sliders, strict=True)) if x != y}

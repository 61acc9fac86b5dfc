"""The arguments of the endpoints as a program sends them, and an answer that no service has as one.

Types and ranges are checked by pydantic.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, get_type_hints

from annotated_types import Interval

from .. import limits
from ..checked import checked
from ..studio.robustness import Attacked, Least

Seed = Annotated[int, Interval(ge=0, le=limits.PAGE_SEED)]
TAKES = {str: "text", str | None: "text", bool: "true or false", float: "a number"}
T = TypeVar("T")


@dataclass(frozen=True)
class TrainArguments:
    """The arguments of /train_start that the recipe does not check itself."""

    gan: str
    options: str


@dataclass(frozen=True)
class AttackArguments:
    """The arguments of /attack. `eps` has its range checked by the attack."""

    classifier: str
    attack: str
    eps: float
    mask: str
    number: Seed
    checkpoint: str
    target: str
    seed: Seed


@dataclass(frozen=True)
class CurveArguments:
    """The arguments of /robustness_curve."""

    classifier: str
    attack: str
    eps: str
    mask: str
    limit: Annotated[int, Interval(ge=1, le=limits.CURVE_PICTURES)]
    checkpoint: str
    target: str
    seed: Seed


@dataclass(frozen=True)
class ColorizeArguments:
    """The arguments of /colorize that are no part of a ColorizeSpec."""

    colours: str | None
    n: Annotated[int, Interval(ge=1, le=limits.VARIANTS)]
    classic: bool
    hints: str | None
    checkpoint: str | None
    keep_background: bool


@dataclass(frozen=True)
class EnlargeArguments:
    """The arguments of /enlarge. Colors, class and background are checked by what reads them."""

    checkpoint: str | None
    colours: str | None
    n: Annotated[int, Interval(ge=1, le=limits.VARIANTS)]
    label: str | None
    seed: Seed
    background: str | None
    enlarger: str | None


@dataclass(frozen=True)
class AttackedAtLeast(Least, Attacked):
    """The answer of /attack: an attacked picture, and the least strength that fools on it."""


def arguments(kind: type[T], **values: object) -> T:
    """The arguments as a dataclass; StudioError that names the first argument of a wrong type or out of its range."""
    made: T = checked(kind, values, lambda field, _: sentence(kind, field))
    return made


def sentence(kind: type, field: str) -> str:
    """What an argument takes: its range, or its type."""
    hint: Any = get_type_hints(kind, include_extras=True).get(field)
    for limit in getattr(hint, "__metadata__", ()):
        return f"{field} takes a number from {limit.ge} to {limit.le}."
    return f"{field} takes {TAKES[hint]}." if hint in TAKES else "These are not the arguments of this endpoint."

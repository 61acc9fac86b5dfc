"""A run as a frozen dataclass: the command line's flags, the page's widgets, the log, the file's header."""

import dataclasses
import json
import shlex
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ..errors import StudioError, quoted, short
from .networks import SIZES

FLAGS = {"start_from": "from"}  # flags that are not called as their knob, since `from` is a word of Python
FITS = ("fill", "fit", "garment", "cutout")  # see `data.folder.square`


@dataclass(frozen=True)
class Knob:
    """What the command line and the page need to know of one field of a recipe."""

    name: str
    kind: type
    default: Any
    label: str
    text: str
    lo: float | None = None
    hi: float | None = None
    choices: tuple[Any, ...] | None = None

    @property
    def flag(self) -> str:
        """Its name on the command line, without the dashes."""
        return FLAGS.get(self.name, self.name.replace("_", "-"))

    def check(self, value: Any) -> Any:
        """Return `value` as this knob's type, or raise StudioError with the allowed values."""
        if value is None and self.default is None:
            return None
        try:
            number = self.kind(value)
            exact = not isinstance(value, bool) and (self.kind is not int or number == float(value))
        except (TypeError, ValueError, OverflowError):
            raise StudioError(f"{self.name} cannot be {quoted(value)}: it takes {self.allowed()}.") from None
        if not exact:
            raise StudioError(f"{self.name} cannot be {quoted(value)}: it takes {self.allowed()}.")
        if self.choices is not None and number not in self.choices:
            raise StudioError(f"{self.name} cannot be {short(str(number))}: it takes {self.allowed()}.")
        # Written so that NaN, for which every comparison is false, is refused too.
        if self.lo is not None and self.hi is not None and not self.lo <= number <= self.hi:
            raise StudioError(f"{self.name} cannot be {short(str(number))}: it takes {self.allowed()}.")
        return number

    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices is not None:
            return "one of " + ", ".join(map(str, self.choices))
        if self.lo is not None:
            return f"{'a whole number' if self.kind is int else 'a number'} from {self.lo:.15g} to {self.hi:.15g}"
        return "text"


def knob(
    default: Any,
    label: str,
    text: str,
    lo: float | None = None,
    hi: float | None = None,
    choices: tuple[Any, ...] | None = None,
) -> Any:
    """A dataclass field that users may set. `label` is its name on the page, `text` the effect of changing it."""
    return field(default=default, metadata={"knob": (label, text, lo, hi, choices)})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run. The subclass of a GAN adds its own constants and may change defaults."""

    # The settings of the page's "quick look": a net and a training time for a laptop without a GPU.
    quick: ClassVar[dict[str, Any]] = {"epochs": 4, "width": 32, "batch": 64}

    gan: str = ""
    # Facts of the data, filled in when it is loaded; the nets are built from them.
    channels: int = 1
    labels: tuple[str, ...] = ()
    # Facts of the checkpoint that the run starts from, filled in when it starts.
    start_sha256: str = ""
    start_note: str = ""  # one sentence: what was taken, and what is fresh

    data: str = knob(
        "fashion-mnist",
        "Data",
        "fashion-mnist, or a folder of pictures with one sub-folder a class, or a ZIP file of one; "
        "celeba and lsun where --data-root has them",
    )
    size: int = knob(28, "Picture size", "width and height of the generated pictures, in pixels", choices=SIZES)
    fit: str = knob(
        "fill",
        "Fitting",
        "how a picture becomes a square: fill cuts out the middle, fit shows all of it, garment cuts out the garment, "
        "cutout does and keeps it transparent around",
        choices=FITS,
    )
    balance: str = knob(
        "as found",
        "Balance",
        "even shows every class equally often, however many pictures it has",
        choices=("as found", "even"),
    )
    classes: str = knob(
        "", "Classes", "train on these classes only: names or numbers, separated by commas; empty means all"
    )
    limit: int | None = knob(
        None,
        "Number of pictures",
        "use only this many pictures, the same number of each class; empty means all",
        1,
        10_000_000,
    )
    epochs: int = knob(
        20, "Epochs", "how often every picture is seen; more is longer and, up to a point, better", 1, 100_000
    )
    steps: int | None = knob(None, "Steps", "stop after this many updates; empty means go by epochs", 1, 100_000_000)
    batch: int = knob(128, "Batch", "pictures per update; larger is steadier, smaller learns sooner", 2, 4096)
    seed: int = knob(0, "Seed", "another seed draws other starting weights and other noise", 0, 2**31 - 1)
    z_dim: int = knob(100, "Latent numbers", "numbers behind every garment; more allows more variety", 1, 1024)
    width: int = knob(
        64, "Net width", "filters of the widest picture layer; twice as many is sharper and four times slower", 4, 256
    )
    output: str = knob(
        "tanh",
        "Output range",
        "last layer of the generator: tanh draws in -1..1, sigmoid in 0..1",
        choices=("tanh", "sigmoid"),
    )
    lr_g: float = knob(
        2e-4, "Generator's learning rate", "learning rate of the generator; too high and pictures jump about", 1e-7, 1.0
    )
    lr_d: float = knob(
        2e-4,
        "Discriminator's learning rate",
        "learning rate of the discriminator; too high and it wins outright",
        1e-7,
        1.0,
    )
    schedule: str = knob(
        "constant",
        "Learning-rate schedule",
        "how the learning rates end: constant, or linear to zero over the second half",
        choices=("constant", "linear"),
    )
    optimizer: str = knob("adam", "Optimiser", "how the gradients become steps", choices=("adam", "rmsprop", "sgd"))
    beta1: float = knob(
        0.5,
        "Momentum (beta 1)",
        "momentum of Adam and SGD; the lower, the quicker one player answers the other",
        0.0,
        0.999,
    )
    beta2: float = knob(0.999, "Memory (beta 2)", "Adam's memory of gradient sizes", 0.0, 0.99999)
    d_steps: int = knob(1, "Discriminator's turns", "discriminator updates for each generator update", 1, 100)
    ema: float = knob(
        0.999, "Averaging", "how long the averaged generator remembers; 0 shows the newest weights", 0.0, 0.99999
    )
    augment: str = knob(
        "",
        "Augmentation",
        "the discriminator sees them flipped, recolored, shifted or cut, lest it learn them by heart: for under 5,000",
        choices=(
            *("", "flip", "shift", "cutout", "shift,cutout", "colour,shift,cutout"),
            *("flip,shift,cutout", "flip,colour,shift,cutout"),
        ),
    )
    precision: str = knob(
        "float32",
        "Arithmetic",
        "bfloat16 is about twice as fast where the processor has it",
        choices=("float32", "bfloat16"),
    )
    start_from: str = knob(
        "",
        "Start from",
        "a trained checkpoint to start from, also with other data and classes: what fits is taken; empty means fresh",
    )

    def __post_init__(self) -> None:
        check_knobs(self)
        if self.channels not in (1, 3, 4):
            raise StudioError(f"Pictures have 1, 3 or 4 channels, not {self.channels}.")

    @property
    def low(self) -> float:
        """Value of a black pixel for the nets: -1 for tanh, 0 for sigmoid. White is 1 for both."""
        return -1.0 if self.output == "tanh" else 0.0

    @property
    def trained(self) -> tuple[int, ...]:
        """Numbers of the classes this run trains on. `classes` holds numbers once the data is known."""
        return tuple(int(c) for c in self.classes.split(",")) if self.classes else tuple(range(len(self.labels)))

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    def replace(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)


def check_knobs(recipe: Any) -> None:
    """Give every knob of a frozen recipe its own type, or raise StudioError with the allowed values."""
    for k in knobs(type(recipe)).values():
        object.__setattr__(recipe, k.name, k.check(getattr(recipe, k.name)))


def flags(recipe: Any) -> str:
    """The command-line flags for each knob that is not at its default, each with a space before it."""
    turned = [k for k in knobs(type(recipe)).values() if getattr(recipe, k.name) != k.default]
    return "".join(f" --{k.flag} {shlex.quote(typed(recipe, k.name))}" for k in turned)


def typed(recipe: Any, name: str) -> str:
    """A knob's value as somebody types it: classes by number, or by name where their names are numbers too."""
    value, labels = str(getattr(recipe, name)), getattr(recipe, "labels", ())
    if name != "classes" or not labels:
        return value
    others = [number for number in value.split(",") if number in labels and labels[int(number)] != number]
    return ",".join(labels[i] for i in recipe.trained) if others else value


def knobs(cls: type[Any]) -> dict[str, Knob]:
    """The fields of a recipe class that users may set, in order, with the defaults of that class.

    The recipe may be a GAN's or a classifier's.
    """
    fields = {}
    for f in dataclasses.fields(cls):
        # A subclass that only changes a default loses the field's metadata: the nearest ancestor still has it.
        for ancestor in cls.__mro__:
            meta = getattr(ancestor, "__dataclass_fields__", {}).get(f.name)
            if meta is not None and "knob" in meta.metadata:
                kind = next(k for k in (int, float, str) if f.type in (k, k | None))
                fields[f.name] = Knob(f.name, kind, f.default, *meta.metadata["knob"])
                break
    return fields

"""What every classifier of garments is made of: the recipe of its training, and the interface of its net."""

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar, cast

from torch import Tensor, nn

from ..errors import StudioError
from ..gans.recipe import check_knobs, knob

SIZE = 28


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines how a classifier is trained. Each net has its own defaults."""

    classifier: str = ""
    labels: tuple[str, ...] = ()  # class names, filled in from the data

    epochs: int = knob(10, "Epochs", "how often every picture is seen", 1, 10_000)
    batch: int = knob(128, "Batch", "pictures per update", 2, 4096)
    seed: int = knob(0, "Seed", "another seed draws other starting weights and another order", 0, 2**31 - 1)
    lr: float = knob(1e-3, "Learning rate", "size of Adam's steps, at their largest", 1e-7, 1.0)
    schedule: str = knob(
        "constant",
        "Learning-rate schedule",
        "constant, or a climb over the first fifth and a descent to zero",
        choices=("constant", "one cycle"),
    )
    decay: float = knob(0.0, "Weight decay", "how strongly large weights are pulled back (AdamW)", 0.0, 10.0)
    smoothing: float = knob(0.0, "Label smoothing", "share of each answer spread over all classes", 0.0, 0.9)
    augment: str = knob(
        "",
        "Augmentation",
        "show the pictures flipped, shifted or cut, so that more is learned from each",
        choices=("", "flip", "shift", "cutout", "flip,shift", "shift,cutout", "flip,shift,cutout"),
    )
    precision: str = knob(
        "float32",
        "Arithmetic",
        "bfloat16 is about twice as fast where the processor has it",
        choices=("float32", "bfloat16"),
    )
    adversarial: str = knob(
        "none",
        "Adversary",
        "learn from pictures as an attacker would change them: one step (fgsm), or several that cost more (pgd)",
        choices=("none", "fgsm", "pgd"),
    )
    eps: float = knob(
        0.1, "Adversary's strength", "how far it may move each pixel, where 1 is from black to white", 0.0, 1.0
    )
    attack_steps: int = knob(3, "Adversary's steps", "of pgd, for each update; more is stronger and slower", 1, 100)
    merge: str = knob(
        "",
        "Merged classes",
        "classes that count as one, such as 'Shirt+T-shirt/top,Sandal+Ankle boot', by name or number; empty: none",
    )

    start: str = knob("", "Start from", "a fitted classifier of the same net and classes to go on from; empty: none")

    def __post_init__(self) -> None:
        check_knobs(self)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


class Classifier(nn.Module):
    """The interface of every classifier: a subclass defines `features`, and the output layer maps them to logits."""

    title: ClassVar[str]
    recipe_type: ClassVar[type[Recipe]] = Recipe
    side: ClassVar[int] = SIZE  # pixels a side
    channels: ClassVar[tuple[int, ...]] = (1,)
    halved: ClassVar[bool] = False  # whether its file holds half precision
    judge: nn.Linear  # the output layer; checkpoints out there carry its weights under this name

    def __init__(self, recipe: Recipe):
        super().__init__()
        self.recipe = recipe

    def features(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) in 0..1 -> (N, d): the input of the output layer."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        self.check(x)
        return cast(Tensor, self.judge(self.features(x))).float()

    @classmethod
    def check(cls, x: Tensor) -> None:
        """StudioError unless x are pictures (N, C, H, W) that this net can see."""
        side = cls.side
        if x.dim() == 4 and x.shape[1] in cls.channels and x.shape[2:] == (side, side):
            return
        got = " x ".join(map(str, x.shape[1:]))
        if cls.channels == (1,):
            raise StudioError(f"The classifiers see gray pictures of {side} x {side}, 1 x {side} x {side}, not {got}.")
        raise StudioError(f"This classifier sees color pictures of {side} x {side}, 3 x {side} x {side}, not {got}.")

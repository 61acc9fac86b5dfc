"""The classifiers' networks and their recipes: the two of report 001, a better small one whose features also score
generators, one for adversarial training, one for garments in color, and by name all of them.

Every net maps float (N, 1, 28, 28) in 0..1 to logits (N, classes), that in color (N, 3 or 4, 64, 64). A net whose paper
has another range converts inside.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import StudioError
from ..gans.networks import ONE_DRAWS, Dropout
from ..gans.recipe import knob, knobs
from .base import SIZE, Classifier, Recipe
from .certified import Certified


class Dense(Classifier):
    """784-128-10 with ReLU, Adam 1e-3: report 001's first net (its notebook classification.ipynb); 101,770 weights."""

    title = "one hidden layer of 128: report 001's first net"

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.hidden = nn.Linear(SIZE * SIZE, 128)
        self.judge = nn.Linear(128, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.hidden(x.flatten(1)))


@dataclass(frozen=True, kw_only=True)
class ConvRecipe(Recipe):
    epochs: int = 50
    batch: int = 256
    lr: float = 1e-4


class Conv(Classifier):
    """Two 5x5 convolutions of stride 2, 64 and 128 filters, LeakyReLU 0.3, dropout 0.3, pixels in -1..1.

    Report 001's second net, from its notebook's code; 269,322 weights. Adam 1e-4, batch 256, 50 epochs. The padding is
    Keras's "same", which for stride 2 adds one more pixel at the right and at the bottom than at the left and top.
    """

    title = "two 5x5 convolutions: report 001's second net"
    recipe_type = ConvRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.first, self.second = nn.Conv2d(1, 64, 5, 2), nn.Conv2d(64, 128, 5, 2)
        self.drop = Dropout(0.3)
        self.judge = nn.Linear(128 * 7 * 7, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        h = x * 2 - 1
        for conv in (self.first, self.second):
            h = self.drop(F.leaky_relu(conv(F.pad(h, (1, 2, 1, 2))), 0.3))
        return h.flatten(1)


@dataclass(frozen=True, kw_only=True)
class CnnRecipe(Recipe):
    epochs: int = 16
    lr: float = 4e-3
    schedule: str = "one cycle"
    decay: float = 0.05
    smoothing: float = 0.1
    augment: str = "flip,shift"
    precision: str = "bfloat16"


class Cnn(Classifier):
    """Six 3x3 convolutions with batch norm, two at each of 28, 14 and 7 pixels, then global average pooling.

    Our own design: under 300,000 weights, trained for half an hour on two CPU cores. Generators are scored in its
    features, which are 128 numbers, one for each filter of the last convolution.
    """

    title = "a better small net; its features score the generators"
    recipe_type = CnnRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        sizes = [(1, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in sizes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b in sizes)
        self.judge = nn.Linear(128, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        h = x
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = normed(h, conv, norm).relu_()
            h = y + h if i % 2 else y  # the second of each pair has a residual connection
            if i in (1, 3):
                h = F.max_pool2d(h, 2)
        return h.mean((2, 3)).float()


@dataclass(frozen=True, kw_only=True)
class RobustRecipe(Recipe):
    epochs: int = 12
    lr: float = 2e-3
    schedule: str = "one cycle"
    precision: str = "bfloat16"
    adversarial: str = "pgd"


class Robust(Classifier):
    """Two 5x5 convolutions of stride 2, 32 and 64 filters, and a layer of 128, with ReLU; 454,922 weights.

    Our own design, after the MNIST nets of Madry et al. 2018 (https://arxiv.org/abs/1706.06083, section 4). It has
    strides instead of pooling to be cheap, since adversarial training with k steps costs k + 1 passes an update.
    """

    title = "fitted against an adversary, so that it is hard to fool"
    recipe_type = RobustRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        self.first, self.second = nn.Conv2d(1, 32, 5, 2, 2), nn.Conv2d(32, 64, 5, 2, 2)
        self.hidden = nn.Linear(64 * 7 * 7, 128)
        self.judge = nn.Linear(128, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        h = F.relu(self.second(F.relu(self.first(x))))
        return F.relu(self.hidden(h.flatten(1)))


@dataclass(frozen=True, kw_only=True)
class ColorCnnRecipe(Recipe):
    data: str = knob("", "Data", "a folder with the folders train and validation, each with one sub-folder a class")
    balance: str = knob(
        "even",
        "Balance",
        "even shows every class equally often, however many pictures it has",
        choices=("as found", "even"),
    )
    augment: str = knob(
        "flip,turn,shift,colour,cutout,ground",
        "Augmentation",
        "show the garments flipped, turned, shifted, recolored, cut, and on grounds of any color",
        choices=("", "flip", "flip,turn,shift,ground", "flip,turn,shift,colour,cutout,ground"),
    )
    epochs: int = 60
    batch: int = 64
    lr: float = 3e-3
    schedule: str = "one cycle"
    decay: float = 0.05
    smoothing: float = 0.1
    precision: str = "bfloat16"


class ColorCnn(Classifier):
    """Convolutions of stride 2 with batch norm and residual pairs, 64 pixels to 4, then global average pooling.

    Our own design: 570,000 weights, so that half precision fits into 1.2 MB, and few enough products for two CPU cores.
    It names garments in color, cut out: transparent parts show white. It tells whether a generator draws the class that
    was asked for, and was trained on nothing but garments.
    """

    title = "names garments in color, cut out; it tells whether generators draw the class asked for"
    recipe_type = ColorCnnRecipe
    side = 64
    channels = (3, 4)
    halved = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        shapes = [(3, 24, 5, 2), (24, 48, 3, 2), (48, 48, 3, 1), (48, 48, 3, 1), (48, 96, 3, 2), (96, 96, 3, 1)]
        shapes += [(96, 96, 3, 1), (96, 144, 3, 2), (144, 144, 3, 1)]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, k, s, k // 2, bias=False) for a, b, k, s in shapes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b, _, _ in shapes)
        self.judge = nn.Linear(144, len(recipe.labels))

    def features(self, x: Tensor) -> Tensor:
        """(N, 3 or 4, 64, 64) in 0..1 -> (N, 144)."""
        h = (on_white(x) * 2 - 1).contiguous(memory_format=torch.channels_last)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = normed(h, conv, norm).relu_()
            h = y + h if y.shape == h.shape else y
        return h.mean((2, 3)).float()


def normed(h: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    """A convolution without bias and its batch norm; in evaluation one convolution, which spares a pass over memory."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    if norm.training:
        return cast(Tensor, norm(conv(h)))
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight * (variance + norm.eps).rsqrt()
    weight = conv.weight * scale[:, None, None, None]
    out = F.conv2d(h, weight, norm.bias - mean * scale, conv.stride, cast(tuple[int, int], conv.padding))
    return out.contiguous(memory_format=torch.channels_last)


def on_white(x: Tensor) -> Tensor:
    """(N, 4, H, W) in 0..1 with alpha -> (N, 3, H, W) on white; without alpha, x itself."""
    return x if x.shape[1] != 4 else 1 - x[:, 3:] * (1 - x[:, :3])


CLASSIFIERS: dict[str, type[Classifier]] = {
    "dense": Dense,
    "conv": Conv,
    "cnn": Cnn,
    "robust": Robust,
    "certified": Certified,
}
COLOR: dict[str, type[Classifier]] = {"garments": ColorCnn}  # those that see color


def recipe(classifier: str, **changes: Any) -> Recipe:
    """The classifier's default recipe with some knobs changed. StudioError for an unknown name or a bad value."""
    kind = network(classifier).recipe_type
    unknown = [name for name in changes if name not in knobs(kind)]
    if unknown:
        raise StudioError(f"A classifier has no setting called {unknown[0]!r}: it has {', '.join(knobs(kind))}.")
    return kind(classifier=classifier, **changes)


def network(classifier: str) -> type[Classifier]:
    """A classifier's class by its name. StudioError for an unknown name."""
    every = CLASSIFIERS | COLOR
    if classifier not in every:
        raise StudioError(f"There is no classifier called {classifier!r}: choose one of {', '.join(every)}.")
    return every[classifier]


def build(r: Recipe) -> Classifier:
    """A net with fresh weights drawn from its recipe's seed. The global random generator is left unchanged."""
    with ONE_DRAWS, torch.random.fork_rng(devices=[]):
        torch.manual_seed(r.seed)
        return network(r.classifier)(r)

"""Classifiers of garments: report 001's two, a better small one whose features also serve to score generators, and one
that is fitted against an adversary.

Every net takes float (N, 1, 28, 28) in 0..1, whatever its paper wanted inside, and answers with logits (N, classes).
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import atomic, attacks, checkpoint, data, hub
from .augment import augment
from .data import Garments, Shuffle
from .errors import StudioError
from .nets import Dropout
from .recipe import check_knobs, flags, knob, knobs

BUNDLED = checkpoint.BUNDLED / "classifiers"
SIZE = 28
LEAST = 12  # pictures of which one can be held out
PIECE = 500  # pictures a net is shown at once when it is measured
HELD_OUT = 5000  # training pictures that only ever measure, drawn by a fixed seed


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a classifier is fitted; each net changes the defaults."""

    classifier: str = ""
    labels: tuple[str, ...] = ()  # a fact of the data, filled in when it is loaded

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
    """The contract: `features`, which the last layer `judge` turns into logits."""

    title: ClassVar[str]
    recipe_type: ClassVar[type[Recipe]] = Recipe
    judge: nn.Linear

    def __init__(self, recipe: Recipe):
        super().__init__()
        self.recipe = recipe

    def features(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) in 0..1 -> (N, d): what the last layer looks at."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        check_shape(x)
        return cast(Tensor, self.judge(self.features(x))).float()


def check_shape(x: Tensor) -> None:
    """StudioError unless x is (N, 1, 28, 28)."""
    if x.shape[1:] != (1, SIZE, SIZE):
        got = " x ".join(map(str, x.shape[1:]))
        raise StudioError(f"The classifiers see gray pictures of {SIZE} x {SIZE}, 1 x {SIZE} x {SIZE}, not {got}.")


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

    Report 001's second net, from its notebook's code; 269,322 weights. Adam 1e-4, batch 256, 50 epochs. Its padding is
    Keras's "same", which for stride 2 adds one pixel more at the right and the bottom.
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
    """Six 3x3 convolutions with batch norm, two at each of 28, 14 and 7 pixels, then the mean over the picture.

    Ours: under 300,000 weights, trained for half an hour on two CPU cores. Its 128 features, one number for each of
    the last layer's filters, are those in which generators are scored.
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
            y = F.relu(norm(conv(h)))
            h = y + h if i % 2 else y  # the second of each pair adds to what it saw
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

    Ours, after the nets of Madry et al. 2018 (https://arxiv.org/abs/1706.06083, section 4) for MNIST, with strides
    instead of pooling: it must be cheap, since fitting it against an adversary of k steps costs k + 1 passes.
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


CLASSIFIERS: dict[str, type[Classifier]] = {"dense": Dense, "conv": Conv, "cnn": Cnn, "robust": Robust}


def recipe(classifier: str, **changes: Any) -> Recipe:
    """The defaults of that classifier with some knobs turned. Unknown names and bad values raise StudioError."""
    if classifier not in CLASSIFIERS:
        raise StudioError(f"There is no classifier called {classifier!r}: choose one of {', '.join(CLASSIFIERS)}.")
    unknown = [name for name in changes if name not in knobs(Recipe)]
    if unknown:
        raise StudioError(f"A classifier has no setting called {unknown[0]!r}: it has {', '.join(knobs(Recipe))}.")
    return CLASSIFIERS[classifier].recipe_type(classifier=classifier, **changes)


def build(r: Recipe) -> Classifier:
    """A net with starting weights drawn from its recipe's seed; the process's own chance is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(r.seed)
        return CLASSIFIERS[r.classifier](r)


def started(r: Recipe) -> Classifier:
    """A net with starting weights, or with those of the classifier that the recipe goes on from.

    Raises StudioError if that is another net, or tells other classes apart.
    """
    net = build(r)
    if r.start:
        before = load(r.start)
        if (before.recipe.classifier, before.recipe.labels) != (r.classifier, r.labels):
            raise StudioError(
                f"A {r.classifier} of these classes cannot start from {r.start}, a {before.recipe.classifier} of "
                f"{', '.join(before.recipe.labels)}."
            )
        net.load_state_dict(before.state_dict())
    return net


@dataclass(frozen=True)
class Fitted:
    """News of a fit: means since the news before, and at each epoch's end the accuracy on the held-out pictures."""

    step: int
    steps: int
    epoch: float
    seconds: float
    images_per_second: float
    loss: float
    accuracy: float  # on the training pictures, as the net saw them
    held_out: float | None  # 0..1
    attacked: float | None = None  # 0..1, on the first 1,000 held out; only where there is an adversary


class Fitter:
    """A fit in memory: the net, its optimiser, and the training pictures less those held out."""

    def __init__(self, recipe: Recipe, pictures: Garments, device: str = "cpu"):
        check_shape(pictures.images)
        if len(pictures) < LEAST:
            raise StudioError(f"A classifier needs at least {LEAST} pictures, so that some can be held out.")
        pictures = data.merge(pictures, recipe.merge)
        self.recipe = r = dataclasses.replace(recipe, labels=pictures.names)
        self.device = torch.device(device)
        self.data, self.held = (
            dataclasses.replace(pictures, images=pictures.images[i], labels=pictures.labels[i]).to(self.device)
            for i in split(len(pictures))
        )
        if r.batch > len(self.data):
            raise StudioError(f"batch cannot be {r.batch}: there are {len(self.data)} pictures to learn from.")
        self.net = started(r).to(self.device).to(memory_format=torch.channels_last)
        self.opt = torch.optim.AdamW(self.net.parameters(), r.lr, weight_decay=r.decay, fused=True)
        self.shuffle = Shuffle(len(self.data), r.batch, r.seed, self.device)
        self.rng = torch.Generator(self.device).manual_seed(r.seed)
        for m in self.net.modules():
            if isinstance(m, Dropout):
                m.rng = self.rng
        self.steps = math.ceil(r.epochs * len(self.data) / r.batch)

    def rate(self, step: int) -> float:
        """Learning rate of an update: constant, or up over a fifth of the fit and down to zero, both in straight lines
        (Smith and Topin 2017, https://arxiv.org/abs/1708.07120)."""
        r = self.recipe
        if r.schedule == "constant":
            return r.lr
        done = step / self.steps
        return r.lr * (max(done, 0.02) / 0.2 if done < 0.2 else (1 - done) / 0.8)

    def adversary(self, x: Tensor, y: Tensor, step: int) -> Tensor:
        """(N, 1, 28, 28) as an attacker of the recipe's strength would change them; over the first fifth of the fit it
        grows to that strength, since a net that knows nothing yet learns nothing from strong attacks.

        "fgsm" is one step of 1.25 eps from a random point (Wong et al. 2020, https://arxiv.org/abs/2001.03994, section
        4), "pgd" as Madry et al. 2018. The net is attacked as it is when measured, without dropout.
        """
        r = self.recipe
        if r.adversarial == "none":
            return x
        eps = r.eps * min(1.0, (step + 1) / self.steps / 0.2)
        steps, size = (1, 1.25) if r.adversarial == "fgsm" else (r.attack_steps, None)
        self.net.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=r.precision == "bfloat16"):
            x = attacks.pgd(self.net, x, y, eps, None, self.rng, steps=steps, size=size)
        self.net.train()
        return x

    def run(self, pace: float = 0.5) -> Iterator[Fitted]:
        """Fit to the end, yielding news about every `pace` seconds and at each epoch's end."""
        r, net = self.recipe, self.net
        net.train().requires_grad_(True)
        loss_sum, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        seconds, start, before = 0.0, perf_counter(), 0
        for step in range(self.steps):
            index = self.shuffle[step]
            x, y = self.data.images[index].float() / 255, self.data.labels[index]
            x = augment(x, r.augment.split(",") if r.augment else (), 0.0, self.rng)
            x = self.adversary(x.contiguous(memory_format=torch.channels_last), y, step)
            self.opt.param_groups[0]["lr"] = self.rate(step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=r.precision == "bfloat16"):
                logits = net(x)
            loss = F.cross_entropy(logits, y, label_smoothing=r.smoothing)
            self.opt.zero_grad(set_to_none=True)
            loss.backward()
            self.opt.step()
            loss_sum += loss.detach()
            right += (logits.argmax(1) == y).float().mean()
            done = step + 1
            ended = done * r.batch // len(self.data) > step * r.batch // len(self.data) or done == self.steps
            if ended or perf_counter() - start > pace:
                n, now = done - before, perf_counter()
                seconds += now - start
                speed = n * r.batch / (now - start)
                loss_mean, right_mean = (torch.stack([loss_sum, right]) / n).tolist()
                if not math.isfinite(loss_mean):
                    raise StudioError(f"The fit diverged at step {done}: try a lower learning rate (lr).")
                held = accuracy(net, self.held) if ended else None
                robust = self.attacked() if ended and r.adversarial != "none" else None
                epoch = done * r.batch / len(self.data)
                yield Fitted(done, self.steps, epoch, seconds, speed, loss_mean, right_mean, held, robust)
                net.train()
                loss_sum.zero_()
                right.zero_()
                start, before = perf_counter(), done
        net.eval().requires_grad_(False)

    def attacked(self) -> float:
        """Share of the first 1,000 held out that are still named right after twice as strong a search as in the fit:

        PGD with 10 steps. Where FGSM was the adversary, this tells if the net has only learned to resist one step
        (catastrophic overfitting, Wong et al. 2020, section 5)."""
        rng = torch.Generator(self.device).manual_seed(0)
        right, seen = 0, 0
        for x, y in zip(pieces(self.net, self.held.images[:1000]), self.held.labels[:1000].split(PIECE), strict=True):
            changed = attacks.pgd(self.net, x, y, self.recipe.eps, None, rng, steps=10)
            right, seen = right + int((self.net(changed).argmax(1) == y).sum()), seen + len(y)
        return right / seen


def fit(recipe: Recipe, out: Path, device: str = "cpu", root: str | None = None) -> Iterator[Fitted]:
    """Fit on Fashion-MNIST's training pictures and write `out`, then measure once on the test pictures.

    The last epoch is kept, whatever the held-out pictures say of earlier ones, and the test pictures decide nothing.
    Raises StudioError at once if it cannot begin or could not be saved.
    """
    fitter = Fitter(recipe, data.load(data.FASHION_MNIST, root=root), device)
    atomic.check(out)
    return fit_and_save(fitter, out, root)


def fit_and_save(fitter: Fitter, out: Path, root: str | None) -> Iterator[Fitted]:
    for news in fitter.run():
        if news.step == news.steps:
            made = {
                "command": command(fitter.recipe),
                "held_out": news.held_out,
                **({"attacked": news.attacked} if news.attacked is not None else {}),
                **({"before": info(fitter.recipe.start).get("command")} if fitter.recipe.start else {}),
                "seconds": round(news.seconds, 1),
                "device": checkpoint.device_name(fitter.device),
                "torch": torch.__version__,
            }
            save(out, fitter.net, made)
        yield news
    test = data.merge(data.load(data.FASHION_MNIST, split="test", root=root), fitter.recipe.merge)
    table = confusion(fitter.net, test)  # row: what it is; column: what it was taken for
    right = sum(row[i] for i, row in enumerate(table)) / len(test)
    checkpoint.annotate(out, accuracy=right, tested=len(test), confusion=table)


def command(r: Recipe) -> str:
    """The command line that fits this recipe."""
    return f"python -m fashiongan fit {r.classifier}{flags(r)}"


def split(n: int) -> tuple[Tensor, Tensor]:
    """Picture numbers to learn from and to hold out: 5,000, or a twelfth of fewer than 60,000; the same every time."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    held = min(HELD_OUT, n // LEAST)
    return order[held:].sort().values, order[:held].sort().values


def pieces(net: Classifier, images: Tensor) -> Iterator[Tensor]:
    """(N, 1, 28, 28) uint8 in pieces as the net sees them, on its device; the net is put into eval mode."""
    check_shape(images)
    net.eval()
    device = next(net.parameters()).device
    for x in images.split(PIECE):
        yield x.to(device).float().div(255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def logits(net: Classifier, images: Tensor) -> Tensor:
    """(N, 1, 28, 28) uint8 -> logits (N, classes) on the CPU."""
    return torch.cat([net(x).cpu() for x in pieces(net, images)])


@torch.no_grad()
def features(net: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 1, 28, 28) uint8 -> features (N, d) and logits (N, classes), on the CPU, in one pass."""
    seen = [net.features(x).float() for x in pieces(net, images)]
    return torch.cat(seen).cpu(), torch.cat([net.judge(h).float() for h in seen]).cpu()


def accuracy(net: Classifier, garments: Garments) -> float:
    """Share of the pictures whose class is named right."""
    return float((logits(net, garments.images).argmax(1) == garments.labels.cpu()).float().mean())


def confusion(net: Classifier, garments: Garments) -> list[list[int]]:
    """How many pictures of each class (row) were given each name (column)."""
    k = len(garments.names)
    said = logits(net, garments.images).argmax(1)
    return torch.bincount(garments.labels.cpu() * k + said, minlength=k * k).view(k, k).tolist()


def save(path: Path, net: Classifier, info: dict[str, Any]) -> None:
    """Write weights, recipe and `info` to a safetensors file."""
    checkpoint.write(path, net.state_dict(), {"classifier": net.recipe.to_json(), "info": json.dumps(info)})


def load(name: str | Path, device: str = "cpu") -> Classifier:
    """A classifier from a file or by the name of a bundled one ("cnn"), frozen, in eval mode.

    Raises StudioError: no such file, damaged, or not a classifier of the studio's.
    """
    path = find(name)
    with checkpoint.opened(path) as (f, header):
        try:
            fields = json.loads(header["classifier"])
            labels = tuple(str(label) for label in fields.pop("labels"))
            r = dataclasses.replace(recipe(str(fields.pop("classifier")), **fields), labels=labels)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise StudioError(f"{path} holds no classifier: choose a file that `fit` has written.") from None
        with torch.device("meta"):
            net = CLASSIFIERS[r.classifier](r)
        checkpoint.fill(net, f, path)
    return net.to(device).eval().requires_grad_(False)


def info(name: str | Path) -> dict[str, Any]:
    """What a classifier's header says of how it was made and how well it does."""
    return checkpoint.header_info(find(name))


def find(name: str | Path) -> Path:
    """The file behind a path, a bundled name or a place on the Hub; StudioError with the bundled names otherwise."""
    if str(name).startswith(hub.PREFIX):
        return hub.fetch(hub.parse(str(name)))
    if Path(name).is_file():
        return Path(name)
    if str(name) in bundled():
        return BUNDLED / f"{name}.safetensors"
    have = ", ".join(bundled()) or "none yet"
    raise StudioError(f"There is no classifier {str(name)!r}: give a file or a bundled name ({have}).")


def bundled() -> list[str]:
    """Names of the classifiers that come with the studio."""
    return sorted(p.stem for p in BUNDLED.glob("*.safetensors"))

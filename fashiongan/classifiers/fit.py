"""Training of a classifier: the loop, adversarial training, and the file that is written at the end."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import attacks, checkpoint, files
from ..data import datasets
from ..data.augment import augment
from ..data.datasets import Dataset
from ..data.sampler import Shuffle
from ..errors import StudioError
from ..gans.networks import Dropout
from ..gans.recipe import flags
from .base import Classifier, Recipe
from .certified import Certified, CertifiedRecipe, worst_case_loss
from .measure import PIECE, accuracy, certified_accuracy, confusion, pieces
from .networks import ColorCnn, ColorCnnRecipe, build, network
from .store import FitInfo, info, load, save

LEAST = 12  # fewest images: one in twelve is held out
HELD_OUT = 5000  # training images that are used for validation only, chosen with a fixed seed


def started(r: Recipe) -> Classifier:
    """A net with fresh weights, or with the weights of the classifier that the recipe starts from.

    Raises StudioError if that classifier has another architecture or other classes.
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
    """A record of a fit: means since the previous record, and at the end of each epoch the validation accuracy."""

    step: int
    steps: int
    epoch: float
    seconds: float
    images_per_second: float
    loss: float
    accuracy: float  # 0..1, on the training images after augmentation and attack
    held_out: float | None  # 0..1, accuracy on the held-out images; None except at the end of an epoch
    attacked: float | None = None  # 0..1, accuracy under attack, see `Fitter.attacked`; None without an adversary
    certified: float | None = None  # 0..1, certified share of the held-out images; None for a net without bounds


class Fitter:
    """A fit in memory: the net, its optimiser, the training images, and the held-out images."""

    def __init__(self, recipe: Recipe, pictures: Dataset, device: str = "cpu"):
        network(recipe.classifier).check(pictures.images)
        if len(pictures) < LEAST:
            raise StudioError(f"A classifier needs at least {LEAST} pictures, so that some can be held out.")
        pictures = datasets.merge(pictures, recipe.merge)
        self.recipe = r = dataclasses.replace(recipe, labels=pictures.names)
        self.device = torch.device(device)
        self.data, self.held_out = (
            dataclasses.replace(pictures, images=pictures.images[i], labels=pictures.labels[i]).to(self.device)
            for i in split(len(pictures))
        )
        if r.batch > len(self.data):
            raise StudioError(f"batch cannot be {r.batch}: there are {len(self.data)} pictures to learn from.")
        self.net = started(r).to(self.device).to(memory_format=torch.channels_last)
        self.opt = torch.optim.AdamW(self.net.parameters(), r.lr, weight_decay=r.decay, fused=True)
        evenly = self.data.labels if isinstance(r, ColorCnnRecipe) and r.balance == "even" else None
        self.shuffle = Shuffle(len(self.data), r.batch, r.seed, self.device, evenly)
        self.rng = torch.Generator(self.device).manual_seed(r.seed)
        for m in self.net.modules():
            if isinstance(m, Dropout):
                m.rng = self.rng
        self.steps = math.ceil(r.epochs * len(self.data) / r.batch)

    def rate(self, step: int) -> float:
        """The learning rate at an update: constant, or one cycle, which rises linearly over the first fifth of the fit
        and falls linearly to zero (Smith and Topin 2017, https://arxiv.org/abs/1708.07120)."""
        r = self.recipe
        if r.schedule == "constant":
            return r.lr
        done = step / self.steps
        return r.lr * (max(done, 0.02) / 0.2 if done < 0.2 else (1 - done) / 0.8)

    def adversary(self, x: Tensor, y: Tensor, step: int) -> Tensor:
        """Adversarial examples (N, 1, 28, 28) of the images x, for adversarial training.

        eps grows linearly to the recipe's value over the first fifth of the fit, since an untrained net learns nothing
        from strong attacks. "fgsm" is one step of 1.25 eps from a random point (Wong et al. 2020,
        https://arxiv.org/abs/2001.03994, section 4), "pgd" follows Madry et al. 2018. The net is attacked in eval mode,
        without dropout, as it is when it is measured.
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

    def loss(self, x: Tensor, y: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """The loss of the images x at an update, and the logits (N, classes) of the images that the net learns from.

        For a net with bounds it is k L(z, y) + (1 - k) L(z_worst, y), where L is cross-entropy, z are the logits and
        z_worst the worst that the bounds allow (Gowal et al. 2018, https://arxiv.org/abs/1810.12715, section 3). Over
        the warm-up eps grows linearly from 0, and k falls linearly from 1 to `ordinary`. With an adversary, z are the
        logits of its images (De Palma et al. 2024, https://arxiv.org/abs/2305.13991, "MTL-IBP").
        """
        r = self.recipe
        learned = self.adversary(x, y, step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=r.precision == "bfloat16"):
            logits = self.net(learned)
            loss = F.cross_entropy(logits, y, label_smoothing=r.smoothing)
            if isinstance(self.net, Certified) and isinstance(r, CertifiedRecipe):
                grown = min(1.0, (step + 1) / self.steps / r.warmup) if r.warmup else 1.0
                k = 1 - grown * (1 - r.ordinary)
                loss = k * loss + (1 - k) * worst_case_loss(self.net.margins(x, y, grown * r.eps), y)
        return loss, logits

    def run(self, pace: float = 0.5) -> Iterator[Fitted]:
        """Fit to the end, yielding a record about every `pace` seconds and at each epoch's end."""
        r, net = self.recipe, self.net
        net.train().requires_grad_(True)
        loss_sum, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        seconds, start, before = 0.0, perf_counter(), 0
        for step in range(self.steps):
            index = self.shuffle[step]
            x, y = self.data.images[index].float() / 255, self.data.labels[index]
            x = augment(x, r.augment.split(",") if r.augment else (), 0.0, self.rng)
            x = x.contiguous(memory_format=torch.channels_last)
            self.opt.param_groups[0]["lr"] = self.rate(step)
            loss, logits = self.loss(x, y, step)
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
                held_out = accuracy(net, self.held_out) if ended else None
                robust = self.attacked() if ended and r.adversarial != "none" else None
                proven = certified_accuracy(net, self.held_out, r.eps) if ended and isinstance(net, Certified) else None
                epoch = done * r.batch / len(self.data)
                yield Fitted(done, self.steps, epoch, seconds, speed, loss_mean, right_mean, held_out, robust, proven)
                net.train()
                loss_sum.zero_()
                right.zero_()
                start, before = perf_counter(), done
        net.eval().requires_grad_(False)

    def attacked(self) -> float:
        """Robust accuracy, 0..1: the share of the first 1,000 held-out images that 10 steps of PGD do not fool.

        That is a stronger attack than the default ones of the fit. After a fit against FGSM, it shows whether the net
        resists only a single step (catastrophic overfitting, Wong et al. 2020, section 5).
        """
        rng = torch.Generator(self.device).manual_seed(0)
        right, seen = 0, 0
        for x, y in zip(
            pieces(self.net, self.held_out.images[:1000]), self.held_out.labels[:1000].split(PIECE), strict=True
        ):
            changed = attacks.pgd(self.net, x, y, self.recipe.eps, None, rng, steps=10)
            right, seen = right + int((self.net(changed).argmax(1) == y).sum()), seen + len(y)
        return right / seen


def fit(recipe: Recipe, out: Path, device: str = "cpu", root: str | None = None) -> Iterator[Fitted]:
    """Train on the training images and write `out`, then measure once on the test images.

    The weights of the last epoch are kept, even if an earlier epoch had a higher validation accuracy; the test images
    decide nothing. Raises StudioError at once if the fit cannot start or `out` cannot be written.
    """
    fitter = Fitter(recipe, pictures_of(recipe, "train", root), device)
    files.check(out)
    return fit_and_save(fitter, out, root)


def fit_and_save(fitter: Fitter, out: Path, root: str | None) -> Iterator[Fitted]:
    """Run the fit, write `out` at its end, and add to its header what it reaches on the test images: accuracy,
    confusion table and, if the net has bounds, its certified share."""
    for record in fitter.run():
        if record.step == record.steps:
            made = FitInfo(
                command=command(fitter.recipe),
                held_out=record.held_out,
                attacked=record.attacked,
                before=info(fitter.recipe.start).command if fitter.recipe.start else None,
                seconds=round(record.seconds, 1),
                device=checkpoint.device_name(fitter.device),
                torch=torch.__version__,
            )
            save(out, fitter.net, made)
        yield record
    test = datasets.merge(pictures_of(fitter.recipe, "test", root), fitter.recipe.merge)
    net = load(out, str(fitter.device))
    table = confusion(net, test)  # row: true class; column: predicted class
    right = sum(row[i] for i, row in enumerate(table)) / len(test)
    more = {"certified": certified_accuracy(net, test, net.recipe.eps)} if isinstance(net, Certified) else {}
    checkpoint.annotate(out, accuracy=right, tested=len(test), **more, confusion=table)


def pictures_of(r: Recipe, split: str, root: str | None) -> Dataset:
    """The images of a recipe, "train" or "test": Fashion-MNIST's, or for a net that sees color the cut-outs of the
    folder `train` or `validation` in its data.

    StudioError if there is no such folder, or if the classes of the two differ.
    """
    if not isinstance(r, ColorCnnRecipe):
        return datasets.load(datasets.FASHION_MNIST, split=split, root=root)
    folder = Path(r.data, "train" if split == "train" else "validation")
    if not r.data or not folder.is_dir():
        raise StudioError(
            f"There is no folder {folder}: give --data a folder with the folders train and validation, each with one "
            "sub-folder a class."
        )
    pictures = datasets.load(str(folder), size=ColorCnn.side, fit="cutout")
    if split == "test" and pictures.names != r.labels:
        raise StudioError(f"{folder} has the classes {', '.join(pictures.names)}, not {', '.join(r.labels)}.")
    return pictures


def command(r: Recipe) -> str:
    """The command line that fits this recipe."""
    return f"python -m fashiongan fit {r.classifier}{flags(r)}"


def split(n: int) -> tuple[Tensor, Tensor]:
    """Indices of images to train on, and to hold out: 5,000, or a twelfth if n < 60,000. The same split every time."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    count = min(HELD_OUT, n // LEAST)
    return order[count:].sort().values, order[:count].sort().values

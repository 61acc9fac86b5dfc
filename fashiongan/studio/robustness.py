"""The service of the Robustness tab: one picture under attack, a curve that all visitors can watch, and the training of
a defence. It uses the checkpoints and the folder of the studio."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import attacks, classifiers, files, limits
from ..cache import Cache
from ..classifiers import SIZE, Classifier, Fitted, Fitter, store
from ..data import datasets
from ..errors import StudioError, quoted
from ..evaluation import least, robustness
from ..evaluation.robustness import LEVELS, Point
from ..job import Job
from ..plain import KEY, maybe
from ..training.trainer import pick_device
from .attacked import Picture, garment, signed
from .datasets import test_pictures
from .models import version
from .studio import Studio


@dataclass(frozen=True)
class AttackSpec:
    """A request for one attack on one picture."""

    picture: Picture
    classifier: str = "cnn"
    attack: str = "fgsm"
    eps: float = 0.025
    mask: str = "garment"
    target: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Attacked:
    """A picture before and after an attack."""

    before: Tensor  # (1, 28, 28) uint8, as the two below
    added: Tensor  # the noise, magnified: gray is no change
    after: Tensor
    labels: tuple[str, ...]
    confidences: tuple[tuple[float, ...], ...]  # before and after, in the order of the labels
    class_known: bool = field(metadata={KEY: "known"})  # False if `label` is only the classifier's prediction
    predictions: tuple[str, ...] = field(metadata={KEY: "said"})  # classes before and after
    target: str | None
    fooled: bool
    eps: float
    eps_255: float
    magnified: float | None  # factor by which the noise in `added` is magnified; None without noise
    changed: int  # how many pixels changed
    label: str = field(metadata={KEY: "class"})


@dataclass(frozen=True)
class Least:
    """The least noise strength that fools, in 255ths (None if none does), and the attack that found it."""

    least: float | None
    by: str


@dataclass(frozen=True)
class CurveUpdate:
    """The state of a curve's job, with its points if the reader has another version."""

    state: str
    error: str | None
    version: int
    about: str
    step: int
    steps: int
    points: tuple[Point, ...] | None = maybe()


@dataclass(frozen=True)
class FitUpdate:
    """The state of a fit, with its records if the reader has another version."""

    state: str
    error: str | None
    version: int
    command: str
    name: str
    step: int
    steps: int
    speed: float
    seconds: float
    records: tuple[Fitted, ...] | None = maybe()


@dataclass(frozen=True)
class RobustnessUpdate:
    """The names of the classifiers, and the state of both jobs."""

    names: tuple[str, ...]
    curve: CurveUpdate
    fit: FitUpdate


@dataclass
class Curves:
    """The state of a robustness curve that the page shows."""

    job: Job[Point] | None = None
    owner: str = ""
    points: dict[tuple[str, str, str, float], Point] = field(default_factory=dict)
    newest: Point | None = None
    about: str = ""
    version: int = 0  # grows with every change


@dataclass
class Fit:
    """The state of a classifier's fit that the page shows."""

    job: Job[Fitted] | None = None
    owner: str = ""
    out: Path = Path()
    command: str = ""
    records: list[Fitted] = field(default_factory=list)
    version: int = 0


class RobustnessService:
    """Loads classifiers by name, and runs at most one curve and one fit at a time."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.starting = threading.Lock()
        self.models: Cache[tuple[Path, int], Classifier] = Cache(limits.MODELS_KEPT)
        self.curves, self.fit = Curves(), Fit()

    # Classifiers

    @property
    def folder(self) -> Path:
        return self.studio.folder / "classifiers"

    def names(self) -> list[str]:
        """Names that `classifier` accepts: the bundled classifiers, then those fitted here, newest first."""
        made = sorted(self.folder.glob("*.safetensors"), key=lambda p: p.stat().st_mtime, reverse=True)
        return [*store.bundled(), *(p.as_posix() for p in made)]

    def classifier(self, name: object) -> Classifier:
        """The classifier with that name, loaded once per version of its file. Only names from `names` are allowed."""
        if name not in self.names():
            raise StudioError(f"There is no classifier {quoted(name)} here: choose one from the list.")
        path = classifiers.find(name)
        return self.models.get(version(path), lambda: classifiers.load(path))

    # One picture

    def attack(self, spec: AttackSpec) -> Attacked:
        """The picture before and after the attack, the noise, and the confidences."""
        net, x, y, target, class_known = self.resolve(spec)
        eps = attacks.check_eps(spec.eps, spec.attack)
        rng = torch.Generator().manual_seed(spec.seed)
        after = attacks.attack(spec.attack, net, x, y, eps, spec.mask, rng, target)
        confidences = robustness.answers(net, torch.cat([x, after]))
        names, d = net.recipe.labels, after - x
        return Attacked(
            before=in_bytes(x),
            added=in_bytes(signed(d)),
            after=in_bytes(after),
            labels=tuple(names),
            confidences=tuple(tuple(round(v, 4) for v in row) for row in confidences.tolist()),
            label=names[int(y)],
            class_known=class_known,
            predictions=tuple(names[int(i)] for i in confidences.argmax(1)),
            target=None if target is None else names[int(target)],
            fooled=bool(attacks.fooled(confidences[1:], y, target)),
            eps=eps,
            eps_255=eps * LEVELS,
            magnified=0.5 / float(d.abs().max()) if d.any() else None,
            changed=int((d != 0).sum()),
        )

    def smallest(self, spec: AttackSpec) -> Least:
        """The least noise strength that fools, in 255ths, found by this attack or, if it is slow, by PGD."""
        net, x, y, target, _ = self.resolve(spec)
        name = spec.attack if attacks.find(spec.attack).passes <= limits.SEARCH_PASSES else "pgd"
        strength = least.smallest(net, name, x, y, spec.mask, target, spec.seed)
        return Least(strength, attacks.ATTACKS[name].title)

    def resolve(self, spec: AttackSpec) -> tuple[Classifier, Tensor, Tensor, Tensor | None, bool]:
        """(classifier, picture, class, target, whether the class is known). An unknown class is predicted by the
        classifier."""
        net, (x, label) = self.classifier(spec.classifier), garment(self.studio, spec.picture)
        attacks.refuse(spec.attack, bool(spec.target))
        if label is not None:
            kind = datasets.merge(datasets.Dataset(x, torch.tensor([label]), datasets.CLASSES, ""), net.recipe.merge)
            y = kind.labels
        else:
            y = robustness.answers(net, x).argmax(1)
        if not spec.target:
            return net, x, y, None, label is not None
        targets = datasets.class_numbers(spec.target, net.recipe.labels)
        if len(targets) != 1:
            raise StudioError(f"target takes one class, not {spec.target!r}.")
        return net, x, y, torch.tensor(targets), label is not None

    # The curve

    def garments(self, n: int, checkpoint: str | None = None, seed: int = 0) -> datasets.Dataset:
        """The first n test pictures, or n pictures that one of the studio's checkpoints draws."""
        if checkpoint:
            return robustness.drawn(self.studio.gan(checkpoint), checkpoint, n, seed)
        return robustness.first(test_pictures(self.studio.data_root), n)

    def check_work(
        self, names: Sequence[str], kinds: Sequence[str], strengths: Sequence[float], masks: Sequence[str], n: int
    ) -> None:
        """StudioError if a curve would take too much computing time on a public page."""
        if not self.studio.restricted:
            return
        passes = n * len(names) * len(masks) * len(strengths) * sum(attacks.find(kind).passes for kind in kinds)
        if passes > limits.PUBLIC_PASSES:
            raise StudioError(
                f"This takes {passes:,} passes, and a public page does {limits.PUBLIC_PASSES:,} at most: choose fewer "
                "pictures, strengths, attacks or classifiers, or “Duplicate this Space” in the Space's menu."
            )

    def start_curve(
        self,
        names: Sequence[str],
        kinds: Sequence[str],
        strengths: str,
        masks: Sequence[str],
        n: int,
        checkpoint: str | None = None,
        owner: str = "",
    ) -> None:
        """Compute curves in the background. All visitors can watch. StudioError while other curves are computed."""
        if not names or not kinds:
            raise StudioError("Choose at least one classifier and one attack for the curve.")
        if len(names) * len(kinds) * len(masks) > limits.CURVES:
            raise StudioError(
                f"These are {len(names) * len(kinds) * len(masks)} curves: at most {limits.CURVES} at once."
            )
        if not 1 <= n <= limits.CURVE_PICTURES:
            raise StudioError(f"Pictures takes a number from 1 to {limits.CURVE_PICTURES}.")
        nets = {name: self.classifier(name) for name in names}
        epsilons = robustness.epsilons(strengths, kinds)
        self.check_work(names, kinds, epsilons, masks, n)
        chosen = self.garments(n, checkpoint)
        about = f"{n:,} garments that {checkpoint} drew" if checkpoint else f"the first {n:,} test pictures"
        work = robustness.curve(nets, chosen, list(kinds), epsilons, list(masks))
        with self.starting:
            if self.curves.job is not None and self.curves.job.alive:
                raise StudioError("Another curve is being computed here: wait for it to end, or stop it first.")
            now = Curves(owner=owner, about=about, version=self.curves.version + 1)

            def keep(point: Point) -> None:
                now.points[point.classifier, point.attack, point.mask, point.eps] = point
                now.newest, now.version = point, now.version + 1

            self.curves = now
            now.job = Job(work, keep, name="curve")

    def stop_curve(self) -> None:
        if self.curves.job is not None and not self.curves.job.stop():
            raise StudioError("The curve is still finishing its pictures: it will stop by itself.")

    # A defence

    def start_fit(self, recipe: classifiers.Recipe, owner: str = "") -> None:
        """Fit a classifier in the background. All visitors can watch. StudioError while another one is fitted."""
        self.studio.check_private("Training")
        with self.starting:
            if self.fit.job is not None and self.fit.job.alive:
                raise StudioError("Another classifier is being trained here: wait for it to end, or stop it first.")
            out = self.free_name(recipe)
            fitter = Fitter(recipe, self.studio.garments(datasets.FASHION_MNIST, SIZE), pick_device(self.studio.device))
            files.check(out)
            now = Fit(owner=owner, out=out, command=classifiers.command(recipe), version=self.fit.version + 1)

            def keep(record: Fitted) -> None:
                now.records.append(record)
                now.version += 1

            self.fit = now
            work = classifiers.fit_and_save(fitter, out, self.studio.data_root)
            now.job = Job(work, keep, name=f"fit {out.stem}")

    def stop_fit(self) -> None:
        if self.fit.job is not None and not self.fit.job.stop():
            raise StudioError("The fit is still finishing its step: it will stop by itself.")

    def free_name(self, recipe: classifiers.Recipe) -> Path:
        stem = recipe.classifier + ("" if recipe.adversarial == "none" else f"-{recipe.adversarial}")
        number = 1
        while (self.folder / f"{stem}-{number}.safetensors").exists():
            number += 1
        return self.folder / f"{stem}-{number}.safetensors"

    # Updates for the page

    def updates(self, curve: int, fit: int) -> RobustnessUpdate:
        """The state of both jobs, with points and records if the reader's version differs."""
        c, f = self.curves, self.fit
        newest, last = c.newest, f.records[-1] if f.records else None
        return RobustnessUpdate(
            tuple(self.names()),
            CurveUpdate(
                *state(c.job),
                c.version,
                c.about,
                newest.step if newest else 0,
                newest.steps if newest else 0,
                tuple(c.points.values()) if curve != c.version else None,
            ),
            FitUpdate(
                *state(f.job),
                f.version,
                f.command,
                f.out.stem,
                last.step if last else 0,
                last.steps if last else 0,
                last.images_per_second if last else 0.0,
                last.seconds if last else 0.0,
                tuple(thinned(f.records)) if fit != f.version else None,
            ),
        )


def state(job: Job[Any] | None) -> tuple[str, str | None]:
    """The state of a job, and its error if it failed."""
    return "idle" if job is None else job.state, str(job.error) if job and job.error else None


def in_bytes(x: Tensor) -> Tensor:
    """(1, 1, H, W) in 0..1 -> (1, H, W) uint8."""
    return (x[0] * 255).round().to(torch.uint8)


def thinned(records: Sequence[Fitted], most: int = 400) -> list[Fitted]:
    """About `most` records at most, plus every record that measured the held-out pictures."""
    every = max(1, len(records) // most)
    return [r for i, r in enumerate(records) if i % every == 0 or r.held_out is not None]

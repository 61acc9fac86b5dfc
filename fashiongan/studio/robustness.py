"""What the Robustness tab looks at: one picture under attack, the curve that everybody may watch, and a defence in
training. Beside the studio, whose checkpoints and folder it shares."""

import base64
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from .. import attacks, classifiers, files, limits
from ..classifiers import SIZE, Classifier, Fitted, Fitter, store
from ..data import cutout, datasets, images, sheets
from ..errors import StudioError, quoted
from ..evaluation import robustness
from ..evaluation.robustness import LEVELS, Point
from ..job import Job
from ..training.trainer import pick_device
from .studio import Studio, data_url, png


@dataclass(frozen=True)
class Picture:
    """A garment as it can be asked for again.

    `kind` is test, a test picture by number; generated, what a GAN draws; or own, 784 bytes of one's own.
    """

    kind: str = "test"
    number: int = 0  # of the test picture, or seed of the generated one
    checkpoint: str = ""
    label: str | None = None  # class of the generated one
    pixels: str = ""  # base64 of 784 bytes
    note: str = ""  # what is to be said of how one's own was cut out


@dataclass(frozen=True)
class AttackSpec:
    """One attack on one picture."""

    picture: Picture
    classifier: str = "cnn"
    attack: str = "fgsm"
    eps: float = 0.025
    mask: str = "garment"
    target: str | None = None
    seed: int = 0


@dataclass
class Curves:
    """A robustness curve as the page sees it."""

    job: Job[Point] | None = None
    owner: str = ""
    points: OrderedDict[tuple[str, str, str, float], Point] = field(default_factory=OrderedDict)
    newest: Point | None = None
    about: str = ""
    version: int = 0  # how often it changed


@dataclass
class Fit:
    """A classifier being fitted, as the page sees it."""

    job: Job[Fitted] | None = None
    owner: str = ""
    out: Path = Path()
    command: str = ""
    news: list[Fitted] = field(default_factory=list)
    version: int = 0


class RobustnessService:
    """Classifiers by name, one curve and one fit at a time."""

    def __init__(self, studio: Studio):
        self.studio = studio
        self.starting, self.loading = threading.Lock(), threading.Lock()
        self.models: OrderedDict[tuple[Path, int], Classifier] = OrderedDict()
        self.curves, self.fit = Curves(), Fit()

    # Classifiers

    @property
    def folder(self) -> Path:
        return self.studio.folder / "classifiers"

    def names(self) -> list[str]:
        """Bundled classifiers, then those fitted here, newest first, each a name that `classifier` takes."""
        made = sorted(self.folder.glob("*.safetensors"), key=lambda p: p.stat().st_mtime, reverse=True)
        return [*store.bundled(), *(p.as_posix() for p in made)]

    def classifier(self, name: Any) -> Classifier:
        """The classifier of that name, loaded once for each version of its file. Only names from `names` are opened."""
        if name not in self.names():
            raise StudioError(f"There is no classifier {quoted(name)} here: choose one from the list.")
        path = classifiers.find(name)
        key = (path, path.stat().st_mtime_ns)
        with self.loading:
            if key not in self.models:
                self.models[key] = classifiers.load(path)
                while len(self.models) > 8:
                    self.models.popitem(last=False)
            self.models.move_to_end(key)
            return self.models[key]

    # One picture

    def garment(self, p: Picture) -> tuple[Tensor, int | None]:
        """The picture (1, 1, 28, 28) in 0..1, and its class's number in Fashion-MNIST if that is known."""
        if p.kind == "test":
            test = test_pictures(self.studio.data_root)
            if not 0 <= p.number < len(test):
                raise StudioError(f"There is no test picture {p.number}: they are numbered from 0 to {len(test) - 1}.")
            return test.images[p.number : p.number + 1].float() / 255, int(test.labels[p.number])
        if p.kind == "generated":
            gan = self.studio.gan(p.checkpoint)
            if gan.recipe.size != SIZE or gan.channels != 1:
                raise StudioError(f"{p.checkpoint} does not draw gray garments of {SIZE} x {SIZE}: choose another.")
            return gan.sample_images(1, p.number, p.label).float() / 255, None
        try:
            values = torch.frombuffer(bytearray(base64.b64decode(p.pixels, validate=True)), dtype=torch.uint8)
            return values.view(1, 1, SIZE, SIZE).float() / 255, None
        except (ValueError, RuntimeError):
            raise StudioError("That is no garment: upload a picture as PNG or JPEG.") from None

    def look(self, look: AttackSpec) -> dict[str, Any]:
        """Before, what was added, after: three PNGs as data URLs, and the confidences, as plain values."""
        net, x, y, target, known = self.asked(look)
        eps = attacks.check_eps(look.eps)
        rng = torch.Generator().manual_seed(look.seed)
        after = attacks.attack(look.attack, net, x, y, eps, look.mask, rng, target)
        said = robustness.answers(net, torch.cat([x, after]))
        names, d = net.recipe.labels, after - x
        return {
            "before": picture(x),
            "added": picture(signed(d)),
            "after": picture(after),
            "labels": list(names),
            "confidences": [[round(v, 4) for v in row] for row in said.tolist()],
            "class": names[int(y)],
            "known": known,
            "said": [names[int(i)] for i in said.argmax(1)],
            "target": None if target is None else names[int(target)],
            "fooled": bool(attacks.fooled(said[1:], y, target)),
            "eps": eps,
            "eps_255": eps * LEVELS,
            "magnified": 0.5 / float(d.abs().max()) if d.any() else None,
            "changed": int((d != 0).sum()),
        }

    def smallest(self, look: AttackSpec) -> dict[str, Any]:
        """The least noise strength that fools, in 255ths, found by this attack or, where it is slow, by PGD."""
        net, x, y, target, _ = self.asked(look)
        name = look.attack if attacks.find(look.attack).passes <= limits.SEARCH_PASSES else "pgd"
        found = robustness.smallest(net, name, x, y, look.mask, target, look.seed)
        return {"least": found, "by": attacks.ATTACKS[name].title}

    def asked(self, look: AttackSpec) -> tuple[Classifier, Tensor, Tensor, Tensor | None, bool]:
        """The classifier, the picture, its class, the target, and whether that class is known or the net's own word."""
        net, (x, label) = self.classifier(look.classifier), self.garment(look.picture)
        attacks.refuse(look.attack, bool(look.target))
        if label is not None:
            kind = datasets.merge(datasets.Dataset(x, torch.tensor([label]), datasets.CLASSES, ""), net.recipe.merge)
            y = kind.labels
        else:
            y = robustness.answers(net, x).argmax(1)
        if not look.target:
            return net, x, y, None, label is not None
        wanted = datasets.class_numbers(look.target, net.recipe.labels)
        if len(wanted) != 1:
            raise StudioError(f"target takes one class, not {look.target!r}.")
        return net, x, y, torch.tensor(wanted), label is not None

    # The curve

    def garments(self, n: int, checkpoint: str | None = None, seed: int = 0) -> datasets.Dataset:
        """The first n test pictures, or n that one of the studio's checkpoints draws."""
        if checkpoint:
            return robustness.drawn(self.studio.gan(checkpoint), checkpoint, n, seed)
        return robustness.first(test_pictures(self.studio.data_root), n)

    def check_work(
        self, names: Sequence[str], kinds: Sequence[str], strengths: Sequence[float], masks: Sequence[str], n: int
    ) -> None:
        """StudioError if a curve would keep a public page's machine busy for too long."""
        if not self.studio.public:
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
        """Compute curves in the background, for all to watch; refused while others are computed."""
        if not names or not kinds:
            raise StudioError("Choose at least one classifier and one attack for the curve.")
        if len(names) * len(kinds) * len(masks) > limits.CURVES:
            raise StudioError(
                f"These are {len(names) * len(kinds) * len(masks)} curves: at most {limits.CURVES} at once."
            )
        if not 1 <= n <= limits.CURVE_PICTURES:
            raise StudioError(f"Pictures takes a number from 1 to {limits.CURVE_PICTURES}.")
        nets = {name: self.classifier(name) for name in names}
        epsilons = robustness.epsilons(strengths)
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
        """Fit a classifier in the background, for all to watch; refused while another is fitted."""
        self.studio.check_private("Training")
        with self.starting:
            if self.fit.job is not None and self.fit.job.alive:
                raise StudioError("Another classifier is being trained here: wait for it to end, or stop it first.")
            out = self.free_name(recipe)
            fitter = Fitter(recipe, self.studio.garments(datasets.FASHION_MNIST, SIZE), pick_device(self.studio.device))
            files.check(out)
            now = Fit(owner=owner, out=out, command=classifiers.command(recipe), version=self.fit.version + 1)

            def keep(news: Fitted) -> None:
                now.news.append(news)
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

    # News

    def news(self, curve: int, fit: int) -> dict[str, Any]:
        """State of both jobs, with their points where the reader's version is another."""
        c, f = self.curves, self.fit
        newest, last = c.newest, f.news[-1] if f.news else None
        found: dict[str, Any] = {
            "names": self.names(),
            "curve": {
                **state(c.job),
                "version": c.version,
                "about": c.about,
                "step": newest.step if newest else 0,
                "steps": newest.steps if newest else 0,
            },
            "fit": {
                **state(f.job),
                "version": f.version,
                "command": f.command,
                "name": f.out.stem,
                "step": last.step if last else 0,
                "steps": last.steps if last else 0,
                "speed": last.images_per_second if last else 0.0,
                "seconds": last.seconds if last else 0.0,
            },
        }
        if curve != c.version:
            found["curve"]["points"] = [asdict(p) for p in list(c.points.values())]
        if fit != f.version:
            found["fit"]["news"] = [asdict(n) for n in thinned(f.news)]
        return found


def state(job: Job[Any] | None) -> dict[str, Any]:
    return {"state": "idle" if job is None else job.state, "error": str(job.error) if job and job.error else None}


def thinned(news: Sequence[Fitted], most: int = 400) -> list[Fitted]:
    """At most about so many, but every one that measured the held-out pictures."""
    every = max(1, len(news) // most)
    return [n for i, n in enumerate(news) if i % every == 0 or n.held_out is not None]


def signed(d: Tensor) -> Tensor:
    """A change (1, 1, 28, 28) as a picture of its own: gray is nothing, white the largest step up, black down."""
    most = float(d.abs().max())
    return d / most / 2 + 0.5 if most > 0 else torch.full_like(d, 0.5)


def picture(x: Tensor) -> str:
    """(1, 1, 28, 28) in 0..1 -> a PNG as a data URL."""
    return data_url(png(sheets.sheet((x * 255).round().to(torch.uint8), 1, gap=0)))


@lru_cache(1)
def test_pictures(root: str | None) -> datasets.Dataset:
    """Fashion-MNIST's test pictures, kept in memory."""
    return datasets.load(datasets.FASHION_MNIST, split="test", root=root)


def own(path: Path) -> Picture:
    """A picture of one's own as the classifiers want it: cut out, centred, gray, 28 x 28, light on black."""
    try:
        with images.header(path, images.FORMATS) as im:
            large = im.width * im.height > limits.ATTACK_PIXELS
            whole = None if large else images.decoded(im, images.WORKING)
    except (*images.UNREADABLE, Image.DecompressionBombError):
        raise StudioError(f"{path.name} is not a picture that can be read: save it again as PNG or JPEG.") from None
    if whole is None:
        raise StudioError(f"{path.name} has more than {limits.ATTACK_PIXELS // 10**6} million pixels: make it smaller.")
    whole.thumbnail((images.WORKING, images.WORKING), Image.Resampling.BOX)
    cut = cutout.found(whole)
    if cut.nothing:  # attacked all the same, as it is
        values = images.as_tensor(images.on_background(whole).resize((SIZE, SIZE)), 1)
    else:
        values = cutout.garment(whole.convert("RGBA"), SIZE, 1, cut)
    return Picture("own", pixels=base64.b64encode(values.numpy().tobytes()).decode(), note=cut.note)

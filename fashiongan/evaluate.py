"""An honest jury for generated garments: each score beside what real pictures get, and whether they are copies.

The judge is the project's own classifier of Fashion-MNIST, so no score here is an FID: that name belongs to Inception's
features. Real pictures are the 10,000 of the test set, which decide nothing in training; a score's floors are what as
many training pictures get in the generator's place, and what one half of the training set gets against the other. Each
is of equal counts, drawn by chance, on both sides.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from . import atomic, cache, checkpoint, classifiers, data, gans, latent, metrics
from .classifiers import Classifier
from .data import Garments
from .errors import StudioError
from .gan import GAN
from .recipe import Recipe

JUDGE = "cnn"
STUDENT = "cnn"  # learns from samples alone, for GAN-train
REFERENCE = "dcgan"  # whose size is 1
PIECE = 500
CLOSE = 1000  # generated and held-out pictures whose nearest training picture is looked for
K = 5  # neighbours, for precision, recall, density and coverage
SELDOM = 0.02  # a class with a smaller share is missed
COPIED = -3.0  # C_T below which samples are called copies
SOME = 0.02  # of all samples: a larger share that lies right beside training pictures is called copies too
# What each score is called, and whether more of it is better.
SCORES = {
    "frechet": ("Frechet distance", False),
    "kid": ("kernel distance (KID) x 1000", False),
    "inception": ("Inception-style score", True),
    "precision": ("precision", True),
    "recall": ("recall", True),
    "density": ("density", True),
    "coverage": ("coverage", True),
}


@dataclass(frozen=True)
class Step:
    """News of an evaluation; the last one carries the report, a plain JSON object."""

    step: int
    steps: int
    doing: str
    report: dict[str, Any] | None = None


@dataclass(frozen=True)
class Samples:
    """Pictures to be judged, and what is known of where they came from."""

    name: str
    images: Tensor  # (N, C, H, W) uint8
    labels: Tensor | None = None  # (N,) the classes that were asked for
    gan: GAN | None = None
    info: dict[str, Any] | None = None


def draw(name: str | Path, n: int, seed: int = 0) -> Samples:
    """n pictures of a checkpoint (of each class as many), or the first n of samples.npz or of a folder of pictures."""
    path = Path(name)
    if path.suffix.lower() == ".npz" and path.is_file():
        return read_npz(path, n)
    if path.is_dir() and not (path / "checkpoint.safetensors").is_file():
        return Samples(path.name, data.flat(path, n))
    gan = checkpoint.load(name)
    labels = latent.chosen(gan, n, None) if gan.conditional else None
    return Samples(str(name), gan.sample_images(n, seed), labels, gan, checkpoint.info(name))


def read_npz(path: Path, n: int) -> Samples:
    """What `python -m fashiongan sample --out samples.npz` wrote, or StudioError."""
    import zipfile

    import numpy as np

    wrong = f"{path} does not hold images (N, H, W, C) of bytes and labels (N,), as the studio's samples.npz do."
    try:
        with np.load(path, allow_pickle=False) as found:
            images, labels = found["images"][:n], found["labels"][:n]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as e:
        raise StudioError(wrong) from e
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) != len(labels):
        raise StudioError(wrong)
    asked = torch.from_numpy(labels).long()
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    return Samples(path.name, pictures, asked if len(asked) and bool((asked >= 0).all()) else None)


def evaluate(
    samples: Samples,
    root: str | None = None,
    *,
    gan_train: bool = False,
    inception: bool = False,
    reference: str = REFERENCE,
    device: str = "cpu",
) -> Iterator[Step]:
    """Judge samples: yields news, and last a report. A score that cannot be had costs the others nothing.

    Args:
        samples: from `draw`.
        root: where Fashion-MNIST lies.
        gan_train: also fit a classifier on the samples alone and test it on real pictures (minutes).
        inception: also true FID, KID and IS through torch-fidelity, where it and its weights can be had.
        reference: the checkpoint whose nets are of size 1.
        device: where the judge looks and features are compared.
    """
    begin = perf_counter()
    n = len(samples.images)
    report: dict[str, Any] = {"of": samples.name, "n": n, "remarks": []}
    remarks: list[str] = report["remarks"]
    if samples.gan is not None:
        report |= facts(samples, reference)
    try:
        net = judge_for(samples, device)
        real, test = real_garments(samples, root)
    except StudioError as e:
        remarks.append(str(e))
        yield Step(1, 1, "done", report)
        return
    report["judge"] = {"classifier": JUDGE, "sha256": sha256(classifiers.find(JUDGE))}

    places = [cached(net, d) for d in (real, test)]
    missing = [(d, place) for d, place in zip((real, test), places, strict=True) if not place.exists()]
    pieces = sum(-(-len(x) // PIECE) for x in [samples.images, *(d.images for d, _ in missing)])
    steps, done = pieces + 4 + 8 * gan_train + inception, 0
    seen: list[tuple[Tensor, Tensor]] = []
    for pictures, doing in (
        *((d.images, "looking at real garments") for d, _ in missing),
        (samples.images, "judging"),
    ):
        parts = []
        for x in pictures.split(PIECE):
            parts.append(classifiers.features(net, x))
            done += 1
            yield Step(done, steps, doing)
        seen.append((torch.cat([f for f, _ in parts]), torch.cat([s for _, s in parts])))
    floors = places[0].with_name(f"floors-{places[0].stem[-24:]}-{places[1].stem[-24:]}.json")
    fake, logits = seen.pop()
    for (_, place), (found, _) in zip(missing, seen, strict=True):
        checkpoint.write(place, {"features": found}, {})
    train_features, test_features = (recall(place).to(device) for place in places)
    fake, logits = fake.to(device), logits.to(device)

    for doing, add in (
        (
            "comparing with real garments",
            lambda: compare(report, fake, logits, train_features, test_features, net, floors),
        ),
        ("counting classes", lambda: count_classes(report, samples, logits, real)),
        (
            "looking for copies, in features",
            lambda: originality(report, "features", train_features, test_features, fake),
        ),
        (
            "looking for copies, in pixels",
            lambda: originality(
                report, "pixels", *(pixels(x.to(device)) for x in (real.images, test.images, samples.images))
            ),
        ),
    ):
        yield Step(done, steps, doing)
        try:
            with torch.no_grad():
                add()
        except StudioError as e:
            remarks.append(str(e))
        done += 1
    report["verdict"] = verdict(report)
    if gan_train:
        yield Step(done, steps, "training a classifier on the samples alone")
        try:
            report |= gan_train_scores(samples, real, test, floors, device)
        except StudioError as e:
            remarks.append(str(e))
        done += 8  # pieces' worth of time
    if inception:
        yield Step(done, steps, "asking Inception")
        try:
            report["inception"] = ask_inception(samples.images, test.images)
        except StudioError as e:
            remarks.append(str(e))
    report["seconds"] = round(perf_counter() - begin, 1)
    yield Step(steps, steps, "done", report)


class Quick:
    """A running score for a run: the Frechet distance in the judge's features of a few samples to training pictures.

    Few samples make it larger than `evaluate`'s, by the same for every epoch: it says which is best, not how good.
    """

    N = 1000

    def __init__(self, train: Garments, device: torch.device):
        self.net = classifiers.load(JUDGE, str(device))
        some = train.images[:: max(1, len(train) // (2 * self.N))].cpu()
        self.real = metrics.moments(classifiers.features(self.net, some)[0])

    @staticmethod
    def can(recipe: Recipe) -> bool:
        """Whether the judge knows such pictures, and is there."""
        gray = recipe.channels == 1 and not gans.find(recipe.gan).colours
        return gray and recipe.size == classifiers.SIZE and JUDGE in classifiers.bundled()

    def distance(self, gan: GAN, G: torch.nn.Module) -> float:
        return self.look(gan, G)["distance"]

    def look(self, gan: GAN, G: torch.nn.Module) -> dict[str, float]:
        """The distance; the judge's mean confidence in what it sees, 0..1; and how many classes it sees often."""
        z, c = latent.draw(gan, self.N, 0)
        features, logits = classifiers.features(self.net, latent.render(gan, z, c, G))
        sure, said = logits.softmax(1).max(1)
        shares = torch.bincount(said) / len(said)
        far = metrics.frechet(self.real, metrics.moments(features))
        return {"distance": far, "confidence": float(sure.mean()), "classes": int((shares >= SELDOM).sum())}


def judge_for(samples: Samples, device: str) -> Classifier:
    if samples.images.shape[1:] != (1, classifiers.SIZE, classifiers.SIZE):
        channels, height, width = samples.images.shape[1:]
        raise StudioError(
            f"The scores are made for gray pictures of 28 x 28, and these are {width} x {height} "
            f"{'in colour' if channels == 3 else 'gray'}: train at --size 28 on gray garments to compare them."
        )
    return classifiers.load(JUDGE, device)


def real_garments(samples: Samples, root: str | None) -> tuple[Garments, Garments]:
    """The training pictures that the samples' generator saw (all, for samples of unknown origin), and unseen ones of
    the same classes."""
    test = data.load(data.FASHION_MNIST, split="test", root=root)
    if samples.gan is None:
        return data.load(data.FASHION_MNIST, root=root), test
    recipe = samples.gan.recipe
    if recipe.data != data.FASHION_MNIST:
        raise StudioError("The scores compare with Fashion-MNIST, and this generator was trained on other pictures.")
    _, train = data.prepare(recipe.replace(batch=2), root)
    return train, data.select(test, list(recipe.trained), None)


def facts(samples: Samples, reference: str) -> dict[str, Any]:
    """Size and time: parameters, their ratios to the reference's (report 003), and what the header says of training."""
    gan, info = samples.gan, samples.info or {}
    assert gan is not None
    size: dict[str, Any] = {"G": weights(gan.G), "D": weights(gan.D), "reference": reference}
    if reference != REFERENCE or REFERENCE in checkpoint.bundled():  # one that was asked for must be there
        other = checkpoint.load(reference)
        size |= {f"{k}_ratio": round(size[k] / weights(getattr(other, k)), 3) for k in ("G", "D")}
    keys = ("epochs", "step", "seconds", "device", "command", "pictures")
    training = {k: info[k] for k in keys if k in info}
    if training.get("seconds"):
        training["images_per_second"] = round(info["epochs"] * info["pictures"] / info["seconds"], 1)
    return {"gan": gan.recipe.gan, "size": size, "training": training}


def weights(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# The scores of fakes against real ones, from features (N, d) of each; some come together.
DISTANCES: dict[str, Callable[[Tensor, Tensor], dict[str, float]]] = {
    "frechet": lambda real, fake: {"frechet": metrics.frechet(metrics.moments(real), metrics.moments(fake))},
    "kid": lambda real, fake: {"kid": 1000 * metrics.kid(real, fake)},
    f"prdc {K}": lambda real, fake: metrics.prdc(real, fake, K)._asdict(),
}


def compare(
    report: dict[str, Any],
    fake: Tensor,
    logits: Tensor,
    train: Tensor,
    test: Tensor,
    net: Classifier,
    floors: Path,
) -> None:
    """Every score in features, beside its floors: training pictures against test ones, and half against half.

    `floors` is the file in which those are kept.
    """
    n = min(len(fake), len(test), len(train))
    rng = torch.Generator().manual_seed(0)
    order = torch.randperm(len(train), generator=rng)
    unseen, half = train[order[:n]], train[order[n : 2 * n]]
    test, some = some_of(test, n, rng), torch.randperm(len(fake), generator=rng)[:n]
    fake, logits = fake[some], logits[some]
    report["against"] = {"real": n, "train": n}
    found: dict[str, dict[str, float]] = {}
    key = f"{n} on each side"
    known = read_json(floors).get(key, {})
    for kind, distance in DISTANCES.items():
        try:
            ours = distance(test, fake)
        except StudioError as e:
            report["remarks"].append(str(e))
            continue
        if kind not in known:
            known[kind] = {"real": distance(test, unseen)}
            if len(half) == n:  # a small set has no second half
                with suppress(StudioError):
                    known[kind]["halves"] = distance(unseen, half)
        for name, value in ours.items():
            found[name] = {"value": value, **{column: floor[name] for column, floor in known[kind].items()}}
    atomic.write(floors, json.dumps(read_json(floors) | {key: known}).encode(), durable=False)
    said = {"value": logits, "real": net.judge(test)}
    found["inception"] = {column: metrics.inception_score(x) for column, x in said.items()}
    report["scores"] = {
        name: {column: round(v, 4) for column, v in found[name].items()} for name in SCORES if name in found
    }


def count_classes(report: dict[str, Any], samples: Samples, logits: Tensor, real: Garments) -> None:
    """Which classes the judge sees in the samples, and, where classes were asked for, how often it agrees (GAN-test:
    Shmelkov et al. 2018, https://arxiv.org/abs/1807.09499)."""
    said = logits.argmax(1).cpu()
    trained = [c for c, count in enumerate(real.counts) if count]
    shares = torch.bincount(said, minlength=len(real.names)).double() / len(said)
    report["classes"] = {real.names[c]: round(float(shares[c]), 4) for c in trained}
    report["missed"] = [real.names[c] for c in trained if shares[c] < SELDOM]
    if samples.labels is not None:
        report["gan_test"] = round(float((said == samples.labels).double().mean()), 4)


def originality(report: dict[str, Any], space: str, train: Tensor, test: Tensor, fake: Tensor) -> None:
    """How near the samples come to the training pictures, against how near unseen real ones come."""
    rng = torch.Generator().manual_seed(0)
    # By chance: every k-th would be of one class where classes come in turn.
    fake, test = (some_of(x, CLOSE, rng) for x in (fake, test))
    cells = max(1, min(10, len(train) // 50))
    unseen, ours = metrics.nearest(test, train)[0], metrics.nearest(fake, train)[0]
    found = {
        "ratio": metrics.ratio_of_medians(ours, unseen),
        # How many lie at less than half of what one unseen picture in a hundred keeps.
        "beside": float((ours <= unseen.quantile(0.01) / 2).double().mean()),
        "copying": metrics.copying(
            train=train, test=test, generated=fake, rng=rng, cells=cells, distances=(unseen, ours)
        ),
    }
    report.setdefault("originality", {"n": len(fake)})[space] = {k: round(v, 3) for k, v in found.items()}


def some_of(x: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """n rows drawn by chance, or all of fewer in another order."""
    return x[torch.randperm(len(x), generator=rng)[:n]]


def pixels(images: Tensor) -> Tensor:
    return images.flatten(1).float() / 255


def copied(report: dict[str, Any]) -> bool:
    """Whether a report says that the samples are copies of training pictures."""
    spaces = report.get("originality", {})
    found = [spaces[s] for s in ("features", "pixels") if s in spaces]
    return any(s["copying"] < COPIED or s.get("beside", 0.0) > SOME for s in found)


def verdict(report: dict[str, Any]) -> str:
    """The report in a sentence or two of plain words."""
    scores, missed = report.get("scores", {}), report.get("missed", [])
    if copied(report):
        return (
            "Copies: these pictures, or some of them, lie nearer to the training pictures than unseen real garments "
            "do, so every other score flatters them."
        )
    if "precision" not in scores or "real" not in scores["precision"]:
        return "There are too few samples to judge them."
    like, varied = (100 * min(1, scores[k]["value"] / max(scores[k]["real"], 1e-9)) for k in ("precision", "coverage"))
    words = [f"As garment-like as {like:.0f} % of real pictures, with {varied:.0f} % of their variety."]
    if "originality" in report:
        words.append("No sign of copying.")
    if missed:
        words.append(f"Hardly ever drawn: {', '.join(missed)}.")
    return " ".join(words)


def told(report: dict[str, Any]) -> str:
    """A report as lines for a terminal."""
    lines = [f"{report['of']}: {report['n']} pictures"]
    if "scores" in report:
        judge, real = report["judge"], report.get("against", {}).get("real", 0)
        lines += [
            f"judge {judge['classifier']}, sha256 {judge['sha256'][:12]}; against {real} test pictures",
            f"{'':46} {'samples':>10} {'real':>10} {'halves':>10}",
        ]
        for name, score in report["scores"].items():
            title, more = SCORES[name]
            values = (f"{score[k]:10.4g}" if k in score else f"{'':10}" for k in ("value", "real", "halves"))
            lines.append(f"{title + (', more' if more else ', less') + ' is better':46} {' '.join(values)}")
    if "classes" in report:
        shares = (f"{name} {100 * share:.1f}" for name, share in report["classes"].items())
        lines.append(f"classes, %: {', '.join(shares)}")
    if "gan_test" in report:
        lines.append(f"GAN-test: {100 * report['gan_test']:.2f} %")
    if "gan_train" in report:
        of_real = 100 * report["gan_train_real"]
        lines.append(f"GAN-train: {100 * report['gan_train']:.2f} %; from as many training pictures {of_real:.2f} %")
    for space in ("features", "pixels"):
        if space in report.get("originality", {}):
            found = report["originality"][space]
            lines.append(
                f"nearest training picture in {space}: {found['ratio']:.3f} times as far as from unseen real ones; "
                f"copying test {found['copying']:+.1f} (below {COPIED:g}: copies); "
                f"{100 * found.get('beside', 0.0):.1f} % right beside one (above {100 * SOME:g} %: copies)"
            )
    if "inception" in report:
        lines.append(", ".join(f"{k.upper()} {v:.4g}" for k, v in report["inception"].items()))
    if "size" in report:
        size = report["size"]
        ratios = "".join(
            f", {k} {size[f'{k}_ratio']:g} times {size['reference']}'s" for k in "GD" if f"{k}_ratio" in size
        )
        lines.append(f"weights: G {size['G']:,}, D {size['D']:,}{ratios}")
    return "\n".join([*lines, *report["remarks"], report.get("verdict", "")]).rstrip()


def gan_train_scores(samples: Samples, real: Garments, test: Garments, floors: Path, device: str) -> dict[str, float]:
    """GAN-train (Shmelkov et al. 2018): test accuracy, 0..1, of a classifier that has seen samples only; beside it,
    what it gets from as many training pictures, which is kept in the file `floors`."""
    if samples.labels is None:
        raise StudioError("GAN-train needs samples with classes: this generator draws without.")
    n = min(len(samples.images), len(real))
    known = read_json(floors)
    key = f"gan-train {STUDENT} {n}"
    if key not in known:
        some = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:n]
        known[key] = learned(replace(real, images=real.images[some], labels=real.labels[some]), test, device)
        atomic.write(floors, json.dumps(known).encode(), durable=False)
    drawn = replace(real, images=samples.images, labels=samples.labels)
    return {"gan_train": learned(drawn, test, device), "gan_train_real": known[key]}


def learned(pictures: Garments, test: Garments, device: str) -> float:
    """Test accuracy, 0..1, of a classifier fitted on these pictures alone: five epochs, or more of few pictures."""
    epochs = max(5, 50_000 // len(pictures))
    fitter = classifiers.Fitter(classifiers.recipe(STUDENT, epochs=epochs), pictures, device)
    for _ in fitter.run():
        pass
    return round(classifiers.accuracy(fitter.net, test), 4)


def ask_inception(fake: Tensor, real: Tensor) -> dict[str, float]:
    """True FID, KID and IS by torch-fidelity: gray pictures as three equal channels. StudioError where it cannot."""
    try:
        import torch_fidelity  # type: ignore[import-untyped]
    except ImportError as e:
        raise StudioError("True FID needs torch-fidelity: pip install torch-fidelity.") from e

    class Pictures(torch.utils.data.Dataset[Tensor]):
        def __init__(self, images: Tensor):
            self.images = images

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, i: int) -> Tensor:
            return self.images[i].expand(3, -1, -1)

    from urllib.error import URLError

    try:
        found = torch_fidelity.calculate_metrics(
            input1=Pictures(fake), input2=Pictures(real), fid=True, kid=True, isc=True, verbose=False, cuda=False,
            kid_subset_size=min(1000, len(fake), len(real)),
        )  # fmt: skip
    except (URLError, OSError, RuntimeError) as e:
        raise StudioError(
            "True FID, KID and IS need Inception's weights, which could not be fetched: the other scores stand."
        ) from e
    return {
        "fid": float(found["frechet_inception_distance"]),
        "kid": float(found["kernel_inception_distance_mean"]),
        "is": float(found["inception_score_mean"]),
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cached(net: Classifier, garments: Garments) -> Path:
    """Where the features of real garments are kept, under what decides them: the judge's weights and the pictures."""
    folder = cache.home()
    key = hashlib.sha256()
    for tensor in (*net.state_dict().values(), garments.images):
        key.update(tensor.cpu().contiguous().numpy().tobytes())
    return folder / f"features-{key.hexdigest()[:24]}.safetensors"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from the cache; empty if there is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def recall(place: Path) -> Tensor:
    with checkpoint.opened(place) as (f, _):
        return f.get_tensor("features")  # type: ignore[no-any-return]

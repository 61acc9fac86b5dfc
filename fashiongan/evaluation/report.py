"""The report of an evaluation: its dataclasses, its JSON, the verdict, and lines for a terminal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..plain import maybe, number, plain, read, text

T = TypeVar("T")

SELDOM = 0.02  # a class with a smaller share of the samples counts as missed
COPIED = -3.0  # C_T below which samples are called copies
SOME = 0.02  # if a larger share of the samples lies right beside training pictures, they are called copies too
# Each score: (its title, whether larger is better).
SCORES = {
    "frechet": ("Frechet distance", False),
    "kid": ("kernel distance (KID) x 1000", False),
    "inception": ("Inception-style score", True),
    "precision": ("precision", True),
    "recall": ("recall", True),
    "density": ("density", True),
    "coverage": ("coverage", True),
}
# The same of pictures in color and of other sizes, in the features of other nets: one that has seen photographs, and
# our classifier of garments in color. None compares with one above, or with an FID: hence keys and titles of their own.
LITE1 = "EfficientNet-Lite1"
COLOR_NETS = {"lite1": f"{LITE1} features", "garments": "features of the classifier garments"}
COLOR_SCORES = {
    f"{kind}_{net}": (f"{SCORES[kind][0]} in {COLOR_NETS[net]}", SCORES[kind][1])
    for net, kinds in {"lite1": ("kid", "frechet", "precision", "recall"), "garments": ("kid", "frechet")}.items()
    for kind in kinds
}
TITLES = SCORES | COLOR_SCORES


@dataclass(frozen=True)
class Score:
    """A score of the samples, and its floors: the score of real pictures in their place (`real`), and of one half of
    the training set against the other (`halves`). `error` is the standard error of the value."""

    value: float | None = maybe()
    real: float | None = maybe()
    halves: float | None = maybe()
    error: float | None = maybe()


@dataclass(frozen=True)
class Scorer:
    """The net whose features were compared, or that named classes, and the sha256 of its file."""

    classifier: str
    sha256: str


@dataclass(frozen=True)
class Against:
    """With how many test pictures the samples were compared, and how many training pictures the floors use."""

    real: int
    train: int


@dataclass(frozen=True)
class Nearness:
    """How near the samples are to training pictures: see `metrics.ratio_of_medians` and `metrics.copying`.

    `beside` is the share of samples whose distance is at most half of the 1 % quantile of unseen pictures' distances.
    """

    ratio: float
    copying: float
    beside: float | None = maybe()  # older reports lack it


@dataclass(frozen=True)
class Originality:
    """The test for copies among n samples, in the space of the scorer's features and in that of pixels."""

    n: int
    features: Nearness | None = maybe()
    pixels: Nearness | None = maybe()

    @property
    def spaces(self) -> tuple[Nearness, ...]:
        return tuple(s for s in (self.features, self.pixels) if s is not None)


@dataclass(frozen=True)
class Size:
    """Parameter counts of G and D, and their ratios to the reference's."""

    G: int | None = maybe()
    D: int | None = maybe()
    reference: str | None = maybe()
    G_ratio: float | None = maybe()
    D_ratio: float | None = maybe()


@dataclass(frozen=True)
class Training:
    """How the generator was trained, from the checkpoint's header."""

    epochs: float | None = maybe()
    step: int | None = maybe()
    seconds: float | None = maybe()
    device: str | None = maybe()
    command: str | None = maybe()
    pictures: int | None = maybe()
    images_per_second: float | None = maybe()


@dataclass(frozen=True)
class Report:
    """The result of an evaluation. A value that could not be computed is None, and a remark says why."""

    of: str = ""  # the checkpoint's name, or the file's
    n: int = 0  # samples
    remarks: tuple[str, ...] = ()
    gan: str | None = maybe()
    size: Size | None = maybe()
    training: Training | None = maybe()
    scorer: Scorer | None = maybe("judge")
    against: Against | None = maybe()
    scores: dict[str, Score] | None = maybe()  # by the keys of TITLES
    classes: dict[str, float] | None = maybe()  # by class, the share of samples that the scorer puts there
    missed: tuple[str, ...] | None = maybe()  # classes with a share below SELDOM
    gan_test: float | None = maybe()  # 0..1
    gan_test_real: float | None = maybe()  # the same of held-out real pictures
    gan_test_classes: dict[str, float] | None = maybe()  # by class, the share of samples that are confirmed
    classifier: Scorer | None = maybe()  # that named the classes, if it is not the scorer
    originality: Originality | None = maybe()
    verdict: str | None = maybe()
    gan_train: float | None = maybe()  # 0..1
    gan_train_real: float | None = maybe()  # the same after training on real pictures
    inception: dict[str, float] | None = maybe()  # true FID, KID and IS
    seconds: float | None = maybe()  # duration of the evaluation

    def remarked(self, sentence: str) -> "Report":
        return replace(self, remarks=(*self.remarks, sentence))

    def to_json(self) -> dict[str, object]:
        """The JSON object that headers, saved reports and --json carry. Its keys must not change."""
        values: dict[str, object] = plain(self)
        return values

    @classmethod
    def from_json(cls, source: object) -> "Report":
        """Read a report from the object of `to_json`, also of an earlier version. A field that is missing, or of the
        wrong type, becomes None."""
        report = read(cls, source, REPORT)
        return replace(report, of=report.of or "", n=report.n or 0, remarks=report.remarks or ())


@dataclass(frozen=True)
class Step:
    """A record of an evaluation; the last one carries the report."""

    step: int
    steps: int
    doing: str
    report: Report | None = None


def texts(x: object) -> tuple[str, ...] | None:
    return tuple(filter(None, map(text, x))) if isinstance(x, list | tuple) else None


def numbers(x: object) -> dict[str, float] | None:
    return {str(k): v for k, v in x.items() if number(v) is not None} if isinstance(x, dict) else None


def part(cls: type[T], needed: tuple[str, ...] = (), **readers: Callable[[Any], Any]) -> Callable[[object], T | None]:
    """A reader of a nested dataclass. It returns None if the object is missing or lacks one of the `needed` fields."""

    def reader(source: object) -> T | None:
        made = read(cls, source, readers) if isinstance(source, dict) else None
        return None if made is None or any(getattr(made, name) is None for name in needed) else made

    return reader


near = part(Nearness, ("ratio", "copying"))
REPORT: dict[str, Callable[[Any], Any]] = {
    "of": text,
    "remarks": texts,
    "gan": text,
    "size": part(Size, reference=text),
    "training": part(Training, device=text, command=text),
    "scorer": part(Scorer, ("classifier", "sha256"), classifier=text, sha256=text),
    "classifier": part(Scorer, ("classifier", "sha256"), classifier=text, sha256=text),
    "against": part(Against, ("real",)),
    "scores": lambda x: {k: read(Score, v, {}) for k, v in x.items()} if isinstance(x, dict) else None,
    "classes": numbers,
    "gan_test_classes": numbers,
    "missed": texts,
    "originality": part(Originality, features=near, pixels=near),
    "verdict": text,
    "inception": numbers,
}


def copied(report: Report) -> bool:
    """Whether a report says that the samples are copies of training pictures."""
    spaces = report.originality.spaces if report.originality else ()
    return any(s.copying < COPIED or (s.beside or 0.0) > SOME for s in spaces)


def verdict(report: Report) -> str:
    """The report in a few plain sentences."""
    if copied(report):
        return (
            "Copies: these pictures, or some of them, lie nearer to the training pictures than unseen real garments "
            "do, so every other score flatters them."
        )
    scores = report.scores or {}
    keys = ("precision_lite1", "recall_lite1") if "precision_lite1" in scores else ("precision", "coverage")
    shares = [share_of_real(scores.get(k)) for k in keys]
    if None in shares:
        return "There are too few samples to score them."
    like, varied = shares
    words = [f"As garment-like as {like:.0f} % of real pictures, with {varied:.0f} % of their variety."]
    if report.originality is not None:
        words.append("No sign of copying.")
    if report.missed:
        words.append(f"Hardly ever drawn: {', '.join(report.missed)}.")
    return " ".join(words)


def share_of_real(score: Score | None) -> float | None:
    """A score in percent of the score of real pictures, at most 100."""
    if score is None or score.value is None or score.real is None:
        return None
    return 100 * min(1, score.value / max(score.real, 1e-9))


def summary(report: Report) -> str:
    """A report as lines for a terminal."""
    lines = [f"{report.of}: {report.n} pictures", *scores_in_lines(report)]
    if report.classes is not None:
        shares = (f"{name} {100 * share:.1f}" for name, share in report.classes.items())
        lines.append(f"classes, %: {', '.join(shares)}")
    if report.gan_test is not None:
        real = f"; of real pictures {100 * report.gan_test_real:.2f} %" if report.gan_test_real is not None else ""
        by = f", class confirmed by the classifier {report.classifier.classifier}" if report.classifier else ""
        lines.append(f"GAN-test{by}: {100 * report.gan_test:.2f} %{real}")
    if report.gan_test_classes is not None:
        by_class = (f"{name} {100 * share:.1f}" for name, share in report.gan_test_classes.items())
        lines.append(f"confirmed of each class, %: {', '.join(by_class)}")
    if report.gan_train is not None:
        of_real = (
            f"; from as many training pictures {100 * report.gan_train_real:.2f} %" if report.gan_train_real else ""
        )
        lines.append(f"GAN-train: {100 * report.gan_train:.2f} %{of_real}")
    for space in ("features", "pixels"):
        nearness = getattr(report.originality, space, None)
        if nearness is not None:
            lines.append(
                f"nearest training picture in {space}: {nearness.ratio:.3f} times as far as from unseen real ones; "
                f"copying test {nearness.copying:+.1f} (below {COPIED:g}: copies); "
                f"{100 * (nearness.beside or 0.0):.1f} % right beside one (above {100 * SOME:g} %: copies)"
            )
    if report.inception is not None:
        lines.append(", ".join(f"{k.upper()} {v:.4g}" for k, v in report.inception.items()))
    size = report.size
    if size is not None:
        both = (("G", size.G_ratio), ("D", size.D_ratio))
        ratios = "".join(f", {k} {ratio:g} times {size.reference}'s" for k, ratio in both if ratio is not None)
        lines.append(f"weights: G {size.G:,}, D {size.D:,}{ratios}")
    return "\n".join([*lines, *report.remarks, report.verdict or ""]).rstrip()


def scores_in_lines(report: Report) -> list[str]:
    """The table of scores, as lines."""
    if report.scores is None:
        return []
    scorer, real = report.scorer or Scorer("?", "?"), report.against.real if report.against else 0
    titles = {k: f"{title}, {'more' if more else 'less'} is better" for k, (title, more) in TITLES.items()}
    wide = max([46, *(len(titles[name]) for name in report.scores)])
    lines = [
        f"scorer {scorer.classifier}, sha256 {scorer.sha256[:12]}; against {real} test pictures",
        f"{'':{wide}} {'samples':>10} {'real':>10} {'halves':>10}",
    ]
    for name, score in report.scores.items():
        values = (f"{v:10.4g}" if v is not None else f"{'':10}" for v in (score.value, score.real, score.halves))
        error = f"  (standard error {score.error:.2g})" if score.error is not None else ""
        lines.append(f"{titles[name]:{wide}} {' '.join(values)}{error}")
    return lines

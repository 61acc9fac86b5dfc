"""The bundled checkpoints: how each one is trained, and the pages that list them."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import checkpoint, classifiers, files, gans
from ..checkpoint import HeaderInfo
from ..classifiers import store
from ..data import sheets
from ..errors import StudioError
from ..evaluation import evaluate, sources
from ..evaluation import report as reports
from ..evaluation.quick import Quick
from ..evaluation.report import Report
from ..hub import registry
from ..training import run_folder, run_log
from ..training.trainer import Tick

PHOTOS = "clothing-128/train"  # a folder of photographs, one sub-folder per class, that only some machines have
CUTOUTS = "garments-256/train"  # another such folder, with masks beside it
FRAMES = 12  # frames of a GIF at most, so that it stays under half a megabyte
BEGIN, END = "<!-- scores: written by make checkpoints -->", "<!-- end of scores -->"
SMALL: dict[str, Any] = {"epochs": 10, "width": 32, "schedule": "linear", "precision": "bfloat16"}
# How the files that lie in checkpoints/ were made, where it differs from each recipe's defaults. Some were trained on a
# lent GPU, for as long as it was lent; the rest have networks and times for two CPU cores (SMALL), and bfloat16 for
# speed. Most end with falling rates, so that they settle. The page opens on the first two. Large is trained as report
# 003 did: on a hundred ankle boots. There are few photographs, so their discriminators see them augmented, and the
# colorizer's learns slowly: without, colors came out in patches after twelve epochs, half as strong again as real ones.
# Garments-128 ran its first 55 epochs without `apart`, with one outline each for hats, shorts, pants and t-shirts. Its
# hats, all of them opaque squares, then began again from the skirts' code; eight epochs later there were caps.
BUNDLED: dict[str, dict[str, Any]] = {
    "dcgan": {"gan": "dcgan", "epochs": 50, "schedule": "linear"},
    "cdcgan": {"gan": "cdcgan", "epochs": 34, "schedule": "linear"},
    "studio": {"gan": "studio", "epochs": 40, "width": 96},
    "gan": {"gan": "gan", "epochs": 71, "width": 400, "schedule": "linear"},
    "mlpgan": {"gan": "mlpgan", "epochs": 35, "width": 128, "schedule": "linear"},
    "cgan": {"gan": "cgan", "epochs": 28, "width": 480, "schedule": "linear"},
    "acgan": {"gan": "acgan", **SMALL},
    "infogan": {"gan": "infogan", **SMALL},
    "lsgan": {"gan": "lsgan", "epochs": 14, "schedule": "linear"},
    "wgan": {"gan": "wgan", **SMALL, "epochs": 30, "lr_g": 2e-4, "lr_d": 2e-4},
    "wgan-gp": {"gan": "wgan-gp", **SMALL, "epochs": 12, "lr_g": 4e-4, "lr_d": 4e-4},
    "dragan": {"gan": "dragan", **SMALL, "batch": 64, "lr_g": 4e-4, "lr_d": 4e-4},
    "ebgan": {"gan": "ebgan", **SMALL, "epochs": 8},
    "began": {
        **{"gan": "began", "epochs": 4, "width": 16, "batch": 32},
        **{"lr_g": 5e-4, "lr_d": 5e-4, "gamma": 0.75, "lambda_k": 0.02},
    },
    "ragan": {"gan": "ragan", **SMALL, "epochs": 8, "batch": 64},
    "stylegan": {"gan": "stylegan", "epochs": 2, "width": 32, "z_dim": 128, "schedule": "linear", "mixing": 0.9},
    "colorizer": {"gan": "colorizer", "epochs": 3},
    "colorizer-photos": {
        **{"gan": "colorizer", "data": PHOTOS, "size": 64, "width": 24, "batch": 32, "epochs": 6},
        **{"lr_d": 1e-4, "augment": "flip,shift,cutout", "reach": 2.0},
    },
    "garments-128": {
        **{"gan": "projected", "data": CUTOUTS, "fit": "cutout", "balance": "even", "epochs": 90, "batch": 24},
        **{"width": 44, "lr_g": 6e-4, "lr_d": 6e-4, "precision": "bfloat16", "schedule": "linear", "apart": 8.0},
    },
    "enlarger": {
        **{"gan": "enlarger", "data": CUTOUTS, "fit": "cutout", "balance": "even", "epochs": 22, "batch": 16},
        **{"width": 38, "precision": "bfloat16"},
    },
    "compact": {"gan": "compact", **SMALL, "epochs": 8, "batch": 128},
    "large": {"gan": "large", **SMALL, "classes": "9", "limit": 100, "batch": 32, "epochs": 200, "width": 64},
}
# How they will be made the next time, and what has no file yet: lengths for a GPU, and recipes that learn sooner. An
# entry moves up to BUNDLED when its file comes. After 45 s on one CPU thread, at a width of 32, higher learning rates
# and smaller batches brought ragan to a Frechet distance of 7.0 (13.9 at its defaults), wgan to 8.1 (10.7), wgan-gp to
# 10.6 (13.6) and compact to 9.5 (43.8, with its old initialisation too). With the paper's lambda_k of 0.001 began still
# missed seven classes after 14 epochs at four times the paper's learning rates, because its balance k moved too slowly.
# Garments-128 draws all classes equally often, although there are eight times as many T-shirts as skirts.
NEXT: dict[str, dict[str, Any]] = {
    "garments-128": {
        **{"gan": "projected", "data": CUTOUTS, "fit": "cutout", "balance": "even", "epochs": 600},
        **{"width": 44, "lr_g": 6e-4, "lr_d": 6e-4, "precision": "bfloat16", "schedule": "linear", "apart": 8.0},
    },
    "enlarger": {"gan": "enlarger", "data": CUTOUTS, "fit": "cutout", "epochs": 150, "precision": "bfloat16"},
    "colorizer-photos": {
        **{"gan": "colorizer", "data": CUTOUTS, "fit": "cutout", "size": 128, "epochs": 150, "precision": "bfloat16"},
        **{"lr_g": 8e-4, "lr_d": 1e-4, "redraw": 30.0, "augment": "flip,shift,cutout", "reach": 2.0},
    },
    "progan": {"gan": "progan", "epochs": 40, "batch": 64, "z_dim": 128, "schedule": "linear"},
    "stylegan": {"gan": "stylegan", "epochs": 40, "z_dim": 128, "schedule": "linear"},
    "began": {
        **{"gan": "began", "epochs": 20, "batch": 32, "lr_g": 2e-4, "lr_d": 2e-4, "gamma": 1.0, "lambda_k": 0.005},
    },
    "ragan": {"gan": "ragan", "epochs": 40, "lr_g": 1e-3, "lr_d": 1e-3, "schedule": "linear"},
    "compact": {"gan": "compact", "epochs": 60, "schedule": "linear"},
    "wgan": {"gan": "wgan", "epochs": 60, "batch": 32, "lr_g": 1e-3, "lr_d": 2e-4, "schedule": "linear"},
    "wgan-gp": {"gan": "wgan-gp", "epochs": 50, "batch": 32, "lr_g": 1e-3, "lr_d": 1e-3, "schedule": "linear"},
    "large": {"gan": "large", "classes": "9", "limit": 100, "epochs": 1000, "schedule": "linear"},
    "dragan": {"gan": "dragan", "epochs": 50, "batch": 64, "lr_g": 4e-4, "lr_d": 4e-4, "schedule": "linear"},
    "infogan": {"gan": "infogan", "epochs": 60, "schedule": "linear"},
    "acgan": {"gan": "acgan", "epochs": 50, "schedule": "linear"},
    "lsgan": {"gan": "lsgan", "epochs": 50, "schedule": "linear"},
}


def names() -> list[str]:
    """Names of all that have a recipe, bundled or to come."""
    return list(BUNDLED | NEXT)


def recipe(name: str) -> dict[str, Any]:
    """How a checkpoint will be made the next time: the GAN's name and what differs from its defaults."""
    if name not in BUNDLED | NEXT:
        raise StudioError(f"There is no bundled checkpoint {name!r}: choose from {', '.join(names())}.")
    return (BUNDLED | NEXT)[name]


def at_hand() -> list[str]:
    """The names of those whose data is on this machine."""
    return [name for name, r in (BUNDLED | NEXT).items() if "data" not in r or Path(r["data"]).is_dir()]


def train(name: str, folder: Path, device: str = "cpu", root: str | None = None) -> Iterator[Tick]:
    """Train a bundled checkpoint in folder/name, resuming if it was stopped, and install it among the bundled ones."""
    yield from trained(name, folder, device, root)
    bring(name, folder / name)


def trained(name: str, folder: Path, device: str = "cpu", root: str | None = None) -> Iterator[Tick]:
    """Train a bundled checkpoint in folder/name, resuming if it was stopped."""
    changes, out = dict(recipe(name)), folder / name
    if (out / "recipe.json").exists():
        trainer = run_folder.resume(out, device, root)
    else:
        trainer = run_folder.start(gans.new_recipe(changes.pop("gan"), **changes), out, device, root)
    yield from run_folder.train(trainer, out)


def bring(name: str, out: Path) -> None:
    """Install a run's checkpoint among the bundled ones, with its curves in the header and a small GIF of its
    training."""
    place = registry.BUNDLED / f"{name}.safetensors"
    files.write(place, (out / "checkpoint.safetensors").read_bytes())
    checkpoint.halve(place)
    checkpoint.annotate(place, curves=run_log.curves(run_log.read(out)))
    frames = run_folder.epochs(out)
    every = max(1, math.ceil(len(frames) / FRAMES))
    height = 0.5 if checkpoint.load(place).recipe.size < 64 else 0.25
    # Every k-th frame, counted backwards from the last, so that the last one is included.
    sheets.gif(frames[::-1][::every][::-1], place.with_suffix(".gif"), height=height, widest=664)
    publish()


def score(name: str, root: str | None = None, device: str = "cpu") -> Iterator[reports.Step]:
    """Score a bundled checkpoint with 10,000 gray pictures, or 2,000 in color, and write the report to its header. If
    they are gray and have classes, GAN-train is computed too."""
    gray = Quick.can(checkpoint.load(name).recipe)
    samples = sources.draw(name, sources.N if gray else sources.IN_COLOR)
    for step in evaluate.evaluate(samples, root, gan_train=gray and samples.labels is not None, device=device):
        if step.report is not None:
            checkpoint.annotate(registry.find(name), report=step.report.to_json())
        yield step
    publish()


def publish() -> None:
    """Write the pages that are generated from the headers: checkpoints/README.md, and the table of scores in the
    README."""
    files.write(registry.BUNDLED / "README.md", listing().encode())
    readme = registry.BUNDLED.parent / "README.md"
    if readme.is_file():  # an installed package has none
        before, rest = readme.read_text(encoding="utf-8").split(BEGIN, 1)
        _, after = rest.split(END, 1)
        files.write(readme, f"{before}{BEGIN}\n{scores()}{END}{after}".encode())


def infos() -> dict[str, HeaderInfo]:
    """The header of each bundled checkpoint, by increasing Frechet distance; those without scores come last."""
    infos = {name: checkpoint.info(name) for name in registry.bundled()}
    return dict(sorted(infos.items(), key=lambda entry: distance(entry[1])))


def distance(info: HeaderInfo) -> float:
    """The Frechet distance in a header's report; infinite if there is none."""
    scores = Report.from_json(info.report).scores or {}
    value = scores["frechet"].value if "frechet" in scores else None
    return math.inf if value is None else value


def scores() -> str:
    """A table of all scores in the headers, by increasing Frechet distance, with a last row for real pictures."""
    columns = {name: title for name, (title, _) in reports.SCORES.items()}
    titles = [f"{title} {'↑' if reports.SCORES[name][1] else '↓'}" for name, title in columns.items()]
    lines = [
        f"| checkpoint | {' | '.join(titles)} | GAN-test ↑ | GAN-train ↑ | nearest ↑ | copying | missed |",
        "|---|" + "---|" * (len(titles) + 5),
    ]
    real: dict[str, float] = {}
    for name, info in infos().items():
        report = Report.from_json(info.report)
        scored = report.scores or {}
        if not scored.keys() & columns.keys():
            continue
        cells = [f"{scored[k].value:.3g}" if k in scored else "" for k in columns]
        if report.against is not None and report.against.real == 10_000:
            real |= {k: floor for k in columns if k in scored and (floor := scored[k].real) is not None}
            if report.gan_train_real is not None:
                real["gan_train_real"] = report.gan_train_real
        near = report.originality.pixels if report.originality else None
        by_class = ["" if x is None else f"{100 * x:.1f} %" for x in (report.gan_test, report.gan_train)]
        originality = ["", ""] if near is None else [f"{near.ratio:.2f}", f"{near.copying:+.1f}"]
        more = [*by_class, *originality, ", ".join(report.missed or ())]
        lines.append(f"| {name} | {' | '.join([*cells, *more])} |")
    if real:
        learned = f"*{100 * real['gan_train_real']:.1f} %*" if "gan_train_real" in real else ""
        cells = [f"*{real[k]:.3g}*" for k in columns]
        lines.append(f"| *real pictures* | {' | '.join(cells)} | | {learned} | *1* | *0* | |")
    return "\n".join(lines) + "\n"


def color_scores() -> str:
    """A table of the scores in color in the headers, each beside that of real pictures; empty if there are none."""
    lines = []
    for name, info in infos().items():
        report = Report.from_json(info.report)
        scored = {k: s for k, s in (report.scores or {}).items() if k in reports.COLOR_SCORES and s.value is not None}
        rows = [(reports.COLOR_SCORES[k], f"{s.value:.3g}", f"{s.real or 0:.3g}") for k, s in scored.items()]
        if scored and report.gan_test is not None:
            of_real = "" if report.gan_test_real is None else f"{100 * report.gan_test_real:.1f} %"
            rows.append((("GAN-test", True), f"{100 * report.gan_test:.1f} %", of_real))
        lines += [f"| {name} | {title} {'↑' if more else '↓'} | {a} | {b} |" for (title, more), a, b in rows]
    head = ["| checkpoint | score | samples | real pictures |", "|---|---|---|---|"]
    return "\n".join([*head, *lines]) + "\n" if lines else ""


def listing() -> str:
    """The text of checkpoints/README.md, from the headers of the files only."""
    lines = [
        "# Bundled checkpoints",
        "",
        "Written by `make checkpoints` from the files' headers. Weights are MIT, like the code. Beside most of them",
        "lies a GIF of the training; the header also keeps the curves, and the report whose figures are below. The net",
        "in cutout/ is ours too, on an encoder that began with the weights of EfficientNet-Lite0 (Google, Apache-2.0).",
        "",
        "| name | GAN | size | epochs | trained on | seconds | file | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in registry.bundled():
        recipe, info = checkpoint.load(name).recipe, checkpoint.info(name)
        size = (registry.BUNDLED / f"{name}.safetensors").stat().st_size / 1e6
        lines.append(
            f"| {name} | {recipe.gan} | {recipe.size} x {recipe.size} | {seen(info)} | {info.device} "
            f"| {info.seconds or 0:.0f} | {size:.1f} MB | `{info.command}` |"
        )
    in_color = color_scores()
    text = "\n".join(lines) + f"\n\n## Scores\n\n{scores()}" + (f"\n{in_color}" if in_color else "")
    for name, info in infos().items():
        if info.report is not None:
            report = Report.from_json(info.report)
            shares = ", ".join(f"{c} {100 * share:.1f}" for c, share in (report.classes or {}).items())
            text += f"\n**{name}**: {report.verdict} Classes seen by the scorer, %: {shares}.\n"
    return text + "\n" + classifier_cards()


def seen(info: HeaderInfo) -> str:
    """The number of epochs that a checkpoint was trained for and, if it was stopped early, the planned number."""
    epochs, step, steps = info.epochs or 0.0, info.step or 0, info.steps or 0
    return f"{epochs:g}" + (f" of {epochs * steps / step:.0f}" if 0 < step < steps else "")


def classifier_cards() -> str:
    """A paragraph on each bundled classifier: test accuracy, the certified share of those with bounds, accuracy per
    class, and the most confused classes. Those that see color have their whole table of confusion."""
    text = "## Classifiers\n"
    for name in [*store.bundled(), *store.bundled_in_color()]:
        info, recipe = classifiers.info(name), classifiers.load(name).recipe
        labels = recipe.labels
        table = info.confusion or []
        per_class = ", ".join(
            f"{label} {100 * row[i] / sum(row):.1f}" for i, (label, row) in enumerate(zip(labels, table, strict=True))
        )
        pairs = sorted(
            ((count, labels[i], labels[j]) for i, row in enumerate(table) for j, count in enumerate(row) if i != j),
            reverse=True,
        )
        before = f", after `{info.before}`" if info.before else ""
        proven = ""
        if info.certified is not None:
            proven = f"Certified at {recipe.eps:g}: {100 * info.certified:.2f} % of the test pictures. "
        worst = "; ".join(f"{count} {a} taken for {b}" for count, a, b in pairs[:3])
        text += (
            f"\n**{name}**: {100 * (info.accuracy or 0):.2f} % of {info.tested:,} test pictures, "
            f"{100 * (info.held_out or 0):.2f} % of those held out. `{info.command}`, {info.seconds or 0:.0f} s on "
            f"{info.device}{before}. {proven}Right per class, %: {per_class}. Most often wrong: {worst}.\n"
        )
        if name in classifiers.COLOR:
            text += f"\n{confusion_table(labels, table)}"
    return text


def confusion_table(labels: Sequence[str], table: Sequence[Sequence[int]]) -> str:
    """How many test pictures of each class (row) were taken for each class (column)."""
    rows = [f"| {label} | {' | '.join(map(str, row))} |" for label, row in zip(labels, table, strict=True)]
    return "\n".join([f"| true, taken for | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|", *rows]) + "\n"

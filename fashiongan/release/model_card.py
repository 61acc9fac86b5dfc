"""The files that go to the Hub with a checkpoint: a model card, a sheet of samples, and the GIF of its training."""

from pathlib import Path

from .. import checkpoint, gans, hub
from ..checkpoint import HeaderInfo
from ..data import datasets, sheets
from ..evaluation import report as reports
from ..evaluation.report import Report
from ..gans import sampling
from ..gans.base import GAN
from ..hub import registry


def files(name: str | Path, repo: str) -> dict[str, bytes]:
    """The files of the repository `repo` for this checkpoint, by name. The file of weights has the checkpoint's name.

    StudioError if `repo` is not a valid name for a repository.
    """
    hub.repository(repo)
    path = registry.find(name)
    gan, info = checkpoint.load(path), checkpoint.info(path)
    stem = path.parent.name if path.stem == "checkpoint" else path.stem
    images, columns = sampling.fixed_sheet(gan)
    contents = {
        f"{stem}.safetensors": path.read_bytes(),
        "samples.png": sheets.png(sheets.sheet(images, columns, scale=4), stem),
    }
    film = next((p for p in (path.with_suffix(".gif"), path.with_name("training.gif")) if p.is_file()), None)
    if film:
        contents["training.gif"] = film.read_bytes()
    contents["README.md"] = text(stem, gan, info, film is not None, repo).encode()
    return contents


def text(stem: str, gan: GAN, info: HeaderInfo, film: bool, repo: str) -> str:
    """The model card in Markdown, from the checkpoint's header only."""
    r, paper = gan.recipe, gans.find(gan.recipe.gan)
    real = r.data == datasets.FASHION_MNIST
    article = "An" if r.gan[0] in "aei" else "A"
    lines = [
        "---",
        "license: mit",
        "library_name: fashiongan",
        f"pipeline_tag: {'image-to-image' if gan.from_pictures else 'unconditional-image-generation'}",
        *(["datasets:", "- zalando-datasets/fashion_mnist"] if real else []),
        "tags:",
        *(f"- {tag}" for tag in ("fashiongan", "gan", r.gan, "fashion")),
        "---",
        "",
        f"# {stem}",
        "",
        f"{article} **{r.gan}** ({paper.year}): {paper.title}. [The paper]({paper.paper}). "
        "Made with FashionGAN Studio.",
        "",
        "![Samples](samples.png)",
        "",
        "## Recipe",
        "",
        f"`{info.command or ''}`",
        "",
        f"{shown(info.pictures)} pictures of {r.size} x {r.size} from "
        f"{'Fashion-MNIST' if real else 'a folder of its owner'}, {shown(info.epochs)} epochs, "
        f"{shown(info.seconds)} s on {shown(info.device)}.",
        "",
    ]
    if info.report:
        report = Report.from_json(info.report)
        lines += ["## Scores", "", *scores(report), "", report.verdict or "", ""]
    if film:
        lines += ["## Training", "", "![Training](training.gif)", ""]
    lines += ["## Use", "", *use(gan, f"hub:{repo}/{stem}.safetensors"), ""]
    lines += ["The weights are under the MIT license. The file holds its recipe as text, and no code."]
    return "\n".join(lines) + "\n"


def use(gan: GAN, place: str) -> list[str]:
    """How pictures are made with the checkpoint at that place on the Hub: a block of code."""
    if gan.from_pictures:
        colorize = f"colorize picture.jpg --checkpoint {place} --out colored.png"
        verb = colorize if gan.colors else f"enlarge studio --enlarger {place} --out enlarged/"
        return ["```sh", f"python -m fashiongan {verb}", "```"]
    label = f', label="{next(iter(gan.choices.values()))}"' if gan.choices else ""
    return [
        "```python",
        "from fashiongan import checkpoint",
        "",
        f'gan = checkpoint.load("{place}")',
        f"images = gan.sample_images(16, seed=0{label})  # uint8 (N, C, H, W)",
        "```",
    ]


def shown(value: object) -> str:
    """A value of the header, or a question mark if the header does not say it."""
    return "?" if value is None else str(value)


def scores(report: Report) -> list[str]:
    """A table of a report's scores, beside the scores of equally many real pictures."""
    scorer = report.scorer or reports.Scorer("?", "?")
    net = scorer.classifier if scorer.classifier == reports.LITE1 else f"the classifier `{scorer.classifier}`"
    lines = [
        f"{report.n:,} samples, in the features of {net} (sha256 {scorer.sha256[:12]}); no figure here is an FID.",
        "",
        "| score | samples | real pictures |",
        "|---|---|---|",
    ]
    for name, (title, more) in reports.TITLES.items():
        score = (report.scores or {}).get(name)
        if score is not None and score.value is not None:
            error = f" ± {score.error:.2g}" if score.error is not None else ""
            lines.append(f"| {title} {'↑' if more else '↓'} | {score.value:.3g}{error} | {score.real or 0:.3g} |")
    by = f", class confirmed by the classifier `{report.classifier.classifier}`" if report.classifier else ""
    tests = [(report.gan_test, report.gan_test_real, f"GAN-test{by}"), (report.gan_train, None, "GAN-train")]
    for value, real, title in tests:
        if value is not None:
            floor = f"{100 * real:.1f} % " if real is not None else ""
            lines.append(f"| {title} ↑ | {100 * value:.1f} % | {floor}|")
    return lines

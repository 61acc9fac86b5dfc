"""The files that go to the Hub with a checkpoint: a model card, a sheet of samples, and the GIF of its training."""

from pathlib import Path
from typing import Any

from .. import checkpoint, gans, hub
from ..data import datasets, sheets
from ..evaluation import report as reports
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
    found = {
        f"{stem}.safetensors": path.read_bytes(),
        "samples.png": sheets.png(sheets.sheet(images, columns, scale=4), stem),
    }
    film = next((p for p in (path.with_suffix(".gif"), path.with_name("training.gif")) if p.is_file()), None)
    if film:
        found["training.gif"] = film.read_bytes()
    found["README.md"] = text(stem, gan, info, film is not None, repo).encode()
    return found


def text(stem: str, gan: GAN, info: dict[str, Any], film: bool, repo: str) -> str:
    """The model card in Markdown, from the checkpoint's header only."""
    r, paper = gan.recipe, gans.find(gan.recipe.gan)
    real = r.data == datasets.FASHION_MNIST
    lines = [
        "---",
        "license: mit",
        "library_name: fashiongan",
        "pipeline_tag: unconditional-image-generation",
        *(["datasets:", "- zalando-datasets/fashion_mnist"] if real else []),
        "tags:",
        *(f"- {tag}" for tag in ("fashiongan", "gan", r.gan, "fashion")),
        "---",
        "",
        f"# {stem}",
        "",
        f"A **{r.gan}** ({paper.year}): {paper.title}. [The paper]({paper.paper}). Made with FashionGAN Studio.",
        "",
        "![Samples](samples.png)",
        "",
        "## Recipe",
        "",
        f"`{info.get('command', '')}`",
        "",
        f"{info.get('pictures', '?')} pictures of {r.size} x {r.size} from "
        f"{'Fashion-MNIST' if real else 'a folder of its owner'}, {info.get('epochs', '?')} epochs, "
        f"{info.get('seconds', '?')} s on {info.get('device', '?')}.",
        "",
    ]
    report = info.get("report")
    if report:
        lines += ["## Scores", "", *scores(report), "", str(report.get("verdict", "")), ""]
    if film:
        lines += ["## Training", "", "![Training](training.gif)", ""]
    labels = f' label="{next(iter(gan.choices.values()))}"' if gan.choices else ""
    lines += [
        "## Use",
        "",
        "```python",
        "from fashiongan import checkpoint",
        "",
        f'gan = checkpoint.load("hub:{repo}/{stem}.safetensors")',
        f"images = gan.sample_images(16, seed=0{',' if labels else ''}{labels})  # uint8 (N, C, H, W)",
        "```",
        "",
        "Weights are MIT. The file holds its recipe as text and nothing that executes.",
    ]
    return "\n".join(lines) + "\n"


def scores(report: dict[str, Any]) -> list[str]:
    """A table of a report's scores, beside the scores of equally many real pictures."""
    scorer = report.get("judge", {})
    lines = [
        f"{report['n']:,} samples, in the features of the classifier `{scorer.get('classifier')}` "
        f"(sha256 {str(scorer.get('sha256'))[:12]}); no figure here is an FID.",
        "",
        "| score | samples | real pictures |",
        "|---|---|---|",
    ]
    for name, (title, more) in reports.SCORES.items():
        if name in report.get("scores", {}):
            found = report["scores"][name]
            lines.append(f"| {title} {'↑' if more else '↓'} | {found['value']:.3g} | {found.get('real', 0):.3g} |")
    for key, title in (("gan_test", "GAN-test"), ("gan_train", "GAN-train")):
        if key in report:
            lines.append(f"| {title} ↑ | {100 * report[key]:.1f} % | |")
    return lines

"""What the repository promises as a whole: the Space's front matter, the pins, the bundled checkpoints."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image

from fashiongan import checkpoint, classifiers, gans
from fashiongan.evaluation import features, sources
from fashiongan.evaluation import report as reports
from fashiongan.hub import registry
from fashiongan.release import bundle

REPO = Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000


def front_matter():
    text = (REPO / "README.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("---\n")[1]), text.split("---\n", 2)[2]


def test_the_space_runs_the_gradio_that_is_pinned():
    card, _ = front_matter()
    pinned = re.search(r"^gradio==(.+)$", (REPO / "requirements.txt").read_text(encoding="utf-8"), re.M)[1]
    assert card["sdk"] == "gradio"
    assert card["sdk_version"] == pinned
    assert (REPO / card["app_file"]).is_file()
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={card['python_version']}"
    assert card["license"] == project["license"].lower() == "mit"
    assert card["title"]
    assert len(card["emoji"]) == 1
    assert re.fullmatch(r"\d+m", card["startup_duration_timeout"])
    assert card["tags"]
    known = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license"}
    assert card.keys() == known | {"short_description", "startup_duration_timeout", "tags", "hf_oauth"}
    assert card["hf_oauth"] is True  # or its owner could not sign in, and nobody could train
    assert len(card["short_description"]) <= 60
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {card["colorFrom"], card["colorTo"]} <= colors


def test_the_readme_opens_with_a_picture_that_is_there():
    _, text = front_matter()
    picture = re.match(r"\s*!\[[^\]]+\]\(([^)]+)\)", text)[1]
    assert (REPO / picture).is_file()


def test_the_readme_names_only_flags_and_gans_that_there_are():
    _, text = front_matter()
    for gan in re.findall(r"^python train\.py (\w[\w-]*)", text, re.M):
        assert gan in gans.GANS


def test_packages_are_names_that_a_space_can_install():
    lines = (REPO / "packages.txt").read_text(encoding="utf-8").split("\n")
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", line) for line in lines if line)


@pytest.mark.parametrize("name", registry.bundled())
def test_a_bundled_checkpoint_records_its_command(name):
    info, recipe = checkpoint.info(name), checkpoint.load(name).recipe
    assert info.command.startswith(f"python train.py {recipe.gan}")
    # To the end of its schedule, but for two that a lent machine was taken from; the list of checkpoints says so.
    whole = info.epochs == pytest.approx(recipe.epochs, rel=0.01)
    assert whole or (name in ("gan", "cgan") and info.epochs > 0.65 * recipe.epochs)
    assert f" of {recipe.epochs} |" in (registry.BUNDLED / "README.md").read_text(encoding="utf-8") or whole
    assert info.device
    assert info.log["step"] == info.step
    assert registry.find(name).stat().st_size < 10 * MEGABYTE
    made = gans.new_recipe(**bundle.BUNDLED[name])
    assert made == recipe.replace(channels=1, labels=())


def test_the_first_two_and_the_whole_folder():
    assert {"dcgan", "cdcgan"} <= set(registry.bundled())
    assert sum(p.stat().st_size for p in registry.BUNDLED.rglob("*")) < 60 * MEGABYTE


def test_a_gif_of_the_training_is_small():
    for path in registry.BUNDLED.glob("*.gif"):
        assert path.stem in registry.bundled()
        with Image.open(path) as im:
            assert im.is_animated
        assert path.stat().st_size < MEGABYTE / 2


@pytest.mark.parametrize("name", [n for n in registry.bundled() if checkpoint.info(n).report is not None])
def test_a_report_in_a_header_is_of_the_bundled_score(name):
    report = checkpoint.info(name).report
    recipe = checkpoint.load(name).recipe
    if recipe.channels == 1:
        assert report["judge"]["sha256"] == features.sha256(classifiers.find(features.SCORER))
        assert report["n"] == sources.N == 10_000
        # As many real pictures as training ones, so that both floors are of equal counts: `large` saw a hundred.
        assert report["against"]["real"] == min(1000 * len(recipe.trained), recipe.limit or sources.N)
    else:
        assert report["judge"]["classifier"] == "EfficientNet-Lite1"
        assert report["classifier"]["sha256"] == features.sha256(classifiers.find("garments"))
        assert report["n"] == sources.IN_COLOR == 2000
        assert report["against"]["real"] == report["against"]["train"] > 300
    assert not reports.copied(reports.Report.from_json(report))
    assert report["missed"] == [c for c, share in report["classes"].items() if share < reports.SELDOM]


def test_the_score_is_good_enough():
    info = classifiers.info(features.SCORER)
    assert info.accuracy >= 0.935
    assert info.tested == 10_000
    assert info.held_out == pytest.approx(info.accuracy, abs=0.01)


def test_the_readme_has_the_scores_of_the_headers():
    _, text = front_matter()
    assert text.split(bundle.BEGIN)[1].split(bundle.END)[0].strip() == bundle.scores().strip()


def test_the_list_of_checkpoints_is_what_their_headers_say():
    assert (registry.BUNDLED / "README.md").read_text(encoding="utf-8") == bundle.listing()


def test_dark_rules_name_one_element_each():
    """Of a list of selectors, gradio rewrites the first alone, and the others never match."""
    css = (REPO / "fashiongan" / "ui" / "shared" / "studio.css").read_text(encoding="utf-8")
    assert [line for line in css.splitlines() if line.split("{")[0].count(".dark") > 1] == []


def test_the_container_is_small_non_root_and_asks_for_its_health():
    """No Docker is needed to see that what the Dockerfile names is there."""
    from fashiongan.ui.shared import health  # late, since it brings gradio, which takes two seconds

    text = (REPO / "Dockerfile").read_text(encoding="utf-8")
    sources = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.M) for name in line.split()]
    assert "fashiongan" in sources
    kept = (REPO / ".dockerignore").read_text(encoding="utf-8")
    for name in sources:
        assert (REPO / name).exists()
        assert f"!{re.sub(r'requirements.*', 'requirements*.txt', name)}\n" in kept
    assert text.index("pip install") < text.index("COPY fashiongan")  # a change of ours builds no packages again
    assert re.search(r"^USER (?!root)", text, re.M)
    assert health.PATH in re.search(r"^HEALTHCHECK.+\n.+", text, re.M)[0]
    compose = yaml.safe_load((REPO / "compose.yaml").read_text(encoding="utf-8"))["services"]["studio"]
    assert compose["build"]["args"].keys() == {"TORCH"}
    assert compose["ports"] == ["127.0.0.1:7860:7860"]
    assert (REPO / "requirements-cpu.txt").read_text(encoding="utf-8").endswith("\n-r requirements.txt\n")


def test_the_notebook_opens_the_studio_with_a_password():
    notebook = json.loads((REPO / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    code = "".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    assert "pip install -q -r requirements.txt" in code
    assert code.index("FASHIONGAN_PASSWORD") < code.index("python app.py --share")
    assert not any(c.get("outputs") for c in notebook["cells"])

"""Every command and every block of Python in the README and docs/ is run, on small data, in the order of the page.

Commands stand in fenced blocks without a language, one a line, with what they do after two spaces or more. Where one
would take hours as it stands, SMALL says what is added to it; where it makes no sense in a test (it installs, or
measures for minutes), a comment `<!-- not run: why -->` stands above the block, or NOT_RUN says why.
"""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_words import KEPT, RETIRED
from torch import nn

from benchmarks import structure
from docs import generate
from docs import map as picture
from fashiongan import cli, gans, limits

REPO = Path(__file__).resolve().parent.parent
PAGES = [REPO / "README.md", REPO / "CONTRIBUTING.md", *sorted((REPO / "docs").glob("*.md"))]
ARCHITECTURE = REPO / "docs" / "architecture.md"
BLOCK = re.compile(r"(<!-- not run: [^>]+-->\n)?^```(\w*)\n(.*?)^```", re.M | re.S)
# What is added so that a test need not wait: the last of two flags counts.
SMALL = {
    "python train.py": [
        "--width",
        "8",
        "--z-dim",
        "16",
        "--batch",
        "4",
        "--limit",
        "20",
        "--steps",
        "2",
        "--device",
        "cpu",
    ],
    "python train.py --from": ["--batch", "4", "--limit", "8", "--steps", "1", "--device", "cpu"],
    "python train.py cdcgan --from": ["--batch", "4", "--limit", "8", "--steps", "1", "--device", "cpu"],
    "python train.py --resume": ["--steps", "4", "--device", "cpu"],
    "python -m fashiongan sample": ["--n", "20"],
    "python -m fashiongan evaluate": ["--n", "40"],
    "python -m fashiongan fit": ["--epochs", "1", "--attack-steps", "1", "--device", "cpu", "--precision", "float32"],
    "python -m fashiongan attack": ["--limit", "10"],
}
NOT_RUN = {
    "make": "they install, and open the app or run the tests",
    "pip": "it installs",
    "python app.py": "it serves until it is stopped; the tests of the page open it",
    "benchmarks/": "they measure for minutes",
}


def netG():
    """The state dict of a tiny DCGAN generator, as PyTorch's example saves it."""
    layers = [nn.ConvTranspose2d(8, 16, 7, bias=False), nn.BatchNorm2d(16)]
    layers += [nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8)]
    layers += [nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False)]
    return {f"main.{name}": value for name, value in nn.Sequential(*layers).state_dict().items()}


def blocks(page, language):
    return [
        body
        for _, kind, body in (m for m in BLOCK.findall(page.read_text(encoding="utf-8")) if not m[0])
        if kind == language
    ]


def commands(page):
    """The commands of a page, without their comments."""
    lines = [line for body in blocks(page, "") for line in body.splitlines()]
    return [
        re.split(r"\s{2,}", line)[0] for line in lines if re.match(r"(\w+=\S+ |\w+=\".*\" )?(python|make|pip)\b", line)
    ]


def run(command):
    """Run a command as its process would, in this one: sixteen starts of Python would take minutes."""
    words = [
        w for word in shlex.split(command) for w in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    begin = max((k for k in SMALL if command.startswith(k)), key=len, default=None)
    for i, word in enumerate(words):
        if word == "--size" and int(words[i + 1]) > 32:
            words[i + 1] = "32"
    more = SMALL.get(begin, []) if "--list" not in words else []
    if words[:2] == ["python", "train.py"]:
        return cli.train([*words[2:], *more])
    assert words[:3] == ["python", "-m", "fashiongan"], command
    return cli.main([*words[3:], *more])


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_the_commands_of_a_page_run_in_its_order(page, tmp_path, serve, capsys):
    for name in ("hats", "gloves"):
        (tmp_path / "garments" / name).mkdir(parents=True)
        for i in range(20):
            noise = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "garments" / name / f"{i}.png")
    for name in ("a.png", "coat.jpg", "boot.jpg"):
        Image.fromarray(np.pad(np.full((20, 12), 180, np.uint8), 8)).save(tmp_path / name)
    Image.fromarray(np.pad(np.full((20, 12), 180, np.uint8), ((4, 4), (8, 8)))).save(tmp_path / "coat.png")  # 28 x 28
    (tmp_path / "folder" / "of").mkdir(parents=True)
    (tmp_path / "folder" / "of" / "pictures").symlink_to(tmp_path / "garments")
    torch.save(netG(), tmp_path / "netG.pth")
    serve()
    for command in commands(page):
        if not re.search(rf"(^|\s)({'|'.join(map(re.escape, NOT_RUN))})\b", command):
            assert run(command) == 0, f"{command}\n{capsys.readouterr().err[-2000:]}"


def test_no_page_is_without_a_command_or_a_reason_to_be():
    assert {p.name for p in PAGES} >= {"README.md", "your-data.md", "scores.md", "add-a-gan.md", "api.md", "hosting.md"}
    assert len(commands(PAGES[0])) > 12
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for language in {m[1] for m in BLOCK.findall(page.read_text(encoding="utf-8"))}:
            assert language in ("", "python", "text"), page.name


def test_the_gan_of_the_docs_trains_like_any_other(monkeypatch, trainer_of):
    code = blocks(REPO / "docs" / "add-a-gan.md", "python")[0]
    module = {"__name__": "hinge"}
    monkeypatch.setitem(sys.modules, "hinge", type(sys)("hinge"))
    exec(compile(code, "hinge.py", "exec", dont_inherit=True), module)
    monkeypatch.setitem(gans.GANS, "hinge", module["Hinge"])
    trainer = trainer_of("hinge", margin=0.5)
    ticks = list(trainer.run())
    assert ticks[-1].step == ticks[-1].steps
    assert {"d_loss", "g_loss"} <= ticks[-1].losses.keys()
    assert module["Hinge"].__init__.__code__.co_filename == "hinge.py"


def test_the_python_of_the_readme_runs():
    for code in blocks(REPO / "README.md", "python"):
        exec(code, {})


@pytest.fixture(scope="module")
def tree():
    """The package's imports and sizes, which nothing here changes."""
    return structure.Tree(REPO)


@pytest.fixture(scope="module")
def arrows(tree):
    return picture.arrows(tree)


def test_the_picture_of_the_imports_is_of_todays_imports(arrows):
    drawn = json.loads(re.search(r"<metadata>(.*)</metadata>", picture.OUT.read_text(encoding="utf-8"))[1])
    assert drawn == arrows, "make map"


def test_the_picture_points_down_and_names_every_room(arrows):
    middle, _ = picture.layout(arrows)
    assert all(middle[above][1] < middle[below][1] for above, others in arrows.items() for below in others)
    assert [room for room in arrows if f">{room}</text>" not in picture.OUT.read_text(encoding="utf-8")] == []


def test_the_numbers_of_the_structure_can_be_had_and_hold(tree):
    now = structure.numbers(tree)
    assert structure.in_circles(tree.arrows()) == structure.in_circles(tree.module_arrows) == set()
    assert len(tree.answered()) >= 13
    assert sum(map(len, tree.arrows().values())) <= 170
    block = ARCHITECTURE.read_text(encoding="utf-8").split(structure.BEGIN)[1].split(structure.END)[0]
    rows = [re.split(r" +\| +", line.strip("| ")) for line in block.strip().splitlines()]
    assert rows[0] == ["what", "commit e45596f", "now"]
    assert [row[0] for row in rows[2:]] == list(now), "make docs"


def test_a_new_circle_or_a_loose_signature_would_be_seen(tmp_path):
    for name, text in {
        "a": "def f(x: dict[str, Any]) -> list[dict[str, Any]]:\n    from . import b\n",
        "b": "from .c import d\n",
        "c": "from fashiongan import a\n",
        "__init__": "",
    }.items():
        (tmp_path / "fashiongan").mkdir(exist_ok=True)
        (tmp_path / "fashiongan" / f"{name}.py").write_text(text, encoding="utf-8")
    tree = structure.Tree(tmp_path)
    assert tree.arrows() == {"a": {"b"}, "b": {"c"}, "c": {"a"}}
    assert structure.in_circles(tree.arrows()) == {"a", "b", "c"}
    assert len(tree.loose_signatures()) == 2
    with pytest.raises(LookupError, match="no longer at"):
        tree.answered()


def test_the_walks_name_what_there_is():
    result = re.findall(r"`([\w.]+)`\s\(`([\w/]+\.py)`\)", ARCHITECTURE.read_text(encoding="utf-8"))
    assert len(result) > 15
    for name, path in result:
        text = (REPO / "fashiongan" / path).read_text(encoding="utf-8")
        assert re.search(rf"(def|class) {name.split('.')[-1]}\b|^{name}\b", text, re.M), f"{name} is not in {path}"


def test_the_tree_of_the_page_is_that_of_the_package():
    named = set(re.findall(r"^  (\w+)/ ", ARCHITECTURE.read_text(encoding="utf-8"), re.M))
    there = {p.name for p in (REPO / "fashiongan").iterdir() if (p / "__init__.py").exists()}
    assert named == there


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_the_files_that_a_page_names_are_there(page):
    for path in re.findall(
        r"(?<![\w/.-])(?:fashiongan|tests|benchmarks|docs)/[\w./-]*\w/?", page.read_text(encoding="utf-8")
    ):
        if "NAME" not in path and "hinge" not in path:
            assert (REPO / path).exists(), f"{page.name}: {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_no_page_uses_a_retired_word(page):
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        bare = re.sub("|".join(f"(?:{kept})" for kept in KEPT.values()), "", line)
        bare = re.sub(r"`[^`]*`|augment [\w,]+|colour=\S+", "", bare)
        assert not [m.group() for old in RETIRED for m in re.finditer(old, bare)], f"{page.name}, line {number}"


def test_the_limits_of_the_page_are_those_of_the_code():
    assert generate.block(generate.HOSTING, "limits") == generate.limits_table(), "make docs"
    pixels = (limits.PICTURE_PIXELS, limits.JPEG_PIXELS, limits.PHONE_PIXELS, limits.ATTACK_PIXELS)
    sizes = {n / 1e6 for n in (*pixels, limits.DATASET_PIXELS)}
    text = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    documented = {float(n) for n in re.findall(r"(\d+)\s+megapixels", text)}
    assert documented == sizes
    megabytes = {
        int(n) for n in re.findall(r"(\d+) MB[,;]? (?:or|under|where)", generate.HOSTING.read_text(encoding="utf-8"))
    }
    assert megabytes <= {limits.UPLOAD_MB, limits.DATASET_UPLOAD_MB}


def test_the_words_of_make_are_explained():
    words = re.search(r"^\.PHONY: (.*)$", (REPO / "Makefile").read_text(encoding="utf-8"), re.M)[1].split()
    explained = re.findall(r"^make ([\w-]+) ", (REPO / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    assert set(explained) == set(words) - {"clean", "test-data"}

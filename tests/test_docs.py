"""Every command and every block of Python in the README and docs/ is run, on small data, in the order of the page.

Commands stand in fenced blocks without a language, one a line, with what they do after two spaces or more. Where one
would take hours as it stands, SMALL says what is added to it; where it makes no sense in a test (it installs, or
measures for minutes), a comment `<!-- not run: why -->` stands above the block, or NOT_RUN says why.
"""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashiongan import cli, gans

REPO = Path(__file__).resolve().parent.parent
PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
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


def blocks(page, language):
    return [body for _, kind, body in (m for m in BLOCK.findall(page.read_text()) if not m[0]) if kind == language]


def commands(page):
    """The commands of a page, without what is said of them."""
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


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_the_commands_of_a_page_run_in_its_order(page, tmp_path, serve, capsys):
    for name in ("hats", "gloves"):
        (tmp_path / "garments" / name).mkdir(parents=True)
        for i in range(20):
            noise = np.random.default_rng(i).integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "garments" / name / f"{i}.png")
    for name in ("a.png", "coat.jpg", "boot.jpg"):
        Image.fromarray(np.pad(np.full((20, 12), 180, np.uint8), 8)).save(tmp_path / name)
    (tmp_path / "folder" / "of").mkdir(parents=True)
    (tmp_path / "folder" / "of" / "pictures").symlink_to(tmp_path / "garments")
    serve()
    for command in commands(page):
        if not re.search(rf"(^|\s)({'|'.join(map(re.escape, NOT_RUN))})\b", command):
            assert run(command) == 0, f"{command}\n{capsys.readouterr().err[-2000:]}"


def test_no_page_is_without_a_command_or_a_reason_to_be():
    assert {p.name for p in PAGES} >= {"README.md", "your-data.md", "scores.md", "add-a-gan.md", "api.md", "hosting.md"}
    assert len(commands(PAGES[0])) > 12
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
        for language in {m[1] for m in BLOCK.findall(page.read_text())}:
            assert language in ("", "python"), page.name


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

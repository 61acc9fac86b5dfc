"""Every text file is read and written as UTF-8, whatever encoding the machine prefers: cp932, gbk or cp1251 on Windows.

Ruff's PLW1514 sees only calls whose object it can infer to be a Path, so this test reads the sources itself.
"""

import ast
import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import syntax

from fashiongan.cli import common

REPO = Path(__file__).resolve().parent.parent
OPEN_OTHER_FILES = {"tarfile", "zipfile", "Image", "lmdb", "gzip", "urllib.request"}
PROCESSES = {"run", "Popen", "call", "check_call", "check_output"}


def mode(call: ast.Call, place: int) -> str | None:
    """The mode of an open() call, "r" by default; None if it is an expression."""
    given = [*call.args[place : place + 1], *(k.value for k in call.keywords if k.arg == "mode")]
    if not given:
        return "r"
    return str(given[0].value) if isinstance(given[0], ast.Constant) else None


def text_without_encoding(call: ast.Call) -> bool:
    """Whether a call reads or writes text in whatever encoding the machine prefers."""
    names = {k.arg for k in call.keywords}
    if "encoding" in names or None in names:
        return False
    method = isinstance(call.func, ast.Attribute)
    name = call.func.attr if method else getattr(call.func, "id", "")
    if name in ("read_text", "write_text"):
        return True
    if name == "open" and not (method and ast.unparse(call.func.value) in OPEN_OTHER_FILES):
        chosen = mode(call, 0 if method else 1)
        return chosen is not None and set(chosen) <= set("rwaxt+")
    if name in ("NamedTemporaryFile", "TemporaryFile"):
        return "b" not in (mode(call, 0) or "b") and bool(call.args or "mode" in names)
    if name in PROCESSES:
        return bool(names & {"text", "universal_newlines"})
    return name in ("TextIOWrapper", "fdopen")


def faults(nodes: Iterable[ast.AST]) -> list[int]:
    """The lines of a program, by the nodes of its syntax tree, whose calls leave the encoding of text open."""
    calls = (n for n in nodes if isinstance(n, ast.Call))
    return sorted(call.lineno for call in calls if text_without_encoding(call))


def test_all_text_is_read_and_written_as_utf_8():
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=REPO, capture_output=True, check=True)
    files = [REPO / name for name in listed.stdout.decode().split("\0") if name]
    found = [f"{f.relative_to(REPO)}:{n}" for f in files if f.exists() for n in faults(syntax.nodes(f))]
    assert len(files) > 200
    assert found == [], 'say encoding="utf-8"'


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("path.read_text()", 1),
        ("folder('a').write_text(x, errors='replace')", 1),
        ("open(path)", 1),
        ("open(path, 'a')", 1),
        ("path.open('w', newline='')", 1),
        ("subprocess.run(words, text=True)", 1),
        ("tempfile.NamedTemporaryFile('w')", 1),
        ("path.read_text(encoding='utf-8')", 0),
        ("open(path, 'rb')", 0),
        ("path.open('rb')", 0),
        ("path.open(mode)", 0),
        ("Image.open(path)", 0),
        ("images.opened(path)", 0),
        ("tempfile.NamedTemporaryFile()", 0),
        ("subprocess.run(words, text=True, encoding='utf-8')", 0),
    ],
)
def test_what_counts_as_text_without_an_encoding(line, count):
    assert len(faults(ast.walk(ast.parse(line)))) == count


def test_what_a_console_cannot_show_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1251", write_through=True))
    assert common.answer(lambda: print("12 pictures of \u9774 and шляпа")) == 0
    assert raw.getvalue() == "12 pictures of \\u9774 and шляпа\n".encode("cp1251")

"""Nothing grows past what can be read at one sitting: modules, functions and classes of the package."""

import ast
from pathlib import Path

import pytest

import fashiongan

PACKAGE = Path(fashiongan.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULE, FUNCTION, CLASS = 350, 60, 250  # lines

# What is larger today, and how large: it may shrink, and goes from here when it is split (issue 17, points 4 and 5). A
# tab's layout is a list of widgets.
LARGER = {
    "ui/robustness/tab.py tab": 80,
    "ui/train/tab.py tab": 76,
    "ui/colorize/tab.py tab": 68,
}


def sizes(path):
    """(name, lines, limit) of a module and of all that is defined in it."""
    text, name = path.read_text(), path.relative_to(PACKAGE).as_posix()
    yield name, len(text.splitlines()), MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            limit = FUNCTION if isinstance(node, ast.FunctionDef) else CLASS
            yield f"{name} {node.name}", node.end_lineno - node.lineno + 1, limit


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_nothing_is_too_long_to_read(path):
    long = {name: lines for name, lines, limit in sizes(path) if lines > LARGER.get(name, limit)}
    assert not long


def test_the_list_of_what_is_larger_is_no_longer_than_it_must_be():
    larger = {name for path in FILES for name, lines, limit in sizes(path) if lines > limit}
    assert set(LARGER) <= larger

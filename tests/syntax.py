"""The syntax trees of the sources, each parsed once for all the tests that read it."""

import ast
from functools import cache


@cache
def tree(path):
    """The syntax tree of a file of Python. Nobody may change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path):
    """Every node of that tree."""
    return tuple(ast.walk(tree(path)))

"""Nothing grows past what can be read at one sitting: modules, functions and classes; nor the list of dicts of
anything in signatures."""

import ast
import re
from pathlib import Path

import pytest
import syntax

import fashiongan

PACKAGE = Path(fashiongan.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULE, FUNCTION, CLASS = 350, 60, 250  # lines

# What is larger today, and how large: it may shrink, and goes from here when it is split. Nothing is.
LARGER: dict[str, int] = {}


def sizes(path):
    """(name, lines, limit) of a module and of all that is defined in it."""
    text, name = path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix()
    yield name, len(text.splitlines()), MODULE
    for node in syntax.nodes(path):
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


# Signatures with a dict of anything, and why a dataclass would not do. At most 15 (issue 17).
LOOSE = re.compile(r"(?:dict|Mapping)\[str, (?:Any|object)\]|\bdict\b(?!\[)")
REASONS = {
    "checkpoint.py json_object": "reads JSON of a stranger: its keys are not known yet",
    "checkpoint.py header_entries": "a header as it stands, so that `annotate` keeps the entries that it does not know",
    "checkpoint.py write_info": "writes the JSON of any kind of studio file: a checkpoint's goes through `save`",
    "data/survey.py survey_from_cache": "JSON of our own cache, from which it makes the dataclass",
    "evaluation/features.py read_json": "JSON of our own cache, of two kinds of scores",
    "evaluation/report.py to_json": "makes JSON: its dataclass is the report",
    "latent/spec.py brief": "makes JSON: its dataclass is the SampleSpec",
    "training/run_log.py to_json": "makes JSON: its dataclass is the LogRow",
    "release/bundle.py recipe": "arguments of a recipe, whose class depends on the GAN that one of them names",
    "ui/__init__.py launch_settings": "arguments of gradio's launch",
    "ui/robustness/bench.py unless": "arguments of a gradio component",
    "ui/sample/explore.py wire": "arguments of a gradio event",
    "ui/train/desk.py values": "the knobs of a recipe, whose names depend on the GAN",
    "ui/train/desk.py filled": "the knobs of a recipe, whose names depend on the GAN",
}


def loose_signatures():
    for path in FILES:
        for node in syntax.nodes(path):
            if isinstance(node, ast.FunctionDef):
                signature = ast.unparse(node.args) + (f" {ast.unparse(node.returns)}" if node.returns else "")
                if LOOSE.search(signature):
                    yield f"{path.relative_to(PACKAGE).as_posix()} {node.name}"


def test_a_dict_of_anything_in_a_signature_has_a_reason():
    assert set(loose_signatures()) == REASONS.keys()
    assert len(REASONS) <= 15

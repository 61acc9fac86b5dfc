"""One word a thing, and the field's word: what was called otherwise once does not come back into the package."""

import ast
import re
from pathlib import Path

import pytest
import syntax

import fashiongan

PACKAGE = Path(fashiongan.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".js", ".html", ".css"))

# A pattern, and what to say instead.
RETIRED = {
    r"[Jj]udg(e|ed|es|ing)|JUDGE": "discriminator (critic for WGAN), scorer, probe, or output layer",
    r"[Jj]ury": "scorer; its result is a report",
    r"\bchance\b": "rng, random generator, at random",
    r"\bGarments\(|[:>] Garments\b|datasets\.Garments": "Dataset",
    r"\b(Look|Wish|Ask|wish_of)\b(?=[(\],:.])": "SampleSpec, AttackSpec, ColorizeSpec, ColorizeRequest",
    r"\b[Tt]eam\b": "process group",
    r"\bstead(il|ines)": "rank correlation",
    r"\b[Aa]telier\b|\bLab\b(?=\()": "ColorizeService, RobustnessService",
    r"[Cc]olour|COLOUR": "color",
}

# What files, scripts and browsers out there carry: file -> why the word stays there.
KEPT = {
    # The output layers' weights are saved as D.judge.weight and judge.weight: bundled checkpoints, runs, classifiers.
    "judge": r"\.judge\b|^    judge: nn\.Linear",
    # The report's key in checkpoints' headers, .reports and --json.
    "report": r"\"judge\"",
    # Promised by docs/api.md and the command line; keys of descriptions in pictures; values of --augment in recipes.
    "colour": r"--colour|\"colours?\"|`colours`|\bcolours: (str|colors)|\bcolours=colours,|\ba\.colours\b|"
    r"coloured-\{|\"coloured\"|[\", ]colour[,\"]",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_retired_word(path):
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        bare = re.sub("|".join(f"(?:{kept})" for kept in KEPT.values()), "", line)
        found += [f"{number}: {m.group()}: say {word}" for old, word in RETIRED.items() for m in re.finditer(old, bare)]
    assert not found


# Names that make a reader guess, and what to say instead. Compared as whole names, in lower case.
RIDDLES = {
    **dict.fromkeys(("told", "untold"), "progress for a callback, else the input's own name: chroma, condition, hints"),
    **dict.fromkeys(("found", "known"), "what it is: features, radii, adversarial, scores, cached_floors, names"),
    **dict.fromkeys(("said", "heard"), "outputs, note, message"),
    **dict.fromkeys(("wanted", "wished", "wish", "asked", "ask"), "target, expected, requested, spec, inputs"),
    **dict.fromkeys(("look", "looks", "looked", "looked_at"), "sample, spec, measure, extract, probabilities"),
    **dict.fromkeys(("news",), "update, status, records"),
    **dict.fromkeys(("held", "akin", "kin"), "held_out, matching_class, synonyms"),
}
NAMED = [f for f in FILES if f.suffix == ".py"]


def names(path):
    """(line, name) of everything that a module names: functions, classes, parameters, variables, fields, imports."""
    for node in syntax.nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias):
            yield 0, node.asname or node.name


@pytest.mark.parametrize("path", NAMED, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_no_name_is_a_riddle(path):
    assert not [f"{line}: {name}: say {RIDDLES[name.lower()]}" for line, name in names(path) if name.lower() in RIDDLES]

"""One word a thing, and the field's word: what was called otherwise once does not come back into the package."""

import re
from pathlib import Path

import pytest

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
    for number, line in enumerate(path.read_text().splitlines(), 1):
        bare = re.sub("|".join(f"(?:{kept})" for kept in KEPT.values()), "", line)
        found += [f"{number}: {m.group()}: say {word}" for old, word in RETIRED.items() for m in re.finditer(old, bare)]
    assert not found

"""How the package is cut, in numbers: python benchmarks/structure.py [--at COMMIT] [--write]

Reads the sources and runs none of them. A *room* is a folder of the package, or a module that lies in the package
itself; each tab of the page, `ui/NAME/`, is a room too. An *arrow* goes from a room to one that it imports, imports
inside functions included. `--at` puts the numbers of a commit beside those of the working tree; `--write` puts the
table into docs/architecture.md.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parent.parent
PAGE = REPO / "docs" / "architecture.md"
BEGIN, END = "<!-- numbers: written by make docs -->", "<!-- end of numbers -->"


class Question(NamedTuple):
    """Where does `what` live? The names answer when the path contains `word`, where a newcomer looks for it.

    `paths`, within the package, are where it is and where it was before: the first that exists counts. `proof`, a
    pattern, is in the file, or in one of the folder: so this table cannot say what is no longer so.
    """

    what: str
    word: str
    paths: tuple[str, ...]
    proof: str


QUESTIONS = (
    Question("a new attack", "attack", ("attacks/catalogue.py", "attacks.py"), r"\bATTACKS\b"),
    Question("a slider's measure", "attributes", ("latent/attributes.py", "attributes.py"), r"def brightness"),
    Question("what a PNG says of itself", "spec", ("latent/spec.py", "latent.py"), r"class (SampleSpec|Look)"),
    Question("the training log", "training", ("training/run_log.py", "runs.py"), r"log\.jsonl"),
    Question("a palette", "palette", ("color/palettes.py", "colorize.py"), r"^PALETTES"),
    Question("a data set", "data", ("data/datasets.py", "data.py"), r"def load"),
    Question("the average's decay", "ema", ("training/ema.py", "training/trainer.py", "trainer.py"), r"def blend"),
    Question("a score", "metrics", ("evaluation/metrics.py", "metrics.py"), r"def frechet"),
    Question("the Hub's time limits", "limits", ("limits.py", "hub.py"), r"GRACE"),
    Question("a tab's widget", "ui", ("ui/sample/tab.py", "ui/sample.py"), r"gr\.Dropdown"),
    Question("an endpoint", "api", ("ui/api.py",), r"train_start"),
    Question("a security limit", "limits", ("limits.py", "ui/gate.py"), r"REQUEST|BODY|1_000_000"),
    Question("a doctor's remark", "doctor", ("training/doctor.py", "doctor.py"), r"def "),
    Question("the board's export", "board", ("latent/board.py", "board.py"), r"def contact_sheet"),
    Question("CUDA graphs", "graph", ("training/graphs.py", "training/trainer.py", "trainer.py"), r"CUDAGraph"),
)


class Tree:
    """The package's sources under `root`, parsed once."""

    def __init__(self, root: Path):
        self.package = root / "fashiongan"
        self.texts = {p: p.read_text(encoding="utf-8") for p in sorted(self.package.rglob("*.py"))}
        self.nodes = {p: list(ast.walk(ast.parse(text))) for p, text in self.texts.items()}
        names = {p: ".".join(p.relative_to(root).with_suffix("").parts) for p in self.texts}
        self.names = {p: name.removesuffix(".__init__") for p, name in names.items()}

    def room(self, name: str) -> str:
        """The room of a module: "gans" of fashiongan.gans.dcgan, "ui.train" of fashiongan.ui.train.tab."""
        parts = name.split(".")[1:]
        tab = parts[0] == "ui" and len(parts) > 1 and (self.package / "ui" / parts[1]).is_dir()
        return ".".join(parts[: 1 + tab])

    def imports(self, path: Path) -> set[str]:
        """The modules of the package that a file imports, at its head or inside a function."""
        modules, result = set(self.names.values()), set()
        package = self.names[path] if path.name == "__init__.py" else self.names[path].rpartition(".")[0]
        for node in self.nodes[path]:
            if isinstance(node, ast.Import):
                result |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
                module = ".".join(filter(None, [base if node.level else "", node.module]))
                for whole in (f"{module}.{alias.name}" for alias in node.names):
                    result |= {whole} if whole in modules else {module}
        return result & modules - {"fashiongan"}

    @cached_property
    def module_arrows(self) -> dict[str, set[str]]:
        """Which modules each module imports."""
        return {name: self.imports(path) - {name} for path, name in self.names.items()}

    def arrows(self) -> dict[str, set[str]]:
        """Which rooms each room imports."""
        result: dict[str, set[str]] = {}
        for name, others in self.module_arrows.items():
            if name not in ("fashiongan", "fashiongan.__main__"):
                result.setdefault(self.room(name), set()).update(self.room(other) for other in others)
        return {name: others - {name} for name, others in result.items()}

    def sizes(self, kind: type[ast.AST]) -> Iterator[tuple[int, str]]:
        """(lines, name) of modules, functions or classes."""
        for path, nodes in self.nodes.items():
            name = path.relative_to(self.package).as_posix()
            if kind is ast.Module:
                yield len(self.texts[path].splitlines()), name
            for node in nodes:
                if isinstance(node, kind) and isinstance(node, ast.FunctionDef | ast.ClassDef):
                    assert node.end_lineno is not None
                    yield node.end_lineno - node.lineno + 1, f"{name} {node.name}"

    def loose_signatures(self) -> list[str]:
        """Each `dict[str, Any]` of a function's arguments and of what it returns."""
        results = []
        for path, nodes in self.nodes.items():
            for node in nodes:
                if isinstance(node, ast.FunctionDef):
                    signature = ast.unparse(node.args) + (ast.unparse(node.returns) if node.returns else "")
                    place = f"{path.relative_to(self.package).as_posix()} {node.name}"
                    results += [place] * signature.count("dict[str, Any]")
        return results

    def script_lines(self) -> list[str]:
        return [line for p in sorted(self.package.rglob("*.js")) for line in p.read_text(encoding="utf-8").splitlines()]

    def place(self, question: Question) -> Path:
        """The place of the answer. Raises LookupError when the table is out of date."""
        there = [self.package / p for p in question.paths if (self.package / p).exists()]
        if not there or not re.search(question.proof, self.texts[there[0]], re.M):
            raise LookupError(f"{question.what} is no longer at {question.paths[0]}: correct QUESTIONS.")
        return there[0].relative_to(self.package)

    def answered(self) -> list[str]:
        """The answers that the names alone give."""
        return [q.what for q in QUESTIONS if q.word in self.place(q).as_posix()]


def in_circles(edges: dict[str, set[str]]) -> set[str]:
    """What imports itself by way of others."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(edges[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += edges.get(name, ())
        return seen

    return {name for name in edges if name in reach(name)}


def numbers(tree: Tree) -> dict[str, str]:
    """What is measured, and its value in words."""

    def longest(kind: type[ast.AST]) -> str:
        lines, name = max(tree.sizes(kind))
        return f"{lines} (`{name}`)"

    arrows, script = tree.arrows(), tree.script_lines()
    return {
        "rooms": str(len(arrows)),
        "import arrows between rooms": str(sum(map(len, arrows.values()))),
        "rooms in an import circle": str(len(in_circles(arrows))),
        "modules in an import circle": str(len(in_circles(tree.module_arrows))),
        "longest module, lines": longest(ast.Module),
        "longest function, lines": longest(ast.FunctionDef),
        "longest class, lines": longest(ast.ClassDef),
        "`dict[str, Any]` in signatures": str(len(tree.loose_signatures())),
        "`dict[str, Any]` anywhere": str(sum(text.count("dict[str, Any]") for text in tree.texts.values())),
        "lines of JS": f"{len(script):,}",
        "longest line of JS, characters": str(max(map(len, script))),
        '"where does X live?" answered by names': f"{len(tree.answered())} of {len(QUESTIONS)}",
    }


def at(commit: str) -> dict[str, str]:
    """The numbers of a commit of this repository."""
    packed = subprocess.run(
        ["git", "-C", REPO, "archive", commit, "fashiongan"], stdout=subprocess.PIPE, check=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        return numbers(Tree(Path(folder)))


def table(commit: str | None) -> str:
    now = numbers(Tree(REPO))
    columns = {"now": now} if commit is None else {f"commit {commit}": at(commit), "now": now}
    lines = [" | ".join(["| what", *columns]) + " |", "|---" * (1 + len(columns)) + "|"]
    lines += [" | ".join([f"| {what}", *(column[what] for column in columns.values())]) + " |" for what in now]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at", metavar="COMMIT", help="a commit whose numbers stand beside")
    parser.add_argument("--write", action="store_true", help="put the table into docs/architecture.md")
    arguments = parser.parse_args()
    try:
        made = table(arguments.at)
    except subprocess.CalledProcessError:
        print(f"git has no commit {arguments.at} here.", file=sys.stderr)
        return 2
    print(made)
    if arguments.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

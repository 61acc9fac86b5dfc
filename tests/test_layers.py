"""Imports point down, and nothing executes what a file says."""

import ast
from pathlib import Path

import pytest

import fashiongan

PACKAGE = Path(fashiongan.__file__).parent
CORE = sorted(p for p in PACKAGE.rglob("*.py") if "ui" not in p.relative_to(PACKAGE).parts)
NAMES = {p: ".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for p in CORE}


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree, into_functions):
    """Every node, or only what runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if into_functions or not (isinstance(node, ast.FunctionDef | ast.Lambda) or is_type_checking(node)):
            yield from nodes(node, into_functions)


def imports(path, into_functions=True):
    """Full names of all that a file imports: for `from a import b` both a and a.b."""
    package = NAMES.get(path, "fashiongan.ui.x")
    if path.name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in nodes(ast.parse(path.read_text()), into_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            module = ".".join(filter(None, [base if node.level else "", node.module or ""]))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(path, into_functions=True):
    """The modules of this package that a file imports, without the package itself."""
    known = set(NAMES.values()) | {"fashiongan.ui"}
    return {name for name in imports(path, into_functions) if name in known} - {"fashiongan"}


def module(name):
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py")


@pytest.mark.parametrize("path", CORE, ids=NAMES.get)
def test_only_the_page_imports_gradio(path):
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & {"gradio", "plotly", "gradio_client"}
    assert not {name for name in imports(path) if name.startswith("fashiongan.ui")}


@pytest.mark.parametrize("name", ["losses", "nets", "errors"])
def test_the_bottom_imports_nothing_of_ours(name):
    assert ours(module(name)) <= {"fashiongan.errors"}


def test_the_contract_knows_no_loop_and_no_file():
    above = {
        f"fashiongan.{name}" for name in ("trainer", "checkpoint", "runs", "data", "gans", "cli", "pictures", "atomic")
    }
    assert not ours(module("gan")) & above


@pytest.mark.parametrize(
    "path", [p for p in CORE if p.parent.name == "gans" and p.stem != "__init__"], ids=lambda p: p.stem
)
def test_a_paper_needs_only_the_contract(path):
    needed = {"losses", "nets", "gan", "recipe", "errors"} | ({"colour"} if path.stem == "colorizer" else set())
    assert ours(path) <= {f"fashiongan.{name}" for name in needed}


@pytest.mark.parametrize(
    "path", [p for p in CORE if p.parent.name == "gans" and p.stem != "__init__"], ids=lambda p: p.stem
)
def test_every_paper_file_is_in_the_catalogue(path):
    from fashiongan import gans

    assert f"fashiongan.gans.{path.stem}" in {cls.__module__ for cls in gans.GANS.values()}


def test_trainer_names_no_gan():
    from fashiongan import gans

    words = {
        node.value
        for node in ast.walk(ast.parse(module("trainer").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not words & (set(gans.GANS) - {"gan"}), "'gan' is also the name of what it trains"


def cycles(edges):
    """Modules that import themselves by way of others."""

    def reach(start):
        seen, todo = set(), list(edges[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += edges.get(name, ())
        return seen

    return {name for name in edges if name in reach(name)}


def test_no_cycles_when_importing():
    assert cycles({name: ours(path, into_functions=False) for path, name in NAMES.items()}) == set()


def test_the_only_cycle_at_all_is_gans_late_import_of_latent():
    late = {name: ours(path) for path, name in NAMES.items()}
    late["fashiongan.gan"] -= {"fashiongan.latent"}
    assert cycles(late) == set()


def calls(path):
    """Dotted names of all that is called or read in a file, with the functions they stand in."""

    def visit(node, inside):
        if isinstance(node, ast.FunctionDef):
            inside = node.name
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node), inside
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return set(visit(ast.parse(path.read_text()), ""))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_executes_a_file_or_reseeds_the_process(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "dill", "joblib", "marshal", "shelve"}
    names = {name for name, _ in calls(path)}
    assert not names & {
        "torch.load",
        "torch.save",
        "eval",
        "exec",
        "torch.seed",
        "np.random.seed",
        "random.seed",
    }
    seeders = {
        (path.relative_to(PACKAGE).as_posix(), inside) for name, inside in calls(path) if name == "torch.manual_seed"
    }
    assert seeders <= {("gans/__init__.py", "build"), ("classifiers.py", "build")}
    loads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load"
    ]
    assert all("allow_pickle=False" in [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords] for node in loads)

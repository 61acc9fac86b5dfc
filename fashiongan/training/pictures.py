"""What a run keeps of its pictures, in data.json: a digest, so that it is sure to go on with the same ones."""

import dataclasses
import json
from pathlib import Path

from .. import files
from ..data import datasets, tree
from ..data.datasets import Dataset
from ..errors import StudioError
from ..gans.recipe import Recipe
from ..plain import text

FILE = "data.json"


def keep(out: Path, data: Dataset) -> None:
    """Write the digest of a new run's pictures."""
    files.write(out / FILE, json.dumps({"digest": data.digest, "pictures": len(data)}).encode())


def kept(out: Path) -> str:
    """The digest of a run's pictures; "" for a run from before data.json, or if the file is damaged."""
    try:
        content = json.loads((out / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        content = None
    return text(content.get("digest")) or "" if isinstance(content, dict) else ""


def again(
    out: Path, recipe: Recipe, root: str | None, loaded: Dataset | None, moved: str | None
) -> tuple[Recipe, Dataset]:
    """The recipe and the pictures of a run that goes on, from where they were, or from `moved`.

    Raises StudioError if they are not there, or if those in `moved` are not the same. Pictures that have changed at
    their old place are used, with a remark.
    """
    before = kept(out)
    if moved is not None and not before:
        raise StudioError(
            f"The run in {out} has kept no digest of its pictures, so that others cannot be compared with them: put "
            f"them back to {recipe.data}."
        )
    if moved is None and loaded is None and gone(recipe.data):
        raise StudioError(
            f"The pictures of this run are not in {recipe.data} any more: say where they are now, with --data or in "
            "the page's field Data."
        )
    recipe = recipe.replace(data=moved) if moved is not None else recipe
    whole = loaded or datasets.load(recipe.data, size=recipe.size, root=root, fit=recipe.fit)
    same = not before or before == whole.digest
    if moved is not None and not same:
        raise StudioError(
            f"The pictures in {moved} are not those that the run in {out} is trained on: name their new place, or "
            "start a new run."
        )
    recipe, data = datasets.prepare(recipe, root, whole)
    if not same:
        note = f"The pictures in {whole.source} have changed since the run began: it goes on with those of now."
        data = dataclasses.replace(data, notes=(*data.notes, note))
    return recipe, data


def gone(data: str) -> bool:
    """Whether data are named by a path where nothing is any more."""
    path = Path(data)
    named = data == datasets.FASHION_MNIST or data in datasets.LOCAL_ONLY
    return not (named or path.exists() or any(p.is_file() or tree.is_unpacked(p) for p in path.parents))

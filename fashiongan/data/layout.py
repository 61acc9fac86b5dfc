"""How a folder of pictures is meant: which of its folders are classes, and which lie around them or beside.

- A folder that holds nothing but one folder is stepped into.
- A data set that is split (train, test, validation) is read from its training pictures.
- A table labels.csv beside the pictures names their classes; otherwise folders do.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from ..errors import StudioError
from . import labels_table, tree
from .class_names import natural
from .survey import plural, skipped_files
from .tree import Tree

TRAINING = {"train", "training", "trainset", "train_set", "training_set"}
SPLITS = TRAINING | {
    *("test", "testing", "testset", "test_set", "val", "valid", "validate", "validation", "val_set", "validation_set"),
    *("dev", "eval", "evaluation", "holdout"),
}
MASKS = "masks"  # a folder beside that of the pictures, with PNG files of the same names: white where the garment is
PICTURES = {
    "images",
    "image",
    "imgs",
    "img",
    "pictures",
    "photos",
    "jpg",
    "png",
}  # what that beside masks may be called
NO_CLASS = "in no class's folder"


class Source(NamedTuple):
    """Pictures that can be opened one by one."""

    place: Path
    names: list[str]  # of the classes
    files: list[tuple[str, int]]  # what each picture is called, and its class
    skipped: list[tuple[str, str]]  # name of each skipped file, and why
    opened: Callable[[str], Path | BinaryIO]  # by its name
    stamp: str  # changes when any of them does
    notes: tuple[str, ...] = ()  # sentences on how the folder was understood


class Root(NamedTuple):
    """The folder in which the classes lie."""

    prefix: str  # what the names of all its files begin with: "" or "archive/train/"
    title: str  # of the class if it has no folders
    left_out: tuple[str, ...] = ()  # prefixes of folders with pictures for tests
    notes: tuple[str, ...] = ()


def listing(path: Path, shown: str = "", none: str = "There are no pictures") -> Source:
    """The pictures of a folder, an unpacked ZIP file, or a folder in one, with their classes.

    `shown`: what sentences call the place, by default its path. Raises StudioError, which begins with `none`, if there
    are no pictures.
    """
    files, shown = tree.of(path), shown or str(path)
    root = find_root(shown, files)
    inside = [name for name in files.pictures if name.startswith(root.prefix)]
    beside = [name for name in files.pictures if not name.startswith((root.prefix, *root.left_out))]
    skipped = [*files.skipped, *((name, NO_CLASS) for name in beside)]
    table, above = table_at(files, root.prefix), ""
    if table is None and table_beside(path, files):
        table, above = path.parent / labels_table.NAME, path.name
    unused = [(name, "not beside the pictures") for name, file in files.tables.items() if file != table]
    notes = list(root.notes)
    if table is not None:
        classes, missing = by_table(
            labels_table.read(table, above), inside, root.prefix, {name for name, _ in files.skipped}
        )
        notes.append("Classes are those of labels.csv.")
    else:
        classes, missing, more = by_folder(shown, inside, root)
        notes += more
    if not classes:
        where = "the sub-folders of " if files.folders else ""
        every = [*skipped, *missing]
        why = f" {skipped_files(every)}" if every else ""
        raise StudioError(f"{none} in {where}{shown}.{why}")
    names = sorted(set(classes.values()), key=natural)
    numbers = {name: i for i, name in enumerate(names)}
    listed = sorted(((file, numbers[name]) for file, name in classes.items()), key=lambda f: (f[1], walk_order(f[0])))
    skipped += [*unused, *missing]
    used = [files.pictures[name] for name, _ in listed] + ([table] if table else [])
    mark = stamp(used, (*(f"{name} {label}" for name, label in listed), *names, *(map(str, skipped))))
    place = files.place / root.prefix
    return Source(place, names, listed, skipped, files.pictures.__getitem__, mark, tuple(notes))


def walk_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts the files of a folder before those of its sub-folders."""
    *folders, file = name.split("/")
    return [*((1, folder) for folder in folders), (0, file)]


def find_root(shown: str, files: Tree) -> Root:
    """Step down from the top while there is a single folder and no picture, and into the training part of a split."""
    root = Root("", files.title)
    while table_at(files, root.prefix) is None:
        folders, loose = contents(files.pictures, root.prefix)
        training = [name for name in folders if name.casefold() in TRAINING]
        if (
            len(folders) > 1
            and MASKS in folders
            and all(name.casefold() in SPLITS | PICTURES | {MASKS} for name in folders)
        ):
            root = root._replace(left_out=(*root.left_out, f"{root.prefix}{MASKS}/"))
            del folders[MASKS]
        if len(folders) > 1 and training and all(name.casefold() in SPLITS for name in folders):
            others = {name: count for name, count in folders.items() if name != training[0]}
            left_out = (*root.left_out, *(f"{root.prefix}{name}/" for name in others))
            note = split_note(training[0], others, f"{shown}/{root.prefix}{next(iter(others))}")
            root = Root(f"{root.prefix}{training[0]}/", root.title, left_out, (*root.notes, note))
        elif len(folders) == 1 and not loose:
            (name,) = folders
            title = root.title if name.casefold() in SPLITS else name
            root = Root(f"{root.prefix}{name}/", title, root.left_out, root.notes)
        else:
            break
    return root


def contents(names: Iterable[str], prefix: str) -> tuple[Counter[str], list[str]]:
    """The folders at a prefix with the number of pictures below each, and the pictures at the prefix itself."""
    folders: Counter[str] = Counter()
    loose = []
    for name in names:
        if name.startswith(prefix):
            first, below, _ = name.removeprefix(prefix).partition("/")
            if below:
                folders[first] += 1
            else:
                loose.append(name)
    return folders, loose


def split_note(training: str, others: dict[str, int], place: str) -> str:
    """What was left out of a data set that is split, and how to take it."""
    parts = ", ".join(f"{name} ({plural(count, 'picture')})" for name, count in sorted(others.items()))
    return f"Only {training} is read. Left out: {parts}; to take one of them, name its folder, such as {place}."


def by_folder(shown: str, inside: list[str], root: Root) -> tuple[dict[str, str], list[tuple[str, str]], list[str]]:
    """The class of each picture by its folder, the pictures that lie in none, and notes."""
    folders, loose = contents(inside, root.prefix)
    if not folders:
        return dict.fromkeys(loose, root.title), [], []
    classes = {name: name.removeprefix(root.prefix).partition("/")[0] for name in inside if name not in set(loose)}
    notes = []
    parts = {name: name.removeprefix(root.prefix).split("/")[1] for name in classes}
    with_training = {classes[name] for name, part in parts.items() if part.casefold() in TRAINING}
    if with_training == set(folders) and all(
        part.casefold() in SPLITS and name.count("/") > root.prefix.count("/") + 1 for name, part in parts.items()
    ):  # hats/train/1.png: the split is within each class
        others = Counter(part for part in parts.values() if part.casefold() not in TRAINING)
        if others:
            first = next(name for name, part in parts.items() if part in others)
            notes.append(split_note("train", others, f"{shown}/{PurePosixPath(first).parent}"))
        classes = {name: kind for name, kind in classes.items() if parts[name].casefold() in TRAINING}
    return classes, [(name, NO_CLASS) for name in loose], notes


def by_table(
    rows: dict[str, str], inside: list[str], prefix: str, skipped: set[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The class of each picture by the rows of a table, and the pictures and rows that have no partner."""
    pictures = labels_table.Pictures(name.removeprefix(prefix) for name in inside)
    classes, missing = {}, []
    for row, kind in rows.items():
        name = pictures.find(row)
        if name is not None:
            classes[prefix + name] = kind
        elif prefix + row not in skipped:
            missing.append((row, f"named in {labels_table.NAME}, but not there"))
    missing += [(name, f"not in {labels_table.NAME}") for name in inside if name not in classes]
    return classes, missing


def table_at(files: Tree, prefix: str) -> Path | None:
    """The table in a folder."""
    return next(
        (file for name, file in files.tables.items() if name.lower() == f"{prefix.lower()}{labels_table.NAME}"), None
    )


def table_beside(path: Path, files: Tree) -> bool:
    """Whether a table lies beside a flat folder, and names one of its pictures."""
    table = path.parent / labels_table.NAME
    if files.folders or files.tables or tree.is_unpacked(path) or not table.is_file():
        return False
    pictures = labels_table.Pictures(files.pictures)
    return any(pictures.find(row) for row in labels_table.read(table, path.name))


def stamp(files: Iterable[Path], more: Iterable[str]) -> str:
    """A hash of the sizes and modification times of files, and of some text."""
    key = hashlib.sha256()
    for file in files:
        about = file.stat() if file.exists() else None
        key.update(f"{about and (about.st_size, about.st_mtime_ns)}\0".encode())
    for text in more:
        key.update(f"{text}\0".encode(errors="surrogateescape"))
    return key.hexdigest()

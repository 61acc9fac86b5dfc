"""The files of a data set by their names: in a folder, in a ZIP file, or in a folder of either.

Files that the operating system leaves behind (hidden ones, __MACOSX, Thumbs.db) are passed over. Every other file is
either a picture or a table that belongs to a data set, or it is listed with the reason why it is not used.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .. import files
from . import kinds, labels_table

OUTSIDE = "a link out of the folder"
INSIDE = "a link to a folder that is read already"
SYSTEM = {"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"}  # names in small letters
NAMES = ".names.json"  # in a folder that a ZIP file was unpacked into: what its numbered files are called


@dataclass
class Tree:
    """The files below one place. Names are relative to it, with / between folders."""

    place: Path
    title: str  # what a class is called that has no folder
    pictures: dict[str, Path] = field(default_factory=dict)  # name -> where its bytes lie
    tables: dict[str, Path] = field(default_factory=dict)  # files called labels.csv
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name and why
    folders: bool = False  # whether there are any, with or without pictures

    def add(self, name: str, file: Path) -> None:
        """Sort a file in by its name and its first bytes."""
        if not file.is_file():  # opening a pipe would wait for ever
            self.skipped.append((name, "a link to nothing" if file.is_symlink() else "not a file"))
            return
        if PurePosixPath(name).name.lower() == labels_table.NAME:
            self.tables[name] = file
            return
        why = refusal(name, kinds.beginning(file))
        if why is None:
            self.pictures[name] = file
        else:
            self.skipped.append((name, why))


def refusal(name: str, begin: bytes) -> str | None:
    """Why a file is not used; None for a picture by its first bytes, or by its name if it turns out damaged."""
    if kinds.may_be_picture(begin):
        return None
    why = kinds.reason(begin)
    return None if why == kinds.NO_PICTURE and PurePosixPath(name).suffix.lower() in kinds.endings() else why


def passed_over(part: str) -> bool:
    """Whether a file or folder of this name belongs to the operating system."""
    return part.startswith(".") or part.lower() in SYSTEM


def of(path: Path) -> Tree:
    """The files of a folder, of an unpacked ZIP file, or of a folder in one (which needs not exist on the disk)."""
    for base in (path, *path.parents):
        if is_unpacked(base):
            return unpacked(base, path.relative_to(base).as_posix())
    return walked(path)


def is_unpacked(path: Path) -> bool:
    """Whether this program unpacked a ZIP file there: the list of names in it is then its own."""
    return path.parent.resolve() == (files.home() / "unpacked").resolve() and (path / NAMES).is_file()


def unpacked(base: Path, below: str) -> Tree:
    """The files of an unpacked ZIP file whose names begin with the folder `below`; "." for all."""
    listed = json.loads((base / NAMES).read_text(encoding="utf-8"))
    prefix = "" if below == "." else f"{below}/"
    tree = Tree(base / below, prefix.rstrip("/").rpartition("/")[2] or listed["title"])
    tree.skipped = [(n.removeprefix(prefix), why) for n, why in listed["skipped"] if n.startswith(prefix)]
    for name, number in listed["files"].items():
        if name.startswith(prefix):
            own = name.removeprefix(prefix)
            table = PurePosixPath(own).name.lower() == labels_table.NAME
            (tree.tables if table else tree.pictures)[own] = base / number
            tree.folders = tree.folders or "/" in own
    return tree


def walked(path: Path) -> Tree:
    """The files of a folder and its sub-folders. No link is followed out of it."""
    whole = path.resolve()
    tree = Tree(path, whole.name)
    for name, file in files_below(path, whole, tree):
        if file.is_symlink() and not file.resolve().is_relative_to(whole):
            tree.skipped.append((name, OUTSIDE))
        else:
            tree.add(name, file)
    return tree


def files_below(path: Path, whole: Path, tree: Tree) -> Iterator[tuple[str, Path]]:
    """(name, file) of each file. Links among folders are followed only from the top, and only within the whole."""
    for folder, below, here in os.walk(path, followlinks=True):
        at = Path(folder)
        kept = []
        for name in sorted(below):
            link = at / name
            if passed_over(name):
                continue
            tree.folders = True
            if not link.is_symlink():
                kept.append(name)
            elif not link.resolve().is_relative_to(whole):
                tree.skipped.append((link.relative_to(path).as_posix(), OUTSIDE))
            elif at == path and not whole.is_relative_to(link.resolve()):
                kept.append(name)
            else:
                tree.skipped.append((link.relative_to(path).as_posix(), INSIDE))
        below[:] = kept
        for name in sorted(here):
            if not passed_over(name):
                yield (at / name).relative_to(path).as_posix(), at / name

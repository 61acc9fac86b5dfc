"""The table labels.csv: the class of each picture of a flat folder."""

import csv
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .. import limits
from ..errors import StudioError

FILES = ("file", "filename", "file_name", "image", "path")  # what the column of files may be called
CLASSES = ("class", "label", "category")
NAME = "labels.csv"
COLUMNS = "it takes a first line such as file,class"


def read(table: Path, folder: str = "") -> dict[str, str]:
    """The class of each file that a table names. `folder`: what its names may begin with and then lose.

    Commas, semicolons or tabs stand between columns. Raises StudioError if there are no such columns.
    """
    try:
        if table.stat().st_size > limits.TABLE_BYTES:
            raise StudioError(f"{NAME} is too large: at most {limits.TABLE_BYTES // 10**6} MB are read.")
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise StudioError(f"{NAME} cannot be read: save it again as CSV in UTF-8.") from e
    first = text.partition("\n")[0]
    between = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=between))
    except csv.Error as e:
        raise StudioError(f"{NAME} is damaged: {COLUMNS}.") from e
    heads = [head.strip().casefold() for head in rows[0]] if rows else []
    file = next((heads.index(name) for name in FILES if name in heads), None)
    kind = next((heads.index(name) for name in CLASSES if name in heads), None)
    if file is None or kind is None:
        raise StudioError(f"{NAME} has no columns file and class: {COLUMNS}.")
    classes = {}
    for row in rows[1:]:
        if len(row) > max(file, kind) and row[file].strip() and row[kind].strip():
            name = PurePosixPath(row[file].strip().replace("\\", "/")).as_posix()
            classes[name.removeprefix(f"{folder}/") if folder else name] = row[kind].strip()
    return classes


class Pictures:
    """Finds pictures by what a table calls them: their path, or their file's name with or without its end."""

    def __init__(self, names: Iterable[str]):
        self.names = set(names)
        self.short: dict[str, str | None] = {}  # None: several are called so
        for name in self.names:
            path = PurePosixPath(name)
            for key in {path.name, path.stem}:
                self.short[key] = None if key in self.short else name

    def find(self, row: str) -> str | None:
        return row if row in self.names else self.short.get(row)

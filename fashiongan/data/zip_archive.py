"""A ZIP file of pictures, unpacked into the cache. Nothing in the file is trusted: neither its names nor its sizes."""

import hashlib
import json
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from .. import files, limits
from ..errors import StudioError
from . import kinds, labels_table, tree
from .survey import plural, skipped_files

DRIVE = re.compile("[A-Za-z]:")
LEADS_OUT = "its name leads out of the archive"
LINK = "a link"
TWICE = "a second file of this name"


def unpacked(path: Path) -> Path:
    """The folder with a ZIP file's pictures. It is unpacked once; the folder's name holds a hash of the file.

    Pictures get numbers for names, so that any name in the ZIP will do; `tree.of` reads what they are called. Raises
    StudioError if the file is no ZIP, is encrypted or damaged, or holds no pictures or too much.
    """
    home = files.home() / "unpacked"
    place = home / f"{slug(path.stem)}-{digest(path)[:16]}-n"
    if not place.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix="part-", dir=home))
        try:
            unpack(path, part)
            part.rename(place)
        except OSError as e:
            if not place.is_dir():  # else another has just unpacked the same
                raise StudioError(files.explain(place, e)) from e
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return place


def within(path: Path) -> Path | None:
    """The unpacked folder that a path such as garments.zip, or garments.zip/train, means; None if no ZIP is named."""
    with suppress(OSError, ValueError):  # a path that no file system has
        for file in (path, *path.parents):
            if file.is_file():
                return unpacked(file) / path.relative_to(file)
    return None


def slug(stem: str) -> str:
    """A name that any file system accepts: the last 40 characters, since a file's name may be long."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in stem)[-40:] or "pictures"


def digest(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def unpack(path: Path, place: Path) -> None:
    """Every picture of a ZIP file into a folder, and a list of what they are called."""
    try:
        with zipfile.ZipFile(path) as zipped:
            chosen, skipped = choose(zipped)
            check(path, [member for member, _ in chosen], skipped)
            left = limits.ZIP_BYTES
            numbers: dict[str, str] = {}
            for number, (member, name) in enumerate(chosen, 1):
                with zipped.open(member) as source:
                    content = source.read(min(limits.ZIP_PICTURE_BYTES, left) + 1)  # never trust the size in its header
                left -= len(content)
                if len(content) > limits.ZIP_PICTURE_BYTES or left < 0:
                    raise StudioError(too_much(path.name))
                numbers[name] = f"{number:06d}"
                (place / numbers[name]).write_bytes(content)
        listed = {"title": path.stem, "files": numbers, "skipped": skipped}
        (place / tree.NAMES).write_text(json.dumps(listed), encoding="utf-8")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as e:
        raise StudioError(f"{path.name} is no ZIP file that can be read: pack it again.") from e
    except RuntimeError as e:  # zipfile's error for encryption; NotImplementedError is a subclass, caught above
        raise StudioError(f"{path.name} is encrypted: pack it again without a password.") from e


def choose(zipped: zipfile.ZipFile) -> tuple[list[tuple[zipfile.ZipInfo, str]], list[tuple[str, str]]]:
    """The members that are to be unpacked, with their names; and the names of the others, and why not."""
    chosen: dict[str, zipfile.ZipInfo] = {}
    skipped = []
    for member in zipped.infolist():
        name = PurePosixPath(spelled(member).replace("\\", "/"))
        if member.is_dir() or not name.parts or any(tree.passed_over(p) for p in name.parts if p != ".."):
            continue
        if str(name) in chosen:
            why: str | None = TWICE
        elif name.is_absolute() or ".." in name.parts or DRIVE.fullmatch(name.parts[0]):
            why = LEADS_OUT
        elif stat.S_ISLNK(member.external_attr >> 16):
            why = LINK
        elif name.name.lower() == labels_table.NAME:
            why = None
        else:
            with zipped.open(member) as source:
                why = tree.refusal(str(name), source.read(kinds.HEAD))
        if why is None:
            chosen[str(name)] = member
        else:
            skipped.append((str(name), why))
    return [(member, name) for name, member in chosen.items()], skipped


def spelled(member: zipfile.ZipInfo) -> str:
    """A member's name: many programs write UTF-8 without saying so, which is then read as that of an old PC."""
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def check(path: Path, members: list[zipfile.ZipInfo], skipped: list[tuple[str, str]]) -> None:
    """Refuse at once a ZIP whose own headers already exceed the limits."""
    if not members:
        why = f" {skipped_files(skipped)}" if skipped else ""
        raise StudioError(
            f"There are no pictures in {path.name}: put those of each class into a folder of its own.{why}"
        )
    if len(members) > limits.ZIP_PICTURES:
        raise StudioError(
            f"There are {plural(len(members), 'picture')} in {path.name}: at most {limits.ZIP_PICTURES:,} can be taken."
        )
    sizes = [m.file_size for m in members]
    if sum(sizes) > limits.ZIP_BYTES or max(sizes) > limits.ZIP_PICTURE_BYTES:
        raise StudioError(too_much(path.name))


def too_much(name: str) -> str:
    whole, each = limits.ZIP_BYTES // 10**9, limits.ZIP_PICTURE_BYTES // 10**6
    return f"{name} is too much unpacked: at most {whole} GB in all, and {each} MB a picture."

"""A ZIP file of pictures, unpacked into the cache. Nothing in the file is trusted: neither its names nor its sizes."""

import hashlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from .. import files, limits
from ..errors import StudioError
from .folder import KINDS, plural


def unpacked(path: Path) -> Path:
    """The folder with a ZIP file's pictures. It is unpacked once; the folder's name holds a hash of the file.

    Only pictures are unpacked, each within that folder. If one folder of the ZIP holds everything, that is returned.
    Raises StudioError if the file is no ZIP, is encrypted or damaged, or holds no pictures or too much.
    """
    home = files.home() / "unpacked"
    place = home / f"{slug(path.stem)}-{digest(path)[:16]}"
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
    inside = list(place.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and has_folders(inside[0]) else place


def slug(stem: str) -> str:
    """A name that any file system accepts: the last 40 characters, since a file's name may be long."""
    return "".join(c if c.isalnum() else "-" for c in stem)[-40:] or "pictures"


def has_folders(path: Path) -> bool:
    return any(p.is_dir() for p in path.iterdir())


def digest(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def unpack(path: Path, place: Path) -> None:
    """Every picture of a ZIP file into a folder."""
    try:
        with zipfile.ZipFile(path) as zipped:
            chosen = [(m, name) for m in zipped.infolist() if (name := within(m)) is not None]
            check(path, chosen)
            left = limits.ZIP_BYTES
            for member, name in chosen:
                with zipped.open(member) as source:
                    content = source.read(min(limits.ZIP_PICTURE_BYTES, left) + 1)  # never trust the size in its header
                left -= len(content)
                if len(content) > limits.ZIP_PICTURE_BYTES or left < 0:
                    raise StudioError(too_much(path.name))
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(content)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as e:
        raise StudioError(f"{path.name} is no ZIP file that can be read: pack it again.") from e
    except RuntimeError as e:  # zipfile's error for encryption; NotImplementedError is a subclass, caught above
        raise StudioError(f"{path.name} is encrypted: pack it again without a password.") from e


def within(member: zipfile.ZipInfo) -> str | None:
    """A member's path in the folder; None if it is no picture, or would lie outside of the folder."""
    name = PurePosixPath(member.filename.replace("\\", "/"))
    linked = stat.S_ISLNK(member.external_attr >> 16)
    if member.is_dir() or linked or name.suffix.lower() not in KINDS:
        return None
    if name.is_absolute() or any(p in ("..", "__MACOSX") or p.startswith(".") or ":" in p for p in name.parts):
        return None
    return str(name)


def check(path: Path, chosen: list[tuple[zipfile.ZipInfo, str]]) -> None:
    """Refuse at once a ZIP whose own headers already exceed the limits."""
    if not chosen:
        raise StudioError(f"There are no pictures in {path.name}: put those of each class into a folder of its own.")
    if len(chosen) > limits.ZIP_PICTURES:
        raise StudioError(
            f"There are {plural(len(chosen), 'picture')} in {path.name}: at most {limits.ZIP_PICTURES:,} can be taken."
        )
    if (
        sum(m.file_size for m, _ in chosen) > limits.ZIP_BYTES
        or max(m.file_size for m, _ in chosen) > limits.ZIP_PICTURE_BYTES
    ):
        raise StudioError(too_much(path.name))


def too_much(name: str) -> str:
    whole, each = limits.ZIP_BYTES // 10**9, limits.ZIP_PICTURE_BYTES // 10**6
    return f"{name} is too much unpacked: at most {whole} GB in all, and {each} MB a picture."

"""Atomic file writes, the studio's cache folder, and what a file of another program is."""

import codecs
import errno
import os
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

from .errors import StudioError


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `path` atomically: write a .part file beside it, then rename it. The folder is made if it is missing.

    Readers see the old file or the new one, never half of one. With `durable`, the call waits until data is on disk,
    so that the file survives a power cut; only one writer at a time is allowed. Without it, several writers may write
    the same path at once.

    Raises StudioError if the folder cannot be written or the disk is full; the old file is then unchanged.
    """
    mark = "" if durable else f".{os.getpid()}-{threading.get_ident()}"
    part = path.with_name(f"{path.name}{mark}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as f:
            f.write(data)
            f.flush()
            if durable:
                os.fsync(f.fileno())
        part.replace(path)
    except OSError as e:
        with suppress(OSError):  # this may fail for the same reason; the first error is the one to report
            part.unlink(missing_ok=True)
        raise StudioError(explain(path, e)) from e


def check(path: Path) -> None:
    """Raise StudioError if `path` cannot be written. Call it before an hour's work, not after."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        part.unlink()
    except OSError as e:
        raise StudioError(explain(path, e)) from e


def explain(path: Path, e: OSError) -> str:
    """A sentence that says why a file could not be written, and what to do."""
    if e.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space is left to save {path.name}: free some in {path.parent}; what was saved before is unharmed."
    return f"{path} cannot be written ({e.strerror or e}): choose a folder you may write to."


def home() -> Path:
    """The studio's folder in the user's cache: XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fashiongan"


IMPORT = "`python -m fashiongan import FILE --gan dcgan` takes the weights of a DCGAN's generator from it"
RUNS_CODE = f"can run any code when it is opened, so it is not opened here; {IMPORT}"
GET_AGAIN = "download the file itself"
# The first bytes of a file, what it then is, and why it is not opened or what to do.
BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", f"is a pointer of Git LFS and not the file: run `git lfs pull`, or {GET_AGAIN}"),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", f"is an old PyTorch file, a pickle, which {RUNS_CODE}"),
    *((bytes([0x80, n]), f"is a Python pickle, which {RUNS_CODE}, if PyTorch wrote it") for n in range(2, 6)),
    (
        b"\x89HDF\r\n\x1a\n",
        "is an HDF5 file, as Keras writes them, and its nets are not those of the studio: train anew",
    ),
    (b"model_checkpoint_path:", "is the index of a TensorFlow checkpoint, whose nets are not the studio's: train anew"),
    (b"GGUF", "is a GGUF file, a language model, and holds no GAN of the studio"),
    (b"\x93NUMPY", "is a NumPy array and holds no net: give the checkpoint that train.py wrote"),
    (b"\x89PNG", "is a picture and no checkpoint: give the .safetensors file that train.py wrote"),
    (b"\xff\xd8\xff", "is a picture and no checkpoint: give the .safetensors file that train.py wrote"),
    (b"GIF8", "is a picture and no checkpoint: give the .safetensors file that train.py wrote"),
    *(
        (magic, "is an archive: unpack it and give the file inside")
        for magic in (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ")
    ),
)


def identify(path: Path) -> str:
    """What a file is that is no checkpoint, by its content, with a remedy, to stand behind its name; "" if unknown."""
    try:
        with path.open("rb") as file:
            head, size = file.read(512), path.stat().st_size
    except OSError:
        return ""
    if len(head) > 3 and not any(head[3:8]):
        return ""  # safetensors, which begins with a length of eight bytes
    if head.startswith(b"PK\x03\x04"):
        return identify_zip(path)
    begun = [meaning for magic, meaning in BEGINNINGS if head.startswith(magic)]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        meaning = "is damaged: it is empty, so fetch it again"
    elif begun:
        meaning = begun[0]
    elif start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        meaning = f"is a web page, perhaps one that asks for a password: {GET_AGAIN}"
    elif head[0] == 8 and head[1:2] < b"\x20" and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x2a", b"\x3a", b"\x42"):
        meaning = "is an ONNX model, which draws and cannot be trained on: give the checkpoint that it was made from"
    elif size >= 512 and head[257:262] == b"ustar":
        meaning = "is an archive: unpack it and give the file inside"
    elif is_text(head):
        meaning = "is a text file and no checkpoint: give the .safetensors file that train.py wrote"
    else:
        return ""
    return f"{meaning}."


def identify_zip(path: Path) -> str:
    """As `identify`, of a file that begins like a ZIP archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "is a PyTorch file or another ZIP archive, and damaged or cut short: fetch it again."
    ends = {name.rsplit("/", 1)[-1] for name in names}
    if "constants.pkl" in ends:
        return "is a TorchScript program, which is code: save the generator's state_dict() instead and import that."
    if "data.pkl" in ends:
        return f"is a PyTorch file, a pickle, which {RUNS_CODE}."
    if "model.weights.h5" in ends:
        return "is a Keras model, and its nets are not those of the studio: train anew."
    if any(name.endswith(".npy") for name in names):
        return "holds NumPy arrays and no net: give the checkpoint that train.py wrote."
    return "is a ZIP archive: unpack it and give the checkpoint inside, or train on its pictures with --data."


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a text."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last letter may be cut
    except UnicodeDecodeError:
        return False
    return len(text) >= 4 and all(c.isprintable() or c in "\t\r\n" for c in text)

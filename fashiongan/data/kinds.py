"""What a file is, by its first bytes: a picture that Pillow may open, whatever its name ends in, or why it is none."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image

HEAD = 32  # bytes that are enough to tell
# Drawings and films, for which Pillow starts another program or has no decoder; and DIB, whose first bytes are common.
UNUSED = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "DIB"}
HEIC = "HEIC: install pillow-heif (pip install pillow-heif), or save it as JPEG"
NO_PICTURE = "not a picture"
UNREADABLE = "not a picture that can be read"
# Brands of the container that phones and cameras write, after the four letters "ftyp".
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), "AVIF, which this Pillow does not open: update it, or save it as JPEG"),
}
OTHERS = {
    b"%!PS": "a drawing in EPS: save it as PNG",
    b"%PDF": "a PDF: save its pictures as PNG",
    b"\xff\x0a": "JPEG XL: save it as JPEG",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL: save it as JPEG",
    b"\0\0\x08\x03": "an array such as Fashion-MNIST's: put it into a folder and name that",
    b"PK\x03\x04": "an archive within: unpack it",
}


@cache
def formats() -> tuple[str, ...]:
    """The formats of pictures in a data set: all that Pillow reads by itself, and HEIC where pillow-heif is."""
    Image.init()
    with suppress(ImportError):
        import pillow_heif  # type: ignore[import-not-found]

        pillow_heif.register_heif_opener()
    return tuple(name for name in Image.OPEN if name not in UNUSED)


@cache
def endings() -> frozenset[str]:
    """The ends of file names, such as ".png", that promise one of these formats."""
    return frozenset(end for end, name in Image.registered_extensions().items() if name in formats())


def beginning(file: Path | BinaryIO) -> bytes:
    """The first bytes of a file; none of one that cannot be opened."""
    if not isinstance(file, Path):
        file.seek(0)
        return file.read(HEAD)
    try:
        with file.open("rb") as f:
            return f.read(HEAD)
    except OSError:
        return b""


def may_be_picture(head: bytes) -> bool:
    """Whether a file that begins with these bytes (32 or more) may be a picture that Pillow opens."""
    padded = head.ljust(HEAD, b"\0")
    tests = (Image.OPEN[name][1] for name in formats())
    return any(test is not None and test(padded) is True for test in tests)


def reason(head: bytes, otherwise: str = NO_PICTURE) -> str:
    """Why a file that begins with these bytes is not used, and for pictures of other kinds what to do."""
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], otherwise)
    return next((why for begin, why in OTHERS.items() if head.startswith(begin)), otherwise)

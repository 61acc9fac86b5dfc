"""CelebA and LSUN, if the user has them: large data sets in color, without garments.

CelebA (Liu et al. 2015, https://arxiv.org/abs/1411.7766) is read as torchvision lays it out and checks it: its training
split, as one class. LSUN (Yu et al. 2015, https://arxiv.org/abs/1506.03365) is read as its authors publish it: one LMDB
for each category, and each category is a class. torchvision's LSUN reader stores a pickle beside the data and loads it
later. This package never loads a pickle, so it reads the LMDB with the lmdb package.
"""

import io
from pathlib import Path
from typing import BinaryIO

from ..errors import StudioError
from .images import vision
from .layout import Source

TRAINING = "_train_lmdb"  # the end of a category's folder name


def find(name: str, root: str | Path | None) -> Source:
    """The pictures of "celeba" or "lsun" in the folder `root`; StudioError where they are not."""
    if root is None:
        raise StudioError(f"Say where {name} lies, with --data-root or FASHIONGAN_DATA: it is not downloaded.")
    return celeba(Path(root)) if name == "celeba" else lsun(Path(root))


def celeba(root: Path) -> Source:
    """The training split of root/celeba: img_align_celeba/ with its five lists beside."""
    CelebA = vision("datasets").CelebA
    try:
        files = [(name, 0) for name in CelebA(str(root), split="train").filename]
    except (RuntimeError, OSError, ValueError, IndexError) as e:
        raise StudioError(
            f"CelebA is not whole in {root / 'celeba'}: it takes img_align_celeba/, list_attr_celeba.txt, "
            "identity_CelebA.txt, list_bbox_celeba.txt, list_landmarks_align_celeba.txt and list_eval_partition.txt."
        ) from e
    place = root / "celeba" / "img_align_celeba"
    # torchvision has just checked the lists by their hashes, so the ages of 160,000 pictures are not read.
    return Source(place, ["face"], files, [], place.joinpath, f"celeba {len(files)} {place.stat().st_mtime_ns}")


def lsun(root: Path) -> Source:
    """Every category_train_lmdb in a folder, as a class."""
    folders = sorted(root.glob(f"*{TRAINING}"))
    if not folders:
        raise StudioError(f"There is no LSUN in {root}: it takes a folder such as bedroom{TRAINING} for each category.")
    try:
        import lmdb
    except ImportError as e:
        raise StudioError("LSUN needs one more package: pip install lmdb.") from e

    files: list[tuple[str, int]] = []
    stores = {}
    stamp = "lsun"
    for label, folder in enumerate(folders):
        try:
            store = lmdb.open(str(folder), readonly=True, lock=False, readahead=False, meminit=False, max_readers=64)
            with store.begin() as reading:
                keys = [key.hex() for key in reading.cursor().iternext(keys=True, values=False)]
        except lmdb.Error as e:
            raise StudioError(f"{folder} is no LMDB that can be read: fetch it again.") from e
        stores[folder.name] = store
        files += [(f"{folder.name}/{key}", label) for key in keys]
        about = (folder / "data.mdb").stat()
        stamp += f" {folder.name} {about.st_size} {about.st_mtime_ns}"
    if not files:
        raise StudioError(f"There are no pictures in the LSUN of {root}.")

    def opened(name: str) -> BinaryIO:
        folder, key = name.split("/")
        with stores[folder].begin() as reading:
            return io.BytesIO(reading.get(bytes.fromhex(key)) or b"")

    names = [folder.name.removesuffix(TRAINING) for folder in folders]
    return Source(root, names, files, [], opened, stamp)

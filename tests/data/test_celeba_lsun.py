"""CelebA and LSUN in their real formats, tiny."""

import hashlib
import io
import pickle

import lmdb
import numpy as np
import pytest
from PIL import Image

from fashiongan import cli, gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.training import run_log

FACES = 6


def face(i, side=(178, 218)):
    rng = np.random.default_rng(i)
    return Image.fromarray(rng.integers(0, 255, (*side[::-1], 3), np.uint8))


@pytest.fixture
def celeba(tmp_path, monkeypatch):
    """CelebA of six faces, four of them for training, with lists as they are handed out."""
    from torchvision.datasets import CelebA

    root = tmp_path / "sets"
    place = root / "celeba"
    (place / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06}.jpg" for i in range(1, FACES + 1)]
    for i, name in enumerate(names):
        face(i).save(place / "img_align_celeba" / name)

    def table(header, row):
        return "\n".join([*header, *(f"{name} {row}" for name in names)]) + "\n"

    lists = {
        "list_attr_celeba.txt": table([str(FACES), "Bald Smiling"], "-1  1"),
        "identity_CelebA.txt": table([], "7"),
        "list_bbox_celeba.txt": table([str(FACES), "image_id x_1 y_1 width height"], "95  71 226 313"),
        "list_landmarks_align_celeba.txt": table([str(FACES), "a b c d e f g h i j"], "1 2 3 4 5 6 7 8 9 10"),
        "list_eval_partition.txt": "".join(f"{n} {0 if i < 4 else 1 + i % 2}\n" for i, n in enumerate(names)),
    }
    for name, text in lists.items():
        (place / name).write_text(text, encoding="utf-8")
    # torchvision knows the real lists by their hashes; these are as real, and shorter.
    reference = [
        (key, hashlib.md5(lists[name].encode(), usedforsecurity=False).hexdigest() if name in lists else md5, name)
        for key, md5, name in CelebA.file_list
    ]
    monkeypatch.setattr(CelebA, "file_list", reference)
    return root


@pytest.fixture
def lsun(tmp_path):
    """LSUN of two categories."""
    root = tmp_path / "sets"
    for label, (category, n) in enumerate({"bedroom": 3, "church_outdoor": 2}.items()):
        folder = root / f"{category}_train_lmdb"
        folder.mkdir(parents=True)
        with lmdb.open(str(folder), map_size=1 << 22) as store, store.begin(write=True) as writing:
            for i in range(n):
                out = io.BytesIO()
                face(10 * label + i, (300, 256)).save(out, "WEBP")
                key = hashlib.sha1(f"{category}{i}".encode(), usedforsecurity=False).hexdigest()
                writing.put(key.encode(), out.getvalue())
    return root


def test_celeba_is_its_training_split(celeba):
    result = datasets.load("celeba", size=64, root=celeba)
    assert result.images.shape == (4, 3, 64, 64)
    assert result.names == ("face",)
    middle = np.asarray(face(0).crop((0, 20, 178, 198)).resize((64, 64), Image.Resampling.BILINEAR), np.float32)
    seen = result.images[0].permute(1, 2, 0).numpy().astype(np.float32)
    assert np.corrcoef(middle.flatten(), seen.flatten())[0, 1] > 0.8  # the centred square, but for JPEG


def test_celeba_in_a_run_that_is_resumed(celeba, tmp_path):
    knobs = ["--width", "8", "--z-dim", "16", "--batch", "4", "--size", "32", "--steps", "2", "--device", "cpu"]
    assert cli.train(["dcgan", "--data", "celeba", "--data-root", str(celeba), *knobs, "--out", "runs/f"]) == 0
    assert cli.train(["--resume", "runs/f", "--steps", "3", "--data-root", str(celeba), "--device", "cpu"]) == 0
    assert run_log.read(tmp_path / "runs/f")[-1].step == 3


def test_celeba_that_is_not_whole_is_one_sentence(celeba):
    (celeba / "celeba" / "list_bbox_celeba.txt").write_text("cut", encoding="utf-8")
    with pytest.raises(StudioError, match=r"CelebA is not whole in .*celeba: it takes img_align_celeba/"):
        datasets.load("celeba", root=celeba)


def test_lsun_has_a_class_for_each_category(lsun):
    result = datasets.load("lsun", size=32, root=lsun, fit="fit")
    assert result.images.shape == (5, 3, 32, 32)
    assert (result.names, result.counts) == (("bedroom", "church_outdoor"), [3, 2])
    recipe, kept = datasets.prepare(gans.new_recipe("cdcgan", data="lsun", size=32, batch=2), root=lsun)
    assert (recipe.labels, len(kept)) == (result.names, 5)


def test_no_pickle_of_lsun_is_read_or_left(lsun, monkeypatch):
    monkeypatch.setattr(pickle, "load", lambda *_: pytest.fail("a pickle was loaded"))
    (lsun / "bedroom_train_lmdb" / "_cache_bedroomtrainlmdb").write_bytes(b"cos\nsystem\n")
    before = {p for p in lsun.rglob("*") if p.is_file()}
    datasets.load("lsun", size=32, root=lsun)
    assert {p for p in lsun.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("name", "message"),
    [("celeba", "CelebA is not whole"), ("lsun", "There is no LSUN in .*: it takes a folder such as")],
)
def test_a_missing_dataset_is_one_sentence(name, message, tmp_path, monkeypatch):
    with pytest.raises(StudioError, match=message):
        datasets.load(name, root=tmp_path)
    monkeypatch.delenv("FASHIONGAN_DATA")
    with pytest.raises(StudioError, match=rf"Say where {name} lies, with --data-root"):
        datasets.load(name)


def test_a_broken_lmdb_is_one_sentence(lsun):
    (lsun / "bedroom_train_lmdb" / "data.mdb").write_bytes(b"broken")
    with pytest.raises(StudioError, match="is no LMDB that can be read: fetch it again"):
        datasets.load("lsun", root=lsun)

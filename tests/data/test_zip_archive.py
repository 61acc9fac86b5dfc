"""ZIP files as strangers pack them: pictures come out, and nothing else, and nowhere else."""

import io
import stat
import zipfile

import pytest
from PIL import Image

from fashiongan import limits
from fashiongan.data import datasets, tree, zip_archive
from fashiongan.errors import StudioError


def png(value=100):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (value, 0, 0)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def zipped(tmp_path):
    """zipped({name: bytes}): a ZIP file of those members."""

    def make(members, name="garments.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as z:
            for member, content in members.items():
                z.writestr(member, content)
        return tmp_path / name

    return make


def inside(folder):
    """What the unpacked pictures are called; on the disk there are numbers, and one list."""
    on_disk = sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))
    names = sorted(tree.of(folder).pictures)
    assert on_disk == [tree.NAMES, *(f"{i:06d}" for i in range(1, len(names) + 1))]
    return names


def test_class_folders_become_classes(zipped):
    path = zipped({"hats/1.png": png(), "hats/2.png": png(50), "gloves/1.png": png(9), "readme.txt": b"hello"})
    result = datasets.load(str(path))
    assert (result.names, result.counts) == (("gloves", "hats"), [1, 2])
    assert result.source == str(path)


def test_one_folder_around_everything_is_entered(zipped):
    path = zipped({"my set/hats/1.png": png(), "my set/gloves/帽子.png": png(), "__MACOSX/my set/hats/._1.png": b"x"})
    assert datasets.load(str(path)).names == ("gloves", "hats")


@pytest.mark.parametrize("name", ["hats/1.png", "1.png"])
def test_a_flat_one_is_one_class(name, zipped):
    assert datasets.load(str(zipped({name: png()}))).counts == [1]


@pytest.mark.parametrize(
    "name", ["../out.png", "/etc/out.png", "hats/../../out.png", "..\\out.png", "C:\\out.png", "hats/.hidden.png"]
)
def test_no_name_leads_out(name, zipped, tmp_path):
    before = set(tmp_path.rglob("*out.png"))
    assert inside(zip_archive.unpacked(zipped({name: png(), "a/1.png": png()}))) == ["a/1.png"]
    assert set(tmp_path.rglob("*out.png")) == before


def test_links_stay_in_the_file(zipped):
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert inside(zip_archive.unpacked(zipped({link: b"/etc/passwd", "a/1.png": png()}))) == ["a/1.png"]


def test_it_is_unpacked_once(zipped, monkeypatch):
    path = zipped({"a/1.png": png()})
    first = zip_archive.unpacked(path)
    monkeypatch.setattr(zip_archive, "unpack", lambda *_: pytest.fail("unpacked again"))
    assert zip_archive.unpacked(path) == first
    renamed = path.rename(path.with_name("another.zip"))
    with pytest.raises(pytest.fail.Exception):
        zip_archive.unpacked(renamed)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "There are no pictures in garments.zip"),
        ({"a/1.txt": b"text"}, "There are no pictures in garments.zip"),
        ({"a/inner.zip": b"PK"}, "There are no pictures in garments.zip"),
    ],
)
def test_an_archive_without_pictures_is_refused(members, message, zipped):
    with pytest.raises(StudioError, match=message):
        zip_archive.unpacked(zipped(members))


def test_a_bomb_is_refused_by_its_declared_size(zipped, tmp_path, monkeypatch):
    """50 MB of zeros in 50 kB, and small ones that are too many together."""
    with pytest.raises(StudioError, match=r"too much unpacked: at most 2 GB in all, and 50 MB a picture\."):
        zip_archive.unpacked(zipped({"a/1.png": bytes(limits.ZIP_PICTURE_BYTES + 1)}))
    monkeypatch.setattr(limits, "ZIP_BYTES", 999)
    with pytest.raises(StudioError, match="too much unpacked"):
        zip_archive.unpacked(zipped({"a/1.png": bytes(1000)}))
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_a_bomb_with_a_false_size_is_stopped_while_unpacking(zipped, tmp_path, monkeypatch):
    """Its directory declares a hundred bytes: unpacking writes at most the limit, and leaves no file."""
    path = zipped({"a/1.png": bytes(5_000_000)})
    raw = path.read_bytes()
    at = raw.rindex(b"PK\x01\x02")
    path.write_bytes(raw[: at + 24] + (100).to_bytes(4, "little") + raw[at + 28 :])
    with pytest.raises(StudioError, match="is no ZIP file that can be read"):
        zip_archive.unpacked(path)
    monkeypatch.setattr(zip_archive, "check", lambda *_: None)
    monkeypatch.setattr(limits, "ZIP_PICTURE_BYTES", 1000)
    with pytest.raises(StudioError, match="too much unpacked"):
        zip_archive.unpacked(zipped({"a/1.png": bytes(5_000_000)}))
    assert not list((tmp_path / "cache").rglob("*.png"))
    assert not list((tmp_path / "cache" / "fashiongan" / "unpacked").iterdir())


def test_too_many_are_refused(zipped, monkeypatch):
    monkeypatch.setattr(limits, "ZIP_PICTURES", 2)
    with pytest.raises(StudioError, match=r"There are 3 pictures in garments\.zip: at most 2 can be taken"):
        zip_archive.unpacked(zipped({f"a/{i}.png": png() for i in range(3)}))


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04" + bytes(40), "cut", "flipped"])
def test_a_broken_one_is_one_sentence(content, zipped):
    path = zipped({"a/1.png": png(), "a/2.png": png(7)})
    raw = bytearray(path.read_bytes())
    if content == "cut":
        content = raw[: len(raw) // 2]
    elif content == "flipped":
        raw[40] ^= 255
        content = raw
    path.write_bytes(bytes(content))
    with pytest.raises(StudioError, match=r"garments.zip is no ZIP file that can be read: pack it again\."):
        zip_archive.unpacked(path)


def test_an_unknown_compression_is_not_called_encryption(zipped):
    path = zipped({"a/1.png": png()})
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        raw[raw.index(mark) + at] = 99
    path.write_bytes(bytes(raw))
    with pytest.raises(StudioError, match=r"garments.zip is no ZIP file that can be read: pack it again\."):
        zip_archive.unpacked(path)


def test_an_encrypted_one_is_one_sentence(zipped):
    path = zipped({"a/1.png": png()})
    raw = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + at] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(StudioError, match=r"garments.zip is encrypted: pack it again without a password\."):
        zip_archive.unpacked(path)

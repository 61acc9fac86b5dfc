"""One picture has one meaning: whatever its container, depth, mode, profile and orientation, training, `evaluate` and
uploads read the same pixels."""

import io
import re
import struct
import subprocess
import sys
import types
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from fashiongan.colorize import cutouts, engine
from fashiongan.data import folder, images, kinds
from fashiongan.errors import StudioError
from fashiongan.evaluation import sources
from fashiongan.studio import attacked

SIDE = 64
ROW, COLUMN = np.mgrid[:SIDE, :SIDE]
# Lowly saturated and smooth, so that lossy formats and color spaces keep it, brightest at white; 0..1.
COLOR = np.stack([(ROW + COLUMN) / 126, 0.3 + 0.7 * ROW / 63, 0.9 - 0.8 * COLUMN / 63], -1)
GRAY = (ROW + COLUMN) / 126
BYTES, GRAY_BYTES = (np.round(255 * x).astype(np.uint8) for x in (COLOR, GRAY))
P3_TO_XYZ = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))  # at D50


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(values, bits=16, more=b""):
    """A PNG of whole numbers (H, W) or (H, W, C), with 16 bits a channel in the file."""
    kind = {2: 0, 3: {2: 4, 3: 2, 4: 6}.get(values.shape[-1])}[values.ndim]
    rows = np.asarray(values, ">u2").reshape(len(values), -1)
    size = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff(values, bits, order="<"):
    """An uncompressed TIFF of whole numbers (H, W) or (H, W, 3), with 12 packed or 16 bits a channel."""
    high, wide = values.shape[:2]
    channels = 1 if values.ndim == 2 else 3
    if bits == 12:
        pairs = np.asarray(values, np.uint32).reshape(-1, 2)
        whole = pairs[:, 0] << 12 | pairs[:, 1]
        data = np.stack([whole >> 16, whole >> 8 & 255, whole & 255], -1).astype(np.uint8).tobytes()
    else:
        data = np.asarray(values, f"{order}u2").tobytes()
    tags = [
        (256, wide), (257, high), (258, bits), (259, 1), (262, 1 if channels == 1 else 2), (273, 0), (277, channels),
        (278, high), (279, len(data)),
    ]  # fmt: skip
    begin = 8 + 2 + 12 * len(tags) + 4
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    for tag, value in tags:
        count, number = 1, begin + 8 if tag == 273 else value
        if tag == 258 and channels == 3:
            count, number = 3, begin
        out += struct.pack(f"{order}HHI", tag, 3 if tag == 258 else 4, count)
        out += struct.pack(f"{order}I" if tag != 258 or count == 3 else f"{order}Hxx", number)
    return out + bytes(4) + struct.pack(f"{order}3H2x", bits, bits, bits) + data


def saved(im, kind, **more):
    out = io.BytesIO()
    im.save(out, kind, **more)
    return out.getvalue()


def deep(values, bits):
    return np.round(values * (2**bits - 1)).astype(np.int64)


def rgb(mode="RGB"):
    return Image.fromarray(BYTES).convert(mode)


def gray(mode="L"):
    return Image.fromarray(GRAY_BYTES).convert(mode)


def display_p3():
    """An ICC profile of Display P3, with gamma 2.2."""
    fixed = lambda *values: b"".join(struct.pack(">i", round(v * 65536)) for v in values)  # noqa: E731
    name = b"Display P3\0"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags = [
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(79)),
        (b"cprt", b"text" + bytes(4) + b"none\0\0\0\0"),
        (b"wtpt", b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)),
        *((b"%cXYZ" % c, b"XYZ " + bytes(4) + fixed(*xyz)) for c, xyz in zip(b"rgb", P3_TO_XYZ, strict=True)),
        *((b"%cTRC" % c, curve) for c in b"rgb"),
    ]
    table, data, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, content in tags:
        padded = content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", at + len(data), len(content))
        data += padded
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head + bytes(128 - len(head)) + table + data


def in_p3():
    """COLOR in Display P3: by the matrices of the two color spaces, not by Pillow."""
    linear = np.where(COLOR <= 0.04045, COLOR / 12.92, ((COLOR + 0.055) / 1.055) ** 2.4)
    srgb = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])  # to XYZ at D50
    other = linear @ srgb @ np.linalg.inv(np.array(P3_TO_XYZ))
    return Image.fromarray(np.round(255 * other.clip(0, 1) ** (1 / 2.2)).astype(np.uint8))


def turned(k):
    """(the stored picture, its EXIF data): upright after a turn by orientation k."""
    exif = Image.Exif()
    exif[0x0112] = k
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # numbers of Image.Transpose
    return (rgb() if k == 1 else rgb().transpose(Image.Transpose(back[k]))), exif


def with_alpha(im):
    """The picture with its left half transparent, over a color that must not show."""
    im = im.convert("RGBA")
    im.paste((255, 0, 255, 0), (0, 0, SIDE // 2, SIDE))
    return im


def on_white(values):
    out = np.stack([values] * 3, -1) if values.ndim == 2 else values.copy()
    out[:, : SIDE // 2] = 255
    return out


def cases():
    """name -> (the file's content, what it shows, the largest difference)."""
    found = {}
    for bits in (10, 12, 16):
        found[f"gray png of {bits} bits"] = png(deep(GRAY, bits)), GRAY_BYTES, 1
        found[f"color png of {bits} bits"] = png(deep(COLOR, bits)), BYTES, 1
        alpha = np.full((SIDE, SIDE, 1), 65535)
        found[f"png of {bits} bits with alpha"] = png(np.concatenate([deep(COLOR, bits), alpha], 2)), BYTES, 1
        for order in "<>":
            found[f"gray tiff of {bits} bits {order}"] = tiff(deep(GRAY, bits), 16, order), GRAY_BYTES, 1
            found[f"color tiff of {bits} bits {order}"] = tiff(deep(COLOR, bits), 16, order), BYTES, 1
        top = 2**bits - 1
        found[f"pgm of {bits} bits"] = b"P5 64 64 %d\n" % top + deep(GRAY, bits).astype(">u2").tobytes(), GRAY_BYTES, 1
    found["tiff of 12 packed bits"] = tiff(deep(GRAY, 12), 12), GRAY_BYTES, 1
    dark = deep(GRAY / 32, 12)
    found["dark tiff of 12 packed bits"] = tiff(dark, 12), np.round(dark / 4095 * 255), 1
    found["gray png that uses 16 bits and is dark"] = png(deep(GRAY / 4, 16)), GRAY_BYTES / 4, 1
    found["tiff of 32 bits"] = saved(Image.fromarray(deep(GRAY, 16).astype(np.int32)), "TIFF"), GRAY_BYTES, 1
    for white in (1.0, 255.0, 4095.0, 65535.0):
        values = (GRAY * white).astype(np.float32)
        found[f"tiff of floats to {white:g}"] = saved(Image.fromarray(values), "TIFF"), GRAY_BYTES, 1
        values[-1, -3:] = (np.nan, -1.0, 1.02 * white)
        expected = GRAY_BYTES.copy()
        expected[-1, -3:] = (0, 0, 255)
        found[f"tiff of floats over {white:g}"] = saved(Image.fromarray(values), "TIFF"), expected, 1
    dim = (GRAY * 200).astype(np.float32)
    found["tiff of floats of which none is white"] = saved(Image.fromarray(dim), "TIFF"), dim, 1
    lossless = {
        "PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}, "TGA": {}, "PPM": {}, "QOI": {}, "ICO": {},
        "JPEG2000": {}, "PCX": {}, "SGI": {}, "IM": {}, "DDS": {},
    }  # fmt: skip
    for kind, more in lossless.items():
        more = {"sizes": [(SIDE, SIDE)], **more} if kind == "ICO" else more
        found[kind] = saved(rgb(), kind, **more), BYTES, 0
        if kind not in ("WEBP", "QOI", "DDS", "BMP"):
            found[f"gray {kind}"] = saved(gray(), kind, **more), GRAY_BYTES, 0
        if kind in ("PNG", "TIFF", "WEBP", "TGA", "ICO", "DDS", "SGI"):
            found[f"{kind} with alpha"] = saved(with_alpha(rgb()), kind, **more), on_white(BYTES), 0
    for compression in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits"):
        found[f"tiff by {compression}"] = saved(rgb(), "TIFF", compression=compression), BYTES, 0
    found["tiff in cmyk"] = saved(rgb("CMYK"), "TIFF"), BYTES, 1
    film = {"save_all": True, "append_images": [gray("RGB")]}
    found["MPO of two frames"] = saved(rgb(), "MPO", quality=95, subsampling=0, **film), BYTES, 8
    found["PNG of two frames"] = saved(rgb(), "PNG", **film), BYTES, 0
    found["WEBP of two frames"] = saved(rgb(), "WEBP", lossless=True, **film), BYTES, 0
    found["tiff in lab"] = saved(lab(), "TIFF"), GRAY_BYTES, 2
    for kind, more in {
        "JPEG": {"subsampling": 0},
        "WEBP": {},
        "AVIF": {"subsampling": "4:4:4"},
        "JPEG2000": {},
    }.items():
        for mode in ("RGB", "L", "CMYK") if kind == "JPEG" else ("RGB",):
            shown = gray() if mode == "L" else rgb(mode)
            found[f"{kind} in {mode}"] = (
                saved(shown, kind, **({} if kind == "JPEG2000" else {"quality": 95}), **more),
                GRAY_BYTES if mode == "L" else BYTES,
                8,
            )
    colors = rgb().quantize(15)
    flat = np.asarray(colors.convert("RGB"))
    for kind in ("PNG", "GIF", "TIFF", "BMP", "PCX"):
        found[f"{kind} with a palette"] = saved(colors, kind), flat, 0
    clear = np.where(np.asarray(colors)[..., None] == 3, 255, flat)
    for kind in ("PNG", "GIF"):
        found[f"{kind} with a transparent color"] = saved(colors, kind, transparency=3), clear, 0
    half = GRAY_BYTES.copy()
    half[:, : SIDE // 2] = 7
    half[:, SIDE // 2 :] |= 8
    found["gray png with a transparent gray"] = saved(Image.fromarray(half), "PNG", transparency=7), on_white(half), 0
    found["LA"] = saved(with_alpha(gray()).convert("LA"), "PNG"), on_white(GRAY_BYTES), 0
    clear = deep(GRAY, 16)
    clear[:, : SIDE // 2], clear[:, SIDE // 2 :] = 300, clear[:, SIDE // 2 :] | 8
    found["gray png of 16 bits with a transparent gray"] = (
        png(clear, more=chunk(b"tRNS", struct.pack(">H", 300))), on_white(np.round(clear / 257)), 1,
    )  # fmt: skip
    clear = deep(COLOR, 16)
    clear[:, : SIDE // 2] = (300, 60_000, 300)
    found["color png of 16 bits with a transparent color"] = (
        png(clear, more=chunk(b"tRNS", struct.pack(">HHH", 300, 60_000, 300))), on_white(BYTES), 1,
    )  # fmt: skip
    bits = Image.fromarray(((ROW // 8 + COLUMN // 8) % 2 * 255).astype(np.uint8)).convert("1")
    for kind in ("PNG", "TIFF", "GIF", "BMP"):
        found[f"{kind} of one bit"] = saved(bits, kind), np.asarray(bits.convert("L")), 0
    for k in range(1, 9):
        im, exif = turned(k)
        for kind, more in {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG": {"subsampling": 0}}.items():
            more = {"quality": 95, **more} if kind == "JPEG" else more
            found[f"{kind} turned by {k}"] = saved(im, kind, exif=exif, **more), BYTES, 8 if kind == "JPEG" else 0
        found[f"AVIF turned by {k}"] = saved(im, "AVIF", exif=exif, quality=100), BYTES, 8
        _, exif = turned(k)  # saving as AVIF takes the orientation out of the other
        found[f"png of 16 bits turned by {k}"] = (
            saved(turned_gray(k), "PNG", exif=exif), GRAY_BYTES, 1,
        )  # fmt: skip
    p3 = in_p3()
    for kind, more in {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.items():
        found[f"{kind} in Display P3"] = saved(p3, kind, icc_profile=display_p3(), **more), BYTES, 3
    for kind, more in {"JPEG": {"subsampling": 0}, "AVIF": {"subsampling": "4:4:4"}}.items():
        found[f"{kind} in Display P3"] = saved(p3, kind, icc_profile=display_p3(), quality=95, **more), BYTES, 10
    found["palette in Display P3"] = (
        saved(p3.quantize(256, dither=Image.Dither.NONE), "PNG", icc_profile=display_p3()), BYTES, 40,
    )  # fmt: skip
    found["alpha in Display P3"] = saved(with_alpha(p3), "PNG", icc_profile=display_p3()), on_white(BYTES), 3
    found["a profile that is none"] = saved(rgb(), "PNG", icc_profile=b"no profile"), BYTES, 0
    return found


def lab():
    from PIL import ImageCms

    return ImageCms.profileToProfile(
        gray("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


def turned_gray(k):
    """A picture of 16 bits, stored turned."""
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    order = Image.fromarray(np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE))
    order = order if k == 1 else order.transpose(Image.Transpose(turns[k]))
    return Image.fromarray(deep(GRAY, 16).astype(np.uint16).ravel()[np.asarray(order)])


CASES = cases()


def readings(content, place):
    """By whom -> (SIDE, SIDE, 3): one picture file as each reader of the project sees it."""
    (place / "data/a").mkdir(parents=True)
    file = place / "data/a/1.png"  # a wrong ending as well
    file.write_bytes(content)
    tile = folder.tile(file, SIDE)
    assert not isinstance(tile, str), tile
    scored = sources.draw(place / "data", 9).images[0].expand(3, -1, -1).permute(1, 2, 0).numpy()
    return {
        "training": tile[0].transpose(1, 2, 0),
        "evaluate": scored,
        "upload": np.asarray(images.on_background(images.opened(file))),
        "whole": np.asarray(images.on_background(images.whole(file))),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_reader_sees_the_same_picture(name, tmp_path, monkeypatch):
    content, shown, most = CASES[name]
    monkeypatch.setattr(images, "uploads", kinds.formats)  # an upload takes fewer, and reads these alike
    seen = readings(content, tmp_path)
    expected = np.asarray(shown, float)
    expected = np.stack([expected] * 3, -1) if expected.ndim == 2 else expected
    for reader, pixels in seen.items():
        assert np.abs(pixels.astype(float) - expected).max() <= most, reader
        assert np.abs(pixels.astype(int) - seen["training"]).max() <= 1, reader


def test_there_are_a_hundred_kinds():
    assert len(CASES) >= 126


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "WEBP", "GIF", "BMP", "MPO"])
def test_uploads_take_what_phones_and_scanners_write(kind, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(saved(rgb(), kind, **({"save_all": True, "append_images": [rgb()]} if kind == "MPO" else {})))
    assert engine.opened(path).values.shape[-2:] == (SIDE, SIDE)
    assert Image.open(io.BytesIO(cutouts.alone(path)[0])).size == (SIDE, SIDE)
    assert attacked.own(path).pixels


@pytest.mark.parametrize(("kind", "megapixels"), [("MPO", 30), ("JPEG", 45)])
def test_large_photographs_are_reduced_while_they_are_read(kind, megapixels, tmp_path):
    path = tmp_path / "a.jpg"
    side = int((megapixels * 1e6) ** 0.5)
    im = Image.new("RGB", (side, side), (200, 30, 40))
    im.save(path, kind, **({"save_all": True, "append_images": [im.reduce(8)]} if kind == "MPO" else {}))
    with Image.open(path) as im:
        assert im.format == kind
    assert images.opened(path).size == (256, 256)
    assert max(images.whole(path).size) < side
    assert attacked.own(path).pixels


def test_a_program_is_never_started_for_a_picture(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args, **more: started.append(args))
    file = tmp_path / "a.png"
    Image.new("RGB", (40, 40)).save(file, "EPS")
    assert folder.tile(file, 28) == "a drawing in EPS: save it as PNG"
    with pytest.raises(StudioError, match="a drawing in EPS"):
        images.opened(file)
    assert not started


def test_a_mask_of_ones_own_is_read_like_any_picture(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    rgb().save(tmp_path / "images/a.png")
    stored = np.zeros((SIDE, SIDE), np.uint16)
    stored[16:48, 16:48] = 65535
    stored[:16] = 3000  # of 65,535: black, where 8 bits cut off would be white
    (tmp_path / "masks/a.png").write_bytes(png(stored))
    alpha = folder.tile(tmp_path / "images/a.png", 64, "cutout", tmp_path / "masks/a.png")[0][3]
    assert np.abs(alpha.astype(int) - alpha.T).max() <= 64


# HEIC


HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(64)


@pytest.fixture
def fresh():
    """Ask again what Pillow can open, before and after."""

    def clear():
        kinds.formats.cache_clear()
        kinds.endings.cache_clear()
        images.uploads.cache_clear()
        Image.OPEN.pop("HEIF", None)
        Image.ID[:] = [i for i in Image.ID if i != "HEIF"]

    clear()
    yield
    clear()


@pytest.mark.parametrize("content", [HEIC, HEIC.replace(b"ftypheic", b"ftypmif1")], ids=["heic", "mif1"])
def test_without_its_package_heic_says_what_to_do(content, fresh, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "IMG_0001.png"
    path.write_bytes(content)
    for read in (images.opened, images.whole, attacked.own, engine.opened, cutouts.alone):
        with pytest.raises(StudioError, match=r"pip install pillow-heif.*JPEG"):
            read(path)
    assert "pip install pillow-heif" in folder.tile(path, 28)
    with pytest.raises(StudioError, match="pip install pillow-heif"):
        sources.draw(tmp_path / "data", 9)


def test_with_its_package_heic_is_read(fresh, monkeypatch, tmp_path):
    class Fake(ImageFile.ImageFile):
        format = "HEIF"

        def _open(self):
            self._mode, self._size = "RGB", (48, 40)

        def load(self):
            return Image.new("RGB", self.size, (0, 90, 0)).load() if self.im_loaded() else None

        def im_loaded(self):
            self.im = Image.new("RGB", (48, 40), (0, 90, 0)).im
            return True

    register = lambda: Image.register_open("HEIF", Fake, lambda start: start[4:12] == b"ftypheic")  # noqa: E731
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(register_heif_opener=register))
    path = tmp_path / "a.heic"
    path.write_bytes(HEIC)
    assert images.opened(path).getpixel((5, 5)) == (0, 90, 0, 255)
    assert folder.tile(path, 28)[0][1].mean() == 90


@pytest.mark.slow
def test_two_threads_that_need_torchvision_first_both_get_it():
    """Its parts import each other: without a lock one thread's import failed, and with it the first preview."""
    code = (
        "import threading\n"
        "from fashiongan.data.images import vision\n"
        "names = ['utils', 'transforms.v2.functional', 'datasets', 'utils']\n"
        "threads = [threading.Thread(target=vision, args=[name]) for name in names]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    root = Path(images.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=100
    )
    assert result.stderr == ""


def test_nothing_imports_torchvision_around_its_lock():
    package = Path(images.__file__).parents[1]
    direct = re.compile(r"^\s*(from|import) torchvision", re.MULTILINE)
    assert [p.name for p in package.rglob("*.py") if direct.search(p.read_text(encoding="utf-8"))] == []

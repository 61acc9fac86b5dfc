"""Pictures of all kinds, crossed at random: training, evaluation and uploads read them alike, to 1 of 255."""

import io
import random
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan.data import datasets, folder, images
from fashiongan.evaluation import sources

SIDE = 32
CONTAINERS = {  # format -> the modes in which it can be written
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "I;16", "F", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P"),
    "BMP": ("1", "L", "P", "RGB"),
    "AVIF": ("RGB", "RGBA"),
}
DEPTHS = (8, 12, 16)  # bits, of the modes that have more than 8
NAMES = ("1", "10", "photo.of a hat", "帽子", "a,b+c", "long " * 30)
ENDS = ("right", "none", ".txt", ".png")
LAYOUTS = ("{c}/{f}", "archive/set/{c}/{f}", "train/{c}/{f}", "{c}/deep/er/{f}")
TURNS = (1, 3, 6, 8)


def picture(rng, form, mode, depth, turn):
    """A picture file's bytes: soft spots, so that a lossy format keeps them."""
    numbers = np.random.default_rng(rng.randrange(2**32))
    spots = Image.fromarray(numbers.integers(0, 255, (4, 4, 3), dtype=np.uint8)).resize((SIDE, SIDE), Image.BICUBIC)
    gray = np.asarray(spots.convert("L"))
    if mode == "I;16":
        im = Image.fromarray((gray.astype(np.uint16) << (depth - 8)) + gray % (1 << (depth - 8)))
    elif mode == "F":
        im = Image.fromarray(gray.astype(np.float32) / 255)
    elif mode in ("RGBA", "LA"):
        im = spots.convert("L" if mode == "LA" else "RGB").convert(mode)
        im.putalpha(Image.linear_gradient("L").resize((SIDE, SIDE)))
    else:
        im = spots.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = turn
    out = io.BytesIO()
    im.save(out, form, **({"exif": exif} if form in ("JPEG", "PNG", "TIFF", "WEBP") and mode != "I;16" else {}))
    return out.getvalue()


def generated(seed):
    """(names, contents) of one set of four pictures of mixed kinds, and what each is."""
    rng = random.Random(seed)
    layout, files, kinds = rng.choice(LAYOUTS), {}, []
    for i in range(4):
        form = rng.choice(list(CONTAINERS))
        mode = rng.choice(CONTAINERS[form])
        depth, turn = rng.choice(DEPTHS) if mode == "I;16" else 8, rng.choice(TURNS)
        end = rng.choice(ENDS)
        file = f"{rng.choice(NAMES)}{i}{'.' + form.lower() if end == 'right' else '' if end == 'none' else end}"
        files[layout.format(c=f"{rng.choice(NAMES)} {i % 2}", f=file)] = picture(rng, form, mode, depth, turn)
        kinds.append((form, mode, depth, turn, end))
    if layout.startswith("train"):
        files["test/x/1.png"] = picture(rng, "PNG", "L", 8, 1)
    return files, kinds


def uploaded(content):
    """A picture as the page's uploads read it, on white, in its own size."""
    whole = images.on_background(images.opened(content, 4 * SIDE))
    return torch.from_numpy(np.asarray(whole).transpose(2, 0, 1).copy())


def readable(content):
    with images.header(content) as im:
        return im.format in images.FORMATS


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_100_pictures_of_crossed_kinds_are_read_alike(seed, tmp_path):
    files, kinds = generated(seed)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as z:
        for name, content in files.items():
            z.writestr(name, content)
            (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / name).write_bytes(content)
    trained = datasets.load(str(tmp_path / "set"), size=SIDE)
    assert len(trained) == 4, (kinds, trained.remarks)
    readings = [
        datasets.load(str(tmp_path / "set.zip"), size=SIDE).images,
        sources.draw(tmp_path / "set").images,
        sources.draw(tmp_path / "set.zip").images,
    ]
    for reading in readings:
        assert (reading.int() - trained.images.int()).abs().max() <= 1
    order = [name for name, _ in folder.listing(tmp_path / "set").files]
    for name, pixels in zip(order, trained.images, strict=True):
        if readable(files[name]):
            assert (uploaded(files[name]).int() - pixels.int()).abs().max() <= 1, (name, kinds)


def test_big_photographs_are_reduced_while_they_are_read(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(tmp_path / "set/0.jpg")
    for i in (1, 2):
        shutil.copy(tmp_path / "set/0.jpg", tmp_path / f"set/{i}.jpg")
    sizes, decode = [], images.decoded
    monkeypatch.setattr(
        images, "decoded", lambda im, most=None: sizes.append(decode(im, most).size) or decode(im, most)
    )
    samples = sources.draw(tmp_path / "set")
    assert samples.images.shape[2:] == (128, 128), "the largest that is scored, not the first one's 1,800"
    datasets.load(str(tmp_path / "set"), size=64)
    assert sizes == [(600, 450)] * 3 + [(300, 225)] * 3

"""Films have one palette, so that nothing flickers, and sheets keep their description in every format."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from fashiongan.data import sheets


def still_and_moving(frames=12, side=32):
    """(frames, 3, side, side): a left half of many colors that stays, and a right half that changes altogether."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (frames, 3, side, side)).astype(np.uint8)
    ramp = np.mgrid[:side, :side].sum(0) * 4
    x[:] = x // 8 + (np.arange(frames) * 20)[:, None, None, None].astype(np.uint8)
    x[..., : side // 2] = np.stack([ramp, 255 - ramp, ramp // 2])[..., : side // 2]
    return torch.from_numpy(x)


def frames_of(data):
    with Image.open(io.BytesIO(data)) as film:
        return [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]


def test_what_stays_in_a_film_in_color_has_one_color():
    x = still_and_moving()
    frames = frames_of(sheets.film(x, 2.0, 1, "{}"))
    assert len(frames) == len(x)
    still = [frame[:, :16] for frame in frames]
    assert max(np.abs(frame - still[0]).max() for frame in still) == 0
    original = x[0].permute(1, 2, 0).numpy().astype(int)[:, :16]
    assert np.abs(still[0] - original).mean() < 6


def test_the_film_of_a_run_in_color_has_one_palette(tmp_path):
    paths = []
    for i, picture in enumerate(still_and_moving()):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(paths[-1])
    sheets.gif(paths, tmp_path / "run.gif")
    still = [frame[:, :16] for frame in frames_of((tmp_path / "run.gif").read_bytes())]
    assert len(still) == 12
    assert max(np.abs(frame - still[0]).max() for frame in still) == 0


def test_gray_films_keep_every_gray():
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(2, 1, 1, 1)
    x[1] = 255 - x[1]
    frames = frames_of(sheets.film(x, 1.0, 1, "{}"))
    assert np.array_equal(frames[0][..., 0], x[0, 0].numpy())
    assert np.array_equal(frames[1][..., 0], x[1, 0].numpy())


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".webp"])
def test_a_sheet_describes_itself_in_every_format(ending):
    im = sheets.sheet(still_and_moving()[:4], 2)
    with Image.open(io.BytesIO(sheets.packed(im, ending, '{"seed": 7}'))) as out:
        assert out.getexif()[sheets.IMAGE_DESCRIPTION] == '{"seed": 7}'
        assert out.size == im.size


def test_garments_with_alpha_lie_on_one_white_ground_to_the_end_of_the_last_row():
    x = torch.zeros(5, 4, 8, 8, dtype=torch.uint8)
    x[:, 3] = 255  # black garments
    pixels = np.asarray(sheets.sheet(x, 3, gap=2))
    assert pixels.shape == (22, 32, 3)
    assert (pixels[12:20, 22:30] == 255).all(), "the sixth place is empty"
    assert not pixels[2:10, 2:10].any()
    assert not pixels[12:20, 12:20].any()
    assert (pixels[10:12] == 255).all(), "no black lines between garments on white"
    assert (pixels[:, 10:12] == 255).all()
    assert not np.asarray(sheets.sheet(x[:, :3], 3, gap=2)).any(), "a sheet without alpha stays as it is"
    assert sheets.sheet(x[:2], 3, gap=2).size == (22, 12), "and one of a single row"

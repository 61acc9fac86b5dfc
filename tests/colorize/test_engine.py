"""Pictures of any size in color: what the net receives, what comes out, and what is refused."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import checkpoint, gans, limits
from fashiongan.color import color_space, palettes
from fashiongan.color.difference import ciede2000
from fashiongan.colorize import engine
from fashiongan.colorize.engine import ColorizeSpec, Gray, Hint, colored
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.hub import registry

RED = "#b03a2e"


@pytest.fixture(scope="module")
def plain():
    """A colorizer that adds nothing to its hints."""
    gan = gans.build(gans.new_recipe("colorizer", width=8).replace(labels=datasets.CLASSES)).eval()
    for p in gan.G.last.parameters():
        p.data.zero_()
    return gan.requires_grad_(False)


def shirt(side=28, gray=180):
    """A rectangle of one gray on black, as (1, 1, side, side) uint8."""
    x = torch.zeros(1, 1, side, side, dtype=torch.uint8)
    x[..., side // 8 : -side // 8, side // 4 : -side // 4] = gray
    return Gray(x, None)


def file_of(array, kind="PNG", **more):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **more)
    return out.getvalue()


def on_white(height=90, width=60):
    """(H, W, 3): a dark red coat on white."""
    x = np.full((height, width, 3), 255, np.uint8)
    x[15:-15, 15:-15] = (90, 20, 30)
    return x


def ab_of(rgb):
    return color_space.lab(rgb.float() / 255)[:, 1:]


@pytest.mark.parametrize("side", [28, 64, 300])
def test_the_requested_color_is_on_the_garment_and_nowhere_else(plain, side):
    gray = shirt(side)
    out = colored(plain, gray, ColorizeSpec(colors=(RED,)))
    assert out.shape == (1, 3, side, side)
    garment = gray.values[0, 0] > 0
    goal = color_space.shown(gray.values, color_space.lab_of(RED)[1:].view(1, 2, 1, 1).expand(1, 2, side, side))
    assert (ab_of(out) - goal)[..., garment].abs().max() < 1
    assert not out[..., ~garment].any()
    assert (color_space.gray_of(out).int() - gray.values.int()).abs().max() <= 1


def test_any_shape_keeps_its_size_and_its_own_detail(plain):
    rng = torch.Generator().manual_seed(0)
    gray = Gray(torch.randint(0, 256, (1, 1, 200, 75), dtype=torch.uint8, generator=rng), None)
    out = colored(plain, gray, ColorizeSpec(colors=("teal",)))
    assert out.shape == (1, 3, 200, 75)
    assert (color_space.gray_of(out).int() - gray.values.int()).abs().max() <= 1


def test_strength(plain):
    chroma = [
        float(ab_of(colored(plain, shirt(), ColorizeSpec(colors=("#9c6b62",), strength=s))).norm(dim=1).max())
        for s in (0.0, 0.5, 1.0, 2.0)
    ]
    assert chroma[0] < 1
    assert chroma[1] == pytest.approx(chroma[2] / 2, abs=1)
    assert chroma[3] == pytest.approx(chroma[2] * 2, abs=1)


def test_each_variant_has_the_palettes_next_color(plain):
    palette = ("#1f77b4", "#2ca02c", "#d62728")
    out = colored(plain, shirt(), ColorizeSpec(colors=palette), 4)
    middle = ab_of(out)[:, :, 14, 14]
    for i in range(4):
        near = [float((middle[i] - color_space.lab_of(c)[1:]).norm()) for c in palette]
        assert near.index(min(near)) == i % 3


def test_two_tones_are_one_above_the_other(plain):
    out = colored(plain, shirt(), ColorizeSpec(colors=("#1f77b4", "#d62728"), tones=2), 2)
    ab = ab_of(out)
    blue, red = ab[0, :, 5, 14], ab[0, :, 22, 14]
    assert blue[1] < -10
    assert red[0] > 20
    assert torch.allclose(ab[1, :, 22, 14], blue, atol=6), "the second variant begins with the second color"


def test_a_hint_colors_its_position(plain):
    request = ColorizeSpec(hints=(Hint(0.5, 0.25, "#1f77b4"), Hint(0.5, 0.75, "#d62728")))
    for side in (28, 112):
        ab = ab_of(colored(plain, shirt(side), request))
        assert ab[0, 1, side // 4, side // 2] < -10
        assert ab[0, 0, 3 * side // 4, side // 2] > 20
    tall = Gray(torch.full((1, 1, 120, 40), 180, dtype=torch.uint8), None)
    ab = ab_of(colored(plain, tall, request))
    assert ab[0, 1, 30, 20] < -10
    assert ab[0, 0, 90, 20] > 20


def test_places_are_of_the_picture_not_of_the_square_round_it(plain):
    tall = Gray(torch.full((1, 1, 120, 40), 180, dtype=torch.uint8), None)
    ab = ab_of(colored(plain, tall, ColorizeSpec(hints=(Hint(0.1, 0.5, "#1f77b4"), Hint(0.9, 0.5, "#d62728")))))
    assert ab[0, 1, 60, 4] < -10
    assert ab[0, 0, 60, 36] > 20


def test_edges_of_a_dark_garment_keep_its_color(plain):
    x = torch.zeros(1, 1, 112, 112, dtype=torch.uint8)
    x[..., 16:96, 28:84] = 40
    ab = ab_of(colored(plain, Gray(x, None), ColorizeSpec(colors=(RED,))))[0][:, x[0, 0] > 0]
    assert (ab - ab.median(1, keepdim=True).values).abs().max() < 1


def test_a_net_of_photographs_sees_the_photograph_and_its_background_stays_gray():
    gan = gans.build(gans.new_recipe("colorizer", width=8, size=32).replace(channels=3, labels=("a", "b"))).eval()
    for p in gan.G.last.parameters():
        p.data.zero_()
    x = np.full((64, 64), 128, np.uint8)
    x[16:-16, 16:-16] = 40
    gray = engine.opened(file_of(x))
    small, garment, _ = engine.at_model_size(gan, gray)
    assert small[0, 0, 1, 1] == 128
    assert garment[16, 16]
    assert not garment[2, 2]
    kept, all_over = (colored(gan, gray, ColorizeSpec(colors=(RED,)), keep_background=k) for k in (True, False))
    assert ab_of(kept)[0, :, 3, 3].norm() < 1
    assert ab_of(kept)[0, 0, 32, 32] > 20
    assert ab_of(all_over)[0, 0, 3, 3] > 20


def test_a_color_beside_a_hint_in_the_middle_has_a_place_too(plain):
    ab = ab_of(colored(plain, shirt(), ColorizeSpec(colors=("#d62728",), hints=(Hint(0.5, 0.5, "#1f77b4"),))))
    assert ab[0, 1, 14, 14] < -10
    assert ab[0, 0].max() > 20


def test_a_color_beside_a_hint_takes_the_rest(plain):
    ab = ab_of(colored(plain, shirt(), ColorizeSpec(colors=("#d62728",), hints=(Hint(0.5, 0.15, "#1f77b4"),))))
    assert ab[0, 1, 5, 14] < -10
    assert ab[0, 0, 23, 14] > 20


def test_variants_depend_on_seed_and_number_alone(plain):
    gan = gans.build(plain.recipe).eval()
    five = colored(gan, shirt(), ColorizeSpec(seed=3), 5)
    assert torch.equal(colored(gan, shirt(), ColorizeSpec(seed=3), 2), five[:2])
    assert not torch.equal(colored(gan, shirt(), ColorizeSpec(seed=4), 2), five[:2])


def test_the_caption_names_the_class(plain):
    gan = gans.build(plain.recipe).eval()
    by = [colored(gan, shirt(), ColorizeSpec(label=c)) for c in (None, 3, "Dress", "Bag")]
    assert torch.equal(by[1], by[2])
    assert not torch.equal(by[0], by[1])
    assert not torch.equal(by[3], by[1])


def test_classic_is_report_001s_color_of_the_class(plain):
    assert engine.classic(plain, shirt(), "Ankle boot").colors == ("#8c564b",)
    assert engine.classic(plain, shirt(), 3).colors == ("#ff7f0e",)


def test_classic_takes_a_missing_class_from_the_scorer(plain):
    request = engine.classic(plain, shirt(), None)
    assert request.label in datasets.CLASSES
    assert request.colors == (palettes.CLASSIC[datasets.CLASSES.index(request.label)],)


# ---------------------------------------------------------------- pictures that people bring


def test_a_gray_file_stays_what_it_is():
    x = np.arange(256, dtype=np.uint8).reshape(16, 16)
    gray = engine.opened(file_of(x))
    assert torch.equal(gray.values[0, 0], torch.from_numpy(x))
    assert not gray.was_colored


def test_a_file_in_color_becomes_gray_with_a_remark():
    gray = engine.opened(file_of(on_white()))
    assert gray.was_colored
    assert gray.values[0, 0, 0, 0] == 255
    coat = torch.tensor([90, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1)
    assert gray.values[0, 0, 45, 30] == color_space.gray_of(coat).item()


def test_the_background_stays_gray(plain):
    gray = engine.opened(file_of(on_white()))
    assert gray.mask[0, 0, 45, 30] == 1
    assert gray.mask[0, 0, 2, 2] == 0
    out = colored(plain, gray, ColorizeSpec(colors=(RED,), strength=2.0))
    assert (out[0, :, 3, 3] >= 254).all()
    assert ab_of(out)[0, 0, 45, 30] > 20


def test_the_background_may_be_colored_too(plain):
    x = np.full((60, 60), 128, np.uint8)
    x[15:-15, 15:-15] = 40
    gray = engine.opened(file_of(x))
    kept, all_over = (colored(plain, gray, ColorizeSpec(colors=(RED,)), keep_background=k) for k in (True, False))
    assert ab_of(kept)[0, :, 3, 3].norm() < 1
    assert ab_of(all_over)[0, :, 3, 3].norm() > 20


def test_on_black_there_is_no_need_of_a_mask():
    assert engine.opened(file_of(shirt().values[0, 0].numpy())).mask is None


def test_transparent_pixels_are_not_garment():
    x = np.zeros((40, 40, 4), np.uint8)
    x[10:-10, 10:-10] = (200, 200, 200, 255)
    gray = engine.opened(file_of(x))
    assert gray.values[0, 0, 0, 0] == 255
    assert gray.mask[0, 0, 0, 0] == 0
    assert gray.mask[0, 0, 20, 20] == 1


def test_a_picture_of_one_shade_has_no_garment_and_is_still_colored(plain):
    gray = engine.opened(file_of(np.full((30, 30), 140, np.uint8)))
    assert gray.mask is None
    assert ab_of(colored(plain, gray, ColorizeSpec(colors=(RED,))))[0, 0].min() > 20


def test_a_large_picture_is_reduced():
    x = np.full((2500, 500), 255, np.uint8)
    x[500:2000, 100:400] = 60
    gray = engine.opened(file_of(x))
    assert max(gray.values.shape[-2:]) == limits.COLORIZE_SIDE


@pytest.mark.parametrize("broken", [b"", b"no picture", file_of(on_white())[:120], file_of(on_white(), "PPM")])
def test_a_file_that_is_no_picture_is_refused(broken):
    with pytest.raises(StudioError, match="no picture"):
        engine.opened(broken)


@pytest.mark.parametrize(
    ("spec", "n", "message"),
    [
        (ColorizeSpec(colors=("no color",)), 1, "is no color"),
        (ColorizeSpec(hints=(Hint(0.5, 0.5, "nor this"),)), 1, "is no color"),
        (ColorizeSpec(hints=(Hint(1.5, 0.5, RED),)), 1, "from 0 to 1"),
        (ColorizeSpec(hints=(Hint(0.5, float("nan"), RED),)), 1, "from 0 to 1"),
        (ColorizeSpec(hints=(Hint(0.5, 0.5, RED),) * 9), 1, "8 places"),
        (ColorizeSpec(strength=-0.1), 1, "Strength"),
        (ColorizeSpec(strength=float("nan")), 1, "Strength"),
        (ColorizeSpec(label="Hat"), 1, "no class 'Hat'"),
        (ColorizeSpec(), 0, "variants"),
        (ColorizeSpec(), 17, "variants"),
    ],
)
def test_impossible_requests_are_refused(plain, spec, n, message):
    with pytest.raises(StudioError, match=message):
        colored(plain, shirt(), spec, n)


def test_other_gans_do_not_color():
    gan = gans.build(gans.new_recipe("dcgan", width=8).replace(labels=datasets.CLASSES))
    with pytest.raises(StudioError, match="choose a colorizer"):
        engine.colorizer(gan)


def test_a_description_makes_the_same_picture_again(plain):
    request = ColorizeSpec(
        colors=(RED, "teal"), hints=(Hint(0.2, 0.3, "#123456"),), tones=2, label="Bag", seed=5, strength=0.8
    )
    text = request.to_json("colorizer")
    assert json.loads(text)["colorized by"] == "colorizer"
    assert engine.colorize_spec(json.loads(text)) == request
    assert engine.colorize_spec(json.loads(ColorizeSpec().to_json("colorizer"))) == ColorizeSpec()


@pytest.mark.parametrize("description", [[], {"hints": 3}, {"hints": [{"x": 1}]}, {"colours": 7}, "text", None])
def test_a_bad_description_is_refused(description):
    with pytest.raises(StudioError, match="no description"):
        engine.colorize_spec(description)


def test_palettes():
    assert len(palettes.PALETTES) >= 8
    for colors in palettes.PALETTES.values():
        assert len({color_space.parse(c) for c in colors}) == len(colors) >= 4


# ---------------------------------------------------------------- the trained ones

trained = pytest.mark.skipif("colorizer" not in registry.bundled(), reason="no colorizer is bundled")


@trained
def test_the_bundled_colorizer_obeys_and_varies():
    gan = engine.colorizer(checkpoint.load("colorizer"))
    gray = Gray(gan.example[:1], None)
    garment = gray.values[0, 0] > engine.GARMENT
    for text in (RED, "#1f77b4", "#2ca02c"):
        mean = ab_of(colored(gan, gray, ColorizeSpec(colors=(text,))))[0][:, garment].mean(1)
        goal = color_space.shown(gray.values, color_space.lab_of(text)[1:].view(1, 2, 1, 1).expand(1, 2, 28, 28))
        expected = goal[0][:, garment].mean(1)
        light = torch.tensor([60.0])
        assert ciede2000(torch.cat([light, mean]), torch.cat([light, expected])) < 5
    free = ab_of(colored(gan, gray, ColorizeSpec(), 8))[:, :, garment].mean(2)
    assert torch.pdist(free).mean() > 15


def test_one_color_of_a_photograph_goes_to_many_places_the_first_in_the_middle():
    garment = torch.zeros(32, 32, dtype=torch.bool)
    garment[4:28, 8:24] = True
    many = engine.places(garment, 1, [], 24)
    assert many[0] == engine.places(garment, 1, [])[0]
    assert len(many) == len(set(many)) == 24
    assert all(garment[int(y * 32), int(x * 32)] for y, x in many)
    corners = torch.tensor([(y, x) for y in (5.5 / 32, 26.5 / 32) for x in (9.5 / 32, 22.5 / 32)])
    assert torch.cdist(corners, torch.tensor(many)).amin(1).max() < 1e-4


def test_a_soft_rim_takes_no_color(plain):
    x = torch.full((1, 1, 28, 28), 180, dtype=torch.uint8)
    x[..., :7] = torch.arange(100, 240, 5, dtype=torch.uint8).view(1, 1, 28, 1)
    mask = torch.ones(1, 1, 28, 28)
    mask[..., :7], mask[..., 21:] = 0.8, 0.9
    out = colored(plain, Gray(x, mask), ColorizeSpec(colors=(RED,)))
    assert (out[0, :, :, :7] == x[0, :, :, :7]).all(), "the same gray, to the bit"
    ab = ab_of(out)
    whole = ab_of(colored(plain, Gray(x, mask), ColorizeSpec(colors=(RED,)), keep_background=False))
    assert torch.allclose(ab[0, :, :, 21:], whole[0, :, :, 21:], atol=1)

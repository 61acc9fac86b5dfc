"""From one garment to others, and descriptions that draw the same pixels again."""

import dataclasses
import functools
import json
import math
from itertools import pairwise

import pytest
import torch
from few import LEAST, few

from fashiongan import gans
from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.gans.base import GAN
from fashiongan.latent import board, directions, interpolate, spec
from fashiongan.latent.spec import SampleSpec

EVERY = list(gans.GANS)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(directions, "MOST", 100)


@pytest.fixture(scope="module")
def net(trainer_of):
    """net(gan, **changes): a frozen GAN, the same one for every test, so that its directions are found once."""
    return functools.cache(lambda gan, **changes: trainer_of(gan, **changes).gan.eval().requires_grad_(False))


def redrawn(gan, look):
    """What the description draws, from its text alone."""
    return spec.picture(gan, spec.parse(look.to_json()))


@pytest.mark.parametrize("gan", few(chosen=LEAST))
def test_every_slider_kind_is_described_and_drawn_again_from_the_description(gan, net):
    model = net(gan)
    sheet = SampleSpec("x", n=12, seed=3, ways="measured", sliders=(1.0, -0.5))
    one, other = interpolate.garment(model, sheet, 7), interpolate.garment(model, sheet, 2)
    alone, among = spec.picture(model, one)[0].int(), spec.picture(model, sheet)[7].int()
    # Alone and among twelve, sums are rounded otherwise: of the enlarger's 49,000 values now and then one differs by 1.
    assert (alone - among).abs().max() <= (gan == "enlarger")
    assert (alone != among).sum() < 5
    near = interpolate.neighbours(model, one, 0.3, 5)
    result = (near, interpolate.garment(model, near, 0), interpolate.mixed(model, one, other, 0.4))
    for look in result:
        assert torch.equal(spec.picture(model, look), redrawn(model, look))
    assert torch.equal(spec.picture(model, result[1])[0], spec.picture(model, near)[0])


def test_a_garment_of_a_sheet_is_described_by_its_place(net):
    model = net("cdcgan")
    one = interpolate.garment(model, SampleSpec("x", n=12, seed=3), 7)
    assert (one.n, one.first, one.seed, one.label, one.latents) == (1, 7, 3, "Sneaker", "")


def test_a_garment_of_a_grid_has_the_slider_where_its_column_is(net):
    model = net("cdcgan")
    look = SampleSpec("x", seed=3, across=2, sliders=(0.5,))
    one = interpolate.garment(model, look, 9 * 4 + 8)  # the last column of the fifth class
    assert (one.label, one.sliders) == ("Coat", (0.5, 8.0))
    worst = spec.picture(model, one)[0].int() - spec.picture(model, look)[9 * 4 + 8].int()
    assert worst.abs().max() <= 2  # its latent is stored in 16 bits


def test_neighbours_stay_as_long_as_latents_are_and_the_garment_is_in_their_middle(net):
    model = net("dcgan")
    one = SampleSpec("x", seed=1)
    z = spec.unpack(model, interpolate.neighbours(model, one, 0.3, 5).latents, 9)
    start, _ = sampling.draw(model, 1, 1)
    assert torch.allclose(z[4], start[0], atol=2e-3)
    assert (z[[0, 1, 2, 3, 5, 6, 7, 8]] - start).norm(dim=1).min() > 0.5
    none = spec.unpack(model, interpolate.neighbours(model, one, 0.0, 5).latents, 9)
    assert torch.allclose(none, start.expand(9, -1), atol=2e-3)
    others = spec.unpack(model, interpolate.neighbours(model, one, 0.3, 6).latents, 9)
    assert not torch.allclose(others[0], z[0])


def test_neighbours_of_infogan_keep_kind_and_codes(net):
    model = net("infogan", categories=4, codes=2)
    one = interpolate.garment(model, SampleSpec("x", n=8, seed=2), 6)
    before = spec.latents(model, one)[0]
    z = spec.unpack(model, interpolate.neighbours(model, one, 0.8, 1).latents, 9)
    assert torch.allclose(z[:, 16:], before[:, 16:].expand(9, -1), atol=1e-3)


def test_turning_keeps_to_the_sphere():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    half = interpolate.turned(a, b, torch.tensor([0.5]))
    assert half[0].tolist() == pytest.approx([math.sqrt(2), math.sqrt(2)])
    third = interpolate.turned(a, b, torch.tensor([1 / 3]))
    assert third[0].tolist() == pytest.approx([math.sqrt(3), 1.0])
    assert interpolate.turned(a, a, torch.tensor([0.5]))[0].tolist() == pytest.approx([2.0, 0.0])
    assert interpolate.turned(a, -a, torch.tensor([0.0]))[0].tolist() == pytest.approx([2.0, 0.0])


def test_a_mixture_of_two_classes_blends_them(net):
    model = net("cdcgan")
    a, b = SampleSpec("x", seed=1, label="Dress"), SampleSpec("x", seed=2, label="Coat")
    mixed = interpolate.mixed(model, a, b, 0.25)
    assert mixed.label is None
    assert mixed.shares == (0, 0, 0, 0.75, 0.25, 0, 0, 0, 0, 0)
    _, c = spec.latents(model, mixed)
    assert c.tolist() == [list(mixed.shares)]
    seen = []
    hook = model.G.register_forward_pre_hook(lambda _, args: seen.append(args[1]))
    spec.picture(model, mixed)
    hook.remove()
    assert torch.allclose(seen[0], torch.tensor([mixed.shares]))
    same = interpolate.mixed(model, a, dataclasses.replace(b, label="Dress"), 0.25)
    assert (same.label, same.shares) == ("Dress", ())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_mixture_with_nothing_of_one_is_the_other(net, share):
    model = net("acgan")
    a, b = SampleSpec("x", seed=1, label="Dress"), SampleSpec("x", seed=2, label="Coat")
    z, c = spec.latents(model, interpolate.mixed(model, a, b, share))
    expected = spec.latents(model, b if share else a)
    assert torch.allclose(z, expected[0], atol=2e-3)
    assert c[0].argmax() == expected[1][0]


def test_a_blend_moves_along_the_blend_of_its_directions(net):
    model = net("cdcgan")
    ways = directions.find(model)
    shares = torch.zeros(1, 10)
    shares[0, 2] = shares[0, 5] = 0.5
    z = torch.zeros(1, 16)
    moved = spec.moved(model, z, torch.tensor([2.0]), "measured", shares)
    assert torch.allclose(moved[0], ways.vectors[0, 2] + ways.vectors[0, 5], atol=1e-5)


def test_a_walk_begins_at_each_stop_and_comes_back(net):
    model = net("cdcgan")
    stops = [SampleSpec("x", seed=s, label="Dress", sliders=(float(s),), ways="measured") for s in (1, 2, 3)]
    steps = interpolate.walk(model, stops, 4)
    assert len(steps) == 12
    for step, stop in zip(steps[::4], stops, strict=True):
        assert torch.allclose(spec.latents(model, step)[0], spec.latents(model, stop)[0], atol=2e-3)
        assert step.sliders == stop.sliders
    assert steps[2].sliders == (1.5,)
    with pytest.raises(StudioError, match="two garments or more"):
        interpolate.walk(model, stops[:1], 4)


class Layered(GAN):
    """A GAN of two layers that each take a latent: the first is the upper half of the picture, the second the lower."""

    year, paper, title, formulas = 0, "", "", ("", "")
    layers = 2

    def d_loss(self, b): ...

    def g_loss(self, b): ...

    def half(self, z):
        return torch.tanh(z[:, :1, None, None]).expand(-1, 1, 14, 28)

    def generate(self, G, z, c):
        return torch.cat([self.half(z), self.half(z)], 2)

    def generate_mixed(self, G, z, other, c, cut):
        return torch.cat([self.half(other if cut < 1 else z), self.half(other if cut < 2 else z)], 2)


def test_layers_take_another_garments_latent(tiny):
    model = Layered(tiny("dcgan"))
    model.G = torch.nn.Linear(1, 1)
    a, b = (spec.pack(torch.full((1, 16), v)) for v in (9.0, -9.0))
    mixed = SampleSpec("x", latents=a, other=b, cut=1)
    assert spec.picture(model, mixed)[0, 0, :, 0].tolist() == [255] * 14 + [0] * 14
    assert redrawn(model, mixed)[0, 0, 0, 0] == 255
    assert spec.picture(model, dataclasses.replace(mixed, cut=2)).min() == 255


LAYERED = [name for name in EVERY if gans.GANS[name].layers is not GAN.layers]


@pytest.mark.parametrize("gan", LAYERED)
def test_layers_of_the_catalogue_mix(gan, net):
    """From layer 0 on all is the other's, from the last none of it; between, it depends on both."""
    model = net(gan)
    assert model.layers > 2
    (z, c), (other, _) = sampling.draw(model, 3, 0), sampling.draw(model, 3, 1)
    own, others = (model.generate(model.G, a, c) for a in (z, other))
    mixed = [model.generate_mixed(model.G, z, other, c, cut) for cut in range(model.layers + 1)]
    if gan == "studio":  # stylegan's noise stays the first one's in all layers
        assert torch.equal(mixed[0], others)
    assert torch.equal(mixed[-1], own)
    assert all(not torch.equal(a, b) for a, b in pairwise(mixed))
    assert all(not torch.equal(m, x) for m in mixed[1:-1] for x in (own, others))


def test_some_of_the_catalogue_have_layers():
    assert {"studio", "stylegan"} <= set(LAYERED)


def test_descriptions_of_before_still_mean_what_they_did(net):
    model = net("dcgan")
    old = {"made by": "FashionGAN Studio", "checkpoint": "x", "n": 4, "seed": 3, "label": None, "truncation": 0.7}
    old |= {"sliders": [2.0, 0.0, -1.0], "across": 0}
    z, c = sampling.draw(model, 4, 3)
    z = 0.7 * z
    v = directions.sefa(model, 3)
    expected = sampling.render(model, z + 2 * v[0] - v[2], c)
    assert torch.equal(spec.picture(model, spec.parse(json.dumps(old))), expected)


def test_the_description_of_a_plain_sheet_is_short():
    assert set(json.loads(SampleSpec("dcgan", n=4).to_json())) == {
        "made by", "checkpoint", "n", "seed", "label", "truncation", "sliders", "across",
    }  # fmt: skip


GOOD = json.loads(SampleSpec("dcgan").to_json())


@pytest.mark.parametrize(
    "bad",
    [
        "hello", b"\xff\xfe", "[1]", "7", "null", "[" * 100_000, '{"checkpoint": "dcgan", "nosuch": 1}', "{}",
        *(json.dumps(GOOD | {key: value}) for key, value in [
            ("checkpoint", 7), ("n", 0), ("n", 101), ("n", True), ("n", 1.5), ("seed", -1), ("label", [1]),
            ("label", 3.5), ("truncation", float("nan")), ("truncation", -1), ("sliders", ["a"]), ("sliders", [1e9]),
            ("sliders", [0.0] * 17), ("sliders", 3), ("across", 17), ("first", 10**9), ("ways", "magic"),
            ("latents", 7), ("shares", [2.0]), ("cut", -1), ("other", None), ("ways", ["layer"]),
        ]),
    ],
    ids=lambda v: str(v)[-40:],
)  # fmt: skip
def test_a_bad_description_is_refused_in_one_sentence(bad):
    with pytest.raises(StudioError, match="description of garments"):
        spec.parse(bad)


@pytest.mark.parametrize("text", ["AAAA", "!", "AH4=" * 8, spec.pack(torch.full((1, 16), math.nan))])
def test_latents_that_do_not_fit_are_refused(net, text):
    with pytest.raises(StudioError, match="do not fit its checkpoint"):
        spec.picture(net("dcgan"), SampleSpec("x", latents=text))


def test_shares_that_do_not_fit_are_refused(net):
    for model, shares in ((net("cdcgan"), (1.0, 0.0)), (net("dcgan"), (1.0,)), (net("cdcgan"), (0.0,) * 10)):
        with pytest.raises(StudioError, match="A blend for this checkpoint takes"):
            spec.picture(model, SampleSpec("x", shares=shares))


# The board


def looks(model):
    sheet = SampleSpec("cdcgan", n=20, seed=4, ways="measured", sliders=(0.5, 1.0), truncation=0.9)
    one, other = interpolate.garment(model, sheet, 3), interpolate.garment(model, sheet, 14)
    near = interpolate.neighbours(model, one, 0.4, 2)
    return [one, interpolate.garment(model, near, 2), interpolate.mixed(model, one, other, 0.3)]


def test_a_board_comes_back_from_its_file_pixel_for_pixel(net):
    model = net("cdcgan")
    kept = looks(model)
    again = board.from_json(board.to_json(kept))
    assert again == kept
    for a, b in zip(kept, again, strict=True):
        assert torch.equal(spec.picture(model, a), spec.picture(model, b))


def test_a_picture_is_a_board_of_one_and_so_is_a_contact_sheet_of_all(net):
    model = net("cdcgan")
    kept = looks(model)
    images = [spec.picture(model, look)[0] for look in kept]
    sheet = board.contact_sheet(images, ["a", "b" * 200, "c"])
    assert board.from_png(board.as_file(sheet, "PNG", kept[1].to_json())) == [kept[1]]
    assert board.from_png(board.as_file(sheet, "PNG", board.to_json(kept))) == kept
    assert board.as_file(sheet, "PDF", "").startswith(b"%PDF")
    corner = sheet.crop((14, 14, 14 + 168, 14 + 168)).convert("L").resize((28, 28), 0)
    assert list(corner.get_flattened_data()) == images[0].flatten().tolist()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello", "not a board of the studio"),
        ('{"board": 7}', "not a board of the studio"),
        ('{"board": [7]}', "not a board of the studio"),
        (json.dumps({"board": [GOOD] * 61}), "holds 61 garments"),
        (json.dumps({"board": [GOOD | {"n": 4}]}), "sheet of several"),
        (json.dumps({"board": [GOOD | {"across": 1}]}), "sheet of several"),
        (json.dumps({"board": [GOOD | {"seed": "x"}]}), "no sensible seed"),
    ],
)
def test_a_bad_board_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(StudioError, match=sentence):
        board.from_json(text)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\nrest", b"hello"])
def test_a_picture_without_a_description_is_refused(data):
    with pytest.raises(StudioError, match="holds no description"):
        board.from_png(data)

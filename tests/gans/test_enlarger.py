"""A garment of 28 pixels, enlarged: the way there is linear and known, so much of the way back can be checked."""

import dataclasses
import math

import pytest
import torch

from fashiongan import gans
from fashiongan.color import color_space
from fashiongan.color.difference import ciede2000
from fashiongan.colorize import enlarge
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.gans import efficientnet, enlarger, palette
from fashiongan.gans import shrinking as s
from fashiongan.gans.base import Batch
from fashiongan.gans.palette import BINS, Palette, quantile
from fashiongan.latent import directions
from fashiongan.training.trainer import Trainer

NAMES = ("dress", "pants", "shirt", "shoes")
seeing = pytest.mark.skipif(not efficientnet.installed("lite0"), reason="the frozen net's weights are not installed")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=rng(seed))


def block(rgb=(0.2, 0.4, 0.6), size=128):
    """(1, 4, size, size): a garment of one color that fills its square but for the margin."""
    edge = (size - size / s.MARGIN) / 2
    at = torch.arange(size) + 0.5
    inside = ((at > edge) & (at < size - edge)).float()
    alpha = (inside[:, None] * inside)[None, None]
    return torch.cat([torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, size, size), alpha], 1)


def fresh(width=8, size=64, labels=NAMES, **changes):
    recipe = gans.new_recipe("enlarger", width=width, size=size, seen=64, **changes)
    return gans.build(recipe.replace(channels=4, labels=labels)).eval()


def batch(model, x, y=None, **more):
    y = torch.zeros(len(x), dtype=torch.long) if y is None else y
    return Batch(x, y, torch.randn(len(x), model.recipe.z_dim, generator=rng(2)), y, rng(3), 1, **more)


# ---------------------------------------------------------------- the way there


@pytest.mark.parametrize("size", [64, 128])
def test_what_is_grown_shrinks_to_what_it_was(size):
    x = noise(3, 1, 28, 28)
    assert torch.allclose(s.shrunk(s.grown(x, size)), x, atol=1e-5)


def test_a_garment_of_one_color_by_hand():
    small = s.shrink(block((0.2, 0.4, 0.6)))[0, 0]
    want = 1 - (0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6)
    assert torch.allclose(small[3:-3, 3:-3], torch.tensor(want), atol=1e-5)
    assert small[:, 0].amin() > 0.8 * want, "the longest edge is 28: nothing of the margin is left"
    assert torch.allclose(small, small.T, atol=1e-5)
    assert torch.allclose(small, small.flip(0, 1), atol=1e-5), "centred"


def test_white_and_transparent_are_black_and_black_is_white():
    assert s.shrink(block((1.0, 1.0, 1.0))).abs().max() < 1e-5
    assert torch.allclose(s.shrink(block((0.0, 0.0, 0.0)))[0, 0, 4:-4, 4:-4], torch.tensor(1.0), atol=1e-5)
    hidden = block((0.0, 0.0, 0.0))
    hidden[:, 3] = 0
    assert not s.shrink(hidden).any()
    half = block((0.0, 0.0, 0.0))
    half[:, 3] /= 2
    assert torch.allclose(s.shrink(half)[0, 0, 4:-4, 4:-4], torch.tensor(0.5), atol=1e-5)


def test_it_sharpens_by_the_given_amount():
    """A step between two small pixels, 0.2 to 0.6: beside it, both are a quarter of the difference farther apart."""
    down, _ = s.maps(128, "cpu")
    step = torch.full((128,), 0.2)
    step[64:] = 0.6
    small = down @ step
    assert small[5].item() == pytest.approx(0.2, abs=1e-5)
    # The triangle alone gives an eighth of the step to the small pixel before it, an eighth less to that after.
    plain = torch.tensor([0.2, 0.2 + 0.4 / 8, 0.6 - 0.4 / 8, 0.6])
    sharp = 1.5 * plain[1] - 0.25 * (plain[0] + plain[2])
    assert small[13].item() == pytest.approx(sharp.item(), abs=0.005)


def test_shrinking_passes_its_gradient_on():
    x = block().requires_grad_()
    s.shrink(x).sum().backward()
    assert (x.grad[0, :3, 64, 64] < 0).all(), "lighter is less"
    assert x.grad[0, 3, 64, 64] > 0
    assert not x.grad[0, :, 0].any(), "the margin does not count"


@pytest.mark.slow
def test_toned_garments_are_darker_or_lighter_and_keep_their_outline():
    x = block((0.5, 0.5, 0.5)).repeat(400, 1, 1, 1)
    y = s.toned(x, rng())
    assert torch.equal(y[:, 3], x[:, 3])
    middle = y[:, 0, 64, 64]
    assert middle.max() == pytest.approx(0.8, abs=0.01)
    assert middle.min() == pytest.approx(0.5**1.8, abs=0.01)
    assert (middle > 0.5).float().mean().item() == pytest.approx(s.LIGHTER, abs=0.07)
    two = x[:40].clone()
    two[:, :3, :64] = 0.7
    far = s.toned(two, rng())
    assert ((far[:, 0, 20, 64] - far[:, 0, 100, 64]) > 0.2 * 0.9).all()


# ---------------------------------------------------------------- color


def test_tinted_keeps_luma_whatever_the_color():
    y, c = noise(4, 1, 16, 16), noise(4, 2, 16, 16, seed=1) - 0.5
    rgb = s.tinted(y, c)
    assert rgb.min() >= -1e-6
    assert rgb.max() <= 1 + 1e-6
    assert torch.allclose(s.luma(rgb), y, atol=1e-5)
    got = s.chroma(rgb)
    assert torch.allclose(got[:, :1] * c[:, 1:], got[:, 1:] * c[:, :1], atol=1e-5), "the same hue"
    mild = s.tinted(torch.full((1, 1, 1, 1), 0.5), torch.tensor([0.1, -0.1]).view(1, 2, 1, 1))
    assert torch.allclose(s.chroma(mild).flatten(), torch.tensor([0.1, -0.1]), atol=1e-6), "what fits is left alone"


def test_a_color_by_hand():
    """Red: luma 0.299, cr 0.5, cb -0.299 / 1.772."""
    c = s.chroma(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)).flatten()
    assert c.tolist() == pytest.approx([-0.299 / 1.772, 0.5], abs=1e-5)
    back = s.tinted(torch.full((1, 1, 1, 1), 0.299), c.view(1, 2, 1, 1)).flatten()
    assert back.tolist() == pytest.approx([1, 0, 0], abs=1e-4)


def test_the_mean_color_counts_what_is_seen():
    x = block((1.0, 0.0, 0.0))
    x[:, :3, :, 64:] = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1)
    red, blue = (s.chroma(torch.tensor(v).view(1, 3, 1, 1)).flatten() for v in ([1.0, 0, 0], [0, 0, 1.0]))
    assert torch.allclose(s.mean_chroma(x)[0], (red + blue) / 2, atol=1e-5)
    x[:, 3, :, 64:] /= 3
    assert torch.allclose(s.mean_chroma(x)[0], (3 * red + blue) / 4, atol=1e-5)


def test_correction_reaches_the_requested_color():
    small, alpha = 0.2 + 0.6 * noise(2, 1, 28, 28), torch.ones(2, 1, 128, 128)
    dark = s.corrected(noise(2, 1, 128, 128, seed=1), alpha, small)
    assert (s.shrunk(dark) - small).square().mean().sqrt() < 0.01
    through = s.corrected(torch.zeros(1, 1, 128, 128), alpha[:1] / 2, torch.full((1, 1, 28, 28), 0.3))
    assert through[0, 0, 64, 64].item() == pytest.approx(0.6, abs=0.01), "0.6 under alpha 0.5 shows 0.3"
    assert not s.corrected(torch.zeros(1, 1, 128, 128), alpha[:1], torch.zeros(1, 1, 28, 28)).any()


def test_conditions_are_measured_on_the_garments():
    small = torch.zeros(1, 1, 28, 28)
    small[..., :7] = 0.4
    small[..., 7:14] = 0.8
    assert s.tone_stats(small)[0].tolist() == pytest.approx([0.6, 0.2], abs=1e-3)


# ---------------------------------------------------------------- the palette


def test_quantiles_of_a_flat_histogram_are_a_line():
    share = torch.linspace(0.01, 0.99, 9)[:, None]
    assert torch.allclose(quantile(torch.zeros(9, BINS), share), 2 * share - 1, atol=1e-5)


def test_quantiles_of_two_bins_lie_in_those():
    logits = torch.full((4, BINS), -1e4)
    logits[:, 0] = 0.0
    logits[:, BINS - 1] = math.log(3)
    got = quantile(logits, torch.tensor([[0.125], [0.24], [0.26], [0.625]])).flatten()
    assert got.tolist() == pytest.approx([-1 + 1 / BINS, -1 + 1.92 / BINS, 1 - 1.973 / BINS, 1 - 1 / BINS], abs=1e-3)


def test_a_palette_learns_what_colors_there_are_and_how_many_of_each():
    """Class 0 is red or, three times as often, blue; class 1 is gray."""
    torch.manual_seed(0)
    pal = Palette(2)
    red, blue = torch.tensor([-0.15, 0.4]), torch.tensor([0.35, -0.1])
    opt, r = torch.optim.Adam(pal.parameters(), 1e-2), rng()
    y = torch.eye(2).repeat(200, 1)
    seen = torch.rand(400, 2, generator=r)
    told = torch.where(torch.arange(400)[:, None] % 8 == 0, red, blue)
    told = torch.where(y[:, 1:] > 0, 0.0, told)
    for _ in range(300):
        opt.zero_grad()
        loss = pal.loss(y, seen, told, r)
        loss.backward()
        opt.step()
    n = 2000
    got = pal.draw(y[:1].expand(n, 2), seen[:1].expand(n, 2), torch.randn(n, 2, generator=r))
    near = [(got - c).norm(dim=1) < 0.1 for c in (red, blue)]
    assert near[0].float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert near[1].float().mean().item() == pytest.approx(0.75, abs=0.06)
    gray = pal.draw(y[1:2].expand(n, 2), seen[:1].expand(n, 2), torch.randn(n, 2, generator=r))
    assert (gray.norm(dim=1) < 0.02).float().mean() > 0.9


# ---------------------------------------------------------------- the nets


@pytest.mark.parametrize("size", [64, 128])
def test_a_net_that_has_learned_nothing_is_consistent_already(size, garments):
    model, small = fresh(size=size), garments.images[:20].float() / 255
    with torch.no_grad():
        out = model.G(small, torch.zeros(20, 4), torch.randn(20, 16, generator=rng()))
    assert out.shape == (20, 4, size, size)
    assert out.min() >= -1e-6
    assert out.max() <= 1 + 1e-6
    error = (s.shrink(out) - small).square().mean((1, 2, 3))
    assert (-10 * torch.log10(error)).min() > 28


def test_it_has_the_color_of_its_condition_and_noise_draws_others():
    model = fresh()
    small = s.shrink(block((0.5, 0.5, 0.5)))
    told = torch.tensor([[0.1, 0.15], [-0.2, 0.1], [0.0, 0.0]])
    y, z = torch.zeros(3, 4), torch.randn(3, 16, generator=rng())
    with torch.no_grad():
        got = s.mean_chroma(model.G(small.expand(3, -1, -1, -1), y, z, told))
        assert torch.allclose(got, told, atol=0.08)
        free = model.G.palette.draw(
            y, s.tone_stats(small).expand(3, -1), torch.tensor([[-1.0, 0], [1.0, 0], [1.0, 1.0]])
        )
    assert free[1, 0] - free[0, 0] > 0.02
    assert free[2, 1] - free[1, 1] > 0.01


def test_sliders_see_the_layer_that_reads_its_noise_and_the_color_that_follows_it():
    model = fresh()
    assert torch.equal(directions.first_layer(model.G, model.recipe.z_dim), model.G.style.weight)
    z = torch.randn(3, 16, generator=rng()).requires_grad_()
    drawn = model.G(s.shrink(block((0.5, 0.5, 0.5))).expand(3, -1, -1, -1), torch.zeros(3, 4), z)
    s.mean_chroma(drawn)[:, 0].sum().backward()
    assert (z.grad[:, 0] > 0.5 * z.grad[:, 2:].abs().amax(1)).all(), "the first number is how blue"


def test_a_black_garment_cannot_become_red():
    told = torch.tensor([[0.05, 0.1]])
    gray = torch.cat([torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)], 1)
    assert torch.allclose(enlarger.reachable(gray, told), told, atol=1e-5)
    gray[:, :3, :48] = 0.0
    assert torch.allclose(enlarger.reachable(gray, told), told / 4, atol=1e-5)


def test_an_untrained_net_draws_no_chessboard():
    """The four pixels of a shuffled layer's place are one, but for the last layer's look at its neighbours."""
    model = fresh()
    h, w = noise(1, model.G.wide[0].conv.in_channels, 32, 32), noise(1, 64)
    with torch.no_grad():
        out = torch.nn.functional.pixel_shuffle(model.G.wide[0](h, w), 2)
    assert torch.equal(out[..., ::2, ::2], out[..., 1::2, ::2])
    assert torch.equal(out[..., ::2, ::2], out[..., ::2, 1::2])


def test_it_is_small_enough_to_bundle():
    model = fresh(width=64, size=128, labels=tuple("abcdefghijk"))
    assert sum(p.numel() for p in model.parameters()) < 2.9e6


def test_it_knows_fashion_mnists_classes_by_their_other_names():
    model = fresh(labels=("dress", "hat", "longsleeve", "outwear", "pants", "shirt", "shoes", "t-shirt"))
    assert [model.matching_class(n) for n in datasets.CLASSES] == [7, 4, 2, 0, 3, 6, 5, 6, -1, 6]
    assert fresh(labels=datasets.CLASSES).matching_class("Sandal") == 5


def test_half_of_the_conditions_have_no_pair():
    model = fresh()
    x = block((0.8, 0.2, 0.2), 64).repeat(6, 1, 1, 1) * 2 - 1
    other = (noise(6, 1, 28, 28) * 255).byte()
    y, unpaired_y = torch.tensor([2, 0, 2, 1, 1, 1]), torch.tensor([3, -1, 0, 0, 0, 0])
    t = model.inputs(batch(model, x, y, unpaired=other, unpaired_y=unpaired_y))
    assert len(t.small) == 6
    assert len(t.real) == 3
    assert torch.equal(t.small[3:], other[:3].float() / 255)
    assert torch.allclose(t.small[:3], (s.shrink(t.real) * 255).round() / 255)
    assert torch.allclose(t.chroma[:3], s.mean_chroma(t.real))
    assert t.y[3:].tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert t.real_y.argmax(1).tolist() == [2, 0, 2]
    assert model.met.tolist() == [True, False, True, False]
    assert torch.equal(model.example[2].float() / 255, t.small[0])
    alone = model.inputs(batch(model, x, y))
    assert len(alone.small) == len(alone.real) == 6
    assert model.met.tolist() == [True, True, True, False]
    assert torch.equal(model.example[2].float() / 255, t.small[0]), "the first is kept"


def cutouts(n=40):
    """Data of four classes: blocks of random color, some cut narrower."""
    x = torch.cat([block(tuple(noise(3, seed=i).tolist()), 64) for i in range(n)])
    x[::2, 3, :, :16] = 0
    return datasets.Dataset((x * 255).round().byte(), torch.arange(n) % 4, NAMES, "here")


@seeing
@pytest.mark.parametrize("beside", ["fashion-mnist", pytest.param("", marks=pytest.mark.slow)])
def test_an_update_moves_every_parameter_and_keeps_numbers_finite(beside):
    recipe = gans.new_recipe("enlarger", width=8, size=64, seen=64, batch=4, steps=3, unpaired=beside)
    trainer = Trainer(*datasets.prepare(recipe, loaded=cutouts()))
    before = {k: v.clone() for k, v in trainer.gan.named_parameters()}
    ticks = list(trainer.run(every=1))
    assert [k for k, v in trainer.gan.named_parameters() if torch.equal(v, before[k])] == []
    assert all(math.isfinite(v) for t in ticks for v in t.losses.values())
    assert {"g_adv", "g_redraw", "g_likeness", "g_consistency", "g_hint", "g_palette"} <= ticks[0].losses.keys()
    b = trainer.batch(0)
    assert (b.unpaired is None) == (not beside)
    if beside:
        assert b.unpaired.shape == (4, 1, 28, 28)
        assert b.unpaired.dtype == torch.uint8
    assert trainer.gan.sample_images(5, 0).shape == (5, 4, 64, 64)


@seeing
def test_a_garment_that_equals_its_pair_costs_only_the_discriminator_and_palette_terms(monkeypatch):
    model = fresh(unpaired="")
    x = cutouts(4).images.float() / 127.5 - 1
    b = batch(model, x, torch.arange(4))
    model.D.measure(x)
    t = model.inputs(b)
    monkeypatch.setattr(model, "inputs", lambda _: t)
    monkeypatch.setattr(model.G, "forward", lambda *_: t.real)
    loss = model.g_loss(b)
    for name in ("redraw", "likeness", "hint"):
        assert loss.terms[name].abs() < 1e-5, name
    assert loss.terms["consistency"] < model.recipe.consistency / 255
    monkeypatch.setattr(model.G, "forward", lambda *_: t.real.flip(1))
    assert model.g_loss(b).terms["redraw"] > 0.1


@seeing
def test_garments_without_a_pair_that_are_not_gray_are_refused(colored):
    recipe = gans.new_recipe("enlarger", width=8, size=64, seen=64, batch=4, steps=3, unpaired=str(colored))
    with pytest.raises(StudioError, match="must be gray"):
        Trainer(*datasets.prepare(recipe, loaded=cutouts()))


def test_datasets_and_sizes_it_cannot_learn_are_refused():
    with pytest.raises(StudioError, match="64 or 128 pixels, not at 28"):
        fresh(size=28)
    with pytest.raises(StudioError, match="color pictures"):
        gans.build(gans.new_recipe("enlarger").replace(channels=1, labels=NAMES))


# ---------------------------------------------------------------- the engine


def gray(garments, n=6):
    return garments.images[:n, 0].contiguous()


def test_enlarged_garments_are_bytes_by_seed_and_number(garments):
    model, small = fresh(labels=("t-shirt", "dress", "shoes")), gray(garments, 12)
    out = enlarge.enlarged(model, small, "dress", seed=3)
    assert out.shape == (12, 64, 64, 4)
    assert out.dtype == torch.uint8
    assert torch.equal(out[:5], enlarge.enlarged(model, small[:5], 1, seed=3))
    assert torch.equal(out[7:9], enlarge.enlarged(model, small[7:9], "Dress", seed=3, first=7))
    assert not torch.equal(out, enlarge.enlarged(model, small, "dress", seed=4))
    assert enlarge.consistency(small, out).min() > 28


def test_consistency_by_hand():
    """Black where 10 levels of gray were asked for, everywhere: 10 log10(255^2 / 100)."""
    nothing = torch.zeros(1, 64, 64, 4, dtype=torch.uint8)
    got = enlarge.consistency(torch.full((1, 28, 28), 10, dtype=torch.uint8), nothing)
    assert got.item() == pytest.approx(10 * math.log10(650.25), abs=1e-3)
    assert enlarge.consistency(torch.zeros(1, 28, 28, dtype=torch.uint8), nothing).item() > 70


def test_classes_are_given_by_either_name_one_or_each():
    model = fresh(labels=("t-shirt", "dress", "shoes"))
    assert enlarge.classes(model, 2, None).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert enlarge.classes(model, 2, "Sneaker").tolist() == [[0, 0, 1], [0, 0, 1]]
    assert enlarge.classes(model, 4, ["T-shirt/top", "Bag", None, 1]).argmax(1).tolist() == [0, 0, 0, 1]
    assert enlarge.classes(model, 4, ["T-shirt/top", "Bag", None, 1]).sum(1).tolist() == [1, 0, 0, 1]
    with pytest.raises(StudioError, match="one for each"):
        enlarge.classes(model, 3, ["dress", "shoes"])
    with pytest.raises(StudioError, match="no class 'sock'"):
        enlarge.classes(model, 1, "sock")


@pytest.mark.parametrize("color", ["#b03a2e", "#1f4e9e", "#d8c8a0", "#303030"])
def test_a_garment_gets_the_requested_color(color):
    model = fresh(width=16)
    with torch.no_grad():  # as an untrained net cannot know where the garment is, it is told
        model.G.last.conv.weight.zero_()
        model.G.last.conv.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.0]))
    small = (s.shrink(block((0.35, 0.35, 0.35))) * 255).round().byte()[:, 0].repeat(2, 1, 1)
    small[1, 8:12] = (small[1, 8:12] * 0.8).byte()
    out = enlarge.enlarged(model, small, seed=0, color=color).permute(0, 3, 1, 2).float() / 255
    inside = out[:, :3, 12:-12, 12:-12].mean((2, 3), keepdim=True)
    got = color_space.lab(inside)[:, :, 0, 0]
    assert (ciede2000(got, color_space.lab_of(color).expand(2, 3)) < 8).all()


def pieces(size):
    """An input of 28 pixels that shows a garment at the left, and alpha with a white part that touches the garment, and
    one that does not."""
    small, alpha = torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, size, size)
    small[..., 4:24, 2:8] = 0.6
    alpha[..., size // 4 : size // 2, size // 8 : size // 2] = 0.8  # the garment, and white to its right
    alpha[..., size // 4 : size // 2, 3 * size // 4 :] = 0.8
    return small, alpha


@pytest.mark.parametrize("size", [64, 128])
def test_a_white_piece_of_which_the_input_shows_nothing_stays_if_it_touches_the_garment(size):
    small, alpha = pieces(size)
    left = enlarge.attached(alpha, small)
    assert torch.equal(left[..., : size // 2], alpha[..., : size // 2])
    assert not left[..., size // 2 :].any()
    assert torch.equal(enlarge.attached(alpha, small + small.flip(3)), alpha), "the input shows both"
    assert not enlarge.attached(alpha, torch.zeros(1, 1, 28, 28)).any()


def test_a_detached_piece_may_be_near_and_the_outline_stays_soft():
    small, alpha = pieces(128)
    alpha[..., 32:64, 67:] = 0.8  # three pixels beside the garment
    alpha[..., 31, 16:64] = 0.1
    left = enlarge.attached(alpha, small)
    assert not left[..., 67:].any()
    assert torch.equal(left[..., :64], alpha[..., :64])


@pytest.mark.parametrize("color", [None, "#b03a2e"])
def test_enlarged_garments_have_no_detached_white_pieces(color, monkeypatch):
    model = fresh()
    small, alpha = pieces(64)
    drawn = torch.cat([torch.full((1, 3, 64, 64), 0.5), alpha], 1)

    def forward(_small, _y, _z, _chroma=None, cleaned=None):
        return drawn.clone() if cleaned is None else torch.cat([drawn[:, :3], cleaned], 1)

    monkeypatch.setattr(model.G, "forward", forward)
    out = enlarge.enlarged(model, (small[0] * 255).byte(), color=color)[0, ..., 3]
    assert out[:, 8:32].any()
    assert not out[:, 32:].any()


def test_retoned_garments_have_the_requested_lightness_and_their_ground_stays():
    small, cover = torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 28, 28)
    cover[..., 4:24, 4:24] = 1.0
    small[..., 4:24, 4:14] = 0.2
    small[..., 4:24, 14:24] = 0.6
    for dark in (0.1, 0.3, 0.4, 0.5, 0.9):
        got = enlarge.retoned(small, cover, dark)
        assert got[0, 0, 4:24, 4:24].mean().item() == pytest.approx(dark, abs=1e-4)
        assert not got[0, 0, :4].any()
        assert got[0, 0, 10, 20] > got[0, 0, 10, 10]
    white = enlarge.retoned(torch.zeros(1, 1, 28, 28), cover, 0.7)
    assert white[0, 0, 4:24, 4:24].mean().item() == pytest.approx(0.7, abs=1e-4)


def saved(tmp_path, mode, size, value):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new(mode, size, value).save(path)
    return path


def test_pictures_that_are_no_garments_of_28_pixels_are_refused(tmp_path):
    assert enlarge.opened(saved(tmp_path, "L", (28, 28), 90)).unique().tolist() == [90]
    with pytest.raises(StudioError, match="and this is 64 x 64"):
        enlarge.opened(saved(tmp_path, "L", (64, 64), 90))
    with pytest.raises(StudioError, match="in color"):
        enlarge.opened(saved(tmp_path, "RGB", (28, 28), (200, 20, 20)))
    for value in (0, 3, 252, 255):
        with pytest.raises(StudioError, match="shows no garment: it is empty"):
            enlarge.opened(saved(tmp_path, "L", (28, 28), value))
    with pytest.raises(StudioError, match="28 x 28 pixels, not"):
        enlarge.enlarged(fresh(), torch.zeros(1, 64, 64, dtype=torch.uint8))
    with pytest.raises(StudioError, match="choose an enlarger"):
        enlarge.enlarger(gans.build(gans.new_recipe("cdcgan", width=8).replace(labels=NAMES)))


def test_bins_are_fine_near_gray():
    """A bin at gray is a fiftieth of one at the end."""
    root = torch.linspace(-1, 1, palette.BINS + 1)
    edges = root.sign() * root.square() / 2
    widths = edges.diff()
    assert widths[0] / widths[BINS // 2] > 25


@seeing
def test_real_and_fake_pass_its_discriminator_as_separate_batches(trainer_of):
    """As every GAN's do (tests/gans/test_paper_faults.py); its real ones are toned, so they are not the batch's own."""
    trainer = trainer_of("enlarger")
    seen = []
    trainer.gan.D.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    trainer.gan.d_loss(trainer.batch(0))
    real, fake = seen
    assert real.shape == fake.shape == (16, 4, 64, 64)
    alpha = trainer.batch(0).x[:, 3]
    assert torch.allclose(real[:, 3], alpha, atol=1e-6), "toning leaves the outline"
    assert not torch.allclose(fake[:, 3], alpha, atol=1e-2)


@seeing
@pytest.mark.parametrize("channels", [3, 4])
def test_its_channels_are_the_datas(channels, trainer_of, garments_in_color):
    pictures = dataclasses.replace(garments_in_color, images=garments_in_color.images[:, :channels])
    trainer = trainer_of("enlarger", pictures, steps=2, batch=4)
    for _ in trainer.run(1):
        pass
    assert trainer.gan.eval().sample_images(3, 0).shape == (3, channels, 64, 64)

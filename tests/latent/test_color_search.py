"""Garments of a requested color, of a generator whose color is a known function of its latent."""

from dataclasses import replace

import pytest
import torch

from fashiongan import gans
from fashiongan.color import color_space
from fashiongan.color.difference import ciede2000
from fashiongan.latent import attributes, color_search, dye, interpolate, spec
from fashiongan.latent.spec import SampleSpec

COLORS = ("#b03a2e", "#1f77b4", "#2ca02c", "#e6c229", "#202020", "#f0f0f0", "#d8c8a0", "#6a2c8f")
NAMES = ("dress", "pants")


def painter(channels=4):
    """A GAN that draws squares: red, green and blue are sigmoids of mixed numbers of the latent, and the class decides
    how wide the square is. The background is green, and transparent where there is alpha."""
    gan = gans.build(gans.new_recipe("projected", width=8, size=64, seen=64).replace(channels=channels, labels=NAMES))
    mix = torch.linalg.qr(torch.randn(gan.recipe.z_dim, 3, generator=torch.Generator().manual_seed(1)))[0]

    def generate(_, z, c):
        rgb = torch.sigmoid(1.5 * torch.tanh(z @ mix) * torch.tensor([3.0, 2.0, 2.5]) + 0.3 * (z @ mix).roll(1, 1))
        y = c if c.is_floating_point() else torch.nn.functional.one_hot(c, 2).float()
        side = 0.25 + 0.3 * y[:, 1]
        at = (torch.arange(64) / 63 - 0.5).abs()
        inside = ((at[:, None] < 0.4) & (at[None] < side[:, None, None])).float()[:, None]
        green = torch.tensor([0.1, 0.9, 0.1]).view(1, 3, 1, 1)
        x = rgb[:, :, None, None] * inside + green * (1 - inside)
        x = torch.cat([x, inside], 1) if channels == 4 else x
        return x * (1 - gan.recipe.low) + gan.recipe.low

    gan.generate = generate
    return gan.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def gan():
    return painter()


def distances(gan, sample):
    lab = attributes.mean_color(spec.picture(gan, sample))
    return ciede2000(lab, torch.stack([color_space.lab_of(color) for color in spec.colors(gan, sample)]))


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("label", ["dress", "pants"])
def test_garments_of_a_class_have_the_requested_color(gan, color, label):
    asked = SampleSpec("painter", n=6, seed=3, label=label, palette=(color,))
    assert distances(gan, asked).max() < 1.5, "what the search leaves, the dye adds"
    target = color_space.lab_of(color)
    near = ciede2000(attributes.mean_color(spec.undyed(gan, asked)), target.expand(6, 3))
    assert near.max() < 16
    assert near.mean() < 9
    plain = ciede2000(attributes.mean_color(spec.picture(gan, replace(asked, palette=()))), target.expand(6, 3))
    assert plain.mean() > 12, "chance does not find it"


def test_a_picked_garment_and_its_neighbours_have_the_color_too(gan):
    asked = SampleSpec("painter", n=2, seed=3, label="dress", palette=("#2ca02c",))
    z = gan.latents(4, torch.Generator().manual_seed(5))
    assert distances(gan, replace(asked, n=4, latents=spec.pack(z))).max() < 1.5


def test_a_color_slider_moves_a_dyed_garment_as_far_as_one_that_is_not(gan):
    asked = SampleSpec("painter", n=2, seed=3, label="dress", palette=("#d8c8a0",))
    still, moved = (attributes.mean_color(spec.picture(gan, replace(asked, sliders=v))) for v in ((), (1.5,)))
    assert (moved - still).norm(dim=1).min() > 3
    drawn = [attributes.mean_color(spec.undyed(gan, replace(asked, sliders=v))) for v in ((), (1.5,))]
    assert torch.allclose((moved - still)[:, 1:], (drawn[1] - drawn[0])[:, 1:], atol=2.0)


def test_dye_scales_lightness_and_shifts_chroma():
    x = torch.zeros(2, 4, 2, 2, dtype=torch.uint8)
    x[:, 3], x[0, 3, 0] = 255, 0
    x[:, :3, :, 0], x[:, :3, :, 1] = 100, 160
    own = attributes.mean_color(x)
    for color in ("#303030", "#d0d0d0"):
        target = color_space.lab_of(color).expand(2, 3)
        out = dye.dyed(x, own, target)
        assert torch.equal(out[:, 3], x[:, 3])
        before, after = (color_space.lab(v[:, :3].float() / 255)[:, 0] for v in (x, out))
        to_white = color == "#d0d0d0"
        share = (100 - target[0, 0]) / (100 - own[0, 0]) if to_white else target[0, 0] / own[0, 0]
        expected = 100 - (100 - before) * share if to_white else before * share
        assert torch.allclose(after, expected, atol=0.5)
    shift = torch.tensor([[0.0, 20.0, -10.0]]).expand(2, 3)
    ab = color_space.lab(dye.dyed(x, own, own + shift)[:, :3].float() / 255)[:, 1:]
    assert torch.allclose(ab.mean((0, 2, 3)), shift[0, 1:], atol=0.7)


def test_without_alpha_only_the_garment_is_dyed():
    x = torch.full((1, 3, 16, 16), 250, dtype=torch.uint8)
    x[:, :, 4:12, 4:12] = torch.tensor([40, 60, 120], dtype=torch.uint8).view(1, 3, 1, 1)
    target = color_space.lab_of("#b03a2e")[None]
    out = dye.dyed(x, attributes.mean_color(x), target)
    assert (out[:, :, 0] == 250).all()
    assert ciede2000(attributes.mean_color(out), target).max() < 1.5


def test_without_alpha_the_background_does_not_count():
    asked = SampleSpec("painter", n=6, seed=3, label="dress", palette=("#b03a2e",))
    assert distances(painter(3), asked).max() < 8


def test_the_same_description_gives_the_same_garments_and_another_seed_others(gan):
    asked = SampleSpec("painter", n=5, seed=3, palette=("#b03a2e", "#1f77b4"))
    drawn = spec.picture(gan, asked)
    color_search._latents.clear()
    assert torch.equal(spec.picture(gan, spec.parse(asked.to_json())), drawn)
    z = spec.latents(gan, asked)[0]
    assert torch.allclose(spec.latents(gan, replace(asked, n=3))[0], z[:3], atol=1e-4)
    others = spec.latents(gan, replace(asked, seed=4))[0]
    assert (others - z).norm(dim=1).min() > 1
    assert torch.pdist(z).min() > 1, "no two are the same garment"


def test_a_search_that_is_stopped_goes_on_where_it_was(gan, monkeypatch):
    sheet, pieces = SampleSpec("painter", n=7, seed=5, palette=("#b03a2e", "#1f77b4")), []
    whole = spec.latents(gan, sheet)[0]
    search = color_search.search
    monkeypatch.setattr(color_search, "search", lambda *of: pieces.append(of[2]) or search(*of))
    monkeypatch.setattr(color_search, "AT_ONCE", 3)
    color_search._latents.clear()
    for done in (3, 6):
        with pytest.raises(color_search.UnfinishedError) as stopped, color_search.within(0.0):
            spec.latents(gan, sheet)
        assert (stopped.value.done, stopped.value.n) == (done, 7)
    with color_search.within(0.0):
        assert torch.allclose(spec.latents(gan, sheet)[0], whole, atol=1e-3)
    assert pieces == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_garment_that_was_found_is_searched_no_more(gan, monkeypatch):
    sheet = SampleSpec("painter", n=5, seed=6, palette=("#b03a2e", "#1f77b4"))
    drawn = spec.picture(gan, sheet)
    search, numbers = color_search.search, []
    monkeypatch.setattr(color_search, "search", lambda *of: numbers.extend(of[2]) or search(*of))
    alone = interpolate.garment(gan, sheet, 3)
    assert (spec.picture(gan, alone)[0].int() - drawn[3].int()).abs().max() <= 2
    spec.latents(gan, replace(sheet, n=4))
    assert numbers == []
    spec.latents(gan, replace(sheet, n=7))
    assert numbers == [5, 6]


def test_latents_stay_as_typical_as_they_were(gan):
    z = spec.latents(gan, SampleSpec("painter", n=20, palette=("#e6c229",)))[0]
    typical = gan.latents(1000, torch.Generator().manual_seed(0)).norm(dim=1)
    assert typical.min() < z.norm(dim=1).min()
    assert z.norm(dim=1).max() < typical.max()


def test_a_truncated_garment_has_its_color_too(gan):
    assert distances(gan, SampleSpec("painter", n=4, truncation=0.8, palette=("#1f77b4",))).max() < 8


def test_one_garment_of_a_sheet_and_of_a_grid_keeps_its_color(gan):
    sheet = SampleSpec("painter", n=6, seed=3, palette=("#b03a2e", "#1f77b4", "#2ca02c"))
    drawn = spec.picture(gan, sheet)
    for i in (0, 4):
        alone = interpolate.garment(gan, sheet, i)
        assert (spec.picture(gan, alone)[0].int() - drawn[i].int()).abs().max() <= 2
        assert distances(gan, alone).max() < 8
    grid = replace(sheet, across=1, ways="layer")
    drawn = spec.picture(gan, grid)
    alone = interpolate.garment(gan, grid, 9)
    assert (spec.picture(gan, alone)[0].int() - drawn[9].int()).abs().max() <= 2


def test_sliders_go_on_from_the_garment_and_a_blend_has_the_color(gan):
    asked = SampleSpec("painter", n=2, palette=("#b03a2e",))
    moved = replace(asked, sliders=(2.0,))
    assert torch.equal(spec.latents(gan, moved)[0], spec.latents(gan, asked)[0])
    assert not torch.equal(spec.picture(gan, moved), spec.picture(gan, asked))
    assert distances(gan, replace(asked, shares=(0.5, 0.5))).max() < 8


def test_a_picture_without_a_garment_is_never_the_nearest(gan, monkeypatch):
    target = color_space.lab_of("#000000").expand(2, 3)
    monkeypatch.setattr(color_search, "render", lambda *_: torch.zeros(2, 4, 8, 8, dtype=torch.uint8))
    far = color_search.measured(gan, gan.latents(2, torch.Generator()), torch.zeros(2).long(), target, 1.0)[1]
    assert (far == color_search.NO_GARMENT).all()


def test_broyden_corrects_the_slopes_by_what_a_step_did():
    slopes, step, change = torch.zeros(1, 3, 4), torch.tensor([[0.0, 2.0, 0.0, 0.0]]), torch.tensor([[1.0, -4.0, 6.0]])
    after = color_search.corrected(slopes, step, change)
    assert torch.equal(after[0, :, 1], torch.tensor([0.5, -2.0, 3.0]))
    assert not after[0, :, [0, 2, 3]].any()


def test_slopes_are_the_measured_ones(gan):
    z, c = gan.latents(2, torch.Generator().manual_seed(0)), torch.tensor([0, 1])
    slopes = color_search.slopes_at(gan, z, c, 1.0)
    low = gan.recipe.low
    for i in (0, 7):
        moved = z.clone()
        moved[:, i] += 1e-2
        a, b = (attributes.mean_color((gan.generate(gan.G, v, c) - low) * (255 / (1 - low))) for v in (z, moved))
        assert torch.allclose((b - a) / 1e-2, slopes[:, :, i], atol=0.3, rtol=0.05)

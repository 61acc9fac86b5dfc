"""Differentiable augmentation (Zhao et al. 2020)."""

import pytest
import torch

from fashiongan import gans
from fashiongan.classifiers import networks
from fashiongan.data import augment
from fashiongan.errors import StudioError
from fashiongan.gans import recipe

RNG = torch.Generator()


@pytest.fixture(autouse=True)
def seeded():
    RNG.manual_seed(0)


def ramp(n=64, size=8):
    """(n, 1, size, size): every pixel another number, the same in each picture."""
    return torch.arange(1.0, size * size + 1).reshape(1, 1, size, size).repeat(n, 1, 1, 1)


def test_flip_mirrors_about_half_of_the_pictures_and_nothing_else():
    x = ramp()
    seen = augment.flip(x, -1, RNG)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(seen, x, strict=True)]
    assert all(m or torch.equal(a, b) for m, a, b in zip(mirrored, seen, x, strict=True))
    assert 20 < sum(mirrored) < 44


def test_shift_moves_whole_pictures_by_up_to_an_eighth_and_fills_with_black():
    x = ramp(size=16)
    moves = set()
    shifted = {(dy, dx): moved(x[0, 0], dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)}
    for seen in augment.shift(x, -1, RNG):
        results = [move for move, picture in shifted.items() if torch.equal(seen[0], picture)]
        assert len(results) == 1
        moves.add(results[0])
    assert {dy for dy, _ in moves} == {dx for _, dx in moves} == {-2, -1, 0, 1, 2}


def moved(picture, dy, dx):
    size = len(picture)
    out = torch.full_like(picture, -1)
    for y in range(size):
        for x in range(size):
            if 0 <= y + dy < size and 0 <= x + dx < size:
                out[y, x] = picture[y + dy, x + dx]
    return out


def test_cutout_blackens_one_square_of_half_the_side_or_what_of_it_is_inside():
    x = ramp(n=200)
    areas = set()
    for seen in augment.cutout(x, -1, RNG):
        rows, columns = (seen[0] == -1).any(1).nonzero(), (seen[0] == -1).any(0).nonzero()
        area = (seen[0] == -1).sum().item()
        assert area == len(rows) * len(columns)  # a full rectangle
        assert max(len(rows), len(columns)) <= 4
        areas.add(area)
    assert max(areas) == 16
    assert min(areas) < 16  # some reach over the edge


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_color_changes_brightness_contrast_and_saturation_each_within_its_range(low):
    """A picture of four colors with mean m and gray g; the output is m + b + k (g + s (x - g) - m)."""
    x = torch.tensor([[0.1, 0.5], [0.3, 0.9]]).repeat(2000, 3, 1, 1) + torch.tensor([-0.1, 0.0, 0.1]).view(1, 3, 1, 1)
    seen = augment.color(x, low, RNG)
    b = seen.mean((1, 2, 3)) - x.mean()
    k = (seen.mean(1).amax((1, 2)) - seen.mean(1).amin((1, 2))) / 0.8
    s = (seen[:, 2, 0, 0] - seen[:, 0, 0, 0]) / k / 0.2
    reach = (1 - low) / 4
    for result, lowest, highest in ((b, -reach, reach), (k, 0.5, 1.5), (s, 0.0, 2.0)):
        span = highest - lowest
        assert lowest - 1e-4 <= result.min() < lowest + 0.02 * span
        assert highest - 0.02 * span < result.max() <= highest + 1e-4
        assert result.mean().item() == pytest.approx((lowest + highest) / 2, abs=0.03 * span)
    recovered = (seen - seen.mean((1, 2, 3), keepdim=True)) / k.view(-1, 1, 1, 1)
    gray = x.mean(1, keepdim=True)
    expected = gray - x.mean() + s.view(-1, 1, 1, 1) * (x - gray)
    assert torch.allclose(recovered, expected, atol=1e-4)


@pytest.mark.parametrize("kind", augment.KINDS)
def test_gradients_run_through_to_the_pixels_that_are_seen(kind):
    x = ramp(n=16).requires_grad_()
    seen = augment.augment(x, [kind], -1, RNG)
    seen.sum().backward()
    assert x.grad.sum().item() == pytest.approx((seen != -1).sum().item())


def test_every_kind_that_a_recipe_offers_is_there():
    for knob in (recipe.knobs(recipe.Recipe)["augment"], networks.knobs(networks.ColorCnnRecipe)["augment"]):
        for choice in knob.choices:
            x = torch.rand(4, 4, 16, 16, generator=RNG)
            seen = augment.augment(x, choice.split(",") if choice else (), 0.0, RNG)
            assert seen.shape == (4, 3 if "ground" in choice else 4, 16, 16)


def test_gaps_are_filled_with_what_each_channel_takes_as_nothing():
    x, gap = torch.ones(8, 3, 16, 16), torch.tensor([-1.0, 0.0, 0.5])[:, None, None]
    for kind in augment.FILLING:
        seen = augment.augment(x, [kind], -1.0, RNG, gap)
        empty = seen[:, 0] == -1
        assert empty.any()
        assert (seen[:, 1][empty] == 0).all()
        assert (seen[:, 2][empty] == 0.5).all()


def test_both_players_see_augmented_pictures_and_the_generator_draws_whole_ones(trainer_of):
    trainer = trainer_of("dcgan", augment="cutout", steps=4)
    seen = []
    trainer.gan.D.downs[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    trainer.update()
    assert len(seen) == 3  # real, fake, and the generator's turn
    for x in seen:
        assert ((x == -1).flatten(1).sum(1) >= 7 * 7).all()
    assert trainer.samples()[0].shape[2:] == (28, 28)


def test_gaps_in_lab_are_black_without_a_hue(trainer_of, monkeypatch):
    """A colorizer's discriminator sees lightness, a and b; a gap of -1 in each would be a strong green-blue."""
    trainer = trainer_of("colorizer", augment="shift")
    seen = []
    trainer.gan.D.register_forward_hook(lambda _, x, out: seen.append(x[0]))
    trainer.update()
    for x in seen:
        gaps = (x[:, :1] == -1).expand_as(x)
        assert gaps.any()
        assert (x[:, 1:][gaps[:, 1:]] == 0).all()


def test_resuming_repeats_the_same_augmentation(trainer_of, same):
    whole, first, second = (trainer_of("dcgan", augment="flip,shift,cutout", steps=6) for _ in range(3))
    list(whole.run(every=6))
    for _ in range(3):
        first.update()
    second.load_state_dict(*first.state_dict())
    for _ in range(3):
        second.update()
    assert same(whole.gan.state_dict(), second.gan.state_dict())


def test_discriminators_that_reconstruct_refuse_augmentation():
    for gan in ("ebgan", "began"):
        with pytest.raises(StudioError, match="takes no augmentation"):
            gans.build(gans.new_recipe(gan, augment="flip"))


def test_an_unknown_kind_is_refused_with_a_list_of_kinds():
    with pytest.raises(StudioError, match="augment cannot be spin: it takes one of"):
        gans.new_recipe("dcgan", augment="spin")


def test_ground_lays_half_of_the_garments_on_white_and_the_others_on_colors_of_their_own():
    x = torch.full((200, 4, 2, 2), 0.2)
    x[:, 3, :, 0], x[:, 3, :, 1], x[:, 3, 1, 1] = 1, 0, 0.25
    seen = augment.ground(x, 0.0, RNG)
    assert seen.shape == (200, 3, 2, 2)
    assert torch.equal(seen[:, :, :, 0], x[:, :3, :, 0])  # opaque
    behind = seen[:, :, 0, 1]
    white = (behind == 1).all(1)
    assert 80 < int(white.sum()) < 120
    assert behind[~white].std(0).min() > 0.2
    assert torch.allclose(seen[:, :, 1, 1], 0.25 * 0.2 + 0.75 * behind)
    assert torch.equal(augment.ground(x[:, :3], 0.0, RNG), x[:, :3])


def test_turn_turns_and_scales_about_the_middle(monkeypatch):
    x = torch.full((1, 1, 40, 40), -1.0)
    x[..., 10:30, 16:24] = 1  # 20 high, 8 wide
    half = torch.full((3, 1), 0.5)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: half)
    assert torch.allclose(augment.turn(x, -1.0, RNG), x, atol=1e-5)
    half = torch.tensor([[0.5], [1.0], [0.0]])  # as wide and as low as it gets
    seen = augment.turn(x, -1.0, RNG)[0, 0] > 0
    assert (seen.any(0).sum().item(), seen.any(1).sum().item()) == (pytest.approx(9.6, abs=1), pytest.approx(16, abs=1))
    half = torch.tensor([[1.0], [0.5], [0.5]])  # by 15 degrees
    seen = augment.turn(x, -1.0, RNG)[0, 0]
    assert seen[0].max() == -1
    rows, columns = (seen > 0).nonzero().float().T - 19.5
    lean = torch.atan2((rows * columns).mean() * 2, (rows**2 - columns**2).mean()) / 2
    assert abs(lean.item()) == pytest.approx(torch.pi / 12, abs=0.03)


def test_turn_stays_within_its_reach():
    x = torch.full((200, 1, 40, 40), 0.0)
    x[..., 14:26, 14:26] = 1
    areas = augment.turn(x, 0.0, RNG).sum((1, 2, 3)) / 144
    assert 0.6 < areas.min() < 0.8
    assert 1.2 < areas.max() < 1.5

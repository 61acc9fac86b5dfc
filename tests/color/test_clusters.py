"""The main colors of pixels: exact where the pixels have few colors, and the same in any order."""

import pytest
import torch

from fashiongan.color import clusters, color_space

RED, BLUE, WHITE, GREEN = (176, 58, 46), (31, 60, 136), (250, 250, 250), (11, 110, 79)


def pixels(**counts):
    """(N, 3) uint8: so many pixels of each named color."""
    rows = [torch.tensor(globals()[name.upper()]).expand(n, 3) for name, n in counts.items()]
    return torch.cat(rows).to(torch.uint8)


@pytest.mark.parametrize(
    "counts",
    [
        {"red": 50, "blue": 30, "white": 20},
        {"red": 40, "blue": 30, "white": 20, "green": 10},
        {"red": 2, "blue": 1},
        {"red": 9},
    ],
)
def test_flat_colors_come_back_exactly_and_by_share(counts):
    colors, shares = clusters.palette(pixels(**counts))
    assert list(colors) == [color_space.hexed(globals()[name.upper()]) for name in counts]
    assert shares == pytest.approx([n / sum(counts.values()) for n in counts.values()])


def test_shading_and_noise_do_not_hide_the_dyes():
    rng = torch.Generator().manual_seed(0)
    flat = pixels(red=3000, blue=2000, white=1000, green=600).float()
    shade = 0.8 + 0.2 * torch.rand(len(flat), 1, generator=rng)
    noisy = (flat * shade + 4 * torch.randn(flat.shape, generator=rng)).clamp(0, 255).to(torch.uint8)
    colors, shares = clusters.palette(noisy)
    assert 4 <= len(colors) <= 6
    for aim in (RED, BLUE, WHITE, GREEN):
        lab = color_space.lab_of(color_space.hexed(aim))
        assert min((color_space.lab_of(c) - lab).norm() for c in colors) < 14
    assert list(shares) == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    turned = noisy[torch.randperm(len(noisy), generator=rng)]
    assert clusters.palette(turned) == (colors, shares)


def test_a_gradient_has_at_least_three_colors_and_at_most_six():
    ramp = torch.linspace(0, 255, 256)[:, None].repeat(1, 3).to(torch.uint8)
    assert 3 <= len(clusters.palette(ramp)[0]) <= 6
    rainbow = torch.randint(0, 256, (5000, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    assert len(clusters.palette(rainbow)[0]) == 6


def test_a_few_stray_pixels_are_no_color_of_their_own():
    colors, _ = clusters.palette(pixels(red=500, blue=300, white=200, green=5))
    assert len(colors) == 3


def test_lloyds_rounds_find_the_means_of_two_clouds():
    points = torch.tensor([[0.0, 0, 0], [2, 0, 0], [50, 0, 0], [52, 0, 0]]).double()
    member = clusters.means(points, torch.tensor([1.0, 3, 1, 1]).double(), 2)
    assert member[0] == member[1] != member[2] == member[3]

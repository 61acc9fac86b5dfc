"""Metrics against numbers worked out by hand, against brute force, and against torch-fidelity and scipy."""

import math
from itertools import combinations
from math import exp, log, sqrt

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fashiongan.errors import StudioError
from fashiongan.evaluation import metrics
from fashiongan.evaluation.metrics import Moments


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, d, seed, scale=1.0, shift=0.0):
    return torch.randn(n, d, generator=rng(seed), dtype=torch.float64) * scale + shift


def near(value, rel=1e-9, absolute=1e-9):
    return pytest.approx(value, rel=rel, abs=absolute)


def column(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)[:, None]


def gaussian(mean, covariance):
    return Moments(torch.tensor(mean, dtype=torch.float64), torch.tensor(covariance, dtype=torch.float64), 100)


def cdist(a, b):
    return torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist")


# Moments and the Frechet distance


def test_moments_by_hand():
    mean, covariance, n = metrics.moments(torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0]]))
    # Deviations (-2, -2), (0, -2), (2, 4); divided by 2.
    assert mean.tolist() == near([2.0, 2.0])
    assert covariance.flatten().tolist() == near([4.0, 6.0, 6.0, 12.0])
    assert n == 3
    assert mean.dtype == covariance.dtype == torch.float64


def test_moments_of_a_small_spread_far_from_zero():
    """In float32 the sum of thirty thousand numbers of 4096 is off."""
    x = (4096 + torch.tensor([0.0, 1.0, 2.0])).repeat(10_000)[:, None]
    result = metrics.moments(x)
    assert result.mean.item() == near(4097.0, rel=1e-14)
    assert result.covariance.item() == near(20_000 / 29_999, rel=1e-12)


FRECHET = {
    "shifted": ([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], [3.0, 4.0], [[1.0, 0.0], [0.0, 1.0]], 25.0),
    # d (s1 - s2)^2 with standard deviations 1 and 3.
    "scaled": ([1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], [[9.0, 0.0], [0.0, 9.0]], 8.0),
    # (1 - 2)^2 + (3 - 5)^2, and a shift of 1.
    "diagonal": ([0.0, 0.0], [[1.0, 0.0], [0.0, 9.0]], [0.0, 1.0], [[4.0, 0.0], [0.0, 25.0]], 6.0),
    # A 2 x 2 root has the trace sqrt(tr M + 2 sqrt(det M)); here M = S1 S2 has the trace 8 and the determinant 9.
    "tilted": ([0.0, 0.0], [[2.0, 1.0], [1.0, 2.0]], [0.0, 0.0], [[3.0, 0.0], [0.0, 1.0]], 8 - 2 * sqrt(14)),
    # Trace 1, determinant 0.
    "flat": ([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]], [0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], 1.0),
}


@pytest.mark.parametrize("name", FRECHET)
def test_frechet_by_hand(name):
    mean_a, covariance_a, mean_b, covariance_b, expected = FRECHET[name]
    a, b = gaussian(mean_a, covariance_a), gaussian(mean_b, covariance_b)
    assert metrics.frechet(a, b) == near(expected)
    assert metrics.frechet(b, a) == near(expected)


def test_frechet_through_scipys_root():
    linalg = pytest.importorskip("scipy.linalg")
    a, b = metrics.moments(normal(40, 8, 1)), metrics.moments(normal(50, 8, 2) @ normal(8, 8, 3))
    root = linalg.sqrtm((a.covariance @ b.covariance).numpy()).real
    expected = (a.mean - b.mean).square().sum() + (a.covariance + b.covariance).trace() - 2 * root.trace()
    assert metrics.frechet(a, b) == near(float(expected))


@pytest.mark.parametrize("seed", range(8))
def test_frechet_of_a_set_and_itself_is_zero(seed):
    """Fewer samples than features, so that most eigenvalues are rounding, of either sign."""
    a = metrics.moments(normal(20, 60, seed, scale=100))
    assert 0 <= metrics.frechet(a, a) <= 1e-12 * a.covariance.trace()


# KID


def test_kid_by_hand():
    # Within a (0 * 1 + 1)^3 = 1; within b (2 * 3 + 1)^3 = 343; across 1, 1, 27 and 64.
    assert metrics.kid(column(0, 1), column(2, 3)) == near(1 + 343 - 2 * 93 / 4)


def test_kid_by_hand_in_two_dimensions_with_sets_of_two_sizes():
    a, b = torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    # x.y / 2 + 1: within a 1; within b 1, 3, 3; across 2, 2, 3 and 2, 0, 1.
    assert metrics.kid(a, b) == near(1 + 55 / 3 - 2 * 52 / 6)
    assert metrics.kid(b, a) == near(2.0)


def test_the_error_of_kid_is_the_spread_over_disjoint_subsets():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(100, 3, generator=rng), torch.randn(120, 3, generator=rng)
    parts = [metrics.kid(a[10 * i : 10 * i + 10], b[12 * i : 12 * i + 12]) for i in range(10)]
    mean = sum(parts) / 10
    deviation = math.sqrt(sum((p - mean) ** 2 for p in parts) / 9)
    assert metrics.kid_error(a, b) == near(deviation / math.sqrt(10))
    two = [metrics.kid(a[:15], b[:15]), metrics.kid(a[15:29], b[15:29])]  # 29 rows make two subsets, 15 and 14 long
    assert metrics.kid_error(a[:29], b[:29]) == near(abs(two[0] - two[1]) / 2)
    assert metrics.kid_error(a[:19], b) is None


def test_the_error_of_kid_covers_what_it_varies_by():
    """Of 40 pairs of samples of the same distribution, nearly all lie within three errors of 0."""
    rng = torch.Generator().manual_seed(1)
    sets = [torch.randn(2, 100, 4, generator=rng) for _ in range(40)]
    assert sum(abs(metrics.kid(*x)) < 3 * metrics.kid_error(*x) for x in sets) >= 38


def test_kid_is_unbiased():
    """Over all ways to split seven samples in two, pairs within and across are the same pairs, so the mean is 0."""
    x = normal(7, 3, 4)
    results = []
    for chosen in combinations(range(7), 3):
        rest = [i for i in range(7) if i not in chosen]
        results.append(metrics.kid(x[list(chosen)], x[rest]))
    assert sum(results) / len(results) == near(0.0, absolute=1e-12)
    assert min(results) < -0.1, "a single estimate may well be below 0"


# Inception Score


def test_inception_score_of_equal_predictions_is_one():
    assert metrics.inception_score(torch.full((5, 10), 3.0)) == near(1.0)
    assert metrics.inception_score(torch.tensor([[1.0, 5.0, 2.0]]).repeat(4, 1)) == near(1.0)


@pytest.mark.parametrize("sure", [100.0, 1e4])
def test_inception_score_counts_the_classes_that_are_drawn(sure):
    assert metrics.inception_score(sure * torch.eye(10)) == near(10.0)
    assert metrics.inception_score(sure * torch.eye(10)[[2, 7, 2, 7]]) == near(2.0)


def test_inception_score_by_hand():
    p = torch.tensor([[0.8, 0.2], [0.4, 0.6]], dtype=torch.float64)
    first = 0.8 * log(0.8 / 0.6) + 0.2 * log(0.2 / 0.4)
    second = 0.4 * log(0.4 / 0.6) + 0.6 * log(0.6 / 0.4)
    assert metrics.inception_score(p.log() + torch.tensor([[5.0], [-3.0]])) == near(exp((first + second) / 2))


# Precision, recall, density, coverage


def test_prdc_on_a_line():
    real = column(0, 1, 2, 3, -20, -21, -22)  # each ball reaches 1
    fake = column(0.5, 3.5, 10, 10.5)  # balls reach 3, 3, 0.5, 0.5
    # 0.5 is in the balls of 0 and 1, and 3.5 in that of 3; the two fake balls of 3 hold 0, 1, 2 and 3.
    assert metrics.prdc(real, fake, k=1) == pytest.approx((2 / 4, 4 / 7, 3 / 4, 3 / 7))


def test_prdc_counts_the_rim_as_inside():
    real = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0], [0.0, 15.0]])  # balls reach 5, 5, 5, 9.2
    fake = torch.tensor([[0.0, 5.0], [0.0, -5.0], [100.0, 100.0], [100.0, 101.0]])  # balls reach 10, 10, 1, 1
    # (0, 5) is on the rim of the first ball and in the second, (0, -5) on the rim of the first, (0, 15) on one of 10.
    assert metrics.prdc(real, fake, k=1) == pytest.approx((2 / 4, 1.0, 3 / 4, 2 / 4))


def brute_prdc(real, fake, k):
    reach_real = cdist(real, real).sort(1).values[:, k]
    reach_fake = cdist(fake, fake).sort(1).values[:, k]
    far = cdist(fake, real)
    inside = far <= reach_real
    recalled = far <= reach_fake[:, None]
    numbers = inside.any(1), recalled.any(0), inside.sum(1) / k, inside.any(0)
    return tuple(x.double().mean().item() for x in numbers)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_prdc_by_brute_force(k):
    real, fake = normal(80, 5, 5), normal(60, 5, 6, scale=1.3, shift=0.3)
    expected = brute_prdc(real, fake, k)
    assert len({round(x, 6) for x in expected}) == 4
    assert metrics.prdc(real, fake, k) == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 5])
def test_prdc_of_a_set_and_itself(k):
    x = normal(50, 16, 7).float()
    assert metrics.prdc(x, x.clone(), k) == pytest.approx((1.0, 1.0, (k + 1) / k, 1.0))


def test_prdc_of_copies_upon_copies():
    """Balls of radius 0: rounding must not put a sample outside its own."""
    x = normal(20, 16, 8, shift=100).repeat(7, 1)
    result = metrics.prdc(x, x[torch.randperm(140, generator=rng())])
    assert (result.precision, result.recall, result.coverage) == (1.0, 1.0, 1.0)


def test_prdc_on_a_grid_full_of_rims_does_not_depend_on_the_unit(monkeypatch):
    draw = rng(9)
    real, fake = (torch.randint(0, 4, (90, 4), generator=draw).double() for _ in range(2))
    expected = metrics.prdc(real, fake, k=3)  # whole numbers: exact
    for block in (1024, 37):
        monkeypatch.setattr(metrics, "BLOCK", block)
        assert metrics.prdc(real * 0.1 + 1 / 3, fake * 0.1 + 1 / 3, k=3) == expected


# Nearest samples


def test_nearest_by_hand():
    reference = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]])
    distances, indices = metrics.nearest(torch.tensor([[3.0, 4.0], [1.0, 19.0], [10.0, 0.0]]), reference)
    assert distances.tolist() == near([5.0, sqrt(2), 0.0])
    assert indices.tolist() == [0, 2, 1]
    distances, indices = metrics.nearest(reference, reference, skip_self=True)
    assert distances.tolist() == near([10.0, 10.0, 20.0])
    assert indices.tolist() == [1, 0, 0]


@pytest.mark.parametrize("block", [1024, 13])
def test_nearest_by_brute_force(block, monkeypatch):
    monkeypatch.setattr(metrics, "BLOCK", block)
    a, b = normal(70, 6, 10), normal(90, 6, 11)
    distances, indices = metrics.nearest(a, b)
    expected = cdist(a, b).min(1)
    assert distances.tolist() == near(expected.values.tolist())
    assert torch.equal(indices, expected.indices)
    distances, indices = metrics.nearest(a, a, skip_self=True)
    expected = cdist(a, a).fill_diagonal_(float("inf")).min(1)
    assert distances.tolist() == near(expected.values.tolist())
    assert torch.equal(indices, expected.indices)


def test_identical_rows_are_at_nothing():
    x = normal(200, 64, 12, shift=1000).float()
    order = torch.randperm(200, generator=rng())
    distances, indices = metrics.nearest(x[order], x)
    assert distances.tolist() == [0.0] * 200
    assert torch.equal(indices, order)


def test_ratio_of_nearest():
    train = column(0, 10)
    # Nearest of train at 1, 2 and 2; of the unseen ones at 3 and 5, whose median is 4.
    result = metrics.ratio_of_nearest(train=train, test=column(3, 15), generated=column(1, 2, 12))
    assert result == near(2 / 4)
    assert metrics.ratio_of_nearest(train=train, test=column(3, 15), generated=train) == 0.0
    with pytest.raises(StudioError, match="hold out others"):
        metrics.ratio_of_nearest(train=train, test=column(10, 0, 0, 3), generated=column(1))


# Data-copying


def test_mann_whitney_by_hand():
    # Ranks of 0, 0, 0, 1, 2, 3 are 2, 2, 2, 4, 5, 6: U = 8 - 6; the variance is 9 / 12 (7 - 24 / 30) = 4.65.
    a, b = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([3.0, 0.0, 2.0])
    assert metrics.mann_whitney(a, b) == near(-2.5 / sqrt(4.65))
    assert metrics.mann_whitney(b, a) == near(2.5 / sqrt(4.65))
    # No ties, sizes 1 and 3: U = 3, variance 3 / 12 * 5.
    assert metrics.mann_whitney(torch.tensor([9.0]), torch.tensor([1.0, 2.0, 3.0])) == near(1.5 / sqrt(1.25))


def test_mann_whitney_of_equal_numbers():
    assert metrics.mann_whitney(torch.zeros(5), torch.zeros(4)) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("values", [3, 10, 10_000])
def test_mann_whitney_by_scipy(values):
    stats = pytest.importorskip("scipy.stats")
    draw = rng(13)
    a = torch.randint(0, values, (40,), generator=draw).double()
    b = torch.randint(0, values, (30,), generator=draw).double() + values // 10
    p = stats.mannwhitneyu(a, b, alternative="less", use_continuity=False, method="asymptotic").pvalue
    assert stats.norm.cdf(metrics.mann_whitney(a, b)) == near(p)


def c_t(train, test, generated, seed=0, **options):
    return metrics.copying(train=train, test=test, generated=generated, rng=rng(seed), **options)


def test_copying_in_two_cells_by_hand():
    train = column(0, 1, 2, 1000, 1001, 1002)
    test = column(0.25, 1.25, 2.25, 1004)  # three quarters in the first cell
    generated = column(0, 1, 2, 1012, 1022)
    # First cell: distances 0, 0, 0 against 1/4, 1/4, 1/4: U = 0 of 9, and ties of 3 and 3 in the variance.
    first = -4.5 / sqrt(9 / 12 * (7 - 48 / 30))
    # Second cell: 10 and 20 against 2: U = 2 of 2.
    second = 1 / sqrt(2 / 12 * 4)
    assert c_t(train, test, generated, cells=2, least=2) == near(0.75 * first + 0.25 * second)
    assert c_t(train, test, generated, cells=2, least=3) == near(first), "two are too few in the second cell"
    with pytest.raises(StudioError, match=r"with 4 generated .* fewer cells than 2"):
        c_t(train, test, generated, cells=2, least=4)


def test_a_cell_without_unseen_samples_has_no_weight():
    train, generated = column(0, 1, 1000, 1001), column(0.4, 0.5, 1000.5)
    assert c_t(train, column(0.2, 0.3), generated, cells=2, least=1) == near(2 / sqrt(4 / 12 * 5))


def test_copying_by_brute_force():
    train, test, generated = normal(120, 3, 14), normal(70, 3, 15), normal(90, 3, 16, scale=0.9)
    centres = metrics.k_means(train, 4, rng(5))
    to_test, to_generated = (cdist(x, train).amin(1) for x in (test, generated))
    of_test, of_generated = (cdist(x, centres).argmin(1) for x in (test, generated))
    counts = of_generated.bincount()
    assert counts.min() < 20 <= counts.max(), "the threshold must matter here"
    cells = [i for i in range(4) if counts[i] >= 20]
    z = [metrics.mann_whitney(to_generated[of_generated == i], to_test[of_test == i]) for i in cells]
    shares = [(of_test == i).sum().item() for i in cells]
    expected = sum(a * b for a, b in zip(z, shares, strict=True)) / sum(shares)
    assert c_t(train, test, generated, seed=5, cells=4) == near(expected)


def test_copies_are_detected():
    train, test = normal(200, 8, 17), normal(200, 8, 18)
    assert c_t(train, test, train, cells=3) < -8
    assert c_t(train, test, train + normal(200, 8, 19, scale=0.1), cells=3) < -8


def test_samples_far_off_are_not_taken_for_copies():
    assert c_t(normal(200, 8, 20), normal(200, 8, 21), normal(200, 8, 22, scale=3), cells=3) > 3


def test_real_samples_pass_as_standard_normal():
    """In one cell C_T is a z: over 100 draws of three like samples its mean is about 0 and its deviation about 1."""
    result = torch.tensor([c_t(*(normal(80, 3, 1000 + 3 * i + j) for j in range(3)), cells=1) for i in range(100)])
    assert abs(result.mean()) < 0.4
    assert 0.75 < result.std() < 1.3


@pytest.mark.parametrize("seed", range(4))
def test_k_means_finds_what_is_apart(seed):
    x = torch.cat([normal(n, 3, n, scale=0.1, shift=at) for n, at in ((20, 0.0), (30, 10.0), (40, -10.0))]).float()
    centres = metrics.k_means(x, 3, rng(seed))
    expected = torch.stack([x[50:].double().mean(0), x[:20].double().mean(0), x[20:50].double().mean(0)])
    assert centres[centres[:, 0].argsort()].flatten().tolist() == near(expected.flatten().tolist())


def test_k_means_comes_to_rest():
    """Each centre is the mean of the samples that are nearest to it, which takes several rounds here."""
    x = normal(300, 2, 23)
    centres = metrics.k_means(x, 5, rng(1))
    cell = cdist(x, centres).argmin(1)
    for i in range(5):
        assert centres[i].tolist() == near(x[cell == i].mean(0).tolist())


def test_k_means_starts_far_apart():
    """k-means++ draws by squared distance, so that a few samples far away get a centre of their own."""
    x = torch.cat([normal(500, 2, 24), normal(3, 2, 25, shift=1000)])
    assert all((metrics.k_means(x, 2, rng(seed))[:, 0] > 900).sum() == 1 for seed in range(5))


def test_k_means_keeps_a_centre_that_rounding_left_without_samples():
    """The first two differ by less than the precision of the products."""
    x = column(1000, 1000 + 1e-9, 0)
    assert metrics.k_means(x, 3, rng()).sort(0).values.flatten().tolist() == near([0.0, 1000.0, 1000.0])


# What holds for all of them


def every_metric(real, fake, unseen, order=None):
    """All numbers of the module, for three sets in whatever order."""
    real, fake, unseen = (x if order is None else x[order[: len(x)].argsort()] for x in (real, fake, unseen))
    return torch.tensor(
        [
            metrics.frechet(metrics.moments(real), metrics.moments(fake)),
            metrics.kid(real, fake),
            metrics.inception_score(fake[:, :5]),
            *metrics.prdc(real, fake, k=3),
            metrics.nearest(fake, real)[0].sum(),
            metrics.ratio_of_nearest(train=real, test=unseen, generated=fake),
            c_t(real, unseen, fake, cells=3),
        ],
        dtype=torch.float64,
    )


def three_sets(d=6):
    return normal(150, d, 26), normal(110, d, 27, scale=1.2, shift=0.2), normal(90, d, 28)


def test_neither_order_nor_blocks_matter(monkeypatch):
    sets = three_sets()
    expected = every_metric(*sets)
    for seed in range(3):
        result = every_metric(*sets, order=torch.rand(150, generator=rng(seed)))
        assert result.tolist() == near(expected.tolist())
    for block in (50, 37):  # 37 leaves two of 150 for the last, fewer than k
        monkeypatch.setattr(metrics, "BLOCK", block)
        assert every_metric(*sets).tolist() == near(expected.tolist())


def test_arithmetic_is_in_float64():
    """float32 features give what their float64 copies give, to the last digits."""
    sets = [(x + 300).float() for x in three_sets()]
    assert every_metric(*sets).tolist() == near(every_metric(*(x.double() for x in sets)).tolist(), rel=1e-12)


class Largest(TorchDispatchMode):
    """Remembers the most elements that any tensor made inside it has."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for x in made if isinstance(made, tuple | list) else [made]:
            if isinstance(x, torch.Tensor):
                self.elements = max(self.elements, x.numel())
        return made


def test_distances_are_never_held_at_once(monkeypatch):
    """Blocks of 400 distances; the features are 720 numbers, and all distances would be 3,600."""
    monkeypatch.setattr(metrics, "BLOCK", 20)
    sets = [normal(60, 12, seed) for seed in (26, 27, 28)]
    with Largest() as largest:
        every_metric(*sets)
    assert largest.elements <= 400


FEW = {
    "moments": lambda x: metrics.moments(x[:1]),
    "kid": lambda x: metrics.kid(x, x[:1]),
    "inception_score": lambda x: metrics.inception_score(x[:0]),
    "prdc": lambda x: metrics.prdc(x, x[:5]),
    "prdc real": lambda x: metrics.prdc(x[:5], x),
    "nearest": lambda x: metrics.nearest(x, x[:0]),
    "nearest query": lambda x: metrics.nearest(x[:0], x),
    "nearest other": lambda x: metrics.nearest(x[:1], x[:1], skip_self=True),
    "ratio_of_nearest": lambda x: metrics.ratio_of_nearest(train=x, test=x[:0], generated=x),
    "copying": lambda x: c_t(x[:9], x, x),
    "copying generated": lambda x: c_t(x, x, x[:0]),
}


@pytest.mark.parametrize("name", FEW)
def test_too_few_samples_are_a_sentence(name):
    with pytest.raises(StudioError, match=r"^[^.]* needs at least \d+ samples, not \d+: draw more\.$"):
        FEW[name](normal(30, 4, 29))


def test_just_enough_samples():
    x = normal(30, 4, 29)
    metrics.moments(x[:2])
    metrics.kid(x[:2], x[:2])
    metrics.prdc(x[:6], x[6:12])
    metrics.nearest(x[:2], x[:2], skip_self=True)
    metrics.inception_score(x[:1])


def test_equal_samples_cannot_be_divided():
    with pytest.raises(StudioError, match="fewer than 2 different samples"):
        c_t(torch.ones(30, 4), normal(30, 4, 30), normal(30, 4, 31), cells=2)


OTHER = {
    "frechet": lambda a, b: metrics.frechet(metrics.moments(a), metrics.moments(b)),
    "kid": metrics.kid,
    "prdc": metrics.prdc,
    "nearest": metrics.nearest,
    "ratio_of_nearest": lambda a, b: metrics.ratio_of_nearest(train=a, test=a, generated=b),
    "copying": lambda a, b: c_t(a, b, a),
}


@pytest.mark.parametrize("name", OTHER)
def test_features_of_two_networks_are_a_sentence(name):
    with pytest.raises(StudioError, match=r"^Features of \d and of \d numbers cannot be compared: .* same network\.$"):
        OTHER[name](normal(30, 4, 32), normal(30, 1, 33))


@pytest.mark.parametrize("name", OTHER)
def test_broken_features_are_a_sentence(name):
    broken = normal(30, 4, 34)
    broken[7, 2] = float("nan")
    with pytest.raises(StudioError, match=r"^[^.]* needs finite numbers, .* infinite or not a number\.$"):
        OTHER[name](normal(30, 4, 35), broken)


# The libraries


@pytest.fixture(scope="module")
def fidelity():
    return pytest.importorskip("torch_fidelity")


@pytest.fixture(scope="module")
def features():
    """(400, 32) real and (400, 32) fake, skewed and correlated as a network's are."""
    mixing = normal(32, 32, 36)
    return (normal(400, 32, 37) @ mixing).relu(), (normal(400, 32, 38, scale=1.1, shift=0.05) @ mixing).relu()


def test_frechet_agrees_with_torch_fidelity(fidelity, features):
    from torch_fidelity import metric_fid

    ours = [metrics.moments(x) for x in features]
    theirs = [metric_fid.fid_features_to_statistics(x) for x in features]
    for a, b in zip(ours, theirs, strict=True):
        assert a.covariance.flatten().tolist() == near(b["sigma"].flatten().tolist())
    expected = metric_fid.fid_statistics_to_metric(*theirs, verbose=False)[metric_fid.KEY_METRIC_FID]
    assert expected > 1
    assert metrics.frechet(*ours) == near(expected)


def test_kid_agrees_with_torch_fidelity(fidelity, features):
    from torch_fidelity import metric_kid

    whole = metric_kid.kid_features_to_metric(*features, kid_subsets=1, kid_subset_size=400, verbose=False)
    assert metrics.kid(*features) == near(whole[metric_kid.KEY_METRIC_KID_MEAN])
    parts = metric_kid.kid_features_to_metric(*features, kid_subsets=200, kid_subset_size=100, verbose=False)
    error = parts[metric_kid.KEY_METRIC_KID_STD] / sqrt(200)
    assert metrics.kid(*features) == pytest.approx(parts[metric_kid.KEY_METRIC_KID_MEAN], abs=4 * error)


def test_inception_score_agrees_with_torch_fidelity(fidelity, features):
    from torch_fidelity import metric_isc

    logits = features[0][:, :10]
    expected = metric_isc.isc_features_to_metric(logits, splits=1)[metric_isc.KEY_METRIC_ISC_MEAN]
    assert expected > 2
    assert metrics.inception_score(logits) == near(expected)


def test_precision_and_recall_agree_with_torch_fidelity(fidelity, features):
    from torch_fidelity import metric_prc

    real, fake = features
    expected = metric_prc.prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)
    result = metrics.prdc(real, fake, k=3)
    assert result.precision == near(expected[metric_prc.KEY_METRIC_PRECISION], rel=1e-6)
    assert result.recall == near(expected[metric_prc.KEY_METRIC_RECALL], rel=1e-6)
    assert 0.2 < result.recall < result.precision < 1 or 0.2 < result.precision < result.recall < 1

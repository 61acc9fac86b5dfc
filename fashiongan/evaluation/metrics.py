"""Metrics: how near generated garments come to real ones, and whether they are copies. Pure functions of features.

Features are float (N, d), one row per picture, from one network and on one device. Arithmetic is in float64 and goes
block by block, so that memory is bounded. The results do not depend on the order of the rows or on BLOCK, except for
rounding.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import StudioError

BLOCK = 1024  # rows of either set in one product: 8 MB of distances
ENOUGH = 10_000  # if there are more samples than this, k-means uses every k-th
ROUNDING = 1e-12  # of a squared length: well above what float64 loses in a product of some thousand terms


class Moments(NamedTuple):
    """Mean (d,) and unbiased covariance (d, d), both float64, and the number of samples n."""

    mean: Tensor
    covariance: Tensor
    n: int


class Manifold(NamedTuple):
    """Precision, recall and coverage in 0..1; density >= 0, about 1 if fakes and reals have the same distribution."""

    precision: float
    recall: float
    density: float
    coverage: float


def moments(features: Tensor) -> Moments:
    """Mean and covariance, divided by N - 1. StudioError below 2 samples."""
    check("A covariance", 2, features)
    n = len(features)
    middle = centre(features)
    covariance = torch.zeros(len(middle), len(middle), dtype=torch.float64, device=features.device)
    for part in features.split(BLOCK):
        x = part.double() - middle
        covariance.addmm_(x.T, x)
    return Moments(middle, covariance / (n - 1), n)


def centre(x: Tensor) -> Tensor:
    """(d,) float64: the mean of the rows."""
    return torch.stack([part.double().sum(0) for part in x.split(BLOCK)]).sum(0) / len(x)


def frechet(a: Moments, b: Moments) -> float:
    """The Frechet distance of two Gaussians: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2), at least 0.

    Heusel et al. 2017 (https://arxiv.org/abs/1706.08500), eq. 6. It is the FID if the features are Inception's. The
    trace of the root equals the sum of the singular values of S1^1/2 S2^1/2. Computed this way, no square root is taken
    of eigenvalues that are only rounding error.
    """
    check("A Frechet distance", 1, a.mean[None], b.mean[None])
    cross = torch.linalg.svdvals(root(a.covariance) @ root(b.covariance)).sum()
    spread = a.covariance.trace() + b.covariance.trace() - 2 * cross
    return max(0.0, float((a.mean - b.mean).square().sum() + spread))


def root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance (d, d); eigenvalues that rounding made negative count as 0."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def kid(a: Tensor, b: Tensor) -> float:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3. If a and b are alike it is near 0, and may be negative.

    Binkowski et al. 2018 (https://arxiv.org/abs/1801.01401). It uses all pairs of samples at once: this equals
    torch-fidelity's mean if each subset holds all samples, and is what its mean over many random subsets estimates.
    StudioError below 2 samples.
    """
    check("KID", 2, a, b)
    n, m = len(a), len(b)
    within_a = (kernel_sum(a, a) - own_kernel_sum(a)) / (n * (n - 1))
    within_b = (kernel_sum(b, b) - own_kernel_sum(b)) / (m * (m - 1))
    return within_a + within_b - 2 * kernel_sum(a, b) / (n * m)


def kid_error(a: Tensor, b: Tensor, blocks: int = 10, least: int = 10) -> float | None:
    """The standard error of `kid`, from its values for disjoint pairs of subsets: their standard deviation, divided by
    the root of their number. None if there are not two pairs of `least` rows.

    Both sets are cut into `blocks` subsets, which are random if the rows are in random order. The estimate from all
    pairs of rows uses more of them than the mean of these values, so its own error is smaller, if anything.
    """
    blocks = min(blocks, len(a) // least, len(b) // least)
    if blocks < 2:
        return None
    parts = zip(a.tensor_split(blocks), b.tensor_split(blocks), strict=True)
    values = torch.tensor([kid(x, y) for x, y in parts], dtype=torch.float64)
    return float(values.std() / math.sqrt(blocks))


def kernel_sum(a: Tensor, b: Tensor) -> float:
    """Sum of (x.y / d + 1)^3 over all x of a and y of b."""
    d = a.shape[1]
    return sum(
        float((x.double() @ y.double().T).div_(d).add_(1).pow_(3).sum()) for x in a.split(BLOCK) for y in b.split(BLOCK)
    )


def own_kernel_sum(a: Tensor) -> float:
    """Sum of (x.x / d + 1)^3 over all x of a: the pairs that an unbiased estimate leaves out."""
    return sum(float((x.double().square().mean(1) + 1).pow(3).sum()) for x in a.split(BLOCK))


def inception_score(logits: Tensor) -> float:
    """exp E KL(p(y|x) || p(y)), 1..K, of a classifier's logits (N, K), over all samples in one split.

    Salimans et al. 2016 (https://arxiv.org/abs/1606.03498), section 4. StudioError without samples.
    """
    check("An Inception Score", 1, logits)
    given = logits.double().log_softmax(1)
    # In the log domain: the mean probability of a class that no picture shows can be 0 in float64, and its log
    # infinite.
    overall = given.logsumexp(0) - math.log(len(logits))
    return float((given.exp() * (given - overall)).sum(1).mean().exp())


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> Manifold:
    """Precision, recall, density and coverage. Each sample has a ball that reaches its k-th nearest sample of its own
    set.

    Precision is the share of fakes inside a real ball, recall that of reals inside a fake ball (Kynkaanniemi et al.
    2019, https://arxiv.org/abs/1904.06991, eq. 1 and 2). Density is the mean number of real balls round a fake, over k;
    coverage is the share of real balls with a fake inside (Naeem et al. 2020, https://arxiv.org/abs/2002.09797).
    Balls include their boundary, as in the first paper: a set against itself has a precision, recall and coverage of 1,
    and a density of (k + 1) / k. StudioError below k + 1 samples.
    """
    check(f"Precision with k = {k}", k + 1, real, fake)
    reals, fakes = balls(real, k), balls(fake, k)
    inside = torch.zeros(len(fake), dtype=torch.int64, device=fake.device)  # real balls round each fake
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered = torch.zeros_like(recalled)
    for i in spans(fake):
        for j in spans(real):
            far = squared(fake[i], real[j])
            within = far <= reals[j]
            inside[i] += within.sum(1, dtype=torch.int32)  # five times as fast as in int64
            covered[j] |= within.any(0)
            recalled[j] |= (far <= fakes[i, None]).any(0)
    return Manifold(
        precision=float((inside > 0).double().mean()),
        recall=float(recalled.double().mean()),
        density=float(inside.double().mean() / k),
        coverage=float(covered.double().mean()),
    )


def balls(x: Tensor, k: int) -> Tensor:
    """(N,): squared distance of each sample to its k-th nearest other sample, plus a small tolerance.

    The tolerance covers rounding of the distance of a sample on the boundary, so that it counts as inside in any block.
    """
    radii = []
    for i in spans(x):
        near = [squared(x[i], x[j], same=i == j).topk(min(k, j.stop - j.start), largest=False).values for j in spans(x)]
        reach = torch.cat(near, 1).kthvalue(k, 1).values
        radii.append(reach + ROUNDING * (reach + x[i].double().square().sum(1)))
    return torch.cat(radii)


def nearest(queries: Tensor, reference: Tensor, skip_self: bool = False) -> tuple[Tensor, Tensor]:
    """(N,) float64 and (N,) int64: the Euclidean distance to the nearest row of `reference`, and which row that is.

    `skip_self`: row i of `queries` is row i of `reference`, and is skipped. The distance of identical rows is exactly
    0, because the final distance is computed again by subtraction. StudioError if there is no row to compare with.
    """
    check("The nearest sample", 1 + skip_self, queries, reference)
    distances, indices = [], []
    for i in spans(queries):
        x = queries[i]
        best = torch.full((len(x),), math.inf, dtype=torch.float64, device=x.device)
        index = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for j in spans(reference):
            far, where = squared(x, reference[j], same=skip_self and i.start == j.start).min(1)
            index = torch.where(far < best, where + j.start, index)
            best = torch.minimum(far, best)
        distances.append((x.double() - reference[index].double()).norm(dim=1))
        indices.append(index)
    return torch.cat(distances), torch.cat(indices)


def ratio_of_nearest(*, train: Tensor, test: Tensor, generated: Tensor) -> float:
    """Median distance of generated samples to the nearest of train, divided by that of unseen real ones (report 003).

    About 1: as original as real pictures. Near 0: copies. StudioError if the unseen ones are themselves copies.
    """
    return ratio_of_medians(nearest(generated, train)[0], nearest(test, train)[0])


def ratio_of_medians(ours: Tensor, theirs: Tensor) -> float:
    """The median of distances (N,), divided by the median of other distances (M,)."""
    a, b = ours.quantile(0.5), theirs.quantile(0.5)
    if b == 0:
        raise StudioError("Half of the held-out pictures are also in the training set: hold out others.")
    return float(a / b)


def copying(
    *,
    train: Tensor,
    test: Tensor,
    generated: Tensor,
    rng: torch.Generator,
    cells: int = 10,
    least: int = 20,
    distances: tuple[Tensor, Tensor] | None = None,
) -> float:
    """The data-copying statistic C_T of Meehan, Chaudhuri and Dasgupta 2020 (https://arxiv.org/abs/2004.05675).

    k-means divides `train` (every k-th row, about 10,000 of them, if it is large) into cells, and each sample belongs
    to the cell of the nearest centre. In a cell, `mann_whitney` compares the distances of generated and of held-out
    samples to the nearest training sample; C_T is the mean of these z over the cells with at least `least` generated
    samples, weighted by their shares of the held-out ones. Far below 0 (-3) the generated samples lie nearer to the
    training set than unseen real ones do: copying. Far above 0 they lie farther: underfitting. If both have the same
    distribution, its standard deviation is at most 1, and about 1 / sqrt(cells) if all cells have the same size.

    The nearest training sample is searched in all of `train`; the authors' code searches in the cell, ignores ties in
    the variance, and corrects for continuity. `rng` is on the CPU. `distances`: of test and of generated samples to the
    nearest of train, if they are known already. StudioError if no cell has enough samples.
    """
    check(f"A division into {cells} cells", cells, train)
    check("The copying test", 1, train, test, generated)
    centres = k_means(train if len(train) <= ENOUGH else train[:: len(train) // ENOUGH], cells, rng)
    # One row per cell: a mask of the samples in it.
    names = torch.arange(cells, device=train.device)[:, None]
    of_test, of_generated = (nearest(x, centres)[1] == names for x in (test, generated))
    to_test, to_generated = distances or (nearest(test, train)[0], nearest(generated, train)[0])
    score = weight = 0.0
    for a, b in zip(of_test, of_generated, strict=True):
        if a.any() and b.sum() >= least:
            share = float(a.double().mean())
            score += share * mann_whitney(to_generated[b], to_test[a])
            weight += share
    if not weight:
        raise StudioError(
            f"The copying test needs a cell with {least} generated and some held-out samples: draw more, or ask for "
            f"fewer cells than {cells}."
        )
    return score / weight


def mann_whitney(a: Tensor, b: Tensor) -> float:
    """z of the Mann-Whitney U test on a (N,) and b (M,): negative if a is smaller, 0 if all numbers are equal.

    Ties get the mean of their ranks, and the variance is corrected for ties. There is no continuity correction.
    """
    n, m = len(a), len(b)
    _, group, size = torch.cat([a, b]).unique(return_inverse=True, return_counts=True)
    size = size.double()
    ranks = (size.cumsum(0) - (size - 1) / 2)[group]
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    total = n + m
    ties = float((size.pow(3) - size).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    return (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0


def k_means(x: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """(k, d) float64 centres: a k-means++ start (Arthur and Vassilvitskii 2007), then at most 50 rounds of Lloyd's.

    The start draws from the samples sorted by distance from the mean, so that the order of the rows does not matter.
    """
    order = nearest(x, centre(x)[None])[0].cpu().argsort()
    weights = torch.ones(len(x), dtype=torch.float64)
    chosen: list[int] = []
    for _ in range(k):
        if not weights.any():
            raise StudioError(f"There are fewer than {k} different samples: ask for fewer cells than {k}.")
        chosen.append(int(order[torch.multinomial(weights[order], 1, generator=rng)]))
        centres = x[chosen].double()
        weights = nearest(x, centres)[0].cpu().square()
    for _ in range(50):
        sums, sizes = torch.zeros_like(centres), torch.zeros_like(centres[:, :1])
        for part in x.split(BLOCK):
            # Summed by a product, since adding by index is not deterministic on a GPU.
            members = F.one_hot(squared(part, centres).argmin(1), k).double()
            sums.addmm_(members.T, part.double())
            sizes += members.sum(0)[:, None]
        before, centres = centres, torch.where(sizes > 0, sums / sizes, centres)
        if torch.equal(before, centres):
            break
    return centres


def squared(x: Tensor, y: Tensor, same: bool = False) -> Tensor:
    """(N, M) float64 squared distances of rows, infinite from a row to itself if `same`.

    Computed as |x|^2 + |y|^2 - 2 x.y, so rounding may give a tiny positive or negative number instead of 0.
    """
    x, y = x.double(), y.double()
    far = torch.addmm(y.square().sum(1), x, y.T, alpha=-2).add_(x.square().sum(1, keepdim=True))
    return far.fill_diagonal_(math.inf) if same else far


def spans(x: Tensor) -> list[slice]:
    """The rows of x in pieces of at most BLOCK."""
    return [slice(i, min(i + BLOCK, len(x))) for i in range(0, len(x), BLOCK)]


def check(what: str, least: int, *sets: Tensor) -> None:
    """StudioError unless each set has at least `least` samples, all sets have as many features, and all are finite."""
    for x in sets:
        if len(x) < least:
            raise StudioError(f"{what} needs at least {least} samples, not {len(x)}: draw more.")
        if x.shape[1] != sets[0].shape[1]:
            raise StudioError(
                f"Features of {sets[0].shape[1]} and of {x.shape[1]} numbers cannot be compared: "
                "take both from the same network."
            )
        if not all(part.isfinite().all() for part in x.split(BLOCK)):
            raise StudioError(f"{what} needs finite numbers, and some features are infinite or not a number.")

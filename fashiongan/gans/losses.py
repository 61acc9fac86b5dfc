"""Loss functions of logits (N,). Pure functions; equation numbers refer to the papers."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def bce_d(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """-E log D(x) and -E log(1 - D(G(z))), D = sigmoid(logit): the discriminator's side of eq. 1
    of Goodfellow et al. 2014.

    Through softplus, since -log sigmoid(a) = softplus(-a): finite for every logit.
    """
    return F.softplus(-real).mean(), F.softplus(fake).mean()


def bce_g(fake: Tensor) -> Tensor:
    """-E log D(G(z)): the non-saturating generator loss (Goodfellow et al. 2014, section 3, last paragraph)."""
    return F.softplus(-fake).mean()


def ls_d(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """1/2 E (D(x) - 1)^2 and 1/2 E D(G(z))^2: LSGAN (Mao et al. 2016), eq. 2 with a = 0 and b = 1."""
    return 0.5 * (real - 1).square().mean(), 0.5 * fake.square().mean()


def ls_g(fake: Tensor) -> Tensor:
    """1/2 E (D(G(z)) - 1)^2: LSGAN, eq. 2 with c = 1."""
    return 0.5 * (fake - 1).square().mean()


def slope(D: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """(N,): the L2 norm, over all of one picture's pixels, of D's gradient at x. Differentiable, for penalties."""
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return g.flatten(1).norm(dim=1)


def between(a: Tensor, b: Tensor, rng: torch.Generator) -> Tensor:
    """a + t (b - a) with one t ~ U(0, 1) for each picture (WGAN-GP, algorithm 1, lines 5 and 6)."""
    t = torch.rand(len(a), 1, 1, 1, generator=rng, device=a.device)
    return torch.lerp(a, b, t)


def energy(x: Tensor, reconstruction: Tensor) -> Tensor:
    """(N,): ||Dec(Enc(x)) - x||, the Euclidean norm over one picture's pixels (EBGAN, section 2.3)."""
    return (reconstruction - x).flatten(1).norm(dim=1)


def pull_away(codes: Tensor) -> Tensor:
    """Mean squared cosine between the codes of different pictures: EBGAN's repelling regulariser, section 2.4."""
    n = len(codes)
    unit = F.normalize(codes, dim=1)  # row by row
    cosines = (unit @ unit.T).square()
    return (cosines.sum() - cosines.diagonal().sum()) / (n * (n - 1))


def accuracy(real: Tensor, fake: Tensor, border: Tensor | float = 0.0) -> dict[str, Tensor]:
    """The discriminator's accuracy on real and on fake pictures, 0..1 (report 000, figure 1).

    `border` is the score that divides real from fake: 0 for logits. Scores without a natural border, such as a
    critic's, are divided at the middle between the two means: see `middle`.
    """
    return {"d_accuracy_real": (real > border).float().mean(), "d_accuracy_fake": (fake < border).float().mean()}


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """D_KL(N(mean, variance) || N(0, I)), summed over the (N, k) numbers of a code and averaged over the pictures
    (Kingma and Welling 2013, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def right(logits: Tensor, y: Tensor) -> Tensor:
    """Accuracy: the share of pictures with the right class, from logits (N, K) and classes (N,)."""
    return (logits.argmax(1) == y).float().mean()


def middle(real: Tensor, fake: Tensor) -> Tensor:
    """Half-way between the mean scores of real and fake."""
    return (real.mean() + fake.mean()) / 2


def diversity(x: Tensor) -> Tensor:
    """Root mean square difference between pixels of two different pictures of (N, C, H, W): 0 if all are equal.

    The mean square over all pairs is twice the unbiased variance, so no pair is formed.
    """
    return (2 * x.detach().float().var(0).mean()).sqrt()


def pair_d(real: Tensor, fake: Tensor) -> Tensor:
    """E softplus(-(D(x) - D(G(z)))), each real picture against one fake: R3GAN (Huang et al. 2024), eq. 2 with
    f(t) = -log(1 + e^-t). The generator's side is the same with real and fake exchanged."""
    return F.softplus(fake - real).mean()


def scored(D: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """D's scores of x (N,), and the mean squared norm of its gradient there: E ||grad D||^2, twice R1 of Mescheder et
    al. 2018 (https://arxiv.org/abs/1801.04406, eq. 9) for gamma = 1 on real pictures, R2 on fakes. Differentiable."""
    x = x.detach().requires_grad_()
    scores = D(x)
    (g,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return scores, g.float().square().flatten(1).sum(1).mean()

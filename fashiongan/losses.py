"""What a player wants, from logits (N,). Pure functions; the equation numbers are the papers'."""

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


def accuracy(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """How often the discriminator is right, on real and on fake pictures, 0..1 (report 000, figure 1)."""
    return {"d_accuracy_real": (real > 0).float().mean(), "d_accuracy_fake": (fake < 0).float().mean()}

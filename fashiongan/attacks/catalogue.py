"""The attacks by name, and `attack`, which runs one and verifies its result."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..errors import StudioError, quoted
from .ensemble import ensemble
from .fgsm import fgsm, noise
from .norms import L2, LINF, Norm
from .objective import Net
from .pgd import pgd

MASKS = ("garment", "none")


def may_change(x: Tensor, mask: str) -> Tensor | None:
    """The pixels that an attack may change: for "garment" those above black (report 001), for "none" all (None)."""
    if mask not in MASKS:
        raise StudioError(f"mask cannot be {mask!r}: it takes garment (only its own pixels change) or none.")
    return x > 0 if mask == "garment" else None


def check_eps(eps: Any, name: str = "fgsm") -> float:
    """The strength of an attack's noise as a float, from 0 to what its norm allows; StudioError for anything else."""
    most = find(name).norm.most
    try:
        strength = float(eps)
    except (TypeError, ValueError):
        strength = math.nan
    if isinstance(eps, bool) or not 0 <= strength <= most:
        unit = "1 is from black to white" if most == 1 else "it is the Euclidean length of the change"
        raise StudioError(f"eps cannot be {eps} for {name}: it takes a number from 0 to {most:g}, where {unit}.")
    return strength


# The catalogue


@dataclass(frozen=True)
class Attack:
    """One attack: its title, what it does, the norm of its ball, and whether it can be targeted at a class."""

    title: str
    text: str
    norm: Norm
    run: Callable[[Net, Tensor, Tensor, Any, Tensor | None, torch.Generator, Tensor | None], Tensor]
    targeted: bool = True
    passes: int = 1  # passes through the net for one image, about: to estimate the waiting time


ATTACKS: dict[str, Attack] = {
    "noise": Attack(
        "random noise",
        "every pixel up or down at random: the control, which knows nothing of the classifier",
        LINF,
        noise,
        targeted=False,
    ),
    "fgsm": Attack(
        "one step (FGSM)",
        "one step along the sign of the gradient: report 001's attack",
        LINF,
        fgsm,
        passes=2,
    ),
    "pgd": Attack(
        "forty steps (PGD)",
        "forty small steps from a random start, each projected back into what is allowed",
        LINF,
        pgd,
        passes=82,
    ),
    "pgd-5": Attack(
        "forty steps, five starts (PGD)",
        "the same from up to five random starts",
        LINF,
        partial(pgd, restarts=5),
        passes=410,
    ),
    "pgd-l2": Attack(
        "forty steps, Euclidean (PGD L2)",
        "the change as a whole is limited, by its Euclidean length, and not each pixel",
        L2,
        partial(pgd, norm=L2),
        passes=82,
    ),
    "ensemble": Attack(
        "the strongest (ensemble)",
        "auto-PGD, auto-PGD towards every class, and random squares, one after the other: takes seconds",
        LINF,
        ensemble,
        targeted=False,
        passes=7000,
    ),
}


def find(name: str) -> Attack:
    if name not in ATTACKS:
        raise StudioError(f"There is no attack called {quoted(name)}: choose one of {', '.join(ATTACKS)}.")
    return ATTACKS[name]


def refuse(name: str, targeted: bool) -> Attack:
    """The attack of that name; StudioError if there is none, or if it should be targeted and cannot be."""
    kind = find(name)
    if targeted and not kind.targeted:
        able = ", ".join(k for k, a in ATTACKS.items() if a.targeted)
        raise StudioError(f"{name} cannot be sent towards a class: choose one of {able}.")
    return kind


def attack(
    name: str,
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    mask: str = "none",
    rng: torch.Generator | None = None,
    target: Tensor | None = None,
) -> Tensor:
    """Run an attack of the catalogue and verify that its result obeys the constraints.

    Args:
        eps: 0 to 1, for a Euclidean attack to 10; one for all images, or a tensor (N, 1, 1, 1).
        mask: "garment", where only pixels above black may change, or "none".
        rng: the attack's random generator, on x's device; by default one with seed 0.

    Raises:
        StudioError: there is no such attack or mask, eps is out of range, or the attack cannot be targeted.
    """
    kind, allowed = refuse(name, target is not None), may_change(x, mask)
    eps = eps if isinstance(eps, Tensor) else check_eps(eps, name)
    if not isinstance(eps, Tensor) and eps == 0:
        return x.clone()
    rng = rng or torch.Generator(x.device).manual_seed(0)
    adversarial = kind.run(net, x, y, eps, allowed, rng, target).detach()
    verify(x, adversarial, eps, allowed, kind.norm)
    return adversarial


def verify(x: Tensor, adversarial: Tensor, eps: Any, allowed: Tensor | None, norm: Norm) -> None:
    """Raise StudioError unless `adversarial` lies in the ball and in the box, and equals x outside the mask. A
    result that violates the constraints is never reported."""
    d = adversarial - x
    inside = bool((norm.length(d) <= torch.as_tensor(eps) * (1 + 1e-5) + 1e-6).all())
    boxed = bool(((adversarial >= 0) & (adversarial <= 1)).all())
    kept = allowed is None or bool((d[~allowed] == 0).all())
    if not (inside and boxed and kept):
        raise StudioError("The attack broke its own rules, so its result is not used: please report this.")

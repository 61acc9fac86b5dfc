"""Attacks on a classifier, as functions of tensors: how little must be added to a picture until it is named wrong?

`net` is any function from pictures (N, C, H, W) in 0..1 to logits (N, classes), in eval mode. x are the pictures, y
(N,) their classes, and `allowed` a bool tensor of x's shape, the pixels that may change, or None for all. `eps`, how
far they may move, is in units of 0..1: one number, or a tensor (N, 1, 1, 1) with each picture's own. `target` (N,)
holds classes to be taken for; without it any wrong one will do. All return pictures of x's shape that lie in the ball
of eps round x and in the box 0..1, and equal x where nothing is allowed; `attack` makes sure of that.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import StudioError, quoted

Net = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor], Tensor]  # logits (N, classes) -> (N,), the larger the more wrong
MASKS = ("garment", "none")


@dataclass(frozen=True)
class Norm:
    """What projected gradient steps need of a norm: three moves and a length."""

    start: Callable[[Tensor, torch.Generator], Tensor]  # x -> a random point of its ball of radius 1
    steepest: Callable[[Tensor], Tensor]  # gradient -> the step of length 1 that climbs most
    project: Callable[[Tensor, Any], Tensor]  # change, eps -> the nearest change no longer than eps
    length: Callable[[Tensor], Tensor]  # change (N, C, H, W) -> (N, 1, 1, 1)


def euclid(d: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, 1, 1): lengths, never 0 so that one can divide by them."""
    return d.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


def in_round_ball(x: Tensor, rng: torch.Generator) -> Tensor:
    """Even over the ball: a direction without preference, and a radius that does not crowd the middle."""
    d = torch.randn(x.shape, generator=rng, device=x.device)
    radius = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) ** (1 / x[0].numel())
    return d / euclid(d) * radius


LINF = Norm(
    lambda x, rng: torch.rand(x.shape, generator=rng, device=x.device) * 2 - 1,
    torch.sign,
    lambda d, eps: torch.maximum(torch.minimum(d, torch.as_tensor(eps)), -torch.as_tensor(eps)),
    lambda d: d.abs().amax((1, 2, 3), keepdim=True),
)
L2 = Norm(in_round_ball, lambda g: g / euclid(g), lambda d, eps: d * (eps / euclid(d)).clamp(max=1), euclid)


def may_change(x: Tensor, mask: str) -> Tensor | None:
    """The pixels an attack may touch: the garment's own, which are those above black (report 001), or None for all."""
    if mask not in MASKS:
        raise StudioError(f"mask cannot be {mask!r}: it takes garment (only its own pixels change) or none.")
    return x > 0 if mask == "garment" else None


def check_eps(eps: Any) -> float:
    """A noise strength as a number, or StudioError."""
    try:
        found = float(eps)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(eps, bool) or not 0 <= found <= 1:
        raise StudioError(f"eps cannot be {eps}: it takes a number from 0 to 1, where 1 is from black to white.")
    return found


def error(y: Tensor, target: Tensor | None = None) -> Loss:
    """Cross-entropy of each picture against its class or, towards a target, less its cross-entropy against that."""
    if target is None:
        return lambda z: F.cross_entropy(z, y, reduction="none")
    return lambda z: -F.cross_entropy(z, target, reduction="none")


def fooled(z: Tensor, y: Tensor, target: Tensor | None = None) -> Tensor:
    """Logits -> bool (N,): whether the attack reached what it wanted."""
    return z.argmax(1) != y if target is None else z.argmax(1) == target


def slope(net: Net, x: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """The gradient of each picture's loss with respect to it, that loss (N,), and the logits.

    Their sum is differentiated, so that no picture's gradient shrinks with the batch.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        z = net(x)
        value = loss(z)
        (gradient,) = torch.autograd.grad(value.sum(), x)
    return gradient, value.detach(), z.detach()


def within(d: Tensor, allowed: Tensor | None) -> Tensor:
    return d if allowed is None else d * allowed


def noise(
    _net: Net,
    x: Tensor,
    _y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    _target: Tensor | None = None,
) -> Tensor:
    """The control: every pixel moves by eps, up or down by chance. It knows nothing of the net."""
    signs = torch.randint(0, 2, x.shape, generator=rng, device=x.device) * 2 - 1
    return (x + within(eps * signs, allowed)).clamp(0, 1)


def fgsm(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None = None,
    _rng: torch.Generator | None = None,
    target: Tensor | None = None,
) -> Tensor:
    """The fast gradient sign method: one step of eps along the gradient's sign (Goodfellow et al. 2015, section 4,
    https://arxiv.org/abs/1412.6572)."""
    gradient, _, _ = slope(net, x, error(y, target))
    return (x + within(eps * gradient.sign(), allowed)).clamp(0, 1)


def pgd(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    target: Tensor | None = None,
    *,
    norm: Norm = LINF,
    steps: int = 40,
    size: float | None = None,
    restarts: int = 1,
) -> Tensor:
    """Projected gradient steps from a random point of the ball (Madry et al. 2018, section 2.1,
    https://arxiv.org/abs/1706.06083).

    Args:
        size: of a step as a share of eps; by default 2.5 / steps, so that they can cross the ball and back.
        restarts: how many random points are tried for a picture that is not fooled yet; of those that never are, the
            most wrong is returned.
    """
    size = 2.5 / steps if size is None else size
    best, worst = x.clone(), torch.full((len(x),), -math.inf, device=x.device)
    left = torch.arange(len(x), device=x.device)
    for _ in range(restarts):
        x_, eps_, allowed_, y_, target_ = (part(v, left) for v in (x, eps, allowed, y, target))
        loss = error(y_, target_)
        d = within(eps_ * norm.start(x_, rng), allowed_)
        d = (x_ + norm.project(d, eps_)).clamp(0, 1) - x_
        for _ in range(steps):
            gradient, _, _ = slope(net, x_ + d, loss)
            # What may not change is cut off first: the step's whole length goes into what may.
            d = norm.project(d + size * eps_ * norm.steepest(within(gradient, allowed_)), eps_)
            d = (x_ + d).clamp(0, 1) - x_
        with torch.no_grad():
            z = net(x_ + d)
        value, won = loss(z), fooled(z, y_, target_)
        better = won | (value > worst[left])
        best[left[better]], worst[left[better]] = (x_ + d)[better], value[better]
        left = left[~won]
        if not len(left):
            break
    return best


def part(value: Any, index: Tensor) -> Any:
    """Those pictures' entries of what may be a tensor, or one thing for all."""
    return value[index] if isinstance(value, Tensor) and value.dim() else value


# The ensemble: no knob to get wrong


def margin(z: Tensor, y: Tensor) -> Tensor:
    """(N,): the logit of y less the largest other; 0 and below where the picture is named wrong."""
    return z.gather(1, y[:, None])[:, 0] - z.scatter(1, y[:, None], -math.inf).amax(1)


def targeted_dlr(y: Tensor, target: Tensor) -> Loss:
    """The difference of logits ratio towards a target: it does not fade where the net is very sure. For four classes
    and more (Croce and Hein 2020, equation 7)."""

    def loss(z: Tensor) -> Tensor:
        ranked = z.sort(1, descending=True).values
        scale = ranked[:, 0] - (ranked[:, 2] + ranked[:, 3]) / 2 + 1e-12
        return (z.gather(1, target[:, None]) - z.gather(1, y[:, None]))[:, 0] / scale

    return loss


def apgd(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    target: Tensor | None = None,
    *,
    steps: int = 100,
) -> Tensor:
    """Auto-PGD in the L-inf ball: momentum, and steps halved where they bring nothing (Croce and Hein 2020, algorithm
    1, https://arxiv.org/abs/2003.01690).

    It climbs the cross-entropy or, with a target, the DLR loss towards that; any wrong class will do for either.
    Returns for each picture the first found that is named wrong, or the most wrong of those seen.
    """

    def loss(z: Tensor) -> Tensor:
        return error(y[index])(z) if target is None else targeted_dlr(y[index], target[index])(z)

    found, index = x.clone(), torch.arange(len(x), device=x.device)
    d = within(eps * LINF.start(x, rng), allowed)
    at = (x + d).clamp(0, 1)
    gradient, value, z = slope(net, at, loss)
    found[:] = at
    before, best, best_value, best_gradient = at, at, value, gradient
    size = 2 * eps * torch.ones(len(x), 1, 1, 1, device=x.device)
    climbed = torch.zeros_like(value)  # how often the loss rose since the last look
    halved, value_then = torch.zeros_like(value, dtype=torch.bool), value
    looks = checkpoints(steps)
    last = 0
    for k in range(1, steps + 1):
        left = z.argmax(1) == y[index]  # the others are done
        if not left.all():
            index, at, before, best, best_gradient, gradient, size = (
                v[left] for v in (index, at, before, best, best_gradient, gradient, size)
            )
            value, best_value, climbed, halved, value_then = (
                v[left] for v in (value, best_value, climbed, halved, value_then)
            )
        if not len(index):
            break
        x_, allowed_, eps_ = x[index], part(allowed, index), part(eps, index)
        straight = (x_ + LINF.project(within(at + size * gradient.sign() - x_, allowed_), eps_)).clamp(0, 1)
        pull = 0.75 if k > 1 else 1.0
        moved = at + pull * (straight - at) + (1 - pull) * (at - before)
        moved = (x_ + LINF.project(within(moved - x_, allowed_), eps_)).clamp(0, 1)
        before, at = at, moved
        gradient, new, z = slope(net, at, loss)
        climbed += (new > value).float()
        value = new
        better = value > best_value
        best, best_gradient = (
            torch.where(better[:, None, None, None], a, b) for a, b in ((at, best), (gradient, best_gradient))
        )
        best_value = torch.where(better, value, best_value)
        won = z.argmax(1) != y[index]
        found[index] = torch.where(won[:, None, None, None], at, best)
        if k in looks:
            stuck = (climbed < 0.75 * (k - last)) | (~halved & (value_then >= best_value))
            size = torch.where(stuck[:, None, None, None], size / 2, size)
            at = torch.where(stuck[:, None, None, None], best, at)
            gradient = torch.where(stuck[:, None, None, None], best_gradient, gradient)
            value = torch.where(stuck, best_value, value)
            halved, value_then, last = stuck, best_value.clone(), k
            climbed = torch.zeros_like(value)
    return found


def checkpoints(steps: int) -> set[int]:
    """The steps at which APGD looks back: ever closer, from 22 % of the way on (Croce and Hein 2020, section 3.1)."""
    p = [0.0, 0.22]
    while p[-1] < 1:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    return {math.ceil(round(share * steps, 6)) for share in p[1:] if share <= 1}  # 0.57 is not quite


def square(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    queries: int = 5000,
) -> Tensor:
    """Random squares of +-eps, kept where the margin shrinks: needs no gradient, so none can be hidden from it
    (Andriushchenko et al. 2020, algorithms 1 and 2, https://arxiv.org/abs/1912.00049; their p of 0.8)."""
    found = x.clone()
    n, c, h, w = x.shape
    index = torch.arange(n, device=x.device)

    def signs(*shape: int) -> Tensor:
        return torch.randint(0, 2, shape, generator=rng, device=x.device) * 2.0 - 1

    d = within(eps * signs(n, c, 1, w).expand(n, c, h, w), allowed)  # stripes to begin with
    with torch.no_grad():
        value = margin(net((x + d).clamp(0, 1)), y)
    found[:] = (x + d).clamp(0, 1)
    for k in range(1, queries):
        left = value > 0
        if not left.all():
            index, d, value = index[left], d[left], value[left]
        if not len(index):
            break
        side = max(1, min(h, w, round(math.sqrt(share(k / queries) * h * w))))
        rows = torch.arange(h, device=x.device) - torch.randint(
            0, h - side + 1, (len(d), 1), generator=rng, device=x.device
        )
        columns = torch.arange(w, device=x.device) - torch.randint(
            0, w - side + 1, (len(d), 1), generator=rng, device=x.device
        )
        inside = ((rows >= 0) & (rows < side))[:, None, :, None] & ((columns >= 0) & (columns < side))[:, None, None, :]
        tried = within(torch.where(inside, part(eps, index) * signs(len(d), c, 1, 1), d), part(allowed, index))
        with torch.no_grad():
            new = margin(net((x[index] + tried).clamp(0, 1)), y[index])
        better = new < value
        d = torch.where(better[:, None, None, None], tried, d)
        value = torch.where(better, new, value)
        found[index] = (x[index] + d).clamp(0, 1)
    return found


def share(done: float) -> float:
    """Part of the picture that a square covers, falling from 0.8 as the search goes on (their section 5, for 10,000
    queries halved after 10, 50, 200, 500, 1,000, 2,000, 4,000, 6,000 and 8,000)."""
    return 0.8 / 2 ** sum(done > k / 10_000 for k in (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000))


def ensemble(
    net: Net,
    x: Tensor,
    y: Tensor,
    eps: Any,
    allowed: Tensor | None,
    rng: torch.Generator,
    _target: Tensor | None = None,
    *,
    queries: int = 5000,
) -> Tensor:
    """Three attacks without a knob, one after the other on what still stands: APGD on the cross-entropy, APGD towards
    every other class, and squares.

    AutoAttack (Croce and Hein 2020, section 5) without its fourth part, FAB, and with a mask, which no library's has.
    """
    found = x.clone()
    with torch.no_grad():
        z = net(x)
    wrong = z.argmax(1) != y
    ranked = z.scatter(1, y[:, None], math.inf).argsort(1, descending=True)[:, 1:]  # the others, likeliest first

    def attempt(attack: Callable[..., Tensor], *more: Any) -> None:
        """Try on those that still stand: attack(net, x, y, eps, allowed, rng, *more), of them alone."""
        nonlocal wrong
        index = (~wrong).nonzero().flatten()
        if len(index):
            here = (part(v, index) for v in (x, y, eps, allowed))
            tried = attack(net, *here, rng, *(part(m, index) for m in more))
            with torch.no_grad():
                won = net(tried).argmax(1) != y[index]
            found[index] = tried
            wrong = wrong.index_fill(0, index[won], True)

    attempt(apgd)
    for r in range(min(9, ranked.shape[1]) if z.shape[1] >= 4 else 0):  # equation 7 needs four logits
        attempt(apgd, ranked[:, r])
    attempt(partial(square, queries=queries))
    return found


# The catalogue


@dataclass(frozen=True)
class Attack:
    """One attack: what it is called, what it does, in what ball it stays, and if it can be sent towards a class."""

    title: str
    text: str
    norm: Norm
    run: Callable[[Net, Tensor, Tensor, Any, Tensor | None, torch.Generator, Tensor | None], Tensor]
    targeted: bool = True
    passes: int = 1  # about how many passes through the net a picture costs, for people who wait


ATTACKS: dict[str, Attack] = {
    "noise": Attack(
        "random noise",
        "every pixel up or down by chance: the control, which knows nothing of the classifier",
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
    """The attack of that name, or StudioError if there is none or it cannot be sent towards a class, as is asked."""
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
    """Run an attack of the catalogue and make sure that it kept to the rules.

    Args:
        eps: 0..1, one for all or a tensor (N, 1, 1, 1).
        mask: "garment", only pixels above black may change, or "none".
        rng: its chance, on x's device; by default of seed 0.

    Raises:
        StudioError: no such attack or mask, a bad eps, or an attack that cannot be sent towards a target.
    """
    kind, allowed = refuse(name, target is not None), may_change(x, mask)
    eps = eps if isinstance(eps, Tensor) else check_eps(eps)
    if not isinstance(eps, Tensor) and eps == 0:
        return x.clone()
    rng = rng or torch.Generator(x.device).manual_seed(0)
    found = kind.run(net, x, y, eps, allowed, rng, target).detach()
    verify(x, found, eps, allowed, kind.norm)
    return found


def verify(x: Tensor, found: Tensor, eps: Any, allowed: Tensor | None, norm: Norm) -> None:
    """StudioError unless `found` lies in the ball and in the box, and equals x outside the mask: a figure that was
    reached by breaking the rules is never reported."""
    d = found - x
    inside = bool((norm.length(d) <= torch.as_tensor(eps) * (1 + 1e-5) + 1e-6).all())
    boxed = bool(((found >= 0) & (found <= 1)).all())
    kept = allowed is None or bool((d[~allowed] == 0).all())
    if not (inside and boxed and kept):
        raise StudioError("The attack broke its own rules, so its result is not used: please report this.")

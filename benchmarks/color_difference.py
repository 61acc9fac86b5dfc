"""How colorful a picture is: what the colorizers are measured by. Nothing of the product asks for it."""

from torch import Tensor


def colorfulness(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) in 0..255 -> (N,): Hasler and Suesstrunk 2003, "Measuring colorfulness in natural images"."""
    r, g, b = rgb.float().unbind(1)
    rg, yb = r - g, (r + g) / 2 - b
    spread = (rg.flatten(1).var(1, correction=0) + yb.flatten(1).var(1, correction=0)).sqrt()
    middle = (rg.flatten(1).mean(1) ** 2 + yb.flatten(1).mean(1) ** 2).sqrt()
    return spread + 0.3 * middle

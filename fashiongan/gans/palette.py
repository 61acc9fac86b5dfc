"""The learned distribution of a garment's mean chroma. Noise is mapped through it to a color."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BINS = 32  # of each histogram
PALE = 6.0  # how much less likely (in logits) the ends of a histogram are before training


class Palette(nn.Module):
    """The distribution of garments' mean chroma, given class (N, classes) and `shrinking.tone_stats` (N, 2).

    There are two histograms: of cb, and of cr given cb. Their bins are equal in the signed square root of chroma, so
    that they are narrow near gray.
    """

    def __init__(self, classes: int):
        super().__init__()
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Linear(classes + 2 + k, 32), nn.SiLU(), nn.Linear(32, BINS)) for k in (0, 1)
        )

    def logits(self, k: int, condition: Tensor, first: Tensor) -> Tensor:
        middle = (torch.arange(BINS, device=condition.device) + 0.5) * (2 / BINS) - 1
        inputs = torch.cat([condition, first], 1) if k else condition
        return self.nets[k](inputs).float() - PALE * middle.square()  # type: ignore[no-any-return]

    def loss(self, y: Tensor, tones: Tensor, chroma: Tensor, rng: torch.Generator) -> Tensor:
        """Cross-entropy of real chroma (N, 2), jittered by one bin, so that fewer bins are empty."""
        root = chroma.sign() * (2 * chroma.abs()).sqrt()
        root = root + (torch.rand(root.shape, generator=rng, device=root.device) - 0.5) * (2 / BINS)
        place = ((root + 1) * (BINS / 2)).long().clamp(0, BINS - 1)
        condition = torch.cat([y, tones], 1)
        parts = [F.cross_entropy(self.logits(k, condition, root[:, :1]), place[:, k]) for k in (0, 1)]
        return parts[0] + parts[1]

    def draw(self, y: Tensor, tones: Tensor, z: Tensor) -> Tensor:
        """(N, 2) from N(0, I) -> (N, 2): chroma with the distribution of real garments, increasing in z."""
        condition, share = torch.cat([y, tones], 1), torch.special.ndtr(z.float())
        first = quantile(self.logits(0, condition, condition), share[:, :1])
        root = torch.cat([first, quantile(self.logits(1, condition, first), share[:, 1:2])], 1)
        return root.sign() * root.square() / 2


def quantile(logits: Tensor, share: Tensor) -> Tensor:
    """Quantiles (N, 1) at `share` (N, 1) of histograms over -1..1, given as logits (N, BINS)."""
    p = logits.softmax(1)
    total = p.cumsum(1)
    k = (total < share).sum(1, keepdim=True).clamp_max(BINS - 1)
    mine = p.gather(1, k)
    within = ((share - total.gather(1, k) + mine) / mine.clamp_min(1e-9)).clamp(0, 1)
    return (k + within) * (2 / BINS) - 1

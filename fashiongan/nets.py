"""Backbones that scale by depth: 28 to 128 pixels, 1 or 3 channels. Nothing here knows a loss."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def stages(size: int) -> tuple[int, int]:
    """(base, k) with size = base * 2**k and base in 4..7: 28 -> (7, 2), 64 -> (4, 4), 128 -> (4, 5)."""
    k = 0
    while size % 2 == 0 and size >= 8:
        size //= 2
        k += 1
    return size, k


SIZES = tuple(s for s in range(16, 129) if 4 <= stages(s)[0] <= 7)


def widths(size: int, width: int) -> list[int]:
    """Filters of each stage from the full-size side inwards, doubling up to 8 * width (DCGAN, figure 1)."""
    return [min(2**i, 8) * width for i in range(stages(size)[1])]


class ConvG(nn.Module):
    """DCGAN generator: project z, then transposed convolutions 4x4 of stride 2, batch norm and ReLU between.

    (N, z_dim) and, with `classes`, one-hot (N, classes) -> (N, channels, size, size) in -1..1 (tanh) or 0..1 (sigmoid).
    The classes join the input of every layer, as in Radford's conditional code (Newmu/dcgan_code, train_cond_dcgan.py).
    At 64 pixels and width 64 these are report 000's 512-256-128-64 filters.
    """

    def __init__(self, z_dim: int, width: int, size: int, channels: int, output: str = "tanh", classes: int = 0):
        super().__init__()
        base, _ = stages(size)
        inner = widths(size, width)[::-1]
        self.project = nn.ConvTranspose2d(z_dim + classes, inner[0], base, bias=False)
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a + classes, b, 4, 2, 1, bias=False)
            for a, b in zip(inner, [*inner[1:], channels], strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) for c in inner)
        self.output = output

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.project(with_classes(z[:, :, None, None], y))  # (N, inner, base, base)
        for norm, up in zip(self.norms, self.ups, strict=True):
            h = up(with_classes(F.relu(norm(h)), y))
        return torch.tanh(h.float()) if self.output == "tanh" else torch.sigmoid(h.float())


class ConvD(nn.Module):
    """DCGAN discriminator: convolutions 4x4 of stride 2, LeakyReLU 0.2, batch norm on all but the first and last.

    (N, channels, size, size) and, with `classes`, one-hot (N, classes) -> logits (N,).
    """

    def __init__(self, width: int, size: int, channels: int, classes: int = 0):
        super().__init__()
        base, _ = stages(size)
        outer = widths(size, width)
        self.downs = nn.ModuleList(
            nn.Conv2d(a + classes, b, 4, 2, 1, bias=False) for a, b in zip([channels, *outer[:-1]], outer, strict=True)
        )
        self.norms = nn.ModuleList([nn.Identity(), *(nn.BatchNorm2d(c) for c in outer[1:])])
        self.judge = nn.Conv2d(outer[-1] + classes, 1, base, bias=False)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = x
        for down, norm in zip(self.downs, self.norms, strict=True):
            h = F.leaky_relu(norm(down(with_classes(h, y))), 0.2)
        return cast(Tensor, self.judge(with_classes(h, y))).flatten().float()


def with_classes(h: Tensor, y: Tensor | None) -> Tensor:
    """Append one-hot classes (N, K) to (N, C, H, W) as K constant planes."""
    if y is None:
        return h
    planes = y.to(h.dtype)[:, :, None, None].expand(-1, -1, *h.shape[2:])
    return torch.cat([h, planes], 1)


@torch.no_grad()
def dcgan_init(net: nn.Module) -> None:
    """Weights N(0, 0.02), batch-norm scales N(1, 0.02), biases 0 (DCGAN, section 4; the scales from its code)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, 0.02)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1.0, 0.02)
            nn.init.zeros_(m.bias)

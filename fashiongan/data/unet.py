"""The net that finds the garment in a picture: a U-Net on the first stages of EfficientNet-Lite0.

The encoder is the stem and the first four stages of EfficientNet-Lite0 (Tan and Le 2019,
https://arxiv.org/abs/1905.11946), with each batch norm folded into the convolution before it. A training may begin with
the weights that Google released for it (Apache-2.0; `segmentation.pretrained`). The decoder is that of a U-Net
(Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597), of depthwise-separable blocks where there are many channels
(Howard et al. 2017, https://arxiv.org/abs/1704.04861) and of dense ones where there are few.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEM = 32  # channels of the first convolution


class Stage(NamedTuple):
    """Equal blocks of the encoder, of which the first may halve the picture's sides."""

    repeats: int
    side: int  # of the depthwise kernel
    stride: int
    expand: int  # times as many channels inside a block
    channels: int


STAGES = (Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80))


def dense(inside: int, out: int, stride: int = 1) -> nn.Sequential:
    """Convolution 3x3, batch norm, ReLU: (N, inside, H, W) -> (N, out, H / stride, W / stride)."""
    return nn.Sequential(nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Separable(nn.Module):
    """Depthwise 5x5, then 1x1 to twice the channels and back, with a shortcut: (N, C, H, W) unchanged in shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 5, 1, 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Dense(nn.Module):
    """Two 3x3 convolutions with a shortcut: (N, C, H, W) unchanged in shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            dense(channels, channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def pointwise(inside: int, out: int) -> nn.Sequential:
    """Convolution 1x1 and batch norm."""
    return nn.Sequential(nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out))


def narrower(inside: int, out: int) -> nn.Sequential:
    """Half the size: depthwise 5x5 of stride 2, then 1x1 to `out` channels."""
    return nn.Sequential(
        nn.Conv2d(inside, inside, 5, 2, 2, groups=inside, bias=False), nn.BatchNorm2d(inside), *pointwise(inside, out)
    )


class Convolution(nn.Conv2d):
    """A convolution padded as in TensorFlow: with a stride of 2, the odd row or column of padding goes to the end."""

    def __init__(self, inside: int, out: int, side: int, stride: int = 1, groups: int = 1):
        super().__init__(inside, out, side, stride, side // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] > 1:
            high, wide = (max((-(-s // 2) - 1) * 2 + self.kernel_size[0] - s, 0) for s in x.shape[-2:])
            x = F.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return super().forward(x)


class Inverted(nn.Module):
    """An inverted residual (Sandler et al. 2018, https://arxiv.org/abs/1801.04381): widen, convolve each channel alone,
    narrow. (N, inside, H, W) -> (N, out, H / stride, W / stride)."""

    def __init__(self, inside: int, out: int, side: int, stride: int, expand: int):
        super().__init__()
        wide = inside * expand
        layers = [Convolution(inside, wide, 1)] if expand > 1 else []
        layers += [Convolution(wide, wide, side, stride, groups=wide), Convolution(wide, out, 1)]
        self.layers, self.skip = nn.ModuleList(layers), inside == out and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for layer in self.layers[:-1]:
            h = F.relu6(layer(h))
        h = self.layers[-1](h)
        return x + h if self.skip else h


class Encoder(nn.Module):
    """(N, 3, H, W) in 0..1 -> features (N, 16, H / 2, W / 2), 24 at a quarter, 40 at an eighth, 80 at a sixteenth."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, STEM, 3, 2)
        stages, inside = [], STEM
        for s in STAGES:
            sizes = [inside] + [s.channels] * (s.repeats - 1)
            blocks = [Inverted(a, s.channels, s.side, 1 if i else s.stride, s.expand) for i, a in enumerate(sizes)]
            stages.append(nn.Sequential(*blocks))
            inside = s.channels
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        h = F.relu6(self.stem(x * (255 / 128) - 127 / 128))
        features = []
        for stage in self.stages:
            h = stage(h)
            features.append(h)
        return features


class CutoutNet(nn.Module):
    """(N, 3, H, W) in 0..1 -> logits (N, 1, H, W), H and W multiples of 32; 0.7 M weights.

    `coarse`, after a pass in training mode, holds logits (N, 1, H / 8, W / 8) of the same mask, for an auxiliary loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.deep = nn.Sequential(narrower(80, 128), Separable(128), Separable(128), Separable(128))  # H / 32
        self.whole = nn.Sequential(nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 128), nn.Sigmoid())
        skips, outs = [s.channels for s in STAGES[::-1]], (96, 64, 40, 24)
        self.across = nn.ModuleList(pointwise(a, b) for a, b in zip(skips, outs, strict=True))
        self.lift = nn.ModuleList(pointwise(a, b) for a, b in zip((128, *outs[:-1]), outs, strict=True))
        two = [nn.Sequential(Separable(c), Separable(c)) for c in outs[:2]]
        self.up = nn.ModuleList([*two, Dense(40), Dense(24)])
        self.aside = nn.Conv2d(64, 1, 1)
        self.last = pointwise(24, 16)
        self.edge = nn.Sequential(dense(19, 16), nn.Conv2d(16, 1, 3, 1, 1))
        self.coarse: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        h = self.deep(features[-1])
        h = h * self.whole(h.mean((2, 3)))[:, :, None, None]
        for i, (across, lift, up) in enumerate(zip(self.across, self.lift, self.up, strict=True)):
            h = up(F.relu(F.interpolate(lift(h), scale_factor=2.0, mode="bilinear") + across(features[3 - i])))
            if i == 1 and self.training:
                self.coarse = self.aside(h)
        h = F.interpolate(self.last(h), scale_factor=2.0, mode="bilinear")
        return self.edge(torch.cat([F.relu(h), (x - 0.5) * 4], 1))

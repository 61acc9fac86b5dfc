"""Networks for pictures of 16 to 256 pixels with 1, 3 or 4 channels; larger pictures get more layers. No losses."""

import math
import threading
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Starting weights are drawn from a random generator that all threads share: hold this lock while drawing them.
ONE_DRAWS = threading.Lock()


def stages(size: int) -> tuple[int, int]:
    """(base, k) with size = base * 2**k and base in 4..7: 28 -> (7, 2), 64 -> (4, 4), 128 -> (4, 5)."""
    k = 0
    while size % 2 == 0 and size >= 8:
        size //= 2
        k += 1
    return size, k


SIZES = tuple(s for s in range(16, 257) if 4 <= stages(s)[0] <= 7)


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
    """DCGAN discriminator: convolutions 4x4 of stride 2, LeakyReLU 0.2, norm on all but the first and last.

    (N, channels, size, size) and, with `classes`, one-hot (N, classes) -> logits (N,). `norm` is "batch", or "none"
    where a gradient penalty must depend on one picture alone; then the convolutions have biases instead.
    """

    def __init__(self, width: int, size: int, channels: int, classes: int = 0, norm: str = "batch"):
        super().__init__()
        base, _ = stages(size)
        outer = widths(size, width)
        self.downs = nn.ModuleList(
            nn.Conv2d(a + classes, b, 4, 2, 1, bias=norm == "none")
            for a, b in zip([channels, *outer[:-1]], outer, strict=True)
        )
        inner = (nn.BatchNorm2d(c) if norm == "batch" else nn.Identity() for c in outer[1:])
        self.norms = nn.ModuleList([nn.Identity(), *inner])
        # The output layer; here and in the papers' own nets, the name under which checkpoints carry its weights.
        self.judge = nn.Conv2d(outer[-1] + classes, 1, base, bias=False)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """(N, deepest filters, base, base): the input of the output layer."""
        h = x
        for down, norm in zip(self.downs, self.norms, strict=True):
            h = F.leaky_relu(norm(down(with_classes(h, y))), 0.2)
        return h

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.features(x, y)
        return cast(Tensor, self.judge(with_classes(h, y))).flatten().float()


class AutoEncoder(nn.Module):
    """EBGAN discriminator: DCGAN's convolutions down to a code, their mirror image back up.

    (N, channels, size, size) -> reconstruction of the same shape, and codes (N, units). No norm on the code, which the
    pull-away term compares.
    """

    def __init__(self, width: int, size: int, channels: int):
        super().__init__()
        outer = widths(size, width)
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(zip([channels, *outer[:-1]], outer, strict=True)):
            layers += [nn.Conv2d(a, b, 4, 2, 1)]
            if i < len(outer) - 1:
                layers += [nn.BatchNorm2d(b)] if i else []
                layers += [nn.LeakyReLU(0.2)]
        self.encode = nn.Sequential(*layers)
        inner = outer[::-1]
        back: list[nn.Module] = []
        for i, (a, b) in enumerate(zip(inner, [*inner[1:], channels], strict=True)):
            back += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(a, b, 4, 2, 1)]
            if i < len(inner) - 1:
                back += [nn.BatchNorm2d(b)]
        self.decode = nn.Sequential(*back)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encode(x)
        return self.decode(code).float(), code.flatten(1).float()


class EluDecoder(nn.Module):
    """BEGAN generator and decoder (section 3.5, figure 1): a dense layer, then pairs of 3x3 ELU convolutions with
    nearest-neighbour upsampling between, and a last convolution without activation.

    (N, hidden) -> (N, channels, size, size), not bounded.
    """

    def __init__(self, hidden: int, width: int, size: int, channels: int):
        super().__init__()
        self.base, ups = stages(size)
        self.width = width
        self.start = nn.Linear(hidden, width * self.base**2)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2 * (ups + 1)))
        self.last = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).unflatten(1, (self.width, self.base, self.base))
        for i, conv in enumerate(self.convs):
            if i and i % 2 == 0:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
            h = elu(conv(h))
        return cast(Tensor, self.last(h)).float()


class EluEncoder(nn.Module):
    """BEGAN encoder: pairs of 3x3 ELU convolutions, one more `width` of filters after each halving, dense to the code.

    (N, channels, size, size) -> (N, hidden).
    """

    def __init__(self, hidden: int, width: int, size: int, channels: int):
        super().__init__()
        base, downs = stages(size)
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        layers: list[nn.Module] = []
        for i in range(1, downs + 2):
            a, b = i * width, min(i + 1, downs + 1) * width
            layers += [nn.Conv2d(a, a, 3, padding=1), Elu()]
            layers += [nn.Conv2d(a, b, 3, 2 if i <= downs else 1, 1), Elu()]
        self.convs = nn.Sequential(*layers)
        self.last = nn.Linear((downs + 1) * width * base**2, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.last(self.convs(elu(self.first(x))).flatten(1)))


class QuickElu(torch.autograd.Function):
    """ELU by exp(h) - 1. PyTorch's own ELU calls expm1, which is ten times slower on a CPU. Its gain in accuracy near
    zero is at most 6e-8, the rounding error of float32 near one."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, h: Tensor) -> Tensor:  # type: ignore[override]
        out = torch.maximum(h, h.clamp_max(0).exp_().sub_(1))
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, slope: Tensor) -> Tensor:  # type: ignore[override]
        (out,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return cast(Tensor, torch.ops.aten.elu_backward(slope, 1, 1, 1, True, out))


def elu(h: Tensor) -> Tensor:
    """h where it is positive, exp(h) - 1 elsewhere."""
    quick = h.is_cpu and h.dtype == torch.float32  # bfloat16 keeps too little of the difference
    return cast(Tensor, QuickElu.apply(h)) if quick else F.elu(h)  # type: ignore[no-untyped-call]


class Elu(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return elu(h)


class Dropout(nn.Module):
    """Zero a share `p` of the inputs in training, and scale the rest up.

    It draws from `rng`, which the trainer sets, so that a resumed run drops the same as an uninterrupted one.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p
        self.rng: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        # Floats in the memory order of x: multiplying by booleans, or by another memory order, is far slower.
        kept = torch.empty_like(x, dtype=torch.float32, requires_grad=False).uniform_(generator=self.rng).ge_(self.p)
        return x * kept.div_(1 - self.p).to(x.dtype)


class Maxout(nn.Module):
    """(N, inputs) -> (N, units): the largest of `pieces` affine maps (Goodfellow et al. 2013, section 2)."""

    def __init__(self, inputs: int, units: int, pieces: int):
        super().__init__()
        self.pieces = pieces
        self.affine = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.affine(x)).unflatten(1, (-1, self.pieces)).amax(2)


class EqualLinear(nn.Linear):
    """A dense layer with an equalised learning rate: weights drawn from N(0, 1) and scaled by 1 / sqrt(inputs) in
    every pass, so that Adam moves all layers alike (Karras et al. 2018, https://arxiv.org/abs/1710.10196, section 4.1).

    `rate` multiplies the learning rate of its weights and biases (a mapping network's in Karras et al. 2019, app. C).
    """

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0, start: float = 0.0):
        super().__init__(inputs, outputs)
        self.rate, self.scale = rate, rate / math.sqrt(inputs)
        nn.init.normal_(self.weight, 0.0, 1 / rate)
        nn.init.constant_(self.bias, start / rate)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualConv(nn.Conv2d):
    """A convolution that keeps the size of its pictures, with an equalised learning rate as EqualLinear's."""

    def __init__(self, inputs: int, outputs: int, side: int = 3, bias: bool = True):
        super().__init__(inputs, outputs, side, padding=side // 2, bias=bias)
        self.scale = 1 / math.sqrt(inputs * side**2)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


def leaky(h: Tensor) -> Tensor:
    """LeakyReLU 0.2 with He's gain of sqrt(2), with which equalised layers keep the variance of their inputs."""
    return F.leaky_relu(h, 0.2) * math.sqrt(2)


def twice(h: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2 H, 2 W), bilinear: the same as inserting zeros and filtering by (1, 3, 3, 1)."""
    return F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)


def pixel_norm(h: Tensor) -> Tensor:
    """(N, C, ...) with the mean square over the channels brought to 1, pixel by pixel (Karras et al. 2018, eq. 2)."""
    return h * torch.rsqrt(h.square().mean(1, keepdim=True) + 1e-8)


def minibatch_std(h: Tensor) -> Tensor:
    """(N, C, H, W) with one more channel: the standard deviation over the batch, averaged to one number. It shows the
    discriminator whether fakes are too similar (Karras et al. 2018, section 3)."""
    variance = h.float().var(0, unbiased=False)
    spread = (variance + 1e-8).sqrt().mean().to(h.dtype)
    return torch.cat([h, spread.expand(len(h), 1, *h.shape[2:])], 1)


def class_std(h: Tensor, y: Tensor) -> Tensor:
    """(N, C, H, W) with one more channel: per picture, the standard deviation over the pictures of its class in the
    batch, averaged to one number. `y` are one-hot classes (N, K); those without a class are a class of their own.

    Where classes differ much, the deviation over the whole batch hides that all fakes of one class are alike. It is 0
    for a picture that is the only one of its class, real or not.
    """
    y = torch.cat([y.float(), 1 - y.float().sum(1, keepdim=True)], 1)
    same = y @ y.T
    share = same / same.sum(1, keepdim=True)
    flat = h.float().flatten(1)
    variance = (share @ flat**2 - (share @ flat) ** 2).clamp(min=0)
    spread = (variance + 1e-8).sqrt().mean(1).to(h.dtype)
    return torch.cat([h, spread[:, None, None, None].expand(len(h), 1, *h.shape[2:])], 1)


class AsPictures(nn.Module):
    """(N, C * S * S) -> (N, C, S, S) through tanh (-1..1) or sigmoid (0..1)."""

    def __init__(self, size: int, channels: int, output: str):
        super().__init__()
        self.shape, self.output = (channels, size, size), output

    def forward(self, h: Tensor) -> Tensor:
        h = h.float().unflatten(1, self.shape)
        return torch.tanh(h) if self.output == "tanh" else torch.sigmoid(h)


def with_classes(h: Tensor, y: Tensor | None) -> Tensor:
    """Append one-hot classes (N, K) to (N, C, H, W) as K constant planes."""
    if y is None:
        return h
    planes = y.to(h.dtype)[:, :, None, None].expand(-1, -1, *h.shape[2:])
    if h.is_contiguous(memory_format=torch.channels_last):  # else torch.cat would copy the result into that order
        planes = planes.contiguous(memory_format=torch.channels_last)
    return torch.cat([h, planes], 1)


@torch.no_grad()
def uniform_init(net: nn.Module, bound: float) -> None:
    """Weights U(-bound, bound), biases 0 (the multilayer perceptrons of 2014)."""
    for m in net.modules():
        if isinstance(m, nn.Linear):
            nn.init.uniform_(m.weight, -bound, bound)
            nn.init.zeros_(m.bias)


@torch.no_grad()
def dcgan_init(net: nn.Module) -> None:
    """Weights N(0, 0.02), batch-norm scales N(1, 0.02), biases 0 (DCGAN, section 4; the scales from its code)."""
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(m.weight, 0.0, 0.02)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1.0, 0.02)
            nn.init.zeros_(m.bias)

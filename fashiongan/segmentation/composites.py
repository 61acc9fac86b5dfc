"""Garments on other grounds, made in batches on any device: pictures whose alpha is exact."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .scenes import Bank, Draws, garments, mirrored, sampled, window

GRAY = (0.299, 0.587, 0.114)  # BT.601
WHITE = 20 / 255  # how far a white garment's mean may be from its white ground's


def composites(bank: Bank, n: int, size: int, generator: torch.Generator, kind: str = "all") -> tuple[Tensor, Tensor]:
    """n composites (n, 3, size, size) and their exact alpha (n, 1, size, size), in 0..1.

    `kind` is "all" for the training mix. The other kinds are for evaluation, with recoloring half as strong: "one" for
    the same with always one garment, "white" for white garments on white, "close" for garments that fill the picture
    so that most touch three borders.
    """
    c = Draws(n, generator)
    learning = kind == "all"
    index = bank.donors[c.pick(len(bank.donors))]
    front = garments(bank, index, size, c, {"close": 1.0, "white": 0.0}.get(kind, 0.2))
    colors, alpha = front[:, :3], front[:, 3:]
    if learning:
        other = garments(bank, index.roll(1), size, c, 0.0)
        behind = other[:, 3:] * c.yes(0.12)[..., None]
        colors, alpha = torch.lerp(other[:, :3], colors, alpha), alpha + behind * (1 - alpha)
        colors = torch.where(behind > 0, colors, front[:, :3])
        alpha = alpha * ~c.yes(0.05)[..., None]
    ground = alike(grounds(bank, size, c), colors, alpha, c)
    white = c.yes({"white": 1.0, "close": 0.0}.get(kind, 0.1))[..., None]
    pale, paper = whites(colors, alpha, c)
    colors, ground = torch.where(white, pale, colors), torch.where(white, paper, ground)
    ground = ground * (1 - shadow(alpha, c) * torch.where(white, 0.3, 1.0))
    picture = torch.lerp(ground, colors, alpha)
    picture = torch.where(white, picture, recolored(picture, c, 1.0 if learning else 0.5))
    return photographed(picture, c), alpha


def grounds(bank: Bank, size: int, c: Draws) -> Tensor:
    """(n, 3, size, size): backgrounds; 60 % come from photographs, the others are drawn."""
    row = bank.grounds[c.pick(len(bank.grounds))]
    index = row[:, 0].long()
    left, top, right, bottom = (row[:, k].view(-1, 1, 1) for k in range(1, 5))
    wide, high = (bank.sizes[index, k].view(-1, 1, 1) for k in (0, 1))
    scale = c.uniform(0.5, 1.0)
    x, y = window(
        size,
        (wide * c.uniform(0.3, 0.7), high * c.uniform(0.3, 0.7)),
        (wide * scale, high * scale),
        c.uniform(-math.pi, math.pi) * c.yes(0.4),
        c.yes(0.5),
    )
    images = bank.images[index].float() / 255
    texture = sampled(images, mirrored(x, left, right), mirrored(y, top, bottom))
    zero = x.new_zeros(())
    places = mirrored(x, zero, wide), mirrored(y, zero, high)
    covered = sampled(bank.masks[index][:, None].float() / 255, *places)
    covered = F.avg_pool2d(F.max_pool2d((covered > 0.04).float(), 13, 1, 6), 7, 1, 3)
    covered = torch.where(c.yes(0.6)[..., None], 1.0, covered)  # else the scene, its garment filled with its ground
    scene = torch.lerp(sampled(images, *places), texture, covered)
    return torch.where(c.yes(0.6)[..., None], scene, drawn(size, c))


def drawn(size: int, c: Draws) -> Tensor:
    """(n, 3, size, size): two colors mixed flat, by a ramp, stripes, checks, clouds or grain."""
    line = torch.linspace(-0.5, 0.5, size, device=c.device)
    angle = c.uniform(-math.pi, math.pi)
    u = angle.cos() * line.view(1, 1, -1) + angle.sin() * line.view(1, -1, 1)
    v = angle.cos() * line.view(1, -1, 1) - angle.sin() * line.view(1, 1, -1)
    often = 2 * math.pi * torch.exp(c.uniform(1.0, 3.7))
    hard = torch.exp(c.uniform(0, 3))
    stripes = torch.sigmoid(hard * (often * u).sin())
    checks = torch.sigmoid(hard * (often * u).sin() * (often * v).sin() * 2)
    clouds = sum(
        F.interpolate(c.noise(1, k, k), (size, size), mode="bicubic")[:, 0] * c.uniform(0, 0.5) for k in (4, 11, 32, 90)
    )
    grain = c.noise(1, size, size)[:, 0] * 0.3
    kinds = torch.stack([torch.zeros_like(u), u + 0.5, stripes, checks, 0.5 + torch.as_tensor(clouds), grain], 1)
    mix = kinds[torch.arange(c.n, device=c.device), c.pick(len(kinds[0]))][:, None]
    first = c.color()
    near = first + (c.color() - 0.5) * 0.3
    second = torch.where(c.yes(0.6)[..., None], near, c.color())
    return torch.lerp(first, second, mix).clamp(0, 1)


def average(values: Tensor, weight: Tensor) -> Tensor:
    """(n, C, 1, 1): the mean of (n, C, H, W), weighted by (n, 1, H, W)."""
    return (values * weight).sum((2, 3), keepdim=True) / weight.sum((2, 3), keepdim=True).clamp(min=1)


def alike(ground: Tensor, colors: Tensor, alpha: Tensor, c: Draws) -> Tensor:
    """The ground; in 15 % of the pictures its mean is moved to within 30 / 255 of the garment's, channel by channel."""
    shift = (torch.rand(c.n, 3, 1, 1, generator=c.generator, device=c.device) * 2 - 1) * (30 / 255)
    moved = ground - ground.mean((2, 3), keepdim=True) + average(colors, alpha) + shift
    return torch.where(c.yes(0.15)[..., None], moved.clamp(0, 1), ground)


def whites(colors: Tensor, alpha: Tensor, c: Draws) -> tuple[Tensor, Tensor]:
    """The garment in white and a white ground, (n, 3, H, W) each: their means differ by 4 to 20 of 255.

    The garment's own shades stay, as small as those of white cloth: a deviation of 2 to 12 of 255.
    """
    gray = (colors * colors.new_tensor(GRAY).view(1, 3, 1, 1)).sum(1, keepdim=True)
    shade = gray - average(gray, alpha)
    deviation = average(shade**2, alpha).sqrt().clamp(min=1e-3)
    shade = (shade * (c.uniform(2 / 255, 12 / 255)[..., None] / deviation).clamp(max=0.5)).clamp(-0.25, 0.1)
    level = c.uniform(215 / 255, 250 / 255)[..., None]
    gap = c.uniform(4 / 255, WHITE)[..., None]
    gap = torch.where(c.yes(0.5)[..., None] & (level + gap < 0.98), gap, -gap)
    tint = (torch.rand(c.n, 3, 1, 1, generator=c.generator, device=c.device) - 0.5) * 0.03
    line = torch.linspace(-1, 1, colors.shape[-1], device=c.device).view(1, 1, 1, -1)
    ramp = line * c.uniform(-4 / 255, 4 / 255)[..., None]
    paper = (level + tint + ramp).expand_as(colors)
    return (level + tint + gap + shade).clamp(0, 1), paper.clamp(0, 1)


def shadow(alpha: Tensor, c: Draws) -> Tensor:
    """(n, 1, H, W), how much darker the ground is: half have a soft shadow of the garment a little to one side."""
    small = F.avg_pool2d(alpha, 4)
    far = small.shape[-1] * 0.05
    line = torch.arange(small.shape[-1], device=c.device) + 0.5
    x = line.view(1, 1, -1) + c.uniform(-far, far)
    y = line.view(1, -1, 1) + c.uniform(-far, far)
    soft = sampled(small, *torch.broadcast_tensors(x, y))
    near = F.avg_pool2d(soft, 3, 1, 1)
    wide = F.avg_pool2d(F.avg_pool2d(soft, 9, 1, 4), 5, 1, 2)
    soft = torch.where(c.yes(0.5)[..., None], near, wide)
    soft = F.interpolate(soft, alpha.shape[-2:], mode="bilinear")
    return soft * (c.uniform(0.1, 0.6) * c.yes(0.5))[..., None]


def recolored(picture: Tensor, c: Draws, strength: float) -> Tensor:
    """The picture in other light and colors, (n, 3, H, W) in 0..1; 1 in 8 is gray. `strength` 0 changes nothing else.

    Uneven light, contrast, brightness, color balance, saturation, gamma.
    """

    def about(low: float, high: float) -> Tensor:
        return 1 + (c.uniform(low, high)[..., None] - 1) * strength

    line = torch.linspace(-1, 1, picture.shape[-1], device=c.device)
    angle = c.uniform(-math.pi, math.pi)
    slope = angle.cos() * line.view(1, 1, -1) + angle.sin() * line.view(1, -1, 1)
    light = 1 + (slope * c.uniform(0, 0.3) * c.yes(0.4))[:, None] * strength
    balance = 1 + (torch.rand(c.n, 3, 1, 1, generator=c.generator, device=c.device) - 0.5) * 0.3 * strength
    out = picture * light * balance
    out = torch.where(c.yes(0.15 * strength)[..., None], out.roll(1, 1), out)  # rotate the color channels: any dye
    gray = (out * out.new_tensor(GRAY).view(1, 3, 1, 1)).sum(1, keepdim=True)
    out = torch.lerp(gray, out, about(0.3, 1.5) * ~c.yes(0.12)[..., None])
    out = (out - 0.5) * about(0.65, 1.3) + 0.5 + (about(0.85, 1.15) - 1)
    return out.clamp(1e-4, 1) ** about(0.65, 1.5)


def photographed(picture: Tensor, c: Draws) -> Tensor:
    """The picture as a camera shows it: about 40 % slightly blurred or enlarged from half size, 40 % with grain."""
    small = F.interpolate(F.avg_pool2d(picture, 2), picture.shape[-2:], mode="bilinear")
    out = torch.where(c.yes(0.25)[..., None], F.avg_pool2d(picture, 3, 1, 1, count_include_pad=False), picture)
    out = torch.where(c.yes(0.15)[..., None], small, out)
    grain = c.noise(3, *picture.shape[-2:])
    return (out + grain * (c.uniform(0, 0.035) * c.yes(0.4))[..., None]).clamp(0, 1)

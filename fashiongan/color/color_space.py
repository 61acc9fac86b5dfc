"""CIE L*a*b* (D65) and sRGB: conversion at fixed lightness, and gamut mapping.

A color is made of a gray value and a pair (a, b). L* depends on the gray value alone, so a colorized image has the
lightness of its gray original by construction. A color outside the sRGB gamut at that lightness is mapped into it by
reducing its chroma at the same hue. Formulas and constants: IEC 61966-2-1 (sRGB) and CIE 15:2004.
"""

import math
import re
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import StudioError
from . import palettes

RGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
DELTA = 6 / 29  # CIE 15:2004: below DELTA ** 3, the cube root is replaced by a straight line
HUES = 360  # number of hues in the gamut table, see `reach`
CHROMA = 110.0  # the unit of a and b in the networks; in sRGB they go from -108 to 98
FAINT = 8  # gray level, of 255, below which hardly any color is visible
ENCODED = 4096  # steps of the lookup table for sRGB encoding; its rounding error is at most 0.2 gray levels


def parse(text: str) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of "#b03a2e", "#b32", "rgb(176, 58, 46)" or a CSS color name; or StudioError."""
    from PIL import ImageColor

    name = text.strip() if isinstance(text, str) else ""
    name = f"#{name}" if re.fullmatch(r"[0-9a-fA-F]{6}", name) else name
    # The page's color picker gives fractions: rgba(176.2, 58, 46.5, 1).
    if match := re.fullmatch(r"rgba?\(\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)(?:,\s*[\d.]+)?\s*\)", name):
        values = [float(v) if v.count(".") < 2 and v != "." else math.inf for v in match.groups()]
        if all(v <= 255 for v in values):
            return round(values[0]), round(values[1]), round(values[2])
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError:
        raise StudioError(f"{text!r} is no color: write one such as #b03a2e, or a name such as teal.") from None
    if max(red, green, blue) > 255:
        raise StudioError(f"{text!r} is no color: red, green and blue go from 0 to 255.")
    return red, green, blue


def hexed(rgb: tuple[int, int, int]) -> str:
    """(176, 58, 46) -> "#b03a2e"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def lab_of(text: str) -> Tensor:
    """(3,) L*, a*, b* of a color in any notation that `parse` accepts."""
    return lab(torch.tensor(parse(text)).view(1, 3, 1, 1) / 255).flatten()


def linear(v: Tensor) -> Tensor:
    """sRGB values 0..1 -> linear light 0..1."""
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def encoded(v: Tensor) -> Tensor:
    """Linear light -> sRGB values, both 0..1."""
    return torch.where(v <= 0.0031308, v * 12.92, 1.055 * v.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def lightness(gray: Tensor) -> Tensor:
    """L*, 0..100, of neutral (gray) sRGB values 0..1."""
    return 116 * root(linear(gray)) - 16


def root(t: Tensor) -> Tensor:
    """The f of CIE L*a*b*: a cube root with a linear part near 0."""
    return torch.where(t > DELTA**3, t.clamp_min(DELTA**3) ** (1 / 3), t / (3 * DELTA**2) + 4 / 29)


def cube(f: Tensor) -> Tensor:
    """The inverse of `root`."""
    return torch.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29))


@lru_cache(maxsize=8)
def to_xyz(device: torch.device) -> Tensor:
    """(3, 3): linear sRGB to X, Y and Z of white 1. Kept on each device: a recorded update must copy nothing to it."""
    m = torch.tensor(RGB_TO_XYZ)
    return (m / m.sum(1, keepdim=True)).to(device)


def lab(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) sRGB 0..1 -> L* 0..100, a* and b*. The reference white is r = g = b = 1."""
    x, y, z = torch.einsum("ij,njhw->nihw", to_xyz(rgb.device), linear(rgb)).split(1, 1)
    fx, fy, fz = root(x), root(y), root(z)
    return torch.cat([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], 1)


def light_of(lab: Tensor) -> Tensor:
    """(N, 3, H, W) L*a*b* -> linear red, green and blue; values outside 0..1 are outside the sRGB gamut."""
    fy = (lab[:, :1] + 16) / 116
    return light_from(fy, lab[:, 1:])


def light_from(fy: Tensor, ab: Tensor) -> Tensor:
    """`root` of the luminance Y (N, 1, H, W), and a, b (N, 2, H, W) -> linear red, green and blue (N, 3, H, W)."""
    m = torch.tensor(RGB_TO_XYZ, dtype=torch.float64)
    back = torch.linalg.inv(m / m.sum(1, keepdim=True)).to(ab)
    xyz = cube(torch.cat([fy + ab[:, :1] / 500, fy, fy - ab[:, 1:] / 200], 1))
    return torch.einsum("ij,njhw->nihw", back, xyz)


def gray_of(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) or (N, 1, H, W) uint8 -> (N, 1, H, W) uint8: the gray values of the same lightness."""
    if rgb.shape[1] == 1:
        return rgb
    y = torch.einsum("j,njhw->nhw", to_xyz(rgb.device)[1], linear(rgb.float() / 255))
    return (255 * encoded(y)).round().to(torch.uint8)[:, None]


@lru_cache(maxsize=8)
def reach_on(device: torch.device) -> Tensor:
    """`reach`, kept on each device."""
    return reach().to(device)


@lru_cache(maxsize=1)
def reach() -> Tensor:
    """The gamut table, (256, HUES): the largest chroma inside sRGB for each gray value's lightness and each hue.

    It is found by bisection. Each entry is the smaller of its own and the next hue's chroma, so that it holds for all
    hues between the two.
    """
    hue = torch.arange(HUES) * (2 * math.pi / HUES)
    way = torch.stack([hue.cos(), hue.sin()])[None, :, None]  # (1, 2, 1, HUES)
    light = lightness(torch.arange(256) / 255).view(1, 1, 256, 1).expand(1, 1, 256, HUES)
    lo, hi = torch.zeros(1, 1, 256, HUES), torch.full((1, 1, 256, HUES), 150.0)
    for _ in range(13):
        middle = (lo + hi) / 2
        shown = light_of(torch.cat([light, middle * way], 1))
        fits = ((shown >= -1e-4) & (shown <= 1 + 1e-4)).all(1, keepdim=True)
        lo, hi = torch.where(fits, middle, lo), torch.where(fits, hi, middle)
    chroma = lo[0, 0]
    chroma[0] = 0.0  # black has no color
    return torch.minimum(chroma, chroma.roll(-1, 1)).contiguous()


def shown(gray: Tensor, ab: Tensor) -> Tensor:
    """Map a and b (N, 2, H, W) into the sRGB gamut at the lightness of gray (N, 1, H, W) uint8, by reducing chroma.

    Differentiable in ab; the limit on the chroma is treated as a constant.
    """
    with torch.no_grad():
        hue = torch.atan2(ab[:, 1:], ab[:, :1]).mul_(HUES / (2 * math.pi)).floor_().long()
        hue = torch.where(hue < 0, hue + HUES, hue)
        limit = reach_on(ab.device)[gray.long(), hue]
        share = (limit / torch.hypot(ab[:, :1], ab[:, 1:]).clamp_min(1e-6)).clamp_max_(1.0)
    return ab * share


@lru_cache(maxsize=1)
def tables() -> tuple[Tensor, Tensor]:
    """Lookup tables: `root` of the luminance of each gray value (256,), and sRGB bytes (ENCODED + 1,) for linear light.

    The second is indexed by the square root of linear light: its steps are finer in the dark, where the eye is too.
    """
    f = root(linear(torch.arange(256) / 255))
    steps = torch.linspace(0, 1, ENCODED + 1) ** 2
    return f, (255 * encoded(steps)).round().to(torch.uint8)


@torch.no_grad()
def colored(gray: Tensor, ab: Tensor) -> Tensor:
    """Gray (N, 1, H, W) uint8 and a, b (N, 2, H, W) -> (N, 3, H, W) sRGB uint8 with the gray image's lightness."""
    f, codes = tables()
    ab = shown(gray, ab)
    light = light_from(f.to(ab.device)[gray.long()], ab).clamp_(0, 1)
    return codes.to(ab.device)[light.sqrt_().mul_(ENCODED).round_().long()]


def painted(gray: Tensor, ab: Tensor) -> Tensor:
    """Gray (N, 1, H, W) uint8 and a, b (N, 2, H, W) in gamut -> (N, 3, H, W) sRGB 0..1, differentiable in ab."""
    return encoded(light_of(torch.cat([lightness(gray.float() / 255), ab], 1)).clamp(0, 1))


def classic(classes: int) -> Tensor:
    """(classes, 2): a and b of report 001's color for each class, in units of CHROMA."""
    return torch.stack([lab_of(palettes.CLASSIC[i % len(palettes.CLASSIC)])[1:] / CHROMA for i in range(classes)])

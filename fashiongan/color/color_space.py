"""Color with the lightness left alone: CIE L*a*b* (D65) of sRGB, its gamut, and how far two colors are apart.

A gray value and a pair (a, b) make a color. L* depends on the gray value alone, so a picture that is colored here has
the lightness of its gray original by construction; what the screen cannot show at that lightness is made paler, at the
same hue, until it can. Formulas and constants: IEC 61966-2-1 (sRGB) and CIE 15:2004.
"""

import math
import re
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import StudioError
from . import palettes

RGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
DELTA = 6 / 29  # CIE 15:2004: below its cube, the cube root goes on as a straight line
HUES = 360  # of the table of what a screen can show
CHROMA = 110.0  # the nets' unit of a and b; sRGB's own reach from -108 to 98
FAINT = 8  # of 255: what is darker shows next to no color
ENCODED = 4096  # steps of the table that encodes linear light; half of one is at most 0.2 of a gray level


def parse(text: str) -> tuple[int, int, int]:
    """0..255 each, of "#b03a2e", "#b32", "rgb(176, 58, 46)" or a name that CSS knows; or StudioError."""
    from PIL import ImageColor

    told = text.strip() if isinstance(text, str) else ""
    told = f"#{told}" if re.fullmatch(r"[0-9a-fA-F]{6}", told) else told
    # The page's color picker tells fractions: rgba(176.2, 58, 46.5, 1).
    if found := re.fullmatch(r"rgba?\(\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)(?:,\s*[\d.]+)?\s*\)", told):
        values = [float(v) if v.count(".") < 2 and v != "." else math.inf for v in found.groups()]
        if all(v <= 255 for v in values):
            return round(values[0]), round(values[1]), round(values[2])
    try:
        red, green, blue = ImageColor.getrgb(told)[:3]
    except ValueError:
        raise StudioError(f"{text!r} is no color: write one such as #b03a2e, or a name such as teal.") from None
    if max(red, green, blue) > 255:
        raise StudioError(f"{text!r} is no color: red, green and blue go from 0 to 255.")
    return red, green, blue


def hexed(rgb: tuple[int, int, int]) -> str:
    """(176, 58, 46) -> "#b03a2e"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def lab_of(text: str) -> Tensor:
    """(3,) L*, a*, b* of a color as `parse` takes it."""
    return lab(torch.tensor(parse(text)).view(1, 3, 1, 1) / 255).flatten()


def linear(v: Tensor) -> Tensor:
    """sRGB values 0..1 -> linear light 0..1."""
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def encoded(v: Tensor) -> Tensor:
    """Linear light -> sRGB values, both 0..1."""
    return torch.where(v <= 0.0031308, v * 12.92, 1.055 * v.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)


def lightness(gray: Tensor) -> Tensor:
    """L*, 0..100, of neutral pixels 0..1."""
    return 116 * root(linear(gray)) - 16


def root(t: Tensor) -> Tensor:
    return torch.where(t > DELTA**3, t.clamp_min(DELTA**3) ** (1 / 3), t / (3 * DELTA**2) + 4 / 29)


def cube(f: Tensor) -> Tensor:
    return torch.where(f > DELTA, f**3, 3 * DELTA**2 * (f - 4 / 29))


@lru_cache(maxsize=8)
def to_xyz(device: torch.device) -> Tensor:
    """(3, 3): linear sRGB to X, Y and Z of white 1. Kept on each device: a recorded update must copy nothing to it."""
    m = torch.tensor(RGB_TO_XYZ)
    return (m / m.sum(1, keepdim=True)).to(device)


def lab(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) sRGB 0..1 -> L* 0..100, a* and b*, against the white of r = g = b = 1."""
    x, y, z = torch.einsum("ij,njhw->nihw", to_xyz(rgb.device), linear(rgb)).split(1, 1)
    fx, fy, fz = root(x), root(y), root(z)
    return torch.cat([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], 1)


def light_of(lab: Tensor) -> Tensor:
    """(N, 3, H, W) L*a*b* -> linear red, green and blue; outside 0..1 where no screen can show it."""
    fy = (lab[:, :1] + 16) / 116
    return light_from(fy, lab[:, 1:])


def light_from(fy: Tensor, ab: Tensor) -> Tensor:
    """f(Y) (N, 1, H, W) and a, b (N, 2, H, W) -> linear red, green and blue."""
    m = torch.tensor(RGB_TO_XYZ, dtype=torch.float64)
    back = torch.linalg.inv(m / m.sum(1, keepdim=True)).to(ab)
    xyz = cube(torch.cat([fy + ab[:, :1] / 500, fy, fy - ab[:, 1:] / 200], 1))
    return torch.einsum("ij,njhw->nihw", back, xyz)


def gray_of(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) or (N, 1, H, W) uint8 -> (N, 1, H, W) uint8: the neutral of the same lightness."""
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
    """(256, HUES): the largest chroma that a screen shows at the lightness of each gray value and each hue.

    By bisection. Each is the smaller of two neighbouring hues', so that what lies between them is shown as well.
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
    found = lo[0, 0]
    found[0] = 0.0  # black is black
    return torch.minimum(found, found.roll(-1, 1)).contiguous()


def shown(gray: Tensor, ab: Tensor) -> Tensor:
    """a and b (N, 2, H, W) made paler where no screen can show them at the lightness of gray (N, 1, H, W) uint8.

    Differentiable in ab; the limit itself is taken as given.
    """
    with torch.no_grad():
        hue = torch.atan2(ab[:, 1:], ab[:, :1]).mul_(HUES / (2 * math.pi)).floor_().long()
        hue = torch.where(hue < 0, hue + HUES, hue)
        limit = reach_on(ab.device)[gray.long(), hue]
        share = (limit / torch.hypot(ab[:, :1], ab[:, 1:]).clamp_min(1e-6)).clamp_max_(1.0)
    return ab * share


@lru_cache(maxsize=1)
def tables() -> tuple[Tensor, Tensor]:
    """f(Y) of each gray value (256,), and sRGB bytes (ENCODED + 1,) for steps of the square root of linear light,

    finer where the eye is.
    """
    f = root(linear(torch.arange(256) / 255))
    steps = torch.linspace(0, 1, ENCODED + 1) ** 2
    return f, (255 * encoded(steps)).round().to(torch.uint8)


@torch.no_grad()
def colored(gray: Tensor, ab: Tensor) -> Tensor:
    """(N, 1, H, W) uint8 and a, b (N, 2, H, W) -> (N, 3, H, W) uint8 of the gray picture's lightness."""
    f, codes = tables()
    ab = shown(gray, ab)
    light = light_from(f.to(ab.device)[gray.long()], ab).clamp_(0, 1)
    return codes.to(ab.device)[light.sqrt_().mul_(ENCODED).round_().long()]


def painted(gray: Tensor, ab: Tensor) -> Tensor:
    """(N, 1, H, W) uint8 and a, b (N, 2, H, W) that can be shown -> (N, 3, H, W) sRGB 0..1, differentiable in ab."""
    return encoded(light_of(torch.cat([lightness(gray.float() / 255), ab], 1)).clamp(0, 1))


def classic(classes: int) -> Tensor:
    """(classes, 2): a and b of report 001's color of each class in turn, in units of CHROMA."""
    return torch.stack([lab_of(palettes.CLASSIC[i % len(palettes.CLASSIC)])[1:] / CHROMA for i in range(classes)])


def difference(one: Tensor, other: Tensor) -> Tensor:
    """CIEDE2000 between L*a*b* colors (..., 3): about 1 is the least that is seen side by side.

    Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula", eqs. 2 to 22.
    """
    (l1, a1, b1), (l2, a2, b2) = one.double().unbind(-1), other.double().unbind(-1)
    c_mean = (torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2
    g = 0.5 * (1 - (c_mean**7 / (c_mean**7 + 25.0**7)).sqrt())
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.rad2deg(torch.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    gray = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = torch.where((h2 - h1).abs() == 180, h2 - h1, turn)
    turn = torch.where(gray, torch.zeros_like(turn), turn)
    d_h = 2 * (c1 * c2).sqrt() * torch.sin(torch.deg2rad(turn / 2))
    far = (h1 - h2).abs() > 180
    h = torch.where(far, (h1 + h2 + torch.where(h1 + h2 < 360, 360.0, -360.0)) / 2, (h1 + h2) / 2)
    h = torch.where(gray, h1 + h2, h)
    light, c = (l1 + l2) / 2, (c1 + c2) / 2

    def cos(degrees: Tensor) -> Tensor:
        return torch.cos(torch.deg2rad(degrees))

    t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.20 * cos(4 * h - 63)
    s_l = 1 + 0.015 * (light - 50) ** 2 / (20 + (light - 50) ** 2).sqrt()
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    turned = torch.sin(2 * torch.deg2rad(30 * torch.exp(-(((h - 275) / 25) ** 2))))
    r_t = -2 * (c**7 / (c**7 + 25.0**7)).sqrt() * turned
    l_, c_, h_ = (l2 - l1) / s_l, (c2 - c1) / s_c, d_h / s_h
    return (l_**2 + c_**2 + h_**2 + r_t * c_ * h_).sqrt()


def colorfulness(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) in 0..255 -> (N,): Hasler and Suesstrunk 2003, "Measuring colorfulness in natural images"."""
    r, g, b = rgb.float().unbind(1)
    rg, yb = r - g, (r + g) / 2 - b
    spread = (rg.flatten(1).var(1, correction=0) + yb.flatten(1).var(1, correction=0)).sqrt()
    middle = (rg.flatten(1).mean(1) ** 2 + yb.flatten(1).mean(1) ** 2).sqrt()
    return spread + 0.3 * middle

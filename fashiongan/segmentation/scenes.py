"""Pictures with their garment's alpha, made in batches on any device: photographs turned, and garments placed.

`composites` lays the garments on other grounds. All randomness comes from one torch.Generator, and no step waits
for the device. Lengths are pixels of the photographs.
"""

import csv
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..data import images as pictures
from ..errors import StudioError

CELLS = 12  # cells along each side of the grid that is searched for ground without garment


@dataclass(frozen=True)
class Bank:
    """N photographs at the top left of squares of S pixels, and what is known of each.

    `images` (N, 3, S, S) uint8, `masks` (N, S, S) uint8, `sizes` (N, 2) widths and heights, `boxes` (N, 4) the
    garment's left, top, right and bottom, `grounds` (M, 5) a photograph's number and its largest box without garment,
    `donors` (K,) numbers of photographs whose garment does not reach the border.
    """

    images: Tensor
    masks: Tensor
    sizes: Tensor
    boxes: Tensor
    grounds: Tensor
    donors: Tensor

    def to(self, device: torch.device) -> "Bank":
        return Bank(*(v.to(device) for v in vars(self).values()))


def listed(folder: Path, part: str) -> list[tuple[Path, Path, str]]:
    """(photograph, mask, sender) of each line of pictures.csv in `part`: "train" or "validation"."""
    table = folder / "pictures.csv"
    if not table.is_file():
        raise StudioError(f"There is no {table}: it lists the photographs, with columns file and sender.")
    with table.open(newline="", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if r["file"].startswith(f"{part}/")]
    usable = [(folder / r["file"], folder / "masks" / f"{Path(r['file']).stem}.png", r["sender"]) for r in rows]
    usable = [row for row in usable if row[0].is_file() and row[1].is_file()]
    if not usable:
        raise StudioError(f"{folder} has no photographs with masks in {part}/.")
    return usable


def read(pair: tuple[Path, Path], size: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """A photograph (3, size, size) and its mask (size, size), at the top left, longest side `size`; and its size."""
    with pictures.header(pair[0]) as im, pictures.header(pair[1]) as m:
        scale = size / max(im.size)
        wide, high = (max(1, round(scale * v)) for v in im.size)
        image = np.asarray(im.convert("RGB").resize((wide, high), Image.Resampling.LANCZOS))
        mask = np.asarray(m.convert("L").resize((wide, high), Image.Resampling.BILINEAR))
    images, masks = np.zeros((3, size, size), np.uint8), np.zeros((size, size), np.uint8)
    images[:, :high, :wide], masks[:high, :wide] = image.transpose(2, 0, 1), mask
    return images, masks, (wide, high)


def load(pairs: Sequence[tuple[Path, Path]], size: int = 256) -> Bank:
    """A Bank of photographs and their masks, reduced so that the longest side is `size`."""
    n = len(pairs)
    images, masks = torch.empty(n, 3, size, size, dtype=torch.uint8), torch.empty(n, size, size, dtype=torch.uint8)
    sizes = torch.empty(n, 2)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for i, (image, mask, wh) in enumerate(pool.map(lambda p: read(p, size), pairs)):
            images[i], masks[i], sizes[i] = torch.from_numpy(image), torch.from_numpy(mask), torch.tensor(wh)
    return Bank(images, masks, sizes, *surveyed(masks, sizes))


def surveyed(masks: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The `boxes`, `grounds` and `donors` of a Bank."""
    boxes, free, donors = torch.zeros(len(masks), 4), torch.ones(len(masks), CELLS, CELLS, dtype=torch.bool), []
    for i, (mask, wh) in enumerate(zip(masks, sizes.long().tolist(), strict=True)):
        m = mask[: wh[1], : wh[0]]
        inside = m > 127
        rows, columns = torch.nonzero(inside.any(1)).flatten(), torch.nonzero(inside.any(0)).flatten()
        if not len(rows):
            continue
        boxes[i] = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        free[i] = F.adaptive_max_pool2d(m[None].float(), CELLS)[0] < 26
        if not (m[0].max() > 51 or m[-1].max() > 51 or m[:, 0].max() > 51 or m[:, -1].max() > 51):
            donors.append(i)
    area, best = largest(free)
    number = torch.nonzero(area >= 6).flatten()
    scaled = best[number].float() / CELLS * sizes[number].repeat(1, 2)
    if not len(number) or not donors:
        raise StudioError("No photograph shows a whole garment and some ground beside it: composites need both.")
    return boxes, torch.cat([number[:, None].float(), scaled], 1), torch.tensor(donors)


def largest(free: Tensor) -> tuple[Tensor, Tensor]:
    """The largest rectangle of True in each of (N, C, C): its area (N,), and left, top, right, bottom (N, 4)."""
    n, c = len(free), free.shape[-1]
    taken = F.pad((~free).int().cumsum(1).cumsum(2), (1, 0, 1, 0))
    area, best = torch.zeros(n, dtype=torch.long), torch.zeros(n, 4, dtype=torch.long)
    for top in range(c):
        for bottom in range(top + 1, c + 1):
            band = taken[:, bottom] - taken[:, top]
            for left in range(c):
                for right in range(left + 1, c + 1):
                    size = (bottom - top) * (right - left)
                    better = (band[:, right] == band[:, left]) & (area < size)
                    area = torch.where(better, size, area)
                    best = torch.where(better[:, None], torch.tensor([left, top, right, bottom]), best)
    return area, best


class Draws:
    """Random numbers for n pictures on a device, from one generator there."""

    def __init__(self, n: int, generator: torch.Generator):
        self.n, self.generator, self.device = n, generator, generator.device

    def uniform(self, low: float, high: float) -> Tensor:
        """(n, 1, 1) in low..high."""
        return low + (high - low) * torch.rand(self.n, 1, 1, generator=self.generator, device=self.device)

    def yes(self, p: float) -> Tensor:
        """(n, 1, 1) bool, True with probability p."""
        return self.uniform(0, 1) < p

    def pick(self, count: int) -> Tensor:
        """(n,) numbers in 0..count - 1."""
        return torch.randint(count, (self.n,), generator=self.generator, device=self.device)

    def color(self) -> Tensor:
        """(n, 3, 1, 1) in 0..1: any color, pale and grayish ones more often than vivid ones, as walls and beds are."""
        vivid = torch.rand(self.n, 3, 1, 1, generator=self.generator, device=self.device)
        gray = self.uniform(0, 1)[..., None].sqrt()
        return gray + (vivid - gray) * self.uniform(0, 1)[..., None] ** 2

    def noise(self, channels: int, *shape: int) -> Tensor:
        """(n, channels, *shape), normal."""
        return torch.randn(self.n, channels, *shape, generator=self.generator, device=self.device)


def window(
    size: int, centre: tuple[Tensor, Tensor], sides: tuple[Tensor, Tensor], turn: Tensor, flip: Tensor
) -> tuple[Tensor, Tensor]:
    """(n, size, size) x and y in a photograph of the pixels of a turned window of it; all arguments are (n, 1, 1)."""
    line = (torch.arange(size, device=turn.device) + 0.5) / size - 0.5
    u = torch.where(flip, -line.view(1, 1, -1), line.view(1, 1, -1)) * sides[0]
    v = line.view(1, -1, 1) * sides[1]
    return centre[0] + turn.cos() * u - turn.sin() * v, centre[1] + turn.sin() * u + turn.cos() * v


def mirrored(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """x in low..high, reflected at both ends as needed; half a pixel inside, so no outside pixel is mixed in."""
    low, span = low + 0.5, (high - low - 1).clamp(min=1)
    return low + span - ((x - low) % (2 * span) - span).abs()


def sampled(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(n, C, H, W): (n, C, S, S) at the places x, y (n, H, W) in pixels; 0 outside."""
    s = values.shape[-1]
    return F.grid_sample(values, torch.stack([x, y], -1) * (2 / s) - 1, align_corners=False)


def taken(bank: Bank, index: Tensor) -> Tensor:
    """(n, 4, S, S) in 0..1: colors, and the teacher's alpha, rescaled as the data's README describes."""
    both = torch.cat([bank.images[index], bank.masks[index][:, None]], 1).float() / 255
    both[:, 3:] = (both[:, 3:] - 0.1).div_(0.8).clamp_(0, 1)
    return both


def photographs(bank: Bank, n: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n photographs of the bank, cropped, turned, mirrored: (n, 3, size, size) and the teacher's alpha, in 0..1."""
    c = Draws(n, generator)
    index = c.pick(len(bank.images))
    wide, high = (bank.sizes[index, k].view(-1, 1, 1) for k in (0, 1))
    whole = c.yes(0.3)
    sides = [torch.where(whole, 1.0, c.uniform(0.55, 1.0)) * v for v in (wide, high)]
    centre = [v / 2 + (v - s) * c.uniform(-0.5, 0.5) for v, s in zip((wide, high), sides, strict=True)]
    turn = torch.where(c.yes(0.1), c.uniform(-math.pi, math.pi), c.uniform(-0.25, 0.25)) * c.yes(0.5)
    x, y = window(size, (centre[0], centre[1]), (sides[0], sides[1]), turn, c.yes(0.5))
    out = sampled(taken(bank, index), mirrored(x, x.new_zeros(()), wide), mirrored(y, x.new_zeros(()), high))
    return out[:, :3], out[:, 3:]


def close(c: Draws, box: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A window so small that the garment crosses three of its sides: centre x, y and sides, (n, 1, 1) each."""
    left, top, right, bottom = box
    wide, high = (right - left) * c.uniform(0.45, 0.85), (bottom - top) * c.uniform(0.45, 0.85)
    x, y = ((left + right) / 2, (top + bottom) / 2)
    gap = c.uniform(0.05, 0.3)
    sideways, first = c.yes(0.3), c.yes(0.5)
    ends = torch.where(first, left - gap * wide + wide / 2, right + gap * wide - wide / 2)
    tips = torch.where(first, top - gap * high + high / 2, bottom + gap * high - high / 2)
    return torch.where(sideways, ends, x), torch.where(sideways, y, tips), wide, high


def garments(bank: Bank, index: Tensor, size: int, c: Draws, near: float) -> Tensor:
    """(n, 4, size, size): the garments `index` placed at random, colors and alpha; a share `near` fills the picture.

    The colors reach beyond the alpha, so that no rim of the old ground is seen.
    """
    box = tuple(bank.boxes[index, k].view(-1, 1, 1) for k in range(4))
    long = torch.maximum(box[2] - box[0], box[3] - box[1])
    share = torch.where(c.yes(0.15), c.uniform(0.08, 0.35), c.uniform(0.35, 1.15))
    shape = torch.exp(c.uniform(-0.4, 0.4))
    wide, high = long / share * shape, long / share / shape
    free = (0.55 - share / 2).clamp(min=0.12)  # of the window's side: how far from its middle the garment may be
    x = (box[0] + box[2]) / 2 + wide * free * c.uniform(-1, 1)
    y = (box[1] + box[3]) / 2 + high * free * c.uniform(-1, 1)
    turn = torch.where(c.yes(0.1), c.uniform(-math.pi, math.pi), c.uniform(-0.35, 0.35)) * c.yes(0.6)
    filled = c.yes(near)
    places = [torch.where(filled, a, b) for a, b in zip(close(c, box), (x, y, wide, high), strict=True)]
    turn = torch.where(filled, turn.new_zeros(()), turn)
    gx, gy = window(size, (places[0], places[1]), (places[2], places[3]), turn, c.yes(0.5))
    out = sampled(taken(bank, index), gx, gy)
    alpha = ((out[:, 3:] - 0.25) / 0.5).clamp(0, 1)
    core = (out[:, 3:] > 0.95).float()
    near_core = F.avg_pool2d(torch.cat([out[:, :3] * core, core], 1), 9, 1, 4)
    spread = near_core[:, :3] / near_core[:, 3:].clamp(min=1e-3)
    return torch.cat([torch.lerp(spread, out[:, :3], core), alpha], 1)

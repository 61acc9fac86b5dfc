"""The garment in any picture, cut out by a small net: soft alpha at the picture's own size.

The net (`unet`) takes the picture at 128 x 128 and at 192 x 192. Edges are then refined at the picture's own size by
the guided filter with a color guide (He et al. 2013), whose coefficients come from the small picture (He and Sun 2015,
https://arxiv.org/abs/1505.00996). `segmentation.fit` trains it.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import StudioError
from .guided_filter import coefficients
from .unet import CutoutNet

SIZE = 128  # pixels a side of the mask and of the net's input, in training too
FINE = 192  # pixels a side of its second input, in which it sees smaller things
COLORS = 32  # cells a side of the cube of colors in which pixels of nearly the same color are compared
PULL, ROUNDS = 2.0, 3  # how strongly these pull at each other, in logits, and how often
RESERVE = 0.3  # in logits: what the net takes for garment too readily
SURE = 0.75  # expected IoU below which the whole picture is used: 1 in 240 photographs of training's held-out senders
DOUBT = 0.93  # expected IoU below which the note advises to look at the mask: 1 in 20 of them
SMALLEST = 0.002  # share of the picture below which there is no garment
SMALL = 0.25  # share of the picture below which the net runs again on the garment's surroundings
APART = 0.2  # of the largest part's area: a part of at least so much is a garment of its own
SPECK = 0.04  # of the largest part's area: a part of less is dropped
STRIP = 64  # rows refined at a time, so that memory stays bounded
BUNDLED = Path(__file__).resolve().parents[2] / "checkpoints" / "cutout" / "cutout.safetensors"
Bytes = npt.NDArray[np.uint8]


def fused(net: nn.Module) -> nn.Module:
    """Make the net faster for inference, in place: fold every batch norm into the convolution before it."""
    net.eval()
    for part in net.modules():
        if isinstance(part, nn.Sequential):
            layers = list(part)
            for i, (a, b) in enumerate(pairwise(layers)):
                if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d):
                    part[i], part[i + 1] = fuse_conv_bn_eval(a, b), nn.Identity()
    return net


@lru_cache(maxsize=2)
def load(path: Path = BUNDLED) -> nn.Module:
    """The trained net, ready for inference; StudioError if its file is missing or belongs to another net."""
    try:
        state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
        net = CutoutNet()
        net.load_state_dict(state)
    except (OSError, RuntimeError, ValueError) as e:
        raise StudioError(f"The net that cuts out garments cannot be read from {path}: install it again.") from e
    return fused(net).to(memory_format=torch.channels_last).requires_grad_(False)


@dataclass(frozen=True)
class Cut:
    """A picture's garment.

    `alpha` is the mask to use, mode L at the picture's own size: all 255 if the net is unsure. `predicted` is the
    net's own mask in either case. `confidence` (0..1) is the IoU to expect if the net's probabilities are right, `area`
    the garment's share of the picture, `parts` the number of separate garments, `note` one sentence or empty.
    """

    alpha: Image.Image
    predicted: Image.Image
    confidence: float
    area: float
    parts: int
    note: str

    @property
    def unsure(self) -> bool:
        return self.alpha is not self.predicted


def cut(picture: Image.Image | Bytes, net: nn.Module | None = None) -> Cut:
    """The garment of a picture: PIL of any mode (transparency is ignored) or (H, W, 3) uint8."""
    im = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    im = im if im.mode == "RGB" else im.convert("RGB")
    net = net or load()
    small = small_copy(im)
    p, parts = without_specks(probabilities(net, small, small_copy(im, FINE)))
    box = surroundings(p)
    if box is None:
        alpha = refined(im, small, p)
    else:  # a small garment: run the net again on its surroundings, and refine there
        left, top, right, bottom = (round(f * n) for f, n in zip(box, (*im.size, *im.size), strict=True))
        part = im.crop((left, top, right, bottom))
        small = small_copy(part)
        p, parts = without_specks(probabilities(net, small, small_copy(part, FINE)))
        alpha = Image.new("L", im.size)
        alpha.paste(refined(part, small, p), (left, top))
    return verdict(alpha, p, parts)


def verdict(alpha: Image.Image, p: Tensor, parts: int) -> Cut:
    """Choose the mask and the note for the user: the whole picture where `p`, (SIZE, SIZE) in 0..1, is unsure."""
    confidence = expected_iou(p)
    counts = np.asarray(alpha.histogram(), np.float64)
    area = float(counts[128:].sum() / counts.sum())
    note = ""
    if area < SMALLEST:
        note = "No garment was found in this picture: all of it is used."
        confidence = 0.0
    elif confidence < SURE:
        note = "It is not sure what the garment is in this picture: all of it is used."
    elif confidence < DOUBT:
        note = "It is not quite sure what the garment is in this picture: look at what it has cut out."
    elif parts > 1:
        note = f"{parts} parts lie apart in this picture, as two garments or a pair of shoes do: all are cut out."
    unsure = area < SMALLEST or confidence < SURE
    return Cut(Image.new("L", alpha.size, 255) if unsure else alpha, alpha, confidence, area, parts, note)


def small_copy(im: Image.Image, size: int = SIZE) -> Tensor:
    """(1, 3, size, size) in 0..1 of a picture in RGB, its sides drawn to the same length."""
    gap = 2.0 if max(im.size) > 2 * size else None
    values = np.asarray(im.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=gap))
    return torch.from_numpy(values.copy()).permute(2, 0, 1)[None].float() / 255


@torch.inference_mode()
def probabilities(net: nn.Module, small: Tensor, fine: Tensor) -> Tensor:
    """(SIZE, SIZE) in 0..1: the probability of each pixel of a picture to belong to the garment.

    The mean of what the net sees in the picture at two sizes, (1, 3, SIZE, SIZE) and (1, 3, FINE, FINE), and in the
    mirror images of both, whose colors' channels are rotated, as in training.
    """
    logits = torch.zeros(SIZE, SIZE)
    for rotated, x in enumerate((small, fine), 1):
        views = torch.cat([x, x.roll(rotated, 1).flip(3)])
        seen = net(views.to(memory_format=torch.channels_last)).float()
        seen = F.interpolate(seen, (SIZE, SIZE), mode="bilinear", antialias=True)[:, 0]
        logits += (seen[0] + seen[1].flip(1)) / 4
    return by_color(logits, small)


def by_color(logits: Tensor, small: Tensor) -> Tensor:
    """Probabilities (SIZE, SIZE) from logits, moved towards the mean of all pixels of nearly the same color.

    A ground that the net is unsure about thus follows the parts of it that it is sure about. As in a fully connected
    conditional random field (Kraehenbuehl and Koltun 2011) by mean field, whose only kernel is of colors.
    """
    cells = (small[0] * (COLORS - 0.01)).long()
    cells = ((cells[0] * COLORS + cells[1]) * COLORS + cells[2]).flatten()
    flat = logits.flatten()

    def around(weight: Tensor) -> Tensor:
        """The sum of the weights in each cell of colors and in those around it."""
        grid = torch.bincount(cells, weight, COLORS**3).float().view(1, 1, COLORS, COLORS, COLORS)
        return F.avg_pool3d(F.avg_pool3d(grid, 3, 1, 1), 3, 1, 1).flatten()[cells]

    everything = around(torch.ones_like(flat))
    p = torch.sigmoid(flat)
    for _ in range(ROUNDS):
        p = torch.sigmoid(flat - RESERVE + PULL * (2 * around(p) / everything - 1))
    return p.view(logits.shape)


def expected_iou(p: Tensor) -> float:
    """IoU of p > 0.5 with a truth drawn from the probabilities p: sum of p inside / (area inside + p outside)."""
    inside = p > 0.5
    return float(p[inside].sum() / (inside.sum() + p[~inside].sum()).clamp(min=1))


def surroundings(p: Tensor) -> tuple[float, float, float, float] | None:
    """The box (left, top, right, bottom), as shares of the picture, for the second pass: twice a small garment's own.

    None if the garment is not small, or if there is none.
    """
    inside = p > 0.5
    rows, columns = (torch.nonzero(inside.any(d)).flatten() for d in (1, 0))
    if not len(rows):
        return None
    left, top, right, bottom = (float(v) / SIZE for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    if (right - left) * (bottom - top) >= SMALL:
        return None
    x, y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top, 0.05)
    return max(0.0, x - half), max(0.0, y - half), min(1.0, x + half), min(1.0, y + half)


def without_specks(p: Tensor) -> tuple[Tensor, int]:
    """p without parts of p > 0.5 much smaller than the largest, and how many parts are large enough for a garment."""
    coarse = F.max_pool2d(p[None, None], 2)[0, 0] > 0.5
    labels, areas = connected(coarse.numpy())
    if not len(areas):
        return p, 0
    keep = np.concatenate([[True], areas >= SPECK * areas.max()])
    gone = torch.from_numpy(~keep[labels])
    if gone.any():
        wide = F.max_pool2d(gone[None, None].float(), 3, 1, 1)  # with the soft rim around
        wide = wide * ~torch.from_numpy(keep[labels] & (labels > 0))[None, None]
        p = p * (1 - F.interpolate(wide, scale_factor=2.0)[0, 0])
    return p, int((areas >= APART * areas.max()).sum())


def connected(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Labels (H, W), 0 outside and 1.. in each part connected by sides, and the parts' areas in pixels.

    Runs of each row are joined with those they touch in the row above (Rosenfeld and Pfaltz 1966).
    """
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    runs = list(zip(*(np.argwhere(edges == s) for s in (1, -1)), strict=True))
    root = list(range(len(runs)))

    def top(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    first, spans = 0, [(int(a[0]), int(a[1]), int(b[1])) for a, b in runs]
    for i, (row, start, stop) in enumerate(spans):
        while first < i and (spans[first][0] < row - 1 or (spans[first][0] == row - 1 and spans[first][2] <= start)):
            first += 1
        for j in range(first, i):
            if spans[j][0] == row or spans[j][1] >= stop:
                break
            if spans[j][2] > start:
                root[top(i)] = top(j)
    names: dict[int, int] = {}
    labels = np.zeros(mask.shape, np.int64)
    for i, (row, start, stop) in enumerate(spans):
        labels[row, start:stop] = names.setdefault(top(i), len(names) + 1)
    return labels, np.bincount(labels.ravel(), minlength=len(names) + 1)[1:]


@torch.inference_mode()
def refined(im: Image.Image, small: Tensor, p: Tensor) -> Image.Image:
    """Mode L at the size of `im`, which is RGB: p, (SIZE, SIZE) in 0..1, with its edges moved to the picture's."""
    low = coefficients(small, p)
    wide, high = im.size
    at = ((torch.arange(high) + 0.5) * (SIZE / high) - 0.5).clamp(0, SIZE - 1)
    above = at.long().clamp(max=SIZE - 2)
    share = (at - above)[:, None]
    rgb = np.asarray(im)
    out = np.empty((high, wide), np.uint8)
    for y in range(0, high, STRIP):
        rows = slice(y, y + STRIP)
        mixed = torch.lerp(low[:, :, above[rows]], low[:, :, above[rows] + 1], share[rows])
        mixed = F.interpolate(mixed, (mixed.shape[2], wide), mode="bilinear")[0]
        colors = torch.from_numpy(rgb[rows].copy())
        alpha = mixed[3]
        for k in range(3):
            alpha.addcmul_(mixed[k], colors[:, :, k].float(), value=1 / 255)
        out[rows] = alpha.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8).numpy()
    return Image.fromarray(out)

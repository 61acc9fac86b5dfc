"""A classifier's output on many images: logits, features, accuracy, confusion table."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..attacks import may_change
from ..data.datasets import Dataset
from .base import Classifier
from .certified import Certified, certified

PIECE = 500  # batch size when a net is measured
CACHED = 100  # batch size where only its answers count: what a layer makes of so many stays in the processor's cache


def pieces(net: Classifier, images: Tensor, size: int = PIECE) -> Iterator[Tensor]:
    """Images (N, C, H, W) uint8 in batches of `size`, as float 0..1 on the net's device. Sets the net to eval mode."""
    net.check(images)
    net.eval()
    device = next(net.parameters()).device
    for x in images.split(size):
        yield x.to(device).float().div(255).contiguous(memory_format=torch.channels_last)


def logits(net: Classifier, images: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> logits (N, classes) on the CPU."""
    with torch.inference_mode():
        parts = [net(x) for x in pieces(net, images, CACHED)]
    return torch.cat(parts).cpu()


def features(net: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) uint8 -> features (N, d) and logits (N, classes), on the CPU, in one pass."""
    with torch.inference_mode():  # what is joined outside of it is an ordinary tensor
        seen = [net.features(x).float() for x in pieces(net, images, CACHED)]
        scores = [net.judge(h).float() for h in seen]
    return torch.cat(seen).cpu(), torch.cat(scores).cpu()


def accuracy(net: Classifier, garments: Dataset) -> float:
    """Share of the images that are classified correctly, 0..1."""
    return float((logits(net, garments.images).argmax(1) == garments.labels.cpu()).float().mean())


def certified_accuracy(net: Certified, garments: Dataset, eps: float, mask: str = "none") -> float:
    """Share of the images, 0..1, that are classified correctly and stay so whatever moves each pixel by at most eps.

    mask: "garment", where only pixels above black may move, or "none".
    """
    right, seen = 0, 0
    for x in pieces(net, garments.images):
        y = garments.labels[seen : seen + len(x)].to(x.device)
        right += int(certified(net, x, y, eps, may_change(x, mask)).sum())
        seen += len(x)
    return right / len(garments)


def confusion(net: Classifier, garments: Dataset) -> list[list[int]]:
    """Confusion table: the number of images of each true class (row) and each predicted class (column)."""
    k = len(garments.names)
    predicted = logits(net, garments.images).argmax(1)
    return torch.bincount(garments.labels.cpu() * k + predicted, minlength=k * k).view(k, k).tolist()

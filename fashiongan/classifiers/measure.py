"""A classifier's output on many images: logits, features, accuracy, confusion table."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..data.datasets import Dataset
from .networks import Classifier

PIECE = 500  # batch size when a net is measured


def pieces(net: Classifier, images: Tensor) -> Iterator[Tensor]:
    """Images (N, C, H, W) uint8 in batches of PIECE, as float 0..1 on the net's device. Sets the net to eval mode."""
    net.check(images)
    net.eval()
    device = next(net.parameters()).device
    for x in images.split(PIECE):
        yield x.to(device).float().div(255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def logits(net: Classifier, images: Tensor) -> Tensor:
    """(N, C, H, W) uint8 -> logits (N, classes) on the CPU."""
    return torch.cat([net(x).cpu() for x in pieces(net, images)])


@torch.no_grad()
def features(net: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) uint8 -> features (N, d) and logits (N, classes), on the CPU, in one pass."""
    seen = [net.features(x).float() for x in pieces(net, images)]
    return torch.cat(seen).cpu(), torch.cat([net.judge(h).float() for h in seen]).cpu()


def accuracy(net: Classifier, garments: Dataset) -> float:
    """Share of the images that are classified correctly, 0..1."""
    return float((logits(net, garments.images).argmax(1) == garments.labels.cpu()).float().mean())


def confusion(net: Classifier, garments: Dataset) -> list[list[int]]:
    """Confusion table: the number of images of each true class (row) and each predicted class (column)."""
    k = len(garments.names)
    predicted = logits(net, garments.images).argmax(1)
    return torch.bincount(garments.labels.cpu() * k + predicted, minlength=k * k).view(k, k).tolist()

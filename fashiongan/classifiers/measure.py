"""What a classifier says of many pictures: logits, features, accuracy, confusion."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..data.datasets import Dataset
from .networks import Classifier, check_shape

PIECE = 500  # pictures a net is shown at once when it is measured


def pieces(net: Classifier, images: Tensor) -> Iterator[Tensor]:
    """(N, 1, 28, 28) uint8 in pieces as the net sees them, on its device; the net is put into eval mode."""
    check_shape(images)
    net.eval()
    device = next(net.parameters()).device
    for x in images.split(PIECE):
        yield x.to(device).float().div(255).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def logits(net: Classifier, images: Tensor) -> Tensor:
    """(N, 1, 28, 28) uint8 -> logits (N, classes) on the CPU."""
    return torch.cat([net(x).cpu() for x in pieces(net, images)])


@torch.no_grad()
def features(net: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 1, 28, 28) uint8 -> features (N, d) and logits (N, classes), on the CPU, in one pass."""
    seen = [net.features(x).float() for x in pieces(net, images)]
    return torch.cat(seen).cpu(), torch.cat([net.judge(h).float() for h in seen]).cpu()


def accuracy(net: Classifier, garments: Dataset) -> float:
    """Share of the pictures whose class is named right."""
    return float((logits(net, garments.images).argmax(1) == garments.labels.cpu()).float().mean())


def confusion(net: Classifier, garments: Dataset) -> list[list[int]]:
    """How many pictures of each class (row) were given each name (column)."""
    k = len(garments.names)
    said = logits(net, garments.images).argmax(1)
    return torch.bincount(garments.labels.cpu() * k + said, minlength=k * k).view(k, k).tolist()

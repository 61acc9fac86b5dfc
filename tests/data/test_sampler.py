"""The shuffle: each picture once an epoch, the same for a seed, classes even on request."""

import math

import pytest
import torch

from fashiongan.data.sampler import Shuffle


@pytest.mark.parametrize("batch", [1, 7, 10, 64, 100])
def test_shuffle_shows_every_picture_once_an_epoch(batch):
    n, epochs = 100, 7
    shuffle = Shuffle(n, batch, seed=3)
    stream = torch.cat([shuffle[i] for i in range(math.ceil(n * epochs / batch))])
    orders = stream[: n * epochs].reshape(epochs, n)
    assert all(len(shuffle[i]) == batch for i in range(5))
    assert all(sorted(order.tolist()) == list(range(n)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == epochs, "each epoch has an order of its own"


def test_shuffle_can_be_indexed_in_any_order():
    forward, other = Shuffle(100, 30, 3), Shuffle(100, 30, 3)
    batches = [forward[i] for i in range(40)]
    for i in [39, 0, 20, 3, 2, 38, 39, 1]:
        assert torch.equal(other[i], batches[i])
    assert not torch.equal(Shuffle(100, 30, 4)[0], batches[0])


@pytest.mark.parametrize("counts", [(90, 10), (60, 39, 1), (50, 0, 50), (3, 4)])
def test_an_even_epoch_shows_every_class_equally_often(counts):
    labels = torch.cat([torch.full((n,), c) for c, n in enumerate(counts)])
    shuffle = Shuffle(len(labels), len(labels), seed=3, labels=labels)
    for epoch in range(3):
        order = shuffle[epoch]
        seen = [(labels[order] == c).sum().item() for c, n in enumerate(counts) if n]
        assert sum(seen) == len(labels)
        assert max(seen) - min(seen) <= 1
        for c, n in enumerate(counts):
            times = torch.bincount(order, minlength=len(labels))[labels == c]
            assert not n or times.max() - times.min() <= 1  # none of a class is preferred
    assert not torch.equal(shuffle[0], shuffle[1])
    assert torch.equal(shuffle[1], Shuffle(len(labels), len(labels), seed=3, labels=labels)[1])

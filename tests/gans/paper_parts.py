"""What several tests of the papers need."""

import math

import pytest
import torch
from few import light
from torch import nn

from fashiongan import gans
from fashiongan.gans.base import Batch
from fashiongan.gans.recipe import knobs

every_gan = pytest.mark.parametrize("gan", light())
LN2 = math.log(2)
NAMES = tuple("abcdefghij")
PENALISED = [name for name, cls in gans.GANS.items() if "penalty" in knobs(cls.recipe_type)]
SLOPES = {"stylegan": 2, "studio": 4}  # pictures at which two turns also compute the input gradient
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
G_FIRST = {"mlpgan"}


def fresh(gan, labels=NAMES, **changes):
    """A GAN built from its own recipe on ten classes; `changes` make it small where its size does not matter."""
    channels = {"channels": 4} if gan == "enlarger" else {}  # refuses gray pictures
    return gans.build(gans.new_recipe(gan, **changes).replace(labels=labels, **channels))


def narrow(gan):
    """The smallest width this GAN allows, from 8 on."""
    return max(8, int(knobs(gans.find(gan).recipe_type)["width"].lo))


class Paint(nn.Module):
    """A generator that paints picture i all over with the first number of latent i, and can be trained to shift."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.classes = []

    def forward(self, z, y=None):
        self.classes.append(y)
        return z[:, :1, None, None].expand(-1, 1, 2, 2) + self.shift


class Discriminator(nn.Module):
    """A discriminator with a fixed output that records its inputs."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.seen, self.classes = answer, [], []
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x, y=None):
        self.seen.append(x)
        self.classes.append(y)
        return self.answer(x)

    def faded(self, x):
        """ProGAN's discriminator would have it so; this one is grown up."""
        return x


def staged(gan, answer, real, fake, **changes):
    """A GAN whose players are stubs, and a batch of 2x2 pictures: one for each value of `real` and of `fake`."""
    model = fresh(gan, **changes)
    z = torch.zeros(len(fake), model.latents(1, torch.Generator()).shape[1])
    model.G, model.D = Paint(), Discriminator(answer)
    z[:, 0] = torch.tensor(fake)
    x = torch.tensor(real)[:, None, None, None].expand(-1, 1, 2, 2).clone()
    y, c = torch.arange(len(real)) + 3, torch.arange(len(fake)) + 7
    return model, Batch(x, y, z, c, torch.Generator().manual_seed(0), 0)


def numbers(values):
    return {k: v.item() for k, v in values.items()}


def near(expected):
    return pytest.approx(expected, rel=1e-5, abs=1e-6)


def mean_pixel(x):
    return x.flatten(1).mean(1)


BCE = ["dcgan", "cdcgan", "gan", "mlpgan", "cgan", "compact", "large"]


def linear(*weights):
    """A discriminator of 2x2 pictures with these weights: its input gradient has their norm everywhere."""
    w = torch.tensor(weights)
    return lambda x: x.flatten(1) @ w


def redraw(share):
    """An autoencoder that gives back `share` of a picture, and its first two pixels as the code."""
    return lambda x: (share * x, x.flatten(1)[:, :2])

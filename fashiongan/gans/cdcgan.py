"""cDCGAN: a DCGAN that gets the class as an input (report 004's "controllable label").

The losses are those of Mirza and Osindero (2014, https://arxiv.org/abs/1411.1784, eq. 2): log D(x|y) and log D(G(z|y)).
The nets follow Radford's conditional DCGAN (Newmu/dcgan_code, mnist/train_cond_dcgan.py): the class joins the input of
every layer of both nets. Kernels are 4x4, and the rest of the recipe is as in `dcgan`. The classes of the fakes are
drawn independently of the real ones, each class with the same probability.
"""

import torch

from . import losses, networks
from .base import GAN, Batch, Loss
from .recipe import Recipe


class CDCGAN(GAN):
    year, paper = 2014, "https://arxiv.org/abs/1411.1784"
    title = "a DCGAN that takes the class of the garment to draw"
    formulas = (
        r"-\mathbb{E}\log D(x|y) - \mathbb{E}\log(1 - D(G(z|y)|y))",
        r"-\mathbb{E}\log D(G(z|y)|y)",
    )
    conditional = True

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r, classes = recipe, len(recipe.labels)
        self.G = networks.ConvG(r.z_dim, r.width, r.size, r.channels, r.output, classes)
        self.D = networks.ConvD(r.width, r.size, r.channels, classes)
        networks.dcgan_init(self)

    def d_loss(self, b: Batch) -> Loss:
        c = self.one_hot(b.c)
        with torch.no_grad():
            x_fake = self.G(b.z, c)
        real, fake = self.D(b.x, self.one_hot(b.y)), self.D(x_fake, c)
        on_real, on_fake = losses.bce_d(real, fake)
        return Loss({"real": on_real, "fake": on_fake}, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        c = self.one_hot(b.c)
        x_fake = self.G(b.z, c)
        return Loss({"adv": losses.bce_g(self.D(x_fake, c))}, {"diversity": losses.diversity(x_fake)})

"""InfoGAN: part of the noise is a code, and a third net, Q, must predict the code from the picture.

Chen et al. 2016, https://arxiv.org/abs/1606.03657, eqs. 5 and 6: V(D, G) - lambda L_I(G, Q), unsupervised. Constants
are from the authors' code for MNIST (openai/InfoGAN): 62 numbers of noise and two codes from U(-1, 1), one code of ten
categories; lambda 1 for both kinds. The posterior of a code is a Gaussian of fixed width, so its term is half the
squared error. The information term is added to both losses. Adam 2e-4 for D and 1e-3 for G, beta 1 = 0.5, batch 128.
Q shares all but the last layers with D. The authors' dense layer of 1024 units before those is left out: at 28 pixels
and a width of 64 it would have 6.4 million weights, seven times as many as the rest of the discriminator. The
categories come in no particular order.

A latent is (noise, one-hot category, codes): 62 + 10 + 2 = 74 numbers.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import losses, networks
from .base import GAN, Batch, Loss, one_hot, uniform
from .recipe import Recipe, knob


@dataclass(frozen=True, kw_only=True)
class InfoGANRecipe(Recipe):
    z_dim: int = 62
    lr_g: float = 1e-3
    categories: int = knob(10, "Categories", "kinds of garment it may discover", 2, 100)
    codes: int = knob(2, "Codes", "sliders it learns by itself", 1, 10)
    information: float = knob(1.0, "Information", "how clearly the codes must show in the picture", 0.0, 100.0)


class Reader(networks.ConvD):
    """(N, C, S, S) -> source logits (N,), category logits (N, categories), code means (N, codes)."""

    def __init__(self, r: InfoGANRecipe):
        super().__init__(r.width, r.size, r.channels)
        inner = self.judge.in_channels * self.judge.kernel_size[0] ** 2
        self.categories = r.categories
        self.read = nn.Sequential(
            nn.Flatten(), nn.Linear(inner, 128, bias=False), nn.BatchNorm1d(128), nn.LeakyReLU(0.1),
            nn.Linear(128, r.categories + r.codes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        h = self.features(x)
        outputs = self.read(h).float()
        return self.judge(h).flatten().float(), outputs[:, : self.categories], outputs[:, self.categories :]


class InfoGAN(GAN):
    recipe_type = InfoGANRecipe
    year, paper = 2016, "https://arxiv.org/abs/1606.03657"
    title = "finds kinds of garment and sliders by itself, without classes"
    formulas = (
        r"-\mathbb{E}\log D(x) - \mathbb{E}\log(1 - D(G(z))) - \lambda L_I(G, Q)",
        r"-\mathbb{E}\log D(G(z)) - \lambda L_I(G, Q)",
    )
    recipe: InfoGANRecipe

    def __init__(self, recipe: Recipe):
        super().__init__(recipe)
        r = cast(InfoGANRecipe, recipe)
        self.G = networks.ConvG(r.z_dim + r.categories + r.codes, r.width, r.size, r.channels, r.output)
        self.D = Reader(r)
        networks.dcgan_init(self)

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        r = self.recipe
        category = torch.randint(r.categories, (n,), generator=rng, device=rng.device)
        parts = [uniform(n, r.z_dim, rng), one_hot(category, r.categories), uniform(n, r.codes, rng)]
        return torch.cat(parts, 1)

    @property
    def choices(self) -> dict[int, str]:
        return {i: f"Kind {i}" for i in range(self.recipe.categories)}

    @property
    def codes(self) -> int:
        return self.recipe.codes

    def choose(self, z: Tensor, c: Tensor) -> Tensor:
        noise, _, codes = self.parts(z)
        kinds = c if c.is_floating_point() else F.one_hot(c, self.recipe.categories)
        return torch.cat([noise, kinds.to(z), codes], 1)

    def truncate(self, z: Tensor, psi: float) -> Tensor:
        noise, category, codes = self.parts(z)
        return torch.cat([noise * psi, category, codes * psi], 1)

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Noise, one-hot category and codes of latents."""
        r = self.recipe
        noise, category, codes = z.split([r.z_dim, r.categories, r.codes], 1)
        return noise, category, codes

    def information(self, z: Tensor, category: Tensor, codes: Tensor) -> dict[str, Tensor]:
        """Q's error on the code: -L_I of eq. 5 without constants, as two terms."""
        r = self.recipe
        _, true_category, true_codes = self.parts(z)
        category_loss = F.cross_entropy(category, true_category.argmax(1))
        code_loss = 0.5 * (codes - true_codes).square().sum(1).mean()
        return {"category": r.information * category_loss, "codes": r.information * code_loss}

    def d_loss(self, b: Batch) -> Loss:
        with torch.no_grad():
            x_fake = self.G(b.z)
        real = self.D(b.x)[0]
        fake, category, codes = self.D(x_fake)
        on_real, on_fake = losses.bce_d(real, fake)
        terms = {"real": on_real, "fake": on_fake} | self.information(b.z, category, codes)
        return Loss(terms, losses.accuracy(real, fake))

    def g_loss(self, b: Batch) -> Loss:
        x_fake = self.G(b.z)
        fake, category, codes = self.D(x_fake)
        terms = {"adv": losses.bce_g(fake)} | self.information(b.z, category, codes)
        return Loss(terms, {"diversity": losses.diversity(x_fake)})

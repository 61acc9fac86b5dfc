"""The contract of a GAN: all that a paper defines, and nothing about training loops, files or pages."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import StudioError
from . import losses, sampling
from .recipe import Recipe


class Batch(NamedTuple):
    """The inputs of one update of one player (generator or discriminator)."""

    x: Tensor  # (N, C, H, W) real pictures, in recipe.low..1
    y: Tensor  # (N,) int64, their classes
    z: Tensor  # (N, z_dim) fresh latents
    c: Tensor  # (N,) int64, classes drawn for the fakes, from those being trained
    rng: torch.Generator  # the only source of further randomness
    step: int  # updates done so far
    unpaired: Tensor | None = None  # (N, 1, 28, 28) uint8 gray garments of the data set that `GAN.unpaired` names
    unpaired_y: Tensor | None = None  # (N,) int64, their classes by `GAN.matching_class`


class Loss(NamedTuple):
    """A player's loss as named terms, which the trainer adds up, and notes: curves that are logged, not minimised."""

    terms: dict[str, Tensor]
    notes: dict[str, Tensor] = {}


def uniform(n: int, size: int, rng: torch.Generator) -> Tensor:
    """(n, size) from U(-1, 1)."""
    return torch.rand(n, size, generator=rng, device=rng.device) * 2 - 1


def one_hot(y: Tensor, k: int) -> Tensor:
    """(N,) int64 -> (N, k) float. Unlike PyTorch's own, it reads no value, so it never waits for the GPU."""
    return (y[:, None] == torch.arange(k, device=y.device)).float()


class GAN(nn.Module, ABC):
    """Two nets and the loss of each.

    The subclass sets `G` and `D`. State that must survive a restart is a parameter or a buffer, so that saving and
    moving need no special case.
    """

    recipe_type: ClassVar[type[Recipe]] = Recipe
    year: ClassVar[int]
    paper: ClassVar[str]  # link
    title: ClassVar[str]  # one line
    formulas: ClassVar[tuple[str, str]]  # what D and G minimise, in TeX
    conditional: ClassVar[bool] = False
    critic: ClassVar[bool] = False  # whether the discriminator gives no probability, and may stay ahead of G
    redraws: ClassVar[bool] = False  # whether its discriminator reconstructs its input picture
    colors: ClassVar[bool] = False  # whether it gives gray garments colors
    from_pictures: ClassVar[bool] = False  # whether it draws from a picture, which latents do not hold
    g_first: ClassVar[bool] = False  # whether the generator is updated before the discriminator
    G: nn.Module
    D: nn.Module

    def __init__(self, recipe: Recipe):
        super().__init__()
        if self.conditional and not recipe.labels:
            raise StudioError(f"{recipe.gan} draws by class, so its data must have classes: one sub-folder for each.")
        if self.redraws and recipe.augment:
            raise StudioError(
                f"{recipe.gan} takes no augmentation: its discriminator must redraw the very picture it saw."
            )
        self.recipe = recipe

    @abstractmethod
    def d_loss(self, b: Batch) -> Loss:
        """What the discriminator minimises. The fakes must carry no gradient to G."""

    @abstractmethod
    def g_loss(self, b: Batch) -> Loss:
        """What the generator minimises."""

    def latents(self, n: int, rng: torch.Generator) -> Tensor:
        """(n, z_dim), drawn from the prior: N(0, I) unless the paper says otherwise."""
        return torch.randn(n, self.recipe.z_dim, generator=rng, device=rng.device)

    def generate(self, G: nn.Module, z: Tensor, c: Tensor) -> Tensor:
        """(N, z_dim) latents and (N,) classes -> (N, C, H, W) in recipe.low..1, by G or its average.

        Classes may also be (N, classes) shares of a blend.
        """
        return G(z, self.one_hot(c)) if self.conditional else G(z)

    @property
    def gap(self) -> tuple[float, ...]:
        """What augmentation puts where nothing of a picture is: one value, or one a channel that D sees."""
        return (self.recipe.low,)

    @property
    def channels(self) -> int:
        """The number of channels of the pictures it draws."""
        return 3 if self.colors else self.recipe.channels

    def variety(self, x: Tensor) -> Tensor:
        """The diversity of real pictures (N, C, H, W) in recipe.low..1, for comparison with the fakes' "diversity"."""
        return losses.diversity(x)

    @property
    def choices(self) -> dict[int, str]:
        """The values that `label` may take, number to name: the trained classes, if the GAN is conditional."""
        return {i: self.recipe.labels[i] for i in self.recipe.trained} if self.conditional else {}

    @property
    def unpaired(self) -> str:
        """Name of a data set of gray garments of 28 pixels that its updates use too; empty for none."""
        return ""

    def matching_class(self, name: str) -> int:
        """The number of the GAN's class that the `unpaired` data set calls `name`, or -1."""
        return self.recipe.labels.index(name) if name in self.recipe.labels else -1

    @property
    def codes(self) -> int:
        """How many numbers at the end of a latent are interpretable codes (InfoGAN), each drawn from U(-1, 1)."""
        return 0

    def choose(self, z: Tensor, c: Tensor) -> Tensor:  # noqa: ARG002  for those whose latents hold the choice
        """The latents that draw choice c: (N,) numbers or (N, choices) shares.

        A conditional GAN reads the class beside its latents, so they stay as they are.
        """
        return z

    def truncate(self, z: Tensor, psi: float) -> Tensor:
        """Latents (N, ...) drawn psi times as far from the most typical one."""
        return z * psi

    @property
    def layers(self) -> int:
        """How many layers, from coarse to fine, can take different latents; 0 if all take the same one."""
        return 0

    def generate_mixed(self, G: nn.Module, z: Tensor, other: Tensor, c: Tensor, cut: int) -> Tensor:
        """As `generate`, with `other` latents in place of z from layer `cut` of `layers` on, if it has layers."""
        raise NotImplementedError

    def one_hot(self, y: Tensor) -> Tensor:
        """(N,) int64 -> (N, classes) float; (N, classes) shares of a blend stay what they are."""
        return y if y.is_floating_point() else one_hot(y, len(self.recipe.labels))

    def after_classes(self, name: str) -> int:  # noqa: ARG002  for those with more inputs behind the classes
        """How many inputs follow the classes in the layer whose weights are called `name`. Mostly classes come last."""
        return 0

    def kind(self, step: int) -> int | None:  # noqa: ARG002  for those that have several
        """The kind of update number `step`.

        Updates of one kind run the same operations on other numbers and never wait for the device, so that a GPU can
        replay them as one graph. None: this update cannot be replayed.
        """
        return 0

    def after_d_step(self) -> None:
        """Called after every discriminator update: WGAN clips here."""

    @torch.no_grad()
    def sample_images(self, n: int, seed: int, label: int | str | None = None, truncation: float = 1.0) -> Tensor:
        """Draw pictures from G.

        Picture i depends on (seed, i) alone, so asking for more keeps the earlier ones.

        Args:
            n: how many.
            seed: any integer.
            label: one of `choices`, by number or name; None takes them all in turn.
            truncation: latents are multiplied by it; below 1 is more typical and less varied.

        Returns:
            (n, C, H, W) uint8, 0..255, on the CPU.
        """
        return sampling.sample_images(self, n, seed, label, truncation)

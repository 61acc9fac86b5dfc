"""The pictures that are attacked: test pictures, pictures that a GAN draws, and uploads."""

import base64
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .. import limits
from ..classifiers import SIZE
from ..data import images
from ..errors import StudioError
from .datasets import test_pictures
from .studio import Studio


@dataclass(frozen=True)
class Picture:
    """A description of a garment, from which it can be loaded or drawn again.

    `kind` is "test" (a test picture by number), "generated" (drawn by a GAN) or "own" (784 bytes of an upload).
    """

    kind: str = "test"
    number: int = 0  # number of the test picture, or seed of the generated one
    checkpoint: str = ""
    label: str | None = None  # class of the generated picture
    pixels: str = ""  # the upload: base64 of 784 bytes


def garment(studio: Studio, p: Picture) -> tuple[Tensor, int | None]:
    """The picture (1, 1, 28, 28) in 0..1, and the number of its Fashion-MNIST class if that is known."""
    if p.kind == "test":
        test = test_pictures(studio.data_root)
        if not 0 <= p.number < len(test):
            raise StudioError(f"There is no test picture {p.number}: they are numbered from 0 to {len(test) - 1}.")
        return test.images[p.number : p.number + 1].float() / 255, int(test.labels[p.number])
    if p.kind == "generated":
        gan = studio.gan(p.checkpoint)
        if gan.recipe.size != SIZE or gan.channels != 1:
            raise StudioError(f"{p.checkpoint} does not draw gray garments of {SIZE} x {SIZE}: choose another.")
        return gan.sample_images(1, p.number, p.label).float() / 255, None
    try:
        values = torch.frombuffer(bytearray(base64.b64decode(p.pixels, validate=True)), dtype=torch.uint8)
        return values.view(1, 1, SIZE, SIZE).float() / 255, None
    except (ValueError, RuntimeError):
        raise StudioError("That is no garment: upload a picture as PNG or JPEG.") from None


def signed(d: Tensor) -> Tensor:
    """A difference (1, 1, 28, 28) as a picture: gray is no change, white the largest increase, black the largest
    decrease."""
    most = float(d.abs().max())
    return d / most / 2 + 0.5 if most > 0 else torch.full_like(d, 0.5)


def own(path: Path) -> Picture:
    """Prepare an upload for the classifiers: the central square, gray, 28 x 28, light on black.

    Fashion-MNIST's garments are light on black, so a picture with a light border is inverted.
    """
    try:
        with images.header(path, images.FORMATS) as im:  # reads only the header
            large = im.width * im.height > limits.ATTACK_PIXELS
        rgb = None if large else images.square(path, SIZE).float()  # (3, 28, 28)
    except (*images.UNREADABLE, Image.DecompressionBombError, StudioError):
        raise StudioError(f"{path.name} is not a picture that can be read: save it again as PNG or JPEG.") from None
    if rgb is None:
        raise StudioError(f"{path.name} has more than {limits.ATTACK_PIXELS // 10**6} million pixels: make it smaller.")
    gray = (rgb * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    border = torch.cat([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    gray = 255 - gray if border.mean() > 127 else gray
    return Picture("own", pixels=base64.b64encode(gray.round().to(torch.uint8).numpy().tobytes()).decode())

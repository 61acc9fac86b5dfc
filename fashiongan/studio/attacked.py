"""The pictures that are attacked: test pictures, pictures that a GAN draws, and uploads."""

import base64
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .. import limits
from ..classifiers import SIZE
from ..data import cutout, images
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
    note: str = ""  # one sentence on how the upload was cut out


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
    """Prepare an upload for the classifiers: cut out, centred, gray, 28 x 28, light on black."""
    whole = images.opened(path, images.WORKING, limits.ATTACK_PIXELS)
    cut = cutout.find_garment(whole)
    if cut.nothing:  # attacked all the same, as it is
        values = images.as_tensor(images.on_background(whole).resize((SIZE, SIZE)), 1)
    else:
        values = cutout.garment(whole.convert("RGBA"), SIZE, 1, cut)
    return Picture("own", pixels=base64.b64encode(values.numpy().tobytes()).decode(), note=cut.note)

"""Single pictures of a sheet: the description of each, and the names of their files."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..data import sheets
from ..gans import sampling
from ..gans.base import GAN
from . import spec
from .spec import SampleSpec


def slug(text: str) -> str:
    """A text as part of a file name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def stem(sample: SampleSpec) -> str:
    """The name of a file without its ending: studio-seed7-dress-3 is the third garment of that seed, a dress."""
    where = sample.checkpoint.removeprefix("hub:").removeprefix("runs/").removesuffix(".safetensors")
    parts = [where[-60:], "" if sample.latents else f"seed{sample.seed}"]
    parts += [str(sample.label) if sample.label is not None else "blend" if sample.shares else ""]
    parts += ["liked"] * bool(sample.liked) + ["color"] * bool(sample.palette)
    if sample.across:
        parts.append(f"along-slider-{sample.across}")
    elif sample.n > 1:
        parts.append(f"sheet-{sample.n}")
    elif not sample.latents:
        parts.append(str(sample.first + 1))
    return slug(" ".join(parts))


def apart(gan: GAN, sample: SampleSpec) -> list[SampleSpec]:
    """The description of each image of a plain sheet, which a seed and classes describe and nothing else."""
    _, c = sampling.draw(gan, sample.n, sample.seed, sample.label, sample.first)
    colors = spec.colors(gan, sample)
    return [
        replace(sample, n=1, first=sample.first + i, label=spec.label_of(gan, c[i]), palette=colors[i : i + 1])
        for i in range(sample.n)
    ]


def pngs(images: Tensor, samples: list[SampleSpec]) -> Iterator[tuple[str, bytes]]:
    """(name, PNG) of each image (N, C, H, W) uint8, with alpha where it has four channels, and its description inside.

    A checkpoint that is a file is named without its folder.
    """
    for image, sample in zip(images, samples, strict=True):
        values = image.permute(1, 2, 0).contiguous().numpy()
        im = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
        near = sample.checkpoint if sample.checkpoint.startswith("hub:") else Path(sample.checkpoint).name
        yield f"{stem(replace(sample, checkpoint=near))}.png", sheets.png(im, sample.to_json())

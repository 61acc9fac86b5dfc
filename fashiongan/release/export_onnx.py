"""Write a generator as an ONNX model, for a web page (onnxruntime-web) or any other program that runs ONNX.

The model's inputs are `z` (N, latent numbers), as the GAN's latents are drawn, and, if it draws by class, `classes`
(N, classes): 1 for the class and 0 for the others, or shares of a blend. Its output is `images` (N, channels, size,
size) in 0..1. N is free. The classes' names and the GAN's name stand in the model's metadata.
"""

import contextlib
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from .. import checkpoint, files
from ..errors import StudioError
from ..gans import sampling
from ..gans.base import GAN

NEEDED = ("onnx", "onnxscript")


class Drawing(nn.Module):
    """Latents, and classes if the GAN draws by them, to pictures (N, C, S, S) in 0..1."""

    def __init__(self, gan: GAN):
        super().__init__()
        self.gan = gan

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        x = self.gan.generate(self.gan.G, z, z if classes is None else classes)
        low = self.gan.recipe.low
        return ((x - low) / (1 - low)).clamp(0, 1)


def export(name: str, out: Path) -> Iterator[str]:
    """Export a checkpoint to `out`. Yields a line about each of the inputs and the output.

    Raises StudioError if a package is missing, or if the GAN does not draw from latents alone.
    """
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise StudioError(f"Exporting needs {' and '.join(missing)}: pip install {' '.join(NEEDED)}.")
    gan = checkpoint.load(name)
    files.check(out)
    data = model(gan, str(name))
    files.write(out, data)
    r, numbers = gan.recipe, sampling.draw(gan, 1, 0)[0].shape[1]
    yield f"{out}: {len(data) / 1e6:.1f} MB, from z (N, {numbers})"
    if gan.conditional:
        yield f"classes (N, {len(r.labels)}): " + ", ".join(f"{i} {label}" for i, label in gan.choices.items())
    yield f"to images (N, {gan.channels}, {r.size}, {r.size}) in 0..1"


def model(gan: GAN, name: str) -> bytes:
    """A GAN's generator as the bytes of an ONNX model."""
    import onnx

    if gan.from_pictures:
        raise StudioError(f"{name} cannot be exported: {gan.recipe.gan} draws from a picture, not from latents alone.")
    z, c = sampling.draw(gan, 2, 0)  # N must be 2 at least, or the exporter takes it for a constant
    inputs = {"z": z, "classes": gan.one_hot(c)} if gan.conditional else {"z": z}
    size = torch.export.Dim("N")
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            Drawing(gan.cpu()).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["images"],
            dynamic_shapes=tuple({0: size} for _ in inputs),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    facts = {
        "name": name,
        "gan": gan.recipe.gan,
        "classes": json.dumps(list(gan.recipe.labels) if gan.conditional else []),
    }
    onnx.helper.set_model_props(proto, facts)
    return bytes(proto.SerializeToString())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporter's remarks off the terminal: they concern its authors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

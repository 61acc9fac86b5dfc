"""Weights and recipe in one safetensors file, enough to rebuild the model and sample it. Nothing in it executes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn

from . import files, gans, limits
from .errors import StudioError
from .gans.base import GAN
from .hub import registry

FORMAT = "fashiongan 1"
DTYPES = {
    torch.float32: "F32",
    torch.int64: "I64",
    torch.bool: "BOOL",
    torch.uint8: "U8",
}  # of what a net holds, as the file names them
D = "D."  # how the names of the discriminator's tensors begin


def save(path: Path, gan: GAN, average: nn.Module, info: dict[str, Any]) -> Path:
    """Write `gan` with G replaced by its average. `info` (plain values) and the recipe go into the header.

    The discriminator draws nothing, so it is kept in half precision where its numbers allow: that spares a third of
    the file.
    """
    tensors = {k: halved(v) if k.startswith(D) else v for k, v in gan.state_dict().items()}
    tensors |= {f"G.{k}": v for k, v in average.state_dict().items()}
    write(path, tensors, {"recipe": gan.recipe.to_json(), "info": json.dumps(info)})
    return path


def halved(v: Tensor) -> Tensor:
    """float32 as float16, unless a number would be lost to its range; anything else as it is."""
    return v.half() if v.dtype == torch.float32 and bool(v.abs().max() < torch.finfo(torch.float16).max) else v


def write(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """Write tensors and text to a safetensors file, whole or not at all."""
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    files.write(path, safetensors.save(plain, {"format": FORMAT, **header}))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """A studio file open for reading, and its header; or StudioError for what is not one."""
    try:
        with path.open("rb") as start:
            length = int.from_bytes(start.read(8), "little")
        if length > limits.MAX_HEADER:
            raise StudioError(f"{path} is damaged or not a safetensors file: its header has {length:,} bytes.")
        with safe_open(str(path), framework="pt") as f:
            header = f.metadata() or {}
            if header.get("format") != FORMAT:
                raise StudioError(f"{path} was not written by the studio: choose a checkpoint made by train.py.")
            yield f, header
    except FileNotFoundError as e:
        raise StudioError(f"There is no file {path}.") from e
    except (SafetensorError, OSError, RuntimeError, UnicodeDecodeError, MemoryError) as e:
        raise StudioError(f"{path} is damaged or not a safetensors file: fetch it again.") from e


def load(name: str | Path, device: str = "cpu") -> GAN:
    """Rebuild a model from its file.

    Args:
        name: a path, a run folder, the name of a bundled checkpoint ("dcgan"), or a place on the Hub
            ("hub:user/name").

    Returns:
        The GAN, frozen, in eval mode, with the averaged generator as G.

    Raises:
        StudioError: no such file, damaged, of an unknown GAN, or not what its recipe says.
    """
    path = registry.find(name)
    with opened(path) as (f, header):
        recipe = gans.recipe_from_json(header.get("recipe", ""))
        if len(recipe.labels) > limits.MAX_LABELS or any(not 0 <= c < len(recipe.labels) for c in trained(recipe)):
            raise StudioError(f"The classes in {path} make no sense: it was not written by the studio.")
        with torch.device("meta"):  # shapes only: a lying header costs no memory
            gan = gans.GANS[recipe.gan](recipe)
        fill(gan, f, path)
    # Laid out in memory as in training: then sums come out the same to the last bit, and so do the pictures.
    return gan.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def fill(net: nn.Module, f: Any, path: Path) -> None:
    """Give a net that was built on the meta device the weights of an open file, or raise StudioError."""
    wanted = net.state_dict()
    if set(f.keys()) != set(wanted) or any(tuple(f.get_slice(k).get_shape()) != v.shape for k, v in wanted.items()):
        raise StudioError(f"The weights in {path} do not fit its recipe: the file is damaged or was altered.")
    if any(f.get_slice(k).get_dtype() not in types(v) for k, v in wanted.items()):
        raise StudioError(f"The weights in {path} are not of the type the studio writes: the file was altered.")
    tensors = {k: f.get_tensor(k).to(v.dtype) for k, v in wanted.items()}
    net.load_state_dict(tensors, strict=True, assign=True)


def types(v: Tensor) -> set[str | None]:
    """As what a tensor of a net may lie in a file."""
    return {DTYPES.get(v.dtype)} | ({"F16"} if v.dtype == torch.float32 else set())


def trained(recipe: Any) -> tuple[int, ...]:
    try:
        return tuple(recipe.trained)
    except ValueError:
        raise StudioError("The recipe in this file names classes that are not numbers.") from None


def info(name: str | Path) -> dict[str, Any]:
    """What a checkpoint's header says of how it was made: step, epoch, command, device, last log line."""
    return header_info(registry.find(name))


def header_info(path: Path) -> dict[str, Any]:
    """The "info" of any studio file's header; empty if it has none."""
    with opened(path) as (_, header):
        try:
            found = json.loads(header.get("info", ""))
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}


def annotate(path: Path, **more: Any) -> None:
    """Add to the info in a studio file's header; its weights stay as they are."""
    with opened(path) as (f, header):
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict
    write(path, tensors, {**header, "info": json.dumps(header_info(path) | more)})


def halve(path: Path) -> None:
    """Keep a checkpoint's weights in half precision, which spares half the file.

    Its pictures are then not those of the run to the last bit; what is measured of the file is true of the file.
    """
    weights = {name for name, _ in load(path).named_parameters()}  # statistics of batch norm can be too small for it
    with opened(path) as (f, header):
        tensors = {k: halved(f.get_tensor(k)) if k in weights else f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
    write(path, tensors, header)


def device_name(device: torch.device) -> str:
    """What people call it: the GPU's name, or the number of CPU threads."""
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
    )

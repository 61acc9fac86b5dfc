"""Checkpoints: weights and recipe in one safetensors file, enough to rebuild the model and to sample from it.

Loading a file never executes code from it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from . import files, gans, limits
from .errors import StudioError, short
from .gans.base import GAN
from .gans.recipe import Recipe
from .hub import registry
from .plain import maybe, number, plain, read, text

FORMAT = "fashiongan 1"
DTYPES = {
    torch.float32: "F32",
    torch.int64: "I64",
    torch.bool: "BOOL",
    torch.uint8: "U8",
}  # the types of a network's tensors -> their names in a safetensors file
D = "D."  # prefix of the names of the discriminator's tensors


class Undrawn(TorchFunctionMode):
    """While a net is built on the meta device: no normal weights are drawn, and a spectral norm's first steps compute
    nothing, since the file's values take their place.

    There PyTorch would import its compiler to draw them, which takes a second and a half, and the steps of a projected
    discriminator would take half a second.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name == "normal_":
            return args[0] if args else kwargs["tensor"]
        if name == "normalize":
            return args[0] if kwargs.get("out") is None else kwargs["out"]
        if name == "mv":
            return args[0].new_empty(len(args[0]))
        return func(*args, **kwargs)


@dataclass(frozen=True)
class HeaderInfo:
    """How a checkpoint was made: the "info" of its header. What the header does not say is None.

    The fields stand in the order in which a header has them. A header may come from a stranger: a value of another
    type counts as missing.
    """

    command: str | None = maybe()
    step: int | None = maybe()
    steps: int | None = maybe()  # of the whole run
    epochs: float | None = maybe()
    seconds: float | None = maybe()  # of training
    device: str | None = maybe()
    pictures: int | None = maybe()  # in the training set
    torch: str | None = maybe()  # its version
    fashiongan: str | None = maybe()  # its version
    log: Mapping[str, object] | None = maybe()  # the last line of the run's log
    distance: float | None = maybe()  # of a run's best checkpoint: its score by `evaluation.quick`
    curves: Mapping[str, list[float | None]] | None = maybe()  # the run's losses, thinned, by name
    report: Mapping[str, object] | None = maybe()  # the JSON of an `evaluation.report.Report`

    @classmethod
    def from_json(cls, value: object) -> "HeaderInfo":
        return read(cls, value, READERS)


def json_object(value: object) -> Mapping[str, object] | None:
    """The value if it is a JSON object, else None."""
    return value if isinstance(value, dict) else None


def columns(value: object) -> dict[str, list[float | None]] | None:
    """Curves by name: the lists of a JSON object, with None for whatever is not a number; None without an object."""
    if not isinstance(value, dict):
        return None
    return {name: [number(v) for v in values] for name, values in value.items() if isinstance(values, list)}


READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("command", "device", "torch", "fashiongan"), text),
    "log": json_object,
    "curves": columns,
    "report": json_object,
}


def save(path: Path, gan: GAN, average: nn.Module, info: HeaderInfo) -> Path:
    """Write `gan` with G replaced by its moving average. `info` and the recipe go into the header.

    Sampling does not use the discriminator, so it is stored in float16 where its values fit: the file is a third
    smaller.
    """
    tensors = {k: halved(v) if k.startswith(D) else v for k, v in gan.state_dict().items()}
    tensors |= {f"G.{k}": v for k, v in average.state_dict().items()}
    write(path, tensors, {"recipe": gan.recipe.to_json(), "info": json.dumps(plain(info))})
    return path


def halved(v: Tensor) -> Tensor:
    """float32 -> float16, unless a value would overflow; other types unchanged."""
    return v.half() if v.dtype == torch.float32 and bool(v.abs().max() < torch.finfo(torch.float16).max) else v


def write(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """Write tensors and a header to a safetensors file, atomically."""
    stored = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    files.write(path, safetensors.save(stored, {"format": FORMAT, **header}))


def write_info(path: Path, tensors: dict[str, Tensor], info: Mapping[str, object]) -> None:
    """As `write`, with plain values as the header's "info" entry, which `header_entries` reads."""
    write(path, tensors, {"info": json.dumps(info)})


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """Open a studio file for reading. Yields the file and its header; StudioError if it is not a studio file."""
    try:
        with path.open("rb") as start:
            length = int.from_bytes(start.read(8), "little")
        if length > limits.MAX_HEADER:
            # A file of another kind has any number there, mostly far beyond its own size.
            whole = length < path.stat().st_size and not files.identify(path)
            raise StudioError(f"{path} is not read: its header has {length:,} bytes." if whole else unreadable(path))
        with safe_open(str(path), framework="pt") as f:
            header = f.metadata() or {}
            if header.get("format") != FORMAT:
                raise StudioError(
                    f"{path} was not written by the studio, and holds no recipe of the net to which its tensors "
                    f"({short(', '.join(f.keys())) or 'none'}) belong; {files.IMPORT}."
                )
            yield f, header
    except FileNotFoundError as e:
        raise StudioError(f"There is no file {path}.") from e
    except (SafetensorError, OSError, RuntimeError, UnicodeDecodeError, MemoryError) as e:
        raise StudioError(unreadable(path)) from e


def unreadable(path: Path) -> str:
    """A sentence on a file that is no safetensors file: what it is, if its content says so, and what to do."""
    what = files.identify(path)
    return f"{path} {what}" if what else f"{path} is damaged or not a safetensors file: fetch it again."


def load(name: str | Path, device: str = "cpu") -> GAN:
    """Rebuild a model from its file.

    Args:
        name: a path, a run folder, the name of a bundled checkpoint ("dcgan"), or a place on the Hub
            ("hub:user/name").

    Returns:
        The GAN, frozen, in eval mode, with the averaged generator as G.

    Raises:
        StudioError: the file does not exist, is damaged, holds an unknown GAN, or does not fit its recipe.
    """
    path = registry.find(name)
    with opened(path) as (f, header):
        if "numbers" in header:
            raise StudioError(f"{path} is the state of a run, for resuming: give the checkpoint.safetensors beside it.")
        if "classifier" in header:
            raise StudioError(f"{path} holds a classifier, which draws nothing: give the checkpoint of a GAN.")
        recipe = gans.recipe_from_json(header.get("recipe", ""))
        if len(recipe.labels) > limits.MAX_LABELS or any(not 0 <= c < len(recipe.labels) for c in trained(recipe)):
            raise StudioError(f"The classes in {path} make no sense: it was not written by the studio.")
        gan = skeleton(recipe)
        fill(gan, f, path)
    # The same memory layout as in training: sums, and so the images, are then identical to the last bit.
    return gan.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)


def skeleton(recipe: Recipe) -> GAN:
    """The nets of a recipe on the meta device: shapes only, so that a forged header cannot allocate memory."""
    with torch.device("meta"), Undrawn():
        return gans.GANS[recipe.gan](recipe)


def sha256(name: str | Path) -> str:
    """The digest of a checkpoint's file, in hexadecimal digits."""
    with registry.find(name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill(net: nn.Module, f: Any, path: Path) -> None:
    """Load an open file's weights into a network built on the meta device.

    Raises StudioError if the names, shapes or types of the tensors differ.
    """
    expected = net.state_dict()
    if set(f.keys()) != set(expected) or any(tuple(f.get_slice(k).get_shape()) != v.shape for k, v in expected.items()):
        raise StudioError(f"The weights in {path} do not fit its recipe: the file is damaged or was altered.")
    if any(f.get_slice(k).get_dtype() not in types(v) for k, v in expected.items()):
        raise StudioError(f"The weights in {path} are not of the type the studio writes: the file was altered.")
    tensors = {k: f.get_tensor(k).to(v.dtype) for k, v in expected.items()}
    net.load_state_dict(tensors, strict=True, assign=True)


def types(v: Tensor) -> set[str | None]:
    """The safetensors types in which a file may store a network's tensor."""
    return {DTYPES.get(v.dtype)} | ({"F16"} if v.dtype == torch.float32 else set())


def trained(recipe: Any) -> tuple[int, ...]:
    """The classes that the GAN was trained on; StudioError if they are not numbers."""
    try:
        return tuple(recipe.trained)
    except ValueError:
        raise StudioError("The recipe in this file names classes that are not numbers.") from None


def info(name: str | Path) -> HeaderInfo:
    """How a checkpoint was made, from its header."""
    return header_info(registry.find(name))


def header_info(path: Path) -> HeaderInfo:
    """How the checkpoint in a file was made, from its header."""
    return HeaderInfo.from_json(header_entries(path))


def gan_name(path: Path) -> str:
    """The name of the GAN in a checkpoint's file, such as "dcgan"; StudioError if it is not the studio's."""
    with opened(path) as (_, header):
        return gans.recipe_from_json(header.get("recipe", "")).gan


def header_entries(path: Path) -> Mapping[str, object]:
    """The JSON object "info" in the header of any studio file; empty if there is none."""
    with opened(path) as (_, header):
        try:
            parsed = json.loads(header.get("info", ""))
        except (ValueError, RecursionError):
            parsed = None
        return parsed if isinstance(parsed, dict) else {}


def annotate(path: Path, **more: object) -> None:
    """Add entries of JSON values to the info in a studio file's header. Its other entries and weights stay as they
    are."""
    with opened(path) as (f, header):
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is not a dict
    write(path, tensors, {**header, "info": json.dumps({**header_entries(path), **more})})


def halve(path: Path) -> None:
    """Store a checkpoint's weights in half precision, which halves the file's size.

    The images it draws then differ from the run's in the last bits. Scores must be measured on the halved file.
    """
    weights = {name for name, _ in load(path).named_parameters()}  # no buffers: batch-norm statistics can underflow
    with opened(path) as (f, header):
        tensors = {k: halved(f.get_tensor(k)) if k in weights else f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
    write(path, tensors, header)


def device_name(device: torch.device) -> str:
    """A device's name for people: the GPU's model, or the number of CPU threads."""
    return (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
    )

"""Make a checkpoint of a DCGAN's generator that another program trained and saved as a PyTorch state dict.

The generator is that of PyTorch's own example (pytorch/examples, dcgan/main.py): a transposed convolution from the
latent to base x base pixels, then per doubling batch norm, ReLU and a transposed convolution 4x4 of stride 2 and
padding 1, without biases; tanh at the end; latents from N(0, I). `networks.ConvG` computes the same. From four to seven
pixels are doubled until the picture is whole, so the number of layers tells the size: 28, 32, 64, 128 pixels.

A state dict does not say the stride, the padding or the last activation: they are taken to be those above. The
checkpoint gets a fresh discriminator.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from .. import __version__, checkpoint, files, gans
from ..checkpoint import HeaderInfo
from ..errors import StudioError, quoted, short
from ..gans.recipe import Recipe

# Keys under which programs store a generator's state dict beside other things, best first.
GENERATORS = ("g_ema", "netg", "generator", "g", "gen", "state_dict", "model_state_dict", "model")
NORM = ("weight", "bias", "running_mean", "running_var")
UNKNOWN_DATA = "unknown"  # the recipe's `data`


def take(path: Path, out: Path, gan: str = "dcgan", classes: str = "") -> Recipe:
    """Read a state dict and write a checkpoint to `out`; returns its recipe.

    Raises StudioError, in one sentence, if the file is something else or a tensor does not fit.
    """
    layers = grouped(generator(content(path), path), path)
    labels = tuple(name.strip() for name in classes.split(",") if name.strip()) or ("all",)
    recipe = recipe_of(layers, path, gan).replace(labels=labels)
    tensors = renamed(layers)
    model = gans.build(recipe)
    expected = model.G.state_dict()
    for ours, (theirs, value) in tensors.items():
        if ours not in expected or value.shape != expected[ours].shape:
            like = sides(expected[ours]) if ours in expected else "no such layer"
            raise StudioError(
                f"{path} does not fit {gan}: {theirs} is {sides(value)}, where a DCGAN of width {recipe.width} for "
                f"{recipe.size} pixels has {like}."
            )
    counts = {name: value for name, value in expected.items() if name.endswith("num_batches_tracked")}
    model.G.load_state_dict({**counts, **{ours: value for ours, (_, value) in tensors.items()}})
    command = f"python -m fashiongan import {path.name} --gan {gan}"
    info = HeaderInfo(command=command, torch=torch.__version__, fashiongan=__version__)
    checkpoint.save(out, model, model.G, info)
    return recipe


def content(path: Path) -> Any:
    """What a file of PyTorch or a safetensors file holds. No code of the file runs."""
    if not path.is_file():
        raise StudioError(f"There is no file {path}.")
    what = files.identify(path)
    try:
        if not what:
            return dict(sorted(safetensors.load_file(path).items(), key=by_number))  # in the file they are not in order
        if "PyTorch file" in what and "damaged" not in what:
            return torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as e:
        raise StudioError(f"{path} is neither a file of PyTorch nor safetensors, or it is damaged.") from e
    except Exception as e:  # what an altered file can raise in there
        raise StudioError(
            f"{path} is damaged, or holds more than tensors, which could run code and was not loaded: save the "
            "generator's weights with torch.save(netG.state_dict(), 'netG.pth') and import that."
        ) from e
    raise StudioError(f"{path} {what}")


def by_number(item: tuple[str, Tensor]) -> list[tuple[bool, int, str]]:
    """A key that sorts names of tensors with the numbers in them as numbers: main.3 before main.10."""
    return [(p.isdigit(), int(p) if p.isdigit() else 0, p) for p in re.split(r"(\d+)", item[0])]


def generator(value: Any, path: Path) -> dict[str, Tensor]:
    """The generator's state dict in what a file holds: the whole, or what stands under a generator's name."""
    if not isinstance(value, Mapping):
        raise StudioError(f"{path} holds no state dict but a {type(value).__name__}: save netG.state_dict().")
    tensors = {str(k): v for k, v in value.items() if isinstance(v, Tensor)}
    if not tensors:
        nested = {str(k): v for k, v in value.items() if isinstance(v, Mapping) and has_tensors(v)}
        if not nested:
            raise StudioError(f"{path} holds no tensors: save netG.state_dict() and import that.")
        return generator(nested[best(list(nested), path)], path)
    while all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): v for name, v in tensors.items()}
    players = list(dict.fromkeys(name.partition(".")[0] for name in tensors))
    if len(players) > 1 and any(p.casefold() in GENERATORS for p in players):
        chosen = best(players, path) + "."
        tensors = {name.removeprefix(chosen): v for name, v in tensors.items() if name.startswith(chosen)}
    return tensors


def has_tensors(value: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds a tensor, or a mapping that does."""
    return any(isinstance(v, Tensor) or (isinstance(v, Mapping) and has_tensors(v)) for v in value.values())


def best(names: list[str], path: Path) -> str:
    """The name that most likely stands for the generator."""
    folded = {name.casefold(): name for name in names}
    likely = [folded[name] for name in GENERATORS if name in folded]
    if not likely and len(names) > 1:
        raise StudioError(
            f"{path} holds several nets ({short(', '.join(names))}): save the generator's state_dict() alone."
        )
    return (likely or names)[0]


def grouped(tensors: dict[str, Tensor], path: Path) -> list[dict[str, tuple[str, Tensor]]]:
    """The layers in their order: a convolution first, then batch norm and convolution by turns. A layer is its tensors
    by the last part of their names, with their whole names."""
    layers: dict[str, dict[str, tuple[str, Tensor]]] = {}
    for name, value in tensors.items():
        layer, _, part = name.rpartition(".")
        layers.setdefault(layer, {})[part] = (name, value)
    for i, parts in enumerate(layers.values()):
        expected = NORM if i % 2 else ("weight",)
        extra = [name for part, (name, _) in parts.items() if part not in (*expected, "num_batches_tracked")]
        first = next(iter(parts.values()))
        if extra:
            raise StudioError(f"{path} is no DCGAN of a known shape: it has a tensor {quoted(extra[0])}.")
        if set(expected) - set(parts) or parts["weight"][1].dim() != (1 if i % 2 else 4):
            layer, name = "batch norm" if i % 2 else "a convolution", quoted(first[0])
            raise StudioError(
                f"{path} is no DCGAN of a known shape: {name} is {sides(first[1])}, where {layer} should be."
            )
        for name, value in parts.values():
            if not bool(value.isfinite().all()):
                raise StudioError(f"{path} is of no use: {quoted(name)} holds numbers that are not finite.")
    if len(layers) < 5 or len(layers) % 2 == 0:
        raise StudioError(f"{path} is no DCGAN of a known shape: it has {len(layers)} layers with weights.")
    return list(layers.values())


def recipe_of(layers: list[dict[str, tuple[str, Tensor]]], path: Path, gan: str) -> Recipe:
    """The recipe whose generator has the shapes of these layers."""
    convolutions = [parts["weight"] for parts in layers[::2]]
    for name, value in convolutions:
        allowed = range(4, 8) if name == convolutions[0][0] else (4,)
        if value.shape[2] != value.shape[3] or value.shape[2] not in allowed:
            raise StudioError(f"{path} is no DCGAN of a known shape: {name} has kernels of {sides(value[0, 0])}.")
    for (name, value), (after, following) in pairwise(convolutions):
        if value.shape[1] != following.shape[0]:
            raise StudioError(
                f"{path} is no DCGAN of a known shape: {name} ends in {value.shape[1]} filters and {after} begins with "
                f"{following.shape[0]}."
            )
    first, last = convolutions[0][1], convolutions[-1][1]
    channels = last.shape[1]
    if channels not in (1, 3, 4):
        raise StudioError(f"{path} draws pictures of {channels} channels: the studio has 1, 3 or 4.")
    size = first.shape[2] * 2 ** (len(convolutions) - 1)
    recipe = gans.new_recipe(gan, size=size, z_dim=first.shape[0], width=last.shape[0], data=UNKNOWN_DATA)
    return recipe.replace(channels=channels)


def renamed(layers: list[dict[str, tuple[str, Tensor]]]) -> dict[str, tuple[str, Tensor]]:
    """The tensors by their names in `networks.ConvG`, in float32, each with the name that it had."""
    tensors = {}
    for i, parts in enumerate(layers):
        layer = "project" if i == 0 else f"norms.{i // 2}" if i % 2 else f"ups.{i // 2 - 1}"
        for part, (name, value) in parts.items():
            tensors[f"{layer}.{part}"] = (name, value.float() if value.is_floating_point() else value.long())
    return tensors


def sides(value: Tensor) -> str:
    """A tensor's shape in words: 4 x 4, or a number."""
    return " x ".join(map(str, value.shape)) or "a number"

"""The checkpoints that come with the studio: how each is trained, and the page that lists them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import atomic, checkpoint, gans, runs
from .errors import StudioError
from .trainer import Tick

# What differs from each recipe's defaults: nets and times for two CPU cores, a linear schedule so that they settle, and
# bfloat16 for speed. The first two are what the page opens on.
SMALL: dict[str, Any] = {"epochs": 10, "width": 32, "schedule": "linear", "precision": "bfloat16"}
BUNDLED: dict[str, dict[str, Any]] = {
    "dcgan": {"gan": "dcgan", "epochs": 40, "schedule": "linear", "precision": "bfloat16"},
    "cdcgan": {"gan": "cdcgan", "epochs": 40, "schedule": "linear", "precision": "bfloat16"},
    "gan": {"gan": "gan", **SMALL, "epochs": 20, "width": 400},
    "mlpgan": {"gan": "mlpgan", **SMALL, "epochs": 20, "width": 128},
    "cgan": {"gan": "cgan", **SMALL, "epochs": 20, "width": 480},
    "acgan": {"gan": "acgan", **SMALL},
    "infogan": {"gan": "infogan", **SMALL},
    "lsgan": {"gan": "lsgan", **SMALL},
    "wgan": {"gan": "wgan", **SMALL, "epochs": 30},
    "wgan-gp": {"gan": "wgan-gp", **SMALL, "epochs": 20},
    "dragan": {"gan": "dragan", **SMALL},
    "ebgan": {"gan": "ebgan", **SMALL},
    "began": {"gan": "began", **SMALL, "epochs": 4, "width": 16},
    "compact": {"gan": "compact", **SMALL},
    "large": {"gan": "large", **SMALL, "width": 64},
}


def train(name: str, folder: Path, device: str = "cpu", root: str | None = None) -> Iterator[Tick]:
    """Train a bundled checkpoint in folder/name, going on where it stopped, and put it among the bundled ones."""
    if name not in BUNDLED:
        raise StudioError(f"There is no bundled checkpoint {name!r}: choose from {', '.join(BUNDLED)}.")
    out = folder / name
    if (out / "recipe.json").exists():
        trainer = runs.resume(out, device, root)
    else:
        changes = dict(BUNDLED[name])
        trainer = runs.start(gans.recipe(changes.pop("gan"), **changes), out, device, root)
    yield from runs.train(trainer, out)
    shutil.copyfile(out / "checkpoint.safetensors", checkpoint.BUNDLED / f"{name}.safetensors")
    atomic.write(checkpoint.BUNDLED / "README.md", listing().encode())


def listing() -> str:
    """checkpoints/README.md, from nothing but the files' own headers."""
    lines = [
        "# Bundled checkpoints",
        "",
        "Written by `make checkpoints` from the files' headers. Weights are MIT, like the code.",
        "",
        "| name | GAN | size | epochs | trained on | seconds | file | command |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in checkpoint.bundled():
        recipe, info = checkpoint.load(name).recipe, checkpoint.info(name)
        size = (checkpoint.BUNDLED / f"{name}.safetensors").stat().st_size / 1e6
        lines.append(
            f"| {name} | {recipe.gan} | {recipe.size} x {recipe.size} | {info['epochs']:g} | {info['device']} "
            f"| {info['seconds']:.0f} | {size:.1f} MB | `{info['command']}` |"
        )
    return "\n".join(lines) + "\n"

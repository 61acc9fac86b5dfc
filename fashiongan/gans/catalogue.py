"""The catalogue of GANs: one line for each. Tests, flags, widgets and checkpoints follow from this table."""

import json
from typing import Any

import torch

from ..errors import StudioError, quoted
from .acgan import ACGAN
from .base import GAN
from .began import BEGAN
from .cdcgan import CDCGAN
from .cgan import CGAN
from .colorizer import Colorizer
from .compact import Compact, Large
from .dcgan import DCGAN
from .dragan import DRAGAN
from .ebgan import EBGAN
from .enlarger import Enlarger
from .gan import FirstGAN
from .infogan import InfoGAN
from .lsgan import LSGAN
from .mlpgan import MLPGAN
from .networks import ONE_DRAWS
from .progan import ProGAN
from .projected import Projected
from .ragan import RaGAN
from .recipe import Recipe, knobs
from .studio import Studio
from .stylegan import StyleGAN
from .wgan import WGAN
from .wgan_gp import WGANGP

GANS: dict[str, type[GAN]] = {
    "dcgan": DCGAN,
    "cdcgan": CDCGAN,
    "gan": FirstGAN,
    "mlpgan": MLPGAN,
    "cgan": CGAN,
    "acgan": ACGAN,
    "infogan": InfoGAN,
    "lsgan": LSGAN,
    "wgan": WGAN,
    "wgan-gp": WGANGP,
    "dragan": DRAGAN,
    "ebgan": EBGAN,
    "began": BEGAN,
    "ragan": RaGAN,
    "studio": Studio,
    "progan": ProGAN,
    "stylegan": StyleGAN,
    "projected": Projected,
    "colorizer": Colorizer,
    "enlarger": Enlarger,
    "compact": Compact,
    "large": Large,
}


def find(gan: str) -> type[GAN]:
    """The class of the GAN with that name; StudioError, with all names, if there is none."""
    if gan not in GANS:
        raise StudioError(f"There is no GAN called {quoted(gan)}: choose one of {', '.join(GANS)}.")
    return GANS[gan]


def new_recipe(gan: str, **changes: Any) -> Recipe:
    """That GAN's default recipe with some settings changed. An unknown setting or a bad value raises StudioError."""
    cls = find(gan).recipe_type
    unknown = [name for name in changes if name not in knobs(cls)]
    if unknown:
        raise StudioError(f"{gan} has no setting called {unknown[0]!r}: it has {', '.join(knobs(cls))}.")
    return cls(gan=gan, **changes)


def recipe_from_json(text: str) -> Recipe:
    """A recipe from the text of `Recipe.to_json`. An unknown setting or a value out of range raises StudioError."""
    try:
        fields = json.loads(text)
        facts = {
            "channels": int(fields.pop("channels")),
            "labels": tuple(str(name) for name in fields.pop("labels")),
            **{fact: str(fields.pop(fact, "")) for fact in ("start_sha256", "start_note")},
        }
        recipe = new_recipe(str(fields.pop("gan")), **fields)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise StudioError("The recipe in this file cannot be read: it was not written by the studio.") from None
    return recipe.replace(**facts)


def build(r: Recipe) -> GAN:
    """The nets of a recipe. Their first weights are drawn from its seed; the process's own rng does not change."""
    with ONE_DRAWS, torch.random.fork_rng(devices=[]):
        torch.manual_seed(r.seed)
        return GANS[r.gan](r)

"""Classifiers of garments: their networks, and how they are trained, measured, saved and loaded.

`classifiers.load("cnn")` returns an nn.Module from float (N, 1, 28, 28) in 0..1 to logits (N, 10); "garments" sees
color, (N, 3 or 4, 64, 64). Import names from here. May know data sets, checkpoint files, the building blocks of the
GANs' networks and recipes, and the attacks for adversarial training; knows nothing of generators, scores or the page.
"""

from .base import SIZE, Classifier, Recipe
from .certified import Certified, CertifiedRecipe, certified
from .fit import HELD_OUT, LEAST, Fitted, Fitter, command, fit, fit_and_save, split, started
from .measure import PIECE, accuracy, certified_accuracy, confusion, features, logits, pieces
from .networks import (
    CLASSIFIERS,
    COLOR,
    Cnn,
    CnnRecipe,
    ColorCnn,
    ColorCnnRecipe,
    Conv,
    ConvRecipe,
    Dense,
    Robust,
    RobustRecipe,
    build,
    network,
    on_white,
    recipe,
)
from .store import FitInfo, bundled, bundled_in_color, find, info, load, save

__all__ = [
    "CLASSIFIERS",
    "COLOR",
    "HELD_OUT",
    "LEAST",
    "PIECE",
    "SIZE",
    "Certified",
    "CertifiedRecipe",
    "Classifier",
    "Cnn",
    "CnnRecipe",
    "ColorCnn",
    "ColorCnnRecipe",
    "Conv",
    "ConvRecipe",
    "Dense",
    "FitInfo",
    "Fitted",
    "Fitter",
    "Recipe",
    "Robust",
    "RobustRecipe",
    "accuracy",
    "build",
    "bundled",
    "bundled_in_color",
    "certified",
    "certified_accuracy",
    "command",
    "confusion",
    "features",
    "find",
    "fit",
    "fit_and_save",
    "info",
    "load",
    "logits",
    "network",
    "on_white",
    "pieces",
    "recipe",
    "save",
    "split",
    "started",
]  # fmt: skip

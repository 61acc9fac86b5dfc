"""The verb fit: train a classifier."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..classifiers import Fitted
from .common import Parser, add_knobs, progress


def add_fit(verbs: "argparse._SubParsersAction[Parser]", argv: Sequence[str]) -> None:
    p = verbs.add_parser("fit", help="train a classifier of garments", argument_default=argparse.SUPPRESS)
    p.set_defaults(run=fit)
    if "fit" not in argv:  # these flags need torch, whose import would delay all other verbs
        return
    if "cutout" in argv:
        from ..segmentation.fit import add_flags

        p.add_argument("classifier", choices=["cutout"], help="the net that cuts garments out")
        add_flags(p)
        p.set_defaults(run=fit_cutout)
        return

    from ..classifiers import CLASSIFIERS, COLOR, Recipe

    nets, before = CLASSIFIERS | COLOR, zip(["", *argv], argv, strict=False)
    named = next((w for flag, w in before if w in nets and not flag.startswith("-")), None)
    p.add_argument("classifier", help="; ".join(f"{name}: {c.title}" for name, c in nets.items()))
    p.add_argument(
        "--out",
        type=Path,
        default=None,
        help="its file (default: runs/classifiers/NAME.safetensors, of color runs/NAME.safetensors)",
    )
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    add_knobs(p, nets[named].recipe_type if named else Recipe)


def fit(args: argparse.Namespace) -> None:
    from .. import classifiers
    from ..gans.recipe import knobs
    from ..training.trainer import pick_device

    kind = classifiers.network(args.classifier).recipe_type
    recipe = classifiers.recipe(args.classifier, **{k: v for k, v in vars(args).items() if k in knobs(kind)})
    # The Robustness tab lists runs/classifiers, and attacks classifiers of gray garments only.
    folder = Path("runs") if args.classifier in classifiers.COLOR else Path("runs", "classifiers")
    out = args.out or folder / f"{args.classifier}.safetensors"
    progress(classifiers.fit(recipe, out, pick_device(args.device), args.data_root), describe_fit)
    info = classifiers.info(out)
    proven = f", certified at {recipe.eps:g}: {100 * info.certified:.2f} %" if info.certified is not None else ""
    named = f"{100 * (info.accuracy or 0.0):.2f} % of {info.tested} test pictures named right{proven}"
    print(f"{named}: {out}", file=sys.stderr)


def fit_cutout(args: argparse.Namespace) -> None:
    """Train the net that cuts garments out. Ctrl-C keeps what it has written."""
    from ..segmentation.fit import Options
    from ..segmentation.fit import fit as train

    train(Options(**{k: v for k, v in vars(args).items() if k in Options.__dataclass_fields__}))


def describe_fit(record: "Fitted") -> str:
    """A record of a fit in a few words, for the progress bar."""
    scores = f"  held out {100 * record.held_out:.2f} %" if record.held_out is not None else ""
    scores += f", attacked {100 * record.attacked:.2f} %" if record.attacked is not None else ""
    scores += f", certified {100 * record.certified:.2f} %" if record.certified is not None else ""
    return f"epoch {record.epoch:.1f}  loss {record.loss:.3f}{scores}  {record.images_per_second:.0f} pictures/s"

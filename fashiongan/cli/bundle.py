"""The verb bundle: train and score the checkpoints that come with the studio."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
from .common import Parser, describe_tick, progress


def add_bundle(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser(
        "bundle", help="train and score the checkpoints that come with the studio, each from where it stopped"
    )
    p.add_argument("names", nargs="*", help="which (default: all)")
    p.add_argument("--scores", action="store_true", help="train nothing, score what is there")
    p.add_argument("--runs", type=Path, default=Path("runs", "bundled"), help="where their run folders are kept")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.set_defaults(run=bundle)


def bundle(args: argparse.Namespace) -> None:
    from .. import checkpoint
    from ..evaluation import quick
    from ..hub import registry
    from ..release import bundle as bundles
    from ..training.trainer import pick_device

    for name in args.names or (registry.bundled() if args.scores else bundles.at_hand()):
        print(name, file=sys.stderr)
        if not args.scores:
            progress(bundles.train(name, args.runs, pick_device(args.device)), describe_tick)
        if quick.Quick.can(checkpoint.load(name).recipe):
            progress(bundles.score(name, device=pick_device(args.device)), lambda step: step.doing, unit="piece")

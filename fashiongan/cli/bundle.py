"""The verb bundle: train and score the checkpoints that come with the studio."""

import argparse
import sys
from pathlib import Path

from .common import Parser, describe_tick, progress


def add_bundle(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser(
        "bundle", help="train and score the checkpoints that come with the studio, each from where it stopped"
    )
    p.add_argument("names", nargs="*", help="which (default: all)")
    p.add_argument("--scores", action="store_true", help="train nothing, score what is there")
    p.add_argument("--directions", action="store_true", help="only find the directions of the sliders of what is there")
    p.add_argument("--only-train", action="store_true", help="score nothing and put nothing among the bundled ones")
    p.add_argument("--minutes", type=float, help="train what is worth most for so long, side by side, and go on later")
    p.add_argument("--at-once", type=int, help="how many side by side (default: 4 on a GPU, else 1)")
    p.add_argument("--keep", type=Path, help="with --minutes: a folder of 8 files of 16 MB to go on from elsewhere")
    p.add_argument("--runs", type=Path, default=Path("runs", "bundled"), help="where their run folders are kept")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.set_defaults(run=bundle)


def bundle(args: argparse.Namespace) -> None:
    from .. import checkpoint
    from ..evaluation import in_color, quick
    from ..hub import registry
    from ..latent import kept
    from ..release import bundle as bundles
    from ..training.trainer import pick_device

    device = pick_device(args.device)
    if args.minutes is not None:
        return for_minutes(args, device)
    there = args.scores or args.directions
    for name in args.names or (registry.bundled() if there else bundles.at_hand()):
        print(name, file=sys.stderr)
        if args.only_train:
            progress(bundles.trained(name, args.runs, device), describe_tick)
            continue
        if not there:
            progress(bundles.train(name, args.runs, device), describe_tick)
        recipe = checkpoint.load(name).recipe
        if not args.directions and (quick.Quick.can(recipe) or in_color.can(recipe)):
            progress(bundles.score(name, device=device), lambda step: step.doing, unit="piece")
        kept.write(registry.BUNDLED / f"{name}.safetensors")  # last, since training and scores change the file's hash
    return None


def for_minutes(args: argparse.Namespace, device: str) -> None:
    """Train the most worthy for some minutes, and say which are better than the bundled ones now."""
    from ..hub import registry
    from ..latent import kept
    from ..release import bundle as bundles
    from ..release import stretch

    if args.keep is not None:
        stretch.unpack(args.keep, args.runs)
    names = stretch.left(stretch.order(args.names or bundles.at_hand()), args.runs)
    last = None
    for last in stretch.stretch(names, args.minutes, args.runs, device, args.at_once):
        print(f"\r{last.seconds:5.0f} s: {', '.join(last.running) or 'done'}", end="", file=sys.stderr)
    print(file=sys.stderr)
    for name in last.brought if last is not None else ():
        kept.write(registry.BUNDLED / f"{name}.safetensors")
    if last is not None:
        print(f"Trained: {', '.join(last.ended) or 'none'}. Better than before, and bundled: ", end="")
        print(", ".join(last.brought) or "none")
    if args.keep is not None:
        print(f"Kept to go on from: {', '.join(stretch.pack(names, args.runs, args.keep)) or 'none'}.")

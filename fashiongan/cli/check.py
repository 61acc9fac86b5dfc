"""The verb check: survey a folder of pictures, and recommend what to train on it."""

import argparse

from ..errors import StudioError
from .common import Parser, reading


def add_check(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("check", help="look through a folder of pictures before training on it")
    p.add_argument(
        "folder", help="with one sub-folder a class, or all pictures of one class; or a ZIP file, celeba or lsun"
    )
    p.add_argument("--size", type=int, default=64, help="pixels a side that you would train at (default: 64)")
    p.add_argument(
        "--fit", default="fill", help="fill, fit, garment or cutout: how a picture becomes a square (default: fill)"
    )
    p.add_argument("--data-root", default=None, help="where celeba or lsun lies")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...: what the time is estimated for")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    p.set_defaults(run=check)


def check(args: argparse.Namespace) -> None:
    import dataclasses
    import json

    from .. import gans
    from ..data import datasets
    from ..data.survey import plural
    from ..training import recommend, run_folder
    from ..training.trainer import pick_device

    device = pick_device(args.device)
    base = gans.new_recipe("studio", data=args.folder, size=args.size, fit=args.fit)
    with reading() as update:
        dataset = datasets.load(base.data, size=base.size, fit=base.fit, root=args.data_root, progress=update)
    survey = dataset.survey
    if survey is None:
        raise StudioError(f"{args.folder} is known already: check a folder of your own.")
    recipe = recommend.recipe(dataset, base)
    seconds = recommend.seconds(recipe, dataset, device)
    command = run_folder.command(recipe)
    if args.json:
        print(json.dumps({**dataclasses.asdict(survey), "command": command, "seconds": round(seconds)}))
        return
    total = plural(len(dataset), "picture")
    print(f"{total}, {'gray' if survey.gray else 'color'}, {survey.span()}; kept at {args.size} x {args.size}")
    for name, count in zip(survey.names, survey.counts, strict=True):
        print(f"  {count:>8,}  {name}")
    for remark in survey.remarks():
        print(remark)
    print(f"To begin with, about {recommend.duration(seconds)} here:\n  {command}")

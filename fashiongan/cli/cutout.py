"""The verb cutout: cut garments out of pictures, onto a transparent or a colored background."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

from .common import Parser, progress


def add_cutout(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("cutout", help="cut the garments out of pictures, at their own size")
    p.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG, WebP, AVIF, TIFF, GIF or BMP of any size"
    )
    p.add_argument("--out", type=Path, required=True, help="OUT.png, or a folder for several, each named as its source")
    p.add_argument(
        "--background", default="none", help='none (transparent), white, black or a color such as "#b03a2e" '
        "(default: none)",
    )  # fmt: skip
    p.set_defaults(run=cutout)


def cutout(args: argparse.Namespace) -> None:
    from .. import files
    from ..colorize import cutouts
    from ..colorize import files as colorize_files

    background = cutouts.background(args.background)
    targets = colorize_files.outs(args.images, args.out)
    for target in targets.values():
        files.check(target)
    failed: list[str] = []
    notes: list[str] = []

    def written() -> "Iterator[cutouts.Done]":
        for done in cutouts.made(targets, background):
            if done.png is None:
                failed.append(f"{done.source}: {done.note}")
            else:
                files.write(done.out, done.png)
                notes.extend([f"{done.source}: {done.note}"] * bool(done.note))
            yield done

    progress(written(), lambda done: done.source.name, unit="picture")
    for note in notes:
        print(note, file=sys.stderr)
    if failed:
        raise StudioError("\n".join(failed))
    where = args.out if len(targets) > 1 else next(iter(targets.values()))
    print(f"{len(targets)} picture{'s' * (len(targets) > 1)} in {where}", file=sys.stderr)

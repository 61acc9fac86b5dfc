"""The verb colorize: give gray pictures colors."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

from .common import Parser, check_seed, progress


def add_colorize(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("colorize", help="give gray garments colors; their lightness stays as it is")
    p.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG, WebP, AVIF, TIFF, GIF or BMP of any size"
    )
    p.add_argument(
        "--colour",
        "--color",
        dest="color",
        action="append",
        default=[],
        help='such as "#b03a2e" or teal; may be given several times',
    )
    p.add_argument("--palette", help="one of the page's, such as Okabe-Ito; each variant takes the next color")
    p.add_argument("--reference", type=Path, help="a picture, whose garment's three to six colors are taken as well")
    p.add_argument("--classic", action="store_true", help="report 001's color for the garment's class")
    p.add_argument("--label", help="its class, by number or name, where that is known")
    p.add_argument(
        "--hint", action="append", default=[], metavar='"X,Y,COLOR"',
        help="a color at a place, from the left and from the top, 0 to 1; may be given several times",
    )  # fmt: skip
    p.add_argument("--tones", type=int, default=1, help="colors on one garment, 1 to 3 (default: 1)")
    p.add_argument("--strength", type=float, default=1.0, help="0 is gray, 2 twice as strong (default: 1.0)")
    p.add_argument("--seed", type=int, default=0, help="another seed has other ideas (default: 0)")
    p.add_argument("--n", type=int, default=1, help="variants of one picture, as a sheet (default: 1)")
    p.add_argument("--checkpoint", help="a colorizer (default: of those bundled, the one that suits the picture)")
    p.add_argument("--background", action="store_true", help="color the background too")
    p.add_argument("--out", type=Path, required=True, help="OUT.png, or a folder for several, each named as its source")
    p.set_defaults(run=colorize)


def colorize(args: argparse.Namespace) -> None:
    from .. import files, limits
    from ..colorize import engine
    from ..colorize import files as colorize_files
    from ..data import sheets

    if not 1 <= args.n <= limits.VARIANTS:
        raise StudioError(f"--n cannot be {args.n}: draw from 1 to {limits.VARIANTS} variants.")
    if not 1 <= args.tones <= 3:
        raise StudioError(f"--tones cannot be {args.tones}: a garment has from 1 to 3 colors.")
    if not 0 <= args.strength <= 2:
        raise StudioError(f"--strength cannot be {args.strength}: it goes from 0, gray, to 2, twice as strong.")
    check_seed(args.seed)
    if args.classic and (args.color or args.palette or args.reference):
        raise StudioError("--classic chooses the color itself: leave --colour, --palette and --reference out.")
    colors = colorize_files.colors(args.color, args.palette)
    colors += palette_of(args.reference) if args.reference else ()
    hints = tuple(map(colorize_files.hint, args.hint))
    spec = engine.ColorizeSpec(colors, hints, args.tones, args.label, args.seed, args.strength)
    targets = colorize_files.outs(args.images, args.out)
    gans = colorize_files.colorizers(args.checkpoint)
    for target in targets.values():
        files.check(target)
    failed: list[str] = []

    def written() -> "Iterator[colorize_files.Done]":
        for done in colorize_files.colored(gans, targets, spec, args.n, args.classic, not args.background):
            failed.extend([done.error] * bool(done.error))
            if done.image is not None:
                files.write(done.out, sheets.png(done.image, done.description))
            yield done

    progress(written(), lambda done: done.source.name, unit="picture")
    if failed:
        raise StudioError("\n".join(failed))
    where = args.out if len(targets) > 1 else next(iter(targets.values()))
    print(f"{len(targets)} picture{'s' * (len(targets) > 1)} in {where}", file=sys.stderr)


def palette_of(picture: Path) -> tuple[str, ...]:
    """The colors of a reference picture. They are printed to standard error, with a note if there is one."""
    from ..colorize import reference

    if not picture.is_file():
        raise StudioError(f"--reference cannot be {picture}: there is no such file.")
    taken = reference.palette(picture)
    print(" ".join(filter(None, [f"Colors: {', '.join(taken.colors)}.", taken.note])), file=sys.stderr)
    return taken.colors

"""The verb enlarge: gray garments of 28 x 28 pixels become 128 x 128, in color and cut out."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import StudioError
from .common import Parser, check_seed, progress
from .sample import check_out, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..gans.enlarger import Enlarger

GARMENTS = 40  # drawn from a checkpoint if --n does not say how many
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif", ".bmp")


class Done(NamedTuple):
    """The PNG files of one source, by name, or what is wrong with it; and the progress."""

    source: str
    pngs: list[tuple[str, bytes]]
    error: str
    step: int
    steps: int


def add_enlarge(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("enlarge", help="enlarge gray garments of 28 x 28 pixels to 128, in color and cut out")
    p.add_argument(
        "sources", nargs="+", metavar="SOURCE",
        help="pictures of 28 x 28 gray pixels, or checkpoints that draw such garments, such as studio",
    )  # fmt: skip
    p.add_argument("--n", type=int, help=f"variants of a picture (default: 1), garments of a GAN (default: {GARMENTS})")
    p.add_argument("--seed", type=int, default=0, help="another seed has other ideas (default: 0)")
    p.add_argument("--label", help="the garment's class, by name or number; for a checkpoint, the one to draw")
    p.add_argument(
        "--colour", "--color", dest="color", action="append", default=[],
        help='such as "#b03a2e" or teal; may be given several times, and each variant takes the next',
    )  # fmt: skip
    p.add_argument("--background", default="none", help='none (transparent), white or "#rrggbb" (default: none)')
    p.add_argument("--enlarger", metavar="CHECKPOINT", help="the net that enlarges (default: the bundled one)")
    p.add_argument(
        "--out", type=Path, required=True,
        help="a folder or x.zip with one PNG each, named as its source; or OUT.png for one picture",
    )  # fmt: skip
    p.set_defaults(run=enlarge)


def enlarge(args: argparse.Namespace) -> None:
    from .. import files
    from ..colorize import each as palettes
    from ..colorize import enlarge as engine
    from ..colorize import transparency

    check_seed(args.seed)
    check_out(args.out, (".zip", ".png"))
    ground = transparency.ground(args.background, 4, "enlarger")
    args.color = palettes.palette(",".join(args.color)) if args.color else ()
    gan = engine.load(args.enlarger)
    results: list[tuple[str, bytes]] = []
    failed: list[str] = []

    def enlarged() -> "Iterator[Done]":
        for done in each(gan, args, ground):
            failed.extend([f"{done.source}: {done.error}"] * bool(done.error))
            results.extend(done.pngs)
            yield done

    progress(enlarged(), lambda done: Path(done.source).name, unit="source")
    single = args.out.suffix.lower() == ".png" and not args.out.is_dir()
    if single and len(results) > 1:
        raise StudioError(f"--out cannot be {args.out}: for {len(results)} pictures it takes a folder or a .zip.")
    if single and results:
        files.write(args.out, results[0][1])
    elif results:
        write(args.out, iter(apart(results)))
    if results:
        print(f"{len(results)} picture{'s' * (len(results) > 1)} in {args.out}", file=sys.stderr)
    if failed:
        raise StudioError("\n".join(failed))


def each(gan: "Enlarger", args: argparse.Namespace, ground: tuple[int, int, int] | None) -> "Iterator[Done]":
    """Enlarge each source. One that is neither a fitting picture nor a fitting checkpoint is reported and skipped."""
    for step, source in enumerate(args.sources, 1):
        pngs: list[tuple[str, bytes]] = []
        error = ""
        try:
            of = of_picture if Path(source).suffix.lower() in PICTURES else of_checkpoint
            pngs = of(gan, source, args, ground)
        except StudioError as e:
            error = str(e)
        yield Done(source, pngs, error, step, len(args.sources))


def of_picture(
    gan: "Enlarger", source: str, args: argparse.Namespace, ground: tuple[int, int, int] | None
) -> list[tuple[str, bytes]]:
    """The variants of a picture file, the first named as the file."""
    from .. import limits
    from ..colorize import enlarge as engine

    n = 1 if args.n is None else args.n
    if not 1 <= n <= limits.VARIANTS:
        raise StudioError(f"The number of variants goes from 1 to {limits.VARIANTS}.")
    if not Path(source).is_file():
        raise StudioError("There is no such picture file.")
    variants = engine.variants(gan, engine.opened(Path(source)), args.label, args.seed, args.color, n)
    name = args.enlarger or engine.NAME
    return [
        (
            f"{Path(source).stem}{f'-{i + 1}' if i else ''}.png",
            engine.png(image, engine.description(name, args.label, args.seed, args.color, i), ground),
        )
        for i, image in enumerate(variants)
    ]


def of_checkpoint(
    gan: "Enlarger", source: str, args: argparse.Namespace, ground: tuple[int, int, int] | None
) -> list[tuple[str, bytes]]:
    """Garments of a generator, named by seed, class and number."""
    from .. import checkpoint
    from ..colorize import enlarge as engine
    from ..data import sheets
    from ..latent import singles, spec
    from .common import check_pictures

    n = GARMENTS if args.n is None else args.n
    check_pictures(n)
    generator = checkpoint.load(source)
    engine.check_source(generator)
    name = args.enlarger or engine.NAME
    sample = spec.SampleSpec(source, n, args.seed, args.label, palette=args.color, enlarger=name)
    z, c = spec.origins(generator, sample)
    images = spec.picture(generator, sample)
    rgba = engine.of_generator(gan, generator, images, z, c, spec.colors(generator, sample))
    pictures = sheets.on_ground(rgba.permute(0, 3, 1, 2), ground)
    return list(singles.pngs(pictures, singles.apart(generator, sample)))


def apart(pngs: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The files under different names: a number tells those of one name apart."""
    names: dict[str, int] = {}
    results = []
    for name, data in pngs:
        names[name] = names.get(name, 0) + 1
        again = names[name]
        results.append((name if again == 1 else f"{Path(name).stem}-again-{again}.png", data))
    return results

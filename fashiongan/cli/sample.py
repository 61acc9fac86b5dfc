"""The verb sample: draw garments into a sheet, an NPZ file, or single pictures in a folder or ZIP file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudioError
from .common import Parser, check_pictures, check_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHEETS = {".png": 2**31 - 1, ".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # pixels a side that a format takes


def add_sample(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("sample", help="draw garments into a sheet, an NPZ file, or single pictures")
    p.add_argument("checkpoint", help="a file, a run folder, or a bundled name such as dcgan")
    p.add_argument("--n", type=int, default=64, help="how many (default: 64)")
    p.add_argument("--seed", type=int, default=0, help="another seed draws other garments (default: 0)")
    p.add_argument("--label", help="one class, by number or name; by default all in turn")
    p.add_argument(
        "--truncation", type=float, default=1.0, help="below 1 more typical, above 1 more varied (default: 1.0)"
    )
    p.add_argument(
        "--colors",
        "--colours",
        help='garments in these colors: a palette such as "Jewel", or colors such as "#b03a2e,teal"',
    )
    p.add_argument(
        "--background",
        help='of garments with alpha: none (transparent), white or "#rrggbb" (default: sheets white, the others none)',
    )
    p.add_argument(
        "--out",
        type=Path,
        required=True,
        help="a sheet: grid.png, .jpg or .webp; samples.npz with images (N, H, W, C) and labels (N,); or a folder or "
        "x.zip with one PNG each, named by seed, class and number",
    )
    p.set_defaults(run=sample)


def sample(args: argparse.Namespace) -> None:
    import io

    import numpy as np
    import torch

    from .. import checkpoint, files
    from ..colorize import each, engine, transparency
    from ..data import sheets
    from ..gans import sampling
    from ..latent import singles, spec

    ending = check_out(args.out, (*SHEETS, ".zip", ".npz"))
    check_pictures(args.n)
    check_seed(args.seed)
    if not 0 <= args.truncation <= 10:
        raise StudioError(f"--truncation cannot be {args.truncation}: it takes a number from 0 to 10.")
    palette = () if args.colors is None else each.palette(args.colors)
    gan = checkpoint.load(args.checkpoint)
    description = spec.SampleSpec(args.checkpoint, args.n, args.seed, args.label, args.truncation, palette=palette)
    images = spec.picture(gan, description)
    if palette and not spec.searchable(gan):
        images = each.colored(engine.colorizer(checkpoint.load(each.NAME)), images, spec.colors(gan, description))
    ground = None if ending not in SHEETS else sheets.WHITE
    if args.background is not None:
        ground = transparency.ground(args.background, images.shape[1], args.checkpoint)
        if ground is None and ending in (".jpg", ".jpeg"):
            raise StudioError(f"A {ending} has no alpha: write a .png or .webp, or choose another --background.")
    images = sheets.on_ground(images, ground)
    if ending == ".npz":
        data = io.BytesIO()
        labels = sampling.chosen(gan, args.n, args.label) if gan.conditional else torch.full((args.n,), -1)
        names = np.array(gan.recipe.labels, dtype=np.str_)
        np.savez_compressed(data, images=images.permute(0, 2, 3, 1).numpy(), labels=labels.numpy(), names=names)
        files.write(args.out, data.getvalue())
    elif ending in SHEETS:
        sheet = sheets.sheet(images, spec.columns(gan, description), ground=ground)
        if max(sheet.size) > SHEETS[ending]:
            raise StudioError(f"A sheet of {args.n} pictures is too large for {ending}: draw fewer, or into a folder.")
        files.write(args.out, sheets.packed(sheet, ending, description.to_json()))
    else:
        write(args.out, singles.pngs(images, singles.apart(gan, description)))
    print(f"{args.n} pictures in {args.out}", file=sys.stderr)


def check_out(out: Path, endings: "Sequence[str]") -> str:
    """The ending of --out in small letters, "" for a folder; StudioError for one that is not among the endings."""
    ending = "" if out.is_dir() else out.suffix.lower()
    if ending not in ("", *endings):
        listed = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise StudioError(f"--out cannot be {out}: its name must end in {listed}, or be that of a folder.")
    return ending


def write(out: Path, pictures: "Iterator[tuple[str, bytes]]") -> None:
    """Write pictures, by name, into a ZIP file if `out` ends in .zip and is no folder, else into a folder."""
    import io
    import zipfile

    from .. import files

    if out.is_dir() or out.suffix.lower() != ".zip":
        for name, data in pictures:
            files.write(out / name, data, durable=False)
        return
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in pictures:
            archive.writestr(zipfile.ZipInfo(name), data)
    files.write(out, packed.getvalue())

"""The verb evaluate: score a generator's pictures beside real ones."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

from ..errors import StudioError, quoted
from .common import Parser, check_pictures, check_seed, progress


def add_evaluate(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("evaluate", help="score a generator's pictures beside real ones")
    p.add_argument("checkpoint", help="a file, a run folder, a bundled name, samples.npz, or a folder of pictures")
    p.add_argument("--n", type=int, default=None, help="how many pictures to draw (default: 10000, in color 2000)")
    p.add_argument("--data", default=None, help="a folder of real pictures to compare with, if it is in color or yours")
    p.add_argument("--fit", default=None, help="how pictures become squares: fill, fit, garment or cutout")
    p.add_argument("--seed", type=int, default=0, help="of the drawing (default: 0)")
    p.add_argument("--gan-train", action="store_true", help="also fit a classifier on the samples alone (minutes)")
    p.add_argument("--inception", action="store_true", help="also true FID, KID and IS, through torch-fidelity")
    p.add_argument("--reference", default="dcgan", help="the checkpoint whose nets are of size 1 (default: dcgan)")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    p.set_defaults(run=evaluate)


def evaluate(args: argparse.Namespace) -> None:
    import json

    from ..evaluation import evaluate as evaluation
    from ..evaluation import report as reports
    from ..evaluation import sources
    from ..gans.recipe import FITS
    from ..training.trainer import pick_device

    if args.n is not None:
        check_pictures(args.n)
    check_seed(args.seed)
    if args.fit not in (None, *FITS):
        raise StudioError(f"--fit cannot be {quoted(args.fit)}: it takes one of {', '.join(FITS)}.")
    samples = sources.draw(args.checkpoint, args.n, args.seed, args.fit)
    report = reports.Report()

    def kept() -> "Iterator[reports.Step]":
        places = {"data": args.data, "fit": args.fit}
        options = {"gan_train": args.gan_train, "inception": args.inception, "reference": args.reference}
        nonlocal report
        for step in evaluation.evaluate(samples, args.data_root, **options, **places, device=pick_device(args.device)):
            report = step.report or report
            yield step

    progress(kept(), lambda step: step.doing, unit="piece")
    print(json.dumps(report.to_json()) if args.json else reports.summary(report))

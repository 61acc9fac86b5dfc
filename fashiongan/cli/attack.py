"""The verb attack: measure a classifier's accuracy against the strength of an attack."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

from .common import Parser, check_seed, progress


def add_attack(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("attack", help="how a classifier's accuracy falls as noise grows")
    p.add_argument("classifier", help="a file, or a bundled name such as cnn")
    p.add_argument("--attack", default="fgsm", help="noise, fgsm, pgd, pgd-5, pgd-l2 or ensemble (default: fgsm)")
    p.add_argument(
        "--eps",
        default="0,0.025,0.05,0.1",
        help="noise strengths, where 1 is from black to white; 8/255 is understood (default: 0,0.025,0.05,0.1)",
    )
    p.add_argument("--mask", default="garment", help="garment: only its own pixels change; none: all do")
    p.add_argument("--target", help="a class, by number or name, that the others shall be taken for")
    p.add_argument("--limit", type=int, help="only the first so many of the 10000 test pictures")
    p.add_argument(
        "--generated", metavar="CHECKPOINT", help="attack 1000, or --limit, garments that a GAN draws instead"
    )
    p.add_argument("--seed", type=int, default=0, help="of the attack's rng and of what is generated (default: 0)")
    p.add_argument("--out", type=Path, help="also write the curve to this CSV file")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    p.set_defaults(run=attack)


def attack(args: argparse.Namespace) -> None:
    import json

    from .. import checkpoint, classifiers, files, limits
    from ..evaluation import robustness
    from ..plain import plain
    from ..training.trainer import pick_device

    if args.limit is not None and not 1 <= args.limit <= limits.DRAWN_PICTURES:
        raise StudioError(f"--limit cannot be {args.limit}: it takes a whole number from 1.")
    check_seed(args.seed)
    strengths, device = robustness.epsilons(args.eps, [args.attack]), pick_device(args.device)
    nets = {args.classifier: classifiers.load(args.classifier, device)}
    if args.out is not None:
        files.check(args.out)
    garments = robustness.garments(args.generated, args.limit, args.seed, args.data_root)
    points: list[robustness.Point] = []

    def collected() -> "Iterator[robustness.Point]":
        options = {"target": args.target, "seed": args.seed}
        for point in robustness.curve(nets, garments, [args.attack], strengths, [args.mask], **options):
            points.extend([point] * point.whole)
            yield point

    progress(collected(), lambda p: f"eps {p.eps:.3g}: {100 * p.accuracy:.1f} %", unit="batch")
    if args.out is not None:
        files.write(args.out, robustness.table(points).encode())
    used = checkpoint.device_name(next(nets[args.classifier].parameters()).device)
    report = robustness.report(points, garments.source, args.target, args.seed, used)
    print(json.dumps(plain(report)) if args.json else robustness.summary(points))

"""The verb space: make a Space of this repository, or bring it up to date."""

import argparse
import os
import sys

from ..errors import StudioError
from .common import Parser


def add_space(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("space", help="make a Hugging Face Space of this repository, or bring it up to date")
    p.add_argument("repo", help="user/name")
    p.add_argument("--hardware", help="such as cpu-basic or t4-small (default: as the Hub decides, or as it is)")
    p.add_argument("--private", action="store_true", help="only you can open it, if it is a new one")
    p.add_argument(
        "--variable", action="append", default=[], metavar="NAME=VALUE", help="such as FASHIONGAN_PUBLIC=visitors"
    )
    p.add_argument(
        "--secret", action="append", default=[], metavar="NAME",
        help="such as HF_TOKEN; its value is taken from the variable of that name here",
    )  # fmt: skip
    p.add_argument("--dry-run", action="store_true", help="print what would be done, and ask nobody")
    p.set_defaults(run=space)


def space(args: argparse.Namespace) -> None:
    from ..hub import space as spaces

    pairs = [text.partition("=") for text in args.variable]
    bad = [text for text, (name, equals, _) in zip(args.variable, pairs, strict=True) if not (name and equals)]
    if bad:
        raise StudioError(f"--variable takes NAME=VALUE, not {bad[0]!r}.")
    missing = [name for name in args.secret if not os.environ.get(name)]
    if missing:
        raise StudioError(f"--secret {missing[0]} takes its value from the variable {missing[0]}, which is not set.")
    secrets = {name: os.environ[name] for name in args.secret}
    chosen = spaces.Space(args.repo, args.hardware, args.private, {n: v for n, _, v in pairs}, secrets)
    files = spaces.tracked()
    size = sum((spaces.ROOT / path).stat().st_size for path in files) / 1e6
    for title, value in (
        ("Space", chosen.repo + (", private" if chosen.private else "")),
        ("hardware", chosen.hardware or "as the Hub decides"),
        ("variables", ", ".join(f"{n}={v}" for n, v in chosen.variables.items()) or "none"),
        ("secrets", ", ".join(chosen.secrets) or "none"),
        ("files", f"{len(files)} of {size:.0f} MB, without their history"),
    ):
        print(f"{title}: {value}", file=sys.stderr)
    if args.dry_run:
        print("Nothing was sent.", file=sys.stderr)
    else:
        print(spaces.publish(chosen), file=sys.stderr)

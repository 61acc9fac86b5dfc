"""The verbs push and pull: upload checkpoints to the Hugging Face Hub, and download them."""

import argparse
import sys
from pathlib import Path

from ..errors import StudioError
from .common import Parser


def add_hub(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("push", help="send a checkpoint to the Hugging Face Hub, with a card")
    p.add_argument("checkpoint", help="a file, a run folder, or a bundled name")
    p.add_argument("--repo", required=True, help="user/name; it is made if it is not there")
    p.set_defaults(run=push)
    p = verbs.add_parser("pull", help="fetch a checkpoint from the Hugging Face Hub into the studio's list")
    p.add_argument("place", help="user/name[/file.safetensors][@revision]")
    p.add_argument("--out", type=Path, default=None, help="its folder (default: runs/USER--NAME)")
    p.set_defaults(run=pull)


def push(args: argparse.Namespace) -> None:
    from .. import hub
    from ..release import model_card

    files = model_card.files(args.checkpoint, args.repo)
    address = hub.send(args.repo, files, f"Add {next(iter(files))}")
    print(f"{', '.join(files)}: {address}", file=sys.stderr)


def pull(args: argparse.Namespace) -> None:
    from .. import checkpoint, files, hub

    place = hub.parse(args.place)
    path = hub.fetch(place)
    checkpoint.load(path)  # so that only valid checkpoints are listed
    folder = args.out or Path("runs", place.repo.replace("/", "--"))
    if (folder / "recipe.json").exists():
        raise StudioError(f"{folder} holds a run of your own: choose another --out.")
    files.write(folder / "checkpoint.safetensors", path.read_bytes())
    print(f"{place}: {folder / 'checkpoint.safetensors'}", file=sys.stderr)

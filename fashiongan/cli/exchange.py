"""The verbs import and export: checkpoints from other programs and for them."""

import argparse
import sys
from pathlib import Path

from .common import Parser


def add_exchange(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("import", help="make a checkpoint of a DCGAN's generator that PyTorch saved")
    p.add_argument(
        "file", type=Path, help="its state dict: netG.pth, as PyTorch's own DCGAN example writes, or safetensors"
    )
    p.add_argument("--gan", required=True, choices=["dcgan"], help="what it is")
    p.add_argument("--out", type=Path, default=None, help="the checkpoint (default: FILE.safetensors, here)")
    p.add_argument("--classes", default="", help="names of the classes that it learned, separated by commas")
    p.set_defaults(run=take)
    p = verbs.add_parser("export", help="write a generator as ONNX, for a web page or another program")
    p.add_argument("checkpoint", help="a file, a run folder, or a bundled name")
    p.add_argument("--out", type=Path, required=True, help="g.onnx")
    p.set_defaults(run=export)


def take(args: argparse.Namespace) -> None:
    from ..release import import_dcgan

    out = args.out or Path(f"{args.file.stem}.safetensors")
    recipe = import_dcgan.take(args.file, out, args.gan, args.classes)
    sizes = f"{recipe.size} x {recipe.size}, {recipe.channels} channel{'s' * (recipe.channels > 1)}"
    print(f"{out}: {recipe.gan}, {sizes}, width {recipe.width}, z_dim {recipe.z_dim}", file=sys.stderr)


def export(args: argparse.Namespace) -> None:
    from ..release import export_onnx

    for line in export_onnx.export(args.checkpoint, args.out):
        print(line, file=sys.stderr)

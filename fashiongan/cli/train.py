"""The script train.py: start a training run, or resume one."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudioError

if TYPE_CHECKING:
    from ..gans.recipe import Recipe
    from ..training.trainer import Trainer
from .common import Parser, add_knobs, answer, describe_tick, progress, unused

ALONE = (
    "--resume takes its recipe from the run: beside it only --epochs, --steps, --data (where the same "
    "pictures are now), --device, --data-root and --compile."
)


def train(argv: Sequence[str]) -> int:
    """Run train.py with these arguments; returns the exit code."""
    return answer(lambda: _train(list(argv)))


def _train(argv: list[str]) -> None:
    from .. import gans
    from ..gans.recipe import Recipe, knobs

    first = Parser(prog="train.py", add_help=False)
    first.add_argument("--list", action="store_true")
    first.add_argument("--from", "--start-from", dest="start_from", default="")
    options, words = first.parse_known_args(argv)
    if options.list:
        for name, cls in gans.GANS.items():
            print(f"{name:<10} {cls.year}  {cls.paper:<36} {cls.title}")
        return

    # Each GAN has its own flags, so find its name before parsing them.
    named = next((w for w in words if w in gans.GANS), None)
    if named is None and options.start_from and not {"-h", "--help", "--resume"} & set(words):
        named = gan_of(options.start_from)
    recipe_class = gans.find(named).recipe_type if named else Recipe
    args = vars(train_parser(recipe_class).parse_args(argv))
    gan, out, device, root = args.pop("gan"), args.pop("out"), args.pop("device"), args.pop("data_root")
    compiled = args.pop("compile")
    resumed = args.pop("resume", None)
    if resumed is None and gan is None and not args.get("start_from"):
        raise StudioError("Name a GAN to train: " + ", ".join(gans.GANS) + ".")

    import torch

    from ..training import run_folder, transfer
    from ..training.distributed import join
    from ..training.graphs import check_compiler
    from ..training.trainer import pick_device

    group, device = join(pick_device(device))
    if compiled:
        check_compiler(torch.device(device))
    if resumed is not None:
        if gan or out or set(args) - {"epochs", "steps", "data"}:
            raise StudioError(ALONE)
        out = Path(resumed)
        beside = {k.name: k.check(args[k.name]) for k in knobs(Recipe).values() if k.name in args}
        trainer = run_folder.resume(out, device, root, group=group, **beside)
    else:
        start = args.pop("start_from", "")
        recipe = transfer.recipe(start, gan, **args) if start else gans.new_recipe(gan, **args)
        out = out or unused(Path("runs", f"{recipe.gan}-{time.strftime('%Y%m%d-%H%M%S')}"))
        trainer = run_folder.start(recipe, out, device, root, group=group)
    if compiled:
        trainer.gan.G.compile()
    watch(trainer, out)
    group.leave()


def train_parser(recipe_class: "type[Recipe]") -> Parser:
    """What train.py takes: its own flags, and a flag for each setting of the recipe. Absent settings are left out."""
    from .. import gans

    parser = Parser(
        prog="train.py",
        description="Train a GAN on garments. Ctrl-C stops and saves; --resume goes on.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("gan", nargs="?", help="which GAN: " + ", ".join(gans.GANS), default=None)
    parser.add_argument("--list", action="store_true", help="list every GAN with its year, paper and idea")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on exactly where the run in this folder stopped; with --epochs or --steps, further than first "
        "planned; with --data, if the same pictures lie elsewhere now",
    )
    parser.add_argument("--out", type=Path, default=None, help="the run's folder (default: runs/GAN-date-time)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    parser.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    parser.add_argument(
        "--compile",
        action="store_true",
        default=False,
        help="compile the generator first (a minute, needs a C++ compiler): on a CPU large ones train sooner",
    )
    add_knobs(parser, recipe_class)
    return parser


def gan_of(name: str) -> str:
    """The GAN that a checkpoint holds."""
    from .. import checkpoint

    return checkpoint.load(name).recipe.gan


def watch(trainer: "Trainer", out: Path) -> None:
    """Run a trainer with a progress bar. In distributed training, only rank 0 shows it."""
    from .. import checkpoint
    from ..training import run_folder

    if trainer.group.rank:
        for _ in run_folder.train(trainer, out):
            pass
        return

    print(
        f"{run_folder.command(trainer.recipe)}\n{len(trainer.data)} pictures from {trainer.data.source}, "
        f"{checkpoint.device_name(trainer.device)}, into {out}",
        file=sys.stderr,
    )
    for remark in (*trainer.data.remarks, *filter(None, [trainer.recipe.start_note])):
        print(remark, file=sys.stderr)
    progress(run_folder.train(trainer, out), describe_tick)
    print(f"Done: {out / 'checkpoint.safetensors'}, {out / 'training.gif'}", file=sys.stderr)

"""The command line: recipes as flags, progress on standard error, one sentence and exit code 2 for bad input."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .trainer import Tick, Trainer


class Parser(argparse.ArgumentParser):
    """argparse that answers a mistake with one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def answer(work: Callable[[], None]) -> int:
    """Run a command: 0, or 2 after one sentence on standard error, or 130 when interrupted."""
    try:
        work()
    except StudioError as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


def train(argv: Sequence[str]) -> int:
    """train.py: start or resume a run."""
    return answer(lambda: _train(list(argv)))


def _train(argv: list[str]) -> None:
    from . import gans
    from .recipe import Recipe, knobs

    first = Parser(prog="train.py", add_help=False)
    first.add_argument("--list", action="store_true")
    known, words = first.parse_known_args(argv)
    if known.list:
        for name, cls in gans.GANS.items():
            print(f"{name:<10} {cls.year}  {cls.paper:<36} {cls.title}")
        return

    # The GAN decides which flags there are, so look for its name before reading them.
    named = next((w for w in words if w in gans.GANS), None)
    recipe_class = gans.find(named).recipe_type if named else Recipe
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
        help="go on exactly where the run in this folder stopped; with --epochs or --steps, further than first planned",
    )
    parser.add_argument("--out", type=Path, default=None, help="the run's folder (default: runs/GAN-date-time)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
    parser.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    for k in knobs(recipe_class).values():
        default = "" if k.default in (None, "") else f" (default: {k.default})"
        allowed = f" [{k.allowed()}]" if k.choices or k.lo is not None else ""
        parser.add_argument(
            f"--{k.name.replace('_', '-')}",
            f"--{k.name}",
            dest=k.name,
            metavar=k.kind.__name__.upper(),
            help=(k.text + allowed + default).replace("%", "%%"),
        )
    args = vars(parser.parse_args(argv))
    gan, out, device, root = args.pop("gan"), args.pop("out"), args.pop("device"), args.pop("data_root")
    resumed = args.pop("resume", None)
    if resumed is None and gan is None:
        raise StudioError("Name a GAN to train: " + ", ".join(gans.GANS) + ".")

    from . import runs
    from .trainer import pick_device

    device = pick_device(device)
    if resumed is not None:
        if gan or out or set(args) - {"epochs", "steps"}:
            raise StudioError(
                "--resume takes its recipe from the run: beside it only --epochs, --steps, --device and --data-root."
            )
        out = Path(resumed)
        longer = {k.name: k.check(args[k.name]) for k in knobs(Recipe).values() if k.name in args}
        trainer = runs.resume(out, device, root, **longer)
    else:
        recipe = gans.recipe(gan, **args)
        out = out or Path("runs", f"{gan}-{time.strftime('%Y%m%d-%H%M%S')}")
        trainer = runs.start(recipe, out, device, root)
    watch(trainer, out)


def watch(trainer: "Trainer", out: Path) -> None:
    """Run a trainer with a progress bar."""
    from . import runs

    print(
        f"{runs.command(trainer.recipe)}\n{len(trainer.data)} pictures from {trainer.data.source}, "
        f"{runs.device_name(trainer.device)}, into {out}",
        file=sys.stderr,
    )
    progress(runs.train(trainer, out))
    print(f"Done: {out / 'checkpoint.safetensors'}, {out / 'training.gif'}", file=sys.stderr)


def progress(news: "Iterator[Tick]") -> None:
    """A bar round a run's ticks. However it ends, the iterator is closed, which saves.

    Ctrl-C takes effect at the next tick, since an update cut in two could not be saved; a second one, at once.
    """
    from tqdm import tqdm

    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        with closing(news), tqdm(unit="step", dynamic_ncols=True) as bar:  # type: ignore[type-var]
            for tick in news:
                if bar.total is None:
                    bar.reset(tick.steps)
                    bar.initial = tick.step
                losses = f"d {tick.losses['d_loss']:.3f}  g {tick.losses['g_loss']:.3f}"
                speed = f"{tick.images_per_second:.0f} pictures/s"
                bar.set_postfix_str(f"epoch {tick.epoch:.1f}  {losses}  {speed}", refresh=False)
                bar.update(tick.step - bar.n)
                if asked:
                    break
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt


def main(argv: Sequence[str]) -> int:
    """python -m fashiongan: the verbs beside training."""
    parser = Parser(prog="python -m fashiongan", description="Work with trained checkpoints.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    add_sample(verbs)
    add_bundle(verbs)
    args = parser.parse_args(argv)
    return answer(lambda: args.run(args))


def add_sample(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("sample", help="draw garments into a PNG sheet or an NPZ file")
    p.add_argument("checkpoint", help="a file, a run folder, or a bundled name such as dcgan")
    p.add_argument("--n", type=int, default=64, help="how many (default: 64)")
    p.add_argument("--seed", type=int, default=0, help="another seed draws other garments (default: 0)")
    p.add_argument("--label", help="one class, by number or name; by default all in turn")
    p.add_argument(
        "--truncation", type=float, default=1.0, help="below 1 more typical, above 1 more varied (default: 1.0)"
    )
    p.add_argument(
        "--out", type=Path, required=True, help="grid.png, or samples.npz with images (N, H, W, C) and labels (N,)"
    )
    p.set_defaults(run=sample)


def sample(args: argparse.Namespace) -> None:
    import io

    import numpy as np

    from . import atomic, checkpoint, latent, pictures

    if args.out.suffix.lower() not in (".png", ".npz"):
        raise StudioError(f"--out cannot be {args.out}: its name must end in .png or .npz.")
    if not 1 <= args.n <= 1_000_000:
        raise StudioError(f"--n cannot be {args.n}: draw from 1 to 1000000 pictures.")
    if not 0 <= args.seed < 2**63:
        raise StudioError(f"--seed cannot be {args.seed}: it takes a whole number from 0.")
    if not 0 <= args.truncation <= 10:
        raise StudioError(f"--truncation cannot be {args.truncation}: it takes a number from 0 to 10.")
    gan = checkpoint.load(args.checkpoint)
    images = gan.sample_images(args.n, args.seed, args.label, args.truncation)
    if args.out.suffix.lower() == ".npz":
        data = io.BytesIO()
        labels = latent.classes(gan, args.n, args.label)
        np.savez_compressed(data, images=images.permute(0, 2, 3, 1).numpy(), labels=labels.numpy())
        atomic.write(args.out, data.getvalue())
    else:
        look = latent.Look(args.checkpoint, args.n, args.seed, args.label, args.truncation)
        columns = latent.columns(gan, args.n, args.label)
        atomic.write(args.out, pictures.png(pictures.sheet(images, columns), look.to_json()))
    print(f"{args.n} pictures in {args.out}", file=sys.stderr)


def add_bundle(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("bundle", help="train the checkpoints that come with the studio, each from where it stopped")
    p.add_argument("names", nargs="*", help="which (default: all)")
    p.add_argument("--runs", type=Path, default=Path("runs", "bundled"), help="where their run folders are kept")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.set_defaults(run=bundle)


def bundle(args: argparse.Namespace) -> None:
    from . import bundle as bundles
    from .trainer import pick_device

    for name in args.names or bundles.BUNDLED:
        print(name, file=sys.stderr)
        progress(bundles.train(name, args.runs, pick_device(args.device)))

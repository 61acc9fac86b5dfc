"""The command line: recipes as flags, progress on standard error, one sentence and exit code 2 for bad input."""

import argparse
import itertools
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

from .errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .classifiers import Fitted
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
    add_knobs(parser, recipe_class)
    args = vars(parser.parse_args(argv))
    gan, out, device, root = args.pop("gan"), args.pop("out"), args.pop("device"), args.pop("data_root")
    resumed = args.pop("resume", None)
    if resumed is None and gan is None:
        raise StudioError("Name a GAN to train: " + ", ".join(gans.GANS) + ".")

    from . import runs
    from .team import join
    from .trainer import pick_device

    team, device = join(pick_device(device))
    if resumed is not None:
        if gan or out or set(args) - {"epochs", "steps"}:
            raise StudioError(
                "--resume takes its recipe from the run: beside it only --epochs, --steps, --device and --data-root."
            )
        out = Path(resumed)
        longer = {k.name: k.check(args[k.name]) for k in knobs(Recipe).values() if k.name in args}
        trainer = runs.resume(out, device, root, team=team, **longer)
    else:
        recipe = gans.recipe(gan, **args)
        out = out or unused(Path("runs", f"{gan}-{time.strftime('%Y%m%d-%H%M%S')}"))
        trainer = runs.start(recipe, out, device, root, team=team)
    watch(trainer, out)
    team.leave()


def add_knobs(parser: argparse.ArgumentParser, recipe_class: type) -> None:
    """A flag for every knob of a recipe class."""
    from .recipe import knobs

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


def watch(trainer: "Trainer", out: Path) -> None:
    """Run a trainer with a progress bar; of a team, only the first shows one."""
    from . import checkpoint, runs

    if trainer.team.rank:
        for _ in runs.train(trainer, out):
            pass
        return

    print(
        f"{runs.command(trainer.recipe)}\n{len(trainer.data)} pictures from {trainer.data.source}, "
        f"{checkpoint.device_name(trainer.device)}, into {out}",
        file=sys.stderr,
    )
    for remark in trainer.data.remarks:
        print(remark, file=sys.stderr)
    progress(runs.train(trainer, out), told)
    print(f"Done: {out / 'checkpoint.safetensors'}, {out / 'training.gif'}", file=sys.stderr)


def told(tick: "Tick") -> str:
    """A training run's news in a few words."""
    losses = f"d {tick.losses['d_loss']:.3f}  g {tick.losses['g_loss']:.3f}"
    return f"epoch {tick.epoch:.1f}  {losses}  {tick.images_per_second:.0f} pictures/s"


class News(Protocol):
    """What every long piece of work yields: how far it is, and of how much."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...


N = TypeVar("N", bound=News)


def unused(path: Path) -> Path:
    """The path, or, where two begin within a second, one with a number."""
    numbered = (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))
    return next(p for p in itertools.chain([path], numbered) if not p.exists())


def progress(news: "Iterator[N]", describe: Callable[[N], str], unit: str = "step") -> None:
    """A bar round long work. However it ends, the iterator is closed, which saves.

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
        with closing(news), tqdm(unit=unit, dynamic_ncols=True) as bar:  # type: ignore[type-var]
            for tick in news:
                if bar.total is None:
                    bar.reset(tick.steps)
                    bar.initial = tick.step
                bar.set_postfix_str(describe(tick), refresh=False)
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
    add_evaluate(verbs)
    add_fit(verbs, argv)
    add_attack(verbs)
    add_colorize(verbs)
    add_check(verbs)
    add_hub(verbs)
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
    import torch

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
    look = latent.Look(args.checkpoint, args.n, args.seed, args.label, args.truncation)
    images = latent.picture(gan, look)
    if args.out.suffix.lower() == ".npz":
        data = io.BytesIO()
        labels = latent.chosen(gan, args.n, args.label) if gan.conditional else torch.full((args.n,), -1)
        np.savez_compressed(data, images=images.permute(0, 2, 3, 1).numpy(), labels=labels.numpy())
        atomic.write(args.out, data.getvalue())
    else:
        sheet = pictures.sheet(images, latent.columns(gan, look))
        atomic.write(args.out, pictures.png(sheet, look.to_json()))
    print(f"{args.n} pictures in {args.out}", file=sys.stderr)


def add_evaluate(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("evaluate", help="judge a generator's pictures beside real ones")
    p.add_argument("checkpoint", help="a file, a run folder, a bundled name, samples.npz, or a folder of pictures")
    p.add_argument("--n", type=int, default=10_000, help="how many pictures to draw (default: 10000)")
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

    from . import evaluate as jury
    from .trainer import pick_device

    if not 1 <= args.n <= 1_000_000:
        raise StudioError(f"--n cannot be {args.n}: draw from 1 to 1000000 pictures.")
    if not 0 <= args.seed < 2**63:
        raise StudioError(f"--seed cannot be {args.seed}: it takes a whole number from 0.")
    samples = jury.draw(args.checkpoint, args.n, args.seed)
    report: dict[str, object] = {}

    def kept() -> "Iterator[jury.Step]":
        asked = {"gan_train": args.gan_train, "inception": args.inception, "reference": args.reference}
        for step in jury.evaluate(samples, args.data_root, **asked, device=pick_device(args.device)):
            report.update(step.report or {})
            yield step

    progress(kept(), lambda step: step.doing, unit="piece")
    print(json.dumps(report) if args.json else jury.told(report))


def add_fit(verbs: "argparse._SubParsersAction[Parser]", argv: Sequence[str]) -> None:
    p = verbs.add_parser("fit", help="train a classifier of garments", argument_default=argparse.SUPPRESS)
    p.set_defaults(run=fit)
    if "fit" not in argv:  # the other verbs need not wait for torch to list these flags
        return

    from .classifiers import CLASSIFIERS, Recipe

    before = zip(["", *argv], argv, strict=False)
    named = next((w for flag, w in before if w in CLASSIFIERS and not flag.startswith("-")), None)
    p.add_argument("classifier", help="; ".join(f"{name}: {c.title}" for name, c in CLASSIFIERS.items()))
    p.add_argument("--out", type=Path, default=None, help="its file (default: runs/classifiers/NAME.safetensors)")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    add_knobs(p, CLASSIFIERS[named].recipe_type if named else Recipe)


def fit(args: argparse.Namespace) -> None:
    from . import classifiers
    from .recipe import knobs
    from .trainer import pick_device

    chosen = {k: v for k, v in vars(args).items() if k in knobs(classifiers.Recipe)}
    recipe = classifiers.recipe(args.classifier, **chosen)
    out = args.out or Path("runs", "classifiers", f"{args.classifier}.safetensors")
    progress(classifiers.fit(recipe, out, pick_device(args.device), args.data_root), fitted)
    info = classifiers.info(out)
    print(f"{100 * info['accuracy']:.2f} % of {info['tested']} test pictures named right: {out}", file=sys.stderr)


def fitted(news: "Fitted") -> str:
    """A fit's news in a few words."""
    held = f"  held out {100 * news.held_out:.2f} %" if news.held_out is not None else ""
    held += f", attacked {100 * news.attacked:.2f} %" if news.attacked is not None else ""
    return f"epoch {news.epoch:.1f}  loss {news.loss:.3f}{held}  {news.images_per_second:.0f} pictures/s"


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
    p.add_argument("--seed", type=int, default=0, help="of the attack's chance and of what is generated (default: 0)")
    p.add_argument("--out", type=Path, help="also write the curve to this CSV file")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    p.set_defaults(run=attack)


def attack(args: argparse.Namespace) -> None:
    import json

    from . import atomic, checkpoint, classifiers, robustness
    from .trainer import pick_device

    if args.limit is not None and not 1 <= args.limit <= 1_000_000:
        raise StudioError(f"--limit cannot be {args.limit}: it takes a whole number from 1.")
    if not 0 <= args.seed < 2**63:
        raise StudioError(f"--seed cannot be {args.seed}: it takes a whole number from 0.")
    strengths, device = robustness.epsilons(args.eps), pick_device(args.device)
    nets = {args.classifier: classifiers.load(args.classifier, device)}
    if args.out is not None:
        atomic.check(args.out)
    garments = robustness.garments(args.generated, args.limit, args.seed, args.data_root)
    points: list[robustness.Point] = []

    def kept() -> "Iterator[robustness.Point]":
        chance = {"target": args.target, "seed": args.seed}
        for point in robustness.curve(nets, garments, [args.attack], strengths, [args.mask], **chance):
            points.extend([point] * point.whole)
            yield point

    progress(kept(), lambda p: f"eps {p.eps:.3g}: {100 * p.accuracy:.1f} %", unit="batch")
    if args.out is not None:
        atomic.write(args.out, robustness.table(points).encode())
    report = robustness.report(points, garments.source, args.target)
    report |= {"seed": args.seed, "device": checkpoint.device_name(next(nets[args.classifier].parameters()).device)}
    print(json.dumps(report) if args.json else robustness.told(points))


def add_colorize(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("colorize", help="give gray garments colours; their lightness stays as it is")
    p.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG, WebP, GIF or BMP of any size")
    p.add_argument(
        "--colour", action="append", default=[], help='such as "#b03a2e" or teal; may be given several times'
    )
    p.add_argument("--palette", help="one of the page's, such as Okabe-Ito; each variant takes the next colour")
    p.add_argument("--classic", action="store_true", help="report 001's colour for the garment's class")
    p.add_argument("--label", help="its class, by number or name, where that is known")
    p.add_argument(
        "--hint", action="append", default=[], metavar='"X,Y,COLOUR"',
        help="a colour at a place, from the left and from the top, 0 to 1; may be given several times",
    )  # fmt: skip
    p.add_argument("--tones", type=int, default=1, help="colours on one garment, 1 to 3 (default: 1)")
    p.add_argument("--strength", type=float, default=1.0, help="0 is gray, 2 twice as strong (default: 1.0)")
    p.add_argument("--seed", type=int, default=0, help="another seed has other ideas (default: 0)")
    p.add_argument("--n", type=int, default=1, help="variants of one picture, as a sheet (default: 1)")
    p.add_argument("--checkpoint", help="a colorizer (default: of those bundled, the one that suits the picture)")
    p.add_argument("--background", action="store_true", help="colour the background too")
    p.add_argument("--out", type=Path, required=True, help="OUT.png, or a folder for several, each named as its source")
    p.set_defaults(run=colorize)


def colorize(args: argparse.Namespace) -> None:
    from . import atomic, colorize_files, pictures
    from . import colorize as engine

    if not 1 <= args.n <= engine.MOST:
        raise StudioError(f"--n cannot be {args.n}: draw from 1 to {engine.MOST} variants.")
    if not 1 <= args.tones <= 3:
        raise StudioError(f"--tones cannot be {args.tones}: a garment has from 1 to 3 colours.")
    if not 0 <= args.strength <= 2:
        raise StudioError(f"--strength cannot be {args.strength}: it goes from 0, gray, to 2, twice as strong.")
    if not 0 <= args.seed < 2**63:
        raise StudioError(f"--seed cannot be {args.seed}: it takes a whole number from 0.")
    if args.classic and (args.colour or args.palette):
        raise StudioError("--classic chooses the colour itself: leave --colour and --palette out.")
    colours = colorize_files.colours(args.colour, args.palette)
    hints = tuple(map(colorize_files.hint, args.hint))
    wish = engine.Wish(colours, hints, args.tones, args.label, args.seed, args.strength)
    targets = colorize_files.outs(args.images, args.out)
    gans = colorize_files.colorizers(args.checkpoint)
    for target in targets.values():
        atomic.check(target)
    failed: list[str] = []

    def written() -> "Iterator[colorize_files.Done]":
        for done in colorize_files.coloured(gans, targets, wish, args.n, args.classic, not args.background):
            failed.extend([done.error] * bool(done.error))
            if done.image is not None:
                atomic.write(done.out, pictures.png(done.image, done.description))
            yield done

    progress(written(), lambda done: done.source.name, unit="picture")
    if failed:
        raise StudioError("\n".join(failed))
    where = args.out if len(targets) > 1 else next(iter(targets.values()))
    print(f"{len(targets)} picture{'s' * (len(targets) > 1)} in {where}", file=sys.stderr)


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
    from . import card, hub

    files = card.files(args.checkpoint, args.repo)
    address = hub.send(args.repo, files, f"Add {next(iter(files))}")
    print(f"{', '.join(files)}: {address}", file=sys.stderr)


def pull(args: argparse.Namespace) -> None:
    from . import atomic, checkpoint, hub

    place = hub.parse(args.place)
    path = hub.fetch(place)
    checkpoint.load(path)  # so that nothing else comes into the list
    folder = args.out or Path("runs", place.repo.replace("/", "--"))
    if (folder / "recipe.json").exists():
        raise StudioError(f"{folder} holds a run of your own: choose another --out.")
    atomic.write(folder / "checkpoint.safetensors", path.read_bytes())
    print(f"{place}: {folder / 'checkpoint.safetensors'}", file=sys.stderr)


def add_check(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser("check", help="look through a folder of pictures before training on it")
    p.add_argument(
        "folder", help="with one sub-folder a class, or all pictures of one class; or a ZIP file, celeba or lsun"
    )
    p.add_argument("--size", type=int, default=64, help="pixels a side that you would train at (default: 64)")
    p.add_argument("--fit", default="fill", help="fill, fit or garment: how a picture becomes a square (default: fill)")
    p.add_argument("--data-root", default=None, help="where celeba or lsun lies")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...: what the time is estimated for")
    p.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    p.set_defaults(run=check)


def check(args: argparse.Namespace) -> None:
    import dataclasses
    import json

    from . import advice, data, folder, gans, runs
    from .trainer import pick_device

    device = pick_device(args.device)
    asked = gans.recipe("studio", data=args.folder, size=args.size, fit=args.fit)
    garments = data.load(asked.data, size=asked.size, fit=asked.fit, root=args.data_root)
    survey = garments.survey
    if survey is None:
        raise StudioError(f"{args.folder} is known already: check a folder of your own.")
    recipe = advice.recipe(garments, asked)
    seconds = advice.seconds(recipe, garments, device)
    command = runs.command(recipe)
    if args.json:
        print(json.dumps({**dataclasses.asdict(survey), "command": command, "seconds": round(seconds)}))
        return
    total = folder.plural(len(garments), "picture")
    print(f"{total}, {'gray' if survey.gray else 'colour'}, {survey.span()}; kept at {args.size} x {args.size}")
    for name, count in zip(survey.names, survey.counts, strict=True):
        print(f"  {count:>8,}  {name}")
    for remark in survey.remarks():
        print(remark)
    print(f"To begin with, about {advice.duration(seconds)} here:\n  {command}")


def add_bundle(verbs: "argparse._SubParsersAction[Parser]") -> None:
    p = verbs.add_parser(
        "bundle", help="train and score the checkpoints that come with the studio, each from where it stopped"
    )
    p.add_argument("names", nargs="*", help="which (default: all)")
    p.add_argument("--scores", action="store_true", help="train nothing, judge what is there")
    p.add_argument("--runs", type=Path, default=Path("runs", "bundled"), help="where their run folders are kept")
    p.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
    p.set_defaults(run=bundle)


def bundle(args: argparse.Namespace) -> None:
    from . import bundle as bundles
    from . import checkpoint, evaluate
    from .trainer import pick_device

    for name in args.names or (checkpoint.bundled() if args.scores else bundles.at_hand()):
        print(name, file=sys.stderr)
        if not args.scores:
            progress(bundles.train(name, args.runs, pick_device(args.device)), told)
        if evaluate.Quick.can(checkpoint.load(name).recipe):
            progress(bundles.score(name, device=pick_device(args.device)), lambda step: step.doing, unit="piece")

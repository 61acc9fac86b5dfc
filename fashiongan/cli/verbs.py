"""The parser of `python -m fashiongan`, with all verbs other than training."""

from collections.abc import Sequence

from .attack import add_attack
from .bundle import add_bundle
from .check import add_check
from .colorize import add_colorize
from .common import Parser, answer
from .cutout import add_cutout
from .enlarge import add_enlarge
from .evaluate import add_evaluate
from .exchange import add_exchange
from .fit import add_fit
from .hub import add_hub
from .sample import add_sample
from .space import add_space


def main(argv: Sequence[str]) -> int:
    """Run `python -m fashiongan` with these arguments; returns the exit code."""
    parser = Parser(prog="python -m fashiongan", description="Work with trained checkpoints.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    add_sample(verbs)
    add_evaluate(verbs)
    add_fit(verbs, argv)
    add_attack(verbs)
    add_colorize(verbs)
    add_cutout(verbs)
    add_enlarge(verbs)
    add_check(verbs)
    add_exchange(verbs)
    add_hub(verbs)
    add_space(verbs)
    add_bundle(verbs)
    args = parser.parse_args(argv)
    return answer(lambda: args.run(args))

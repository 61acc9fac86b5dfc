"""Who makes a call, and what a visitor of a page with `FASHIONGAN_PUBLIC=visitors` may train."""

from dataclasses import dataclass

from .. import limits
from ..data import datasets
from ..errors import StudioError
from ..gans.recipe import Recipe, knobs

ACCOUNT = "account:"  # begins the owner of a job that a signed-in caller started; no browser's id may begin so
SIGN_IN = "Training here is for who has signed in with Hugging Face: use the button at the top of the Train tab."
ONE_EACH = "You have a run here already: wait for it to end, or stop it first."
TIME_OVER = f"A visitor's run has {limits.VISITOR_SECONDS / 60:.0f} minutes; they are over, and it is saved."
# Knobs with a limit of their own, or that cost nothing.
FREE = ("epochs", "steps", "size", "classes", "limit", "seed")


@dataclass(frozen=True)
class Caller:
    """Who makes the current call.

    `account` is the name on the Hugging Face Hub, "" if nobody is signed in. `doubt`: why it is not known whether an
    account is an owner's, as a sentence.
    """

    account: str = ""
    owner: bool = False
    doubt: str = ""

    @property
    def job_owner(self) -> str:
        """The owner of the jobs that this account starts; "" if nobody is signed in."""
        return f"{ACCOUNT}{self.account}" if self.account else ""


STRANGER = Caller()


def check_budget(recipe: Recipe) -> None:
    """Raise StudioError unless a visitor may train this: small, short, and on Fashion-MNIST only.

    A run by epochs is short as well, since each visitor's run ends after `limits.VISITOR_SECONDS`.
    """
    if recipe.data != datasets.FASHION_MNIST:
        raise StudioError(f"Visitors train on {datasets.FASHION_MNIST} only: opening folders is for the owner.")
    if recipe.size > limits.VISITOR_SIDE:
        raise StudioError(f"Visitors' pictures have at most {limits.VISITOR_SIDE} pixels a side, not {recipe.size}.")
    if (recipe.steps or 0) > limits.VISITOR_STEPS:
        raise StudioError(f"Visitors' runs have at most {limits.VISITOR_STEPS:,} steps, not {recipe.steps:,}.")
    for k in knobs(type(recipe)).values():
        value = getattr(recipe, k.name)
        if k.name in FREE or k.choices is not None or value == k.default:
            continue
        if k.kind is str or (k.kind is int and (k.default is None or value > k.default)):
            most = f"at most {k.default}" if k.kind is int and k.default is not None else "left as it is"
            raise StudioError(f"{k.label} must be {most} in a visitor's run, to leave room for the others.")

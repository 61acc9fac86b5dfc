"""The facade of all that the visitors of one machine share: checkpoints, data, scores, and the training run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import checkpoint, limits
from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..evaluation.report import Report
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub.registry import Registry, off
from ..training import transfer
from . import rights
from .backup import Backup
from .datasets import Datasets
from .models import Models
from .rights import Caller
from .run import Run, Waiting
from .runs import Runs, RunStatus, RunUpdate
from .scoring import Scoring, ScoringStatus


class Studio:
    """Checkpoints and data sets by name, at most one run at a time, and the queue of runs.

    It checks what is allowed, and delegates the work to `models`, `datasets`, `runs` and `scoring`. A `public` studio
    does not train, does not score, and opens no folder that a visitor names, except for its owner; with `visitors`,
    whoever is signed in may queue short runs. `catalogue` is a repository on the Hub whose checkpoints are listed
    beside the bundled ones, and `runs_repo` one that keeps a copy of the runs. `caller` tells who makes the current
    call; the page sets it.
    """

    def __init__(
        self,
        folder: Path = Path("runs"),
        data_root: str | None = None,
        device: str = "auto",
        *,
        public: bool = False,
        visitors: bool = False,
        catalogue: str | None = None,
        runs_repo: str | None = None,
    ):
        self.folder, self.data_root, self.device = folder, data_root, device
        self.public, self.visitors = public or visitors, visitors
        self.caller: Callable[[], Caller] = lambda: rights.STRANGER
        self.library = Registry(folder, checkpoint.load, catalogue, lambda: self.restricted)
        self.models = Models(self.library)
        self.datasets = Datasets(data_root)
        self.runs = Runs(folder, self.datasets, device, Backup(runs_repo, folder) if runs_repo else None)
        self.scoring = Scoring(folder / ".reports", data_root, self.path)

    # Rights

    @property
    def restricted(self) -> bool:
        """Whether whoever makes the current call is a stranger on a public page."""
        return self.public and not self.caller().owner

    def check_private(self, what: str) -> None:
        """StudioError on a public page, where only its owner may do `what`, such as "Training"."""
        if self.restricted:
            raise StudioError(self.caller().doubt or off(what))

    @property
    def may_train(self) -> bool:
        """Whether whoever makes the current call may start or queue a run."""
        return not self.restricted or (self.visitors and self.caller().account != "")

    def check_training(self) -> None:
        """StudioError for whoever may not start or queue a run."""
        if self.visitors and not self.caller().account:
            raise StudioError(rights.SIGN_IN)
        if not self.may_train:
            self.check_private("Training")

    def check_ours(self, owner: str) -> None:
        """StudioError on a public page for all but its owner and the account that started the job of that owner."""
        if self.restricted and (owner == "" or owner != self.caller().job_owner):
            self.check_training()
            raise StudioError("That run is another visitor's: only they and the owner of this page can end it.")

    # Checkpoints and data

    def names(self) -> list[str]:
        """The names of the listed checkpoints. `gan` accepts each of them."""
        return self.library.names()

    def path(self, name: object) -> Path:
        """The file of a checkpoint that is listed, or that is named on the Hub. StudioError for other names."""
        return self.library.path(name)

    def gan(self, name: object) -> GAN:
        """The model with that name, loaded once per version of its file."""
        return self.models.gan(name)

    def film(self, name: str) -> Path | None:
        """The GIF of a checkpoint's training, if there is one."""
        return self.models.film(name)

    def garments(self, name: str, size: int, fit: str = "fill") -> Dataset:
        """A data set. It stays in memory until another one is requested."""
        if name != datasets.FASHION_MNIST:
            self.check_private("Opening a folder")
        return self.datasets.get(name, size, fit)

    # Scores

    def report(self, name: str) -> Report | None:
        """The report on the current weights of a checkpoint, if they were evaluated."""
        return self.scoring.report(name)

    def report_file(self, path: Path) -> Path:
        """The file for the report on the weights in `path`."""
        return self.scoring.report_file(path)

    def score(self, names: Sequence[str]) -> None:
        """Evaluate checkpoints in the background, one after the other."""
        self.check_private("Scoring")
        self.scoring.add(names)

    def scoring_status(self) -> ScoringStatus:
        """Which checkpoint is being scored, and the progress."""
        return self.scoring.status()

    # The run and its queue

    @property
    def run(self) -> Run | None:
        """The run that the page shows."""
        return self.runs.run

    @property
    def waiting(self) -> list[Waiting]:
        """The runs that wait."""
        return self.runs.waiting

    def start(self, recipe: Recipe, owner: str = "") -> Run:
        """Start a run. Raises StudioError if another run is active (its message names that run), or if the recipe
        cannot be trained. A visitor's run on a public page is queued, and so waits for the active one."""
        self.check_training()
        if not self.restricted:
            self.check_start(recipe)
            return self.runs.start(recipe, self.caller().job_owner or owner)
        self.enqueue_all([recipe])
        if self.run is None:
            raise StudioError(" ".join(self.status().remarks) or "That run could not start: choose other settings.")
        return self.run

    def enqueue(self, recipe: Recipe, owner: str = "") -> None:
        """Add a run to the queue. Raises StudioError at once if it cannot be trained."""
        self.enqueue_all([recipe], owner)

    def enqueue_all(self, recipes: Sequence[Recipe], owner: str = "") -> None:
        """Add runs to the queue, either all or none. A visitor on a public page may have one run, and a short one."""
        self.check_training()
        owner, visitor = self.caller().job_owner or owner, self.restricted
        if visitor:
            for recipe in recipes:
                rights.check_budget(recipe)
        for recipe in recipes:
            self.check_start(recipe)
        self.runs.enqueue(recipes, owner, limits.VISITOR_SECONDS if visitor else None)

    def check_start(self, recipe: Recipe) -> None:
        """StudioError if a run would start from a checkpoint that is not listed here."""
        if recipe.start_from:
            self.path(recipe.start_from)

    def recipe_from(self, name: str, gan: str | None = None, **changes: object) -> Recipe:
        """The recipe of a run that starts from a listed checkpoint, see `transfer.recipe`."""
        self.path(name)
        return transfer.recipe(name, gan, **changes)

    def cancel(self, number: int) -> None:
        """Take a run out of the queue."""
        self.check_ours(next((w.owner for w in self.waiting if w.number == number), ""))
        self.runs.cancel(number)

    def go_on(self, owner: str = "", data: str = "") -> Run:
        """Resume the shown run, which is paused or stopped, exactly where it is."""
        self.check_private("Training")
        return self.runs.go_on(self.caller().job_owner or owner, data)

    def pause(self) -> None:
        """Pause the run."""
        self.check_private("Training")
        self.runs.pause()

    def stop(self) -> None:
        """Stop the run; its state, checkpoint and GIF are on disk when this returns."""
        self.check_ours(self.run.owner if self.run is not None else "")
        self.runs.stop()

    def advice(self, recipe: Recipe) -> tuple[Recipe, float | None]:
        """The recommended recipe for the data that `recipe` names, and its training time in seconds, or None if that
        cannot be measured now."""
        return self.runs.advice(recipe, self.garments(recipe.data, recipe.size, recipe.fit))

    def status(self) -> RunStatus:
        """The status of the run."""
        return self.runs.status()

    def updates(self, run_name: str, generation: int, row: int, sheet: int) -> RunUpdate:
        """The status, and what is new for a page that has `row` rows and sheet number `sheet` of that run."""
        return self.runs.updates(run_name, generation, row, sheet)

    def epoch_sheet(self, epoch: int) -> bytes | None:
        """The samples of an epoch of the shown run, as a PNG."""
        return self.runs.epoch_sheet(epoch)

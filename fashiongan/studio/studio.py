"""The facade of all that the visitors of one machine share: checkpoints, data, scores, and the training run."""

from collections.abc import Sequence
from pathlib import Path

from .. import checkpoint
from ..data import datasets
from ..data.datasets import Dataset
from ..errors import StudioError
from ..evaluation.report import Report
from ..gans.base import GAN
from ..gans.recipe import Recipe
from ..hub.registry import Registry, off
from .datasets import Datasets
from .models import Models
from .runs import Run, RunNews, Runs, RunStatus, Waiting
from .scoring import Scoring, ScoringStatus


class Studio:
    """Checkpoints and data sets by name, at most one run at a time, and the queue of runs.

    It checks what is allowed, and delegates the work to `models`, `datasets`, `runs` and `scoring`. A `public` studio
    does not train, does not score, and opens no folder that a visitor names. `catalogue` is a repository on the Hub
    whose checkpoints are listed beside the bundled ones.
    """

    def __init__(
        self,
        folder: Path = Path("runs"),
        data_root: str | None = None,
        device: str = "auto",
        *,
        public: bool = False,
        catalogue: str | None = None,
    ):
        self.folder, self.data_root, self.device, self.public = folder, data_root, device, public
        self.library = Registry(folder, checkpoint.load, catalogue, public)
        self.models = Models(self.library)
        self.datasets = Datasets(data_root)
        self.runs = Runs(folder, self.datasets, device)
        self.scoring = Scoring(folder / ".reports", data_root, self.path)

    def check_private(self, what: str) -> None:
        """StudioError on a public page, where visitors must not do `what`, such as "Training"."""
        if self.public:
            raise StudioError(off(what))

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
        cannot be trained."""
        self.check_private("Training")
        return self.runs.start(recipe, owner)

    def enqueue(self, recipe: Recipe, owner: str = "") -> None:
        """Add a run to the queue. Raises StudioError at once if it cannot be trained."""
        self.enqueue_all([recipe], owner)

    def enqueue_all(self, recipes: Sequence[Recipe], owner: str = "") -> None:
        """Add runs to the queue, either all or none."""
        self.check_private("Training")
        self.runs.enqueue(recipes, owner)

    def cancel(self, number: int) -> None:
        """Take a run out of the queue."""
        self.check_private("Training")
        self.runs.cancel(number)

    def go_on(self, owner: str = "") -> Run:
        """Resume the shown run, which is paused or stopped, exactly where it is."""
        self.check_private("Training")
        return self.runs.go_on(owner)

    def pause(self) -> None:
        """Pause the run."""
        self.check_private("Training")
        self.runs.pause()

    def stop(self) -> None:
        """Stop the run; its state, checkpoint and GIF are on disk when this returns."""
        self.check_private("Training")
        self.runs.stop()

    def advice(self, recipe: Recipe) -> tuple[Recipe, float | None]:
        """The recommended recipe for the data that `recipe` names, and its training time in seconds, or None if that
        cannot be measured now."""
        return self.runs.advice(recipe, self.garments(recipe.data, recipe.size, recipe.fit))

    def status(self) -> RunStatus:
        """The status of the run."""
        return self.runs.status()

    def news(self, run_name: str, generation: int, row: int, sheet: int) -> RunNews:
        """The status, and what is new for a page that has `row` rows and sheet number `sheet` of that run."""
        return self.runs.news(run_name, generation, row, sheet)

    def epoch_sheet(self, epoch: int) -> bytes | None:
        """The samples of an epoch of the shown run, as a PNG."""
        return self.runs.epoch_sheet(epoch)

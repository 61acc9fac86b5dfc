"""Models by the name of their checkpoint. Each file is loaded once."""

from collections.abc import Callable
from pathlib import Path

from .. import limits
from ..cache import Cache
from ..gans.base import GAN
from ..hub import registry
from ..hub.registry import Registry
from ..latent import kept


class Models:
    """The models that a registry knows by name."""

    def __init__(self, library: Registry):
        self.library = library
        self.loaded: Cache[tuple[Path, int], GAN] = Cache(limits.MODELS_KEPT)

    def gan(self, name: object) -> GAN:
        """The model of that name, loaded once for each version of its file."""
        path = self.library.path(name)
        return self.loaded.get(version(path), load(path))

    def film(self, name: str) -> Path | None:
        """The GIF of a checkpoint's training, if there is one. It lies beside a bundled checkpoint, or in the run's
        folder."""
        path = self.library.path(name)
        gif = path.with_suffix(".gif") if path.parent == registry.BUNDLED else path.with_name("training.gif")
        return gif if gif.is_file() else None


def load(path: Path) -> Callable[[], GAN]:
    """A function that loads the model of that file, with its sliders' directions if they are kept beside it."""
    return lambda: kept.load(path)


def version(path: Path) -> tuple[Path, int]:
    """A key for the content of a file: it changes when the file is written again."""
    return path, path.stat().st_mtime_ns

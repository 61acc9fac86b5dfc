"""Checkpoints by name, each loaded once."""

from collections.abc import Callable
from pathlib import Path

from .. import checkpoint
from ..cache import Cache
from ..gans.base import GAN
from ..hub import registry
from ..hub.registry import Registry

KEPT = 8  # models in memory


class Models:
    """The models that a registry knows by name."""

    def __init__(self, library: Registry):
        self.library = library
        self.loaded: Cache[tuple[Path, int], GAN] = Cache(KEPT)

    def gan(self, name: object) -> GAN:
        """The model of that name, loaded once for each version of its file."""
        path = self.library.path(name)
        return self.loaded.get(version(path), load(path))

    def film(self, name: str) -> Path | None:
        """The GIF of a checkpoint's training, if there is one: beside a bundled one, in a run's folder."""
        path = self.library.path(name)
        gif = path.with_suffix(".gif") if path.parent == registry.BUNDLED else path.with_name("training.gif")
        return gif if gif.is_file() else None


def load(path: Path) -> Callable[[], GAN]:
    return lambda: checkpoint.load(path)


def version(path: Path) -> tuple[Path, int]:
    """What a file's content is known by, as long as nobody writes it anew."""
    return path, path.stat().st_mtime_ns

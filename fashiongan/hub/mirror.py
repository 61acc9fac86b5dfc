"""A private repository on the Hub that keeps a copy of every run folder, for a disk that does not last."""

import json
import re
import secrets
import shutil
from pathlib import Path

from .. import limits
from ..errors import StudioError
from . import client

# What is kept of a run, the state first: what is read after it is as new or newer, and a resumed run makes it again.
KEPT = (
    "state.safetensors",
    "recipe.json",
    "data.json",
    "log.jsonl",
    "checkpoint.safetensors",
    "best.safetensors",
    "training.gif",
)
FILE = re.compile(rf"([\w.-]+)/({'|'.join(map(re.escape, KEPT))}|samples/epoch_\d+\.png)", re.ASCII)
FETCHING = ".fetching"  # a folder among the runs, for what has not arrived as a whole


class Mirror:
    """Fetches the runs of a repository into `folder`, and sends what changes there. One studio writes to it at a time.

    Every commit names its parent, so that the Hub refuses it if somebody else has written meanwhile.
    """

    def __init__(self, repo: str, folder: Path):
        self.repo, self.folder = client.repository(repo).repo, folder
        self.writer = secrets.token_hex(8)  # begins the message of each of this studio's commits
        self.head: str | None = None  # the newest commit that this studio has seen or made
        self.sent: dict[str, tuple[int, int]] = {}  # by file: when it was written, and its size

    def restore(self) -> None:
        """Fetch the runs that are not here, or that went further there. The repository is made if it is missing.

        Raises StudioError if the Hub does not answer, if the disk is full, or if a run here has the name of another one
        there. What was fetched until then is whole, and what is here is unharmed.
        """
        import huggingface_hub as hf

        if not hf.get_token():
            raise StudioError(f"Keeping runs in {self.repo} needs a token that may write there: set HF_TOKEN.")
        api = hf.HfApi()

        def listed() -> tuple[str, list[str]]:
            if not api.repo_exists(self.repo):
                api.create_repo(self.repo, private=True, exist_ok=True)
            info = api.model_info(self.repo)
            return str(info.sha), [s.rfilename for s in info.siblings or []]

        head, names = client.request(listed, 3 * limits.HUB_ANSWER)
        runs: dict[str, list[str]] = {}
        for name in names:
            if match := FILE.fullmatch(name):
                runs.setdefault(match[1], []).append(match[2])
        try:
            for run, files in runs.items():
                if "recipe.json" in files and self.further(run, files, head):
                    self.fetch(run, files, head)
        except OSError as e:
            raise StudioError(f"The runs in {self.repo} cannot be stored in {self.folder}: {e.strerror or e}.") from e
        finally:
            shutil.rmtree(self.folder / FETCHING, ignore_errors=True)
        self.head = head

    def further(self, run: str, files: list[str], head: str) -> bool:
        """Whether a run is not here, or at an earlier step than there."""
        here = self.folder / run
        if not (here / "recipe.json").exists():
            return True
        there = self.download(run, [name for name in ("recipe.json", "log.jsonl") if name in files], head)
        if (there / "recipe.json").read_bytes() != (here / "recipe.json").read_bytes():
            raise StudioError(
                f"{run} here and in {self.repo} are different runs: give one of the folders another name."
            )
        return step(there / "log.jsonl") > step(here / "log.jsonl")

    def fetch(self, run: str, files: list[str], head: str) -> None:
        """Put a run of the repository into its place here, all of it or nothing."""
        there, here = self.download(run, files, head), self.folder / run
        old = here.with_name(f"{FETCHING}-{run}")
        if here.exists():
            here.replace(old)
        there.replace(here)
        shutil.rmtree(old, ignore_errors=True)
        self.sent |= {f"{run}/{name}": version(here / name) for name in files}

    def download(self, run: str, files: list[str], head: str) -> Path:
        """The folder into which these files of a run were fetched."""
        import huggingface_hub as hf

        target = self.folder / FETCHING
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            client.request(
                lambda name=name: hf.hf_hub_download(  # type: ignore[misc]
                    self.repo, f"{run}/{name}", revision=head, local_dir=target, etag_timeout=limits.HUB_ANSWER
                ),
                limits.HUB_GRACE + limits.CHECKPOINT_BYTES / limits.HUB_SLOWEST,
            )
        return target / run

    def push(self, run: str) -> None:
        """Send the files of a run that have changed, in one commit.

        Raises client.ConflictError if another studio writes to the repository, and StudioError if the Hub refuses or
        does not answer; then the next call sends what this one did not.
        """
        import huggingface_hub as hf

        here = self.folder / run
        paths = [here / name for name in KEPT] + sorted((here / "samples").glob("epoch_*.png"))
        changed: dict[str, tuple[tuple[int, int], bytes]] = {}
        for path in paths:
            name = f"{run}/{path.relative_to(here).as_posix()}"
            if path.exists() and self.sent.get(name) != (now := version(path)):
                changed[name] = now, path.read_bytes()
        if not changed:
            return
        size = sum(len(data) for _, data in changed.values())
        api = hf.HfApi()

        def commit() -> str:
            adds = [hf.CommitOperationAdd(name, data) for name, (_, data) in changed.items()]
            message = f"{self.writer} saves {run}"
            return str(api.create_commit(self.repo, adds, commit_message=message, parent_commit=self.head).oid)

        patience = limits.HUB_GRACE + size / limits.HUB_SLOWEST
        try:
            self.head = client.request(commit, patience)
        except client.ConflictError:
            # The newest commit may be one of this studio's, whose answer came too late.
            newest = client.request(lambda: api.list_repo_commits(self.repo))[0]
            if not newest.title.startswith(self.writer):
                raise client.ConflictError(
                    f"Another studio writes to {self.repo}, so this one's runs stay on its own disk: give each a "
                    "repository of its own in FASHIONGAN_RUNS_REPO, and start again."
                ) from None
            self.head = newest.commit_id
            self.head = client.request(commit, patience)
        self.sent |= {name: now for name, (now, _) in changed.items()}


def version(path: Path) -> tuple[int, int]:
    """When a file was written, in nanoseconds, and its size."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def step(log: Path) -> int:
    """The last step in a run's log; -1 if there is none."""
    last = -1
    try:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            last = int(json.loads(line)["step"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return last

"""The client of the Hugging Face Hub: parse the names of checkpoints, download and verify them, upload them.

A place on the Hub is written `hub:user/name[/file][@revision]`. Nothing here knows the contents of a checkpoint. Tokens
are left to huggingface_hub, which reads them from its login or from HF_TOKEN; they never pass through this module.
"""

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .. import limits
from ..errors import StudioError, quoted

PREFIX = "hub:"


PLACE = re.compile(r"([\w.-]+/[\w.-]+)(?:/([\w./-]+\.safetensors))?(?:@([\w./-]+))?", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A file in a repository at a revision. Without a file name, it means the repository's only checkpoint."""

    repo: str
    file: str | None = None
    revision: str = "main"

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"{PREFIX}{self.repo}{'/' + self.file if self.file else ''}{at}"


def parse(text: str) -> Place:
    """Parse `hub:user/name[/file][@revision]`, with or without `hub:`; StudioError for anything else."""
    match = PLACE.fullmatch(text.removeprefix(PREFIX))
    if not match or ".." in text:
        raise StudioError(
            f"{quoted(text)} names no checkpoint on the Hub: write hub:user/name, or "
            "hub:user/name/file.safetensors@revision."
        )
    return Place(match[1], match[2], match[3] or "main")


def repository(text: str) -> Place:
    """Parse a repository's name, `user/name`, with no file or revision; StudioError for anything else."""
    place = parse(text)
    if str(place) != f"{PREFIX}{place.repo}":
        raise StudioError(f"{text!r} must be a repository, user/name.")
    return place


def fetch(place: Place) -> Path:
    """Download a file, or take it from the cache. Its content is verified against the sha256 that the Hub states.

    A file at a full commit id never changes, so a cached copy is used without a request. Otherwise the Hub is asked
    first; if it does not answer, the copy that was fetched last is used.

    Raises StudioError if the repository, file or revision does not exist, access is refused, the Hub does not answer,
    the connection breaks off, or the content does not match.
    """
    import huggingface_hub as hf

    pinned = re.fullmatch(r"[0-9a-f]{40}", place.revision)
    if place.file and pinned and (copy := cached(place)):
        return copy
    api = hf.HfApi()  # outside `request`: importing this takes a while, which must not count as the Hub's time
    try:
        info = request(
            lambda: api.model_info(place.repo, revision=place.revision, timeout=limits.HUB_ANSWER, files_metadata=True)
        )
    except UnreachableError as e:
        if copy := cached(place):
            logging.getLogger(__name__).warning("%s Using what was fetched before.", e)
            return copy
        raise
    sizes = {s.rfilename: s for s in info.siblings or [] if s.rfilename.endswith(".safetensors")}
    name = only(place, list(sizes))
    size, digest = sizes[name].size or 0, getattr(sizes[name].lfs, "sha256", None)
    if size > limits.CHECKPOINT_BYTES:
        raise StudioError(
            f"{place} is too large: {size / 1e6:.0f} MB, and {limits.CHECKPOINT_BYTES / 1e6:.0f} MB are the most."
        )
    patience = limits.HUB_GRACE + size / limits.HUB_SLOWEST
    path = Path(
        request(
            lambda: hf.hf_hub_download(place.repo, name, revision=place.revision, etag_timeout=limits.HUB_ANSWER),
            patience,
        )
    )
    if digest and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        with suppress(OSError):  # delete it, or the cache would return the bad file next time
            path.resolve().unlink()
            path.unlink(missing_ok=True)
        raise StudioError(f"{place} arrived with other content than the Hub promised: fetch it again.")
    return path


def listing(place: Place) -> list[Place]:
    """The checkpoints in a repository at a revision; StudioError if the Hub does not list them within HUB_ANSWER s."""
    import huggingface_hub as hf

    api = hf.HfApi()
    info = request(lambda: api.model_info(place.repo, revision=place.revision, timeout=limits.HUB_ANSWER))
    files = sorted(s.rfilename for s in info.siblings or [] if s.rfilename.endswith(".safetensors"))
    # A repository may hold file names that `parse` does not accept: leave them out.
    places = [Place(place.repo, f, place.revision) for f in files]
    return [p for p in places if PLACE.fullmatch(str(p).removeprefix(PREFIX))]


def only(place: Place, files: list[str]) -> str:
    """The name of the file that a place means, among a repository's checkpoints; StudioError if it is not clear."""
    if place.file in files:
        return str(place.file)
    there = ", ".join(sorted(files)) or "none"
    if place.file:
        raise StudioError(f"There is no {place.file} in {place.repo}: its checkpoints are {there}.")
    if len(files) != 1:
        raise StudioError(f"{PREFIX}{place.repo} must name a file: its checkpoints are {there}.")
    return files[0]


def cached(place: Place) -> Path | None:
    """The copy of the file that was fetched last; None if there is none."""
    import huggingface_hub as hf
    from huggingface_hub import errors

    try:
        folder = Path(hf.snapshot_download(place.repo, revision=place.revision, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        return None
    files = [folder / place.file] if place.file else list(folder.rglob("*.safetensors"))
    return files[0] if len(files) == 1 and files[0].is_file() else None


def send(repo: str, files: Mapping[str, bytes], message: str) -> str:
    """Upload files to a repository in one commit. The repository is created if needed. Returns its URL.

    Raises StudioError for a bad name, without a token or the right to write, or if the Hub does not answer.
    """
    import huggingface_hub as hf

    place = repository(repo)
    api = hf.HfApi()

    def work() -> str:
        address = api.create_repo(place.repo, exist_ok=True)
        api.create_commit(
            place.repo,
            [hf.CommitOperationAdd(name, data) for name, data in files.items()],
            commit_message=message,
        )
        return str(address)

    if not hf.get_token():
        raise StudioError("Sending to the Hub needs a token: run `hf auth login` once, or set HF_TOKEN.")
    return request(work, limits.HUB_GRACE + sum(map(len, files.values())) / limits.HUB_SLOWEST)


def organizations(token: str) -> list[str]:
    """The organizations that the account with that token belongs to; StudioError if the Hub does not say so in time."""
    import huggingface_hub as hf

    api = hf.HfApi()
    account = request(lambda: api.whoami(token=token))
    return [str(o["name"]) for o in account.get("orgs") or [] if isinstance(o, dict) and "name" in o]


class ConflictError(StudioError):
    """Somebody else has written to a repository since it was read."""


class UnreachableError(StudioError):
    """The Hub cannot be reached, or offline mode is set."""


def request(work: Callable[[], T], seconds: float = limits.HUB_ANSWER) -> T:
    """Run a request to the Hub and return its result; StudioError if it fails or takes longer than `seconds`.

    The request runs in a thread of its own, because the client's timeouts do not bound the total time. A thread that is
    late is abandoned, and the process does not wait for it when it ends.
    """
    import huggingface_hub as hf
    from huggingface_hub import errors

    if hf.constants.is_offline_mode():
        raise UnreachableError("The Hub was not asked, since HF_HUB_OFFLINE is set.")
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as e:
            answer.set_exception(e)

    threading.Thread(target=run, name="hub", daemon=True).start()
    try:
        return answer.result(seconds)
    except Late as e:
        raise UnreachableError(f"The Hub did not answer within {seconds:.0f} s.") from e
    except errors.HfHubHTTPError as e:
        raise refused(e) from e
    except errors.HFValidationError as e:
        raise StudioError("That is no name for a repository on the Hub: write user/name.") from e
    except Exception as e:  # the HTTP library's errors are of many types, which change with its version
        raise UnreachableError(f"The Hub cannot be reached, or the connection broke off ({type(e).__name__}).") from e


def refused(e: Any) -> StudioError:
    """The StudioError for an HTTP error of the Hub. Its text holds at most the status code, and so never a token."""
    from huggingface_hub import errors

    code = getattr(e.response, "status_code", None)
    if isinstance(e, errors.RepositoryNotFoundError):
        return StudioError("There is no such repository on the Hub, or it is private: check its name, or log in.")
    if isinstance(e, errors.RevisionNotFoundError):
        return StudioError("That repository has no such revision: use main, a tag, or a commit id.")
    if isinstance(e, errors.EntryNotFoundError):
        return StudioError("That repository has no such file.")
    if code == 412:
        return ConflictError("Somebody else has written to that repository meanwhile.")
    if code in (401, 403):
        return StudioError("The Hub refuses: log in with `hf auth login`, or use a token that may do this.")
    return UnreachableError(f"The Hub answers with error {code}: try again later.")

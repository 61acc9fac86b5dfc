"""Make a Space of this repository: its files, hardware, variables and secrets."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from .. import limits
from ..errors import StudioError
from . import client

ROOT = Path(__file__).resolve().parent.parent.parent
LFS = "filter=lfs diff=lfs merge=lfs -text"  # what the Hub's git demands of binary files, and other hosts need not have


@dataclass(frozen=True)
class Space:
    """A Space to be made or brought up to date. Secrets are not printed with it."""

    repo: str
    hardware: str | None = None
    private: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        import huggingface_hub as hf

        client.repository(self.repo)
        names = [h.value for h in hf.SpaceHardware]
        if self.hardware is not None and self.hardware not in names:
            raise StudioError(f"There is no hardware {self.hardware!r} for a Space: choose one of {', '.join(names)}.")


def tracked(root: Path = ROOT) -> list[Path]:
    """The repository's files, relative to `root`: those that git tracks, or without git those that .gitignore does not
    name."""
    try:
        git = ["git", "-C", str(root), "ls-files", "-z"]
        listed = subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0")  # noqa: S603
        return sorted(Path(name) for name in listed if name and (root / name).is_file())
    except (OSError, subprocess.CalledProcessError):
        pass
    ignore = root / ".gitignore"
    patterns = [".git", *(ignore.read_text(encoding="utf-8").split() if ignore.exists() else ())]
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(p for p in files if not any(fnmatch(part, pat.rstrip("/")) for part in p.parts for pat in patterns))


def publish(space: Space, root: Path = ROOT) -> str:
    """Create the Space if it is not there, set it up, and upload the repository in one commit. Returns its URL.

    Raises StudioError without a token or the right to write, or if the Hub does not answer.
    """
    import huggingface_hub as hf

    if not hf.get_token():
        raise StudioError("Making a Space needs a token: run `hf auth login` once, or set HF_TOKEN.")
    api, files = hf.HfApi(), tracked(root)
    size = sum((root / path).stat().st_size for path in files)

    def set_up() -> str:
        there = api.repo_exists(space.repo, repo_type="space")
        hardware = hf.SpaceHardware(space.hardware) if space.hardware else None
        address = api.create_repo(
            space.repo, repo_type="space", space_sdk="gradio", space_hardware=None if there else hardware,
            private=space.private, exist_ok=True,
        )  # fmt: skip
        for name, value in space.variables.items():
            api.add_space_variable(space.repo, name, value)
        for name, value in space.secrets.items():
            api.add_space_secret(space.repo, name, value)
        if there and hardware:
            api.request_space_hardware(space.repo, hardware)
        return str(address)

    def upload() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for path in files:
                copy = Path(folder, path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / path, copy)
            attributes = Path(folder, ".gitattributes")
            if attributes.exists():
                attributes.write_text(
                    attributes.read_text(encoding="utf-8").replace(" binary", f" {LFS}"), encoding="utf-8"
                )
            api.upload_folder(
                repo_id=space.repo, repo_type="space", folder_path=folder, commit_message="Upload the studio"
            )

    address = client.request(set_up, limits.HUB_GRACE)
    client.request(upload, 4 * limits.HUB_GRACE + size / limits.HUB_SLOWEST)
    return address

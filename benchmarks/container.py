"""Rehearse the container without Docker: python benchmarks/container.py [MIRROR]  (as root, with debootstrap)

Makes a Debian that has only what the Dockerfile installs, puts the files there that it copies, lends it this Python's
packages, starts the app there as an account that is not root, and prints sizes and the seconds until the first answer.
Debian's Python must be of this one's minor version, since it gets its packages.
"""

import contextlib
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

from packaging.requirements import Requirement

REPO = Path(__file__).resolve().parent.parent
PORT = 7893
CUDA = ("nvidia-", "cuda-", "triton")
START = f"""cd /home/studio/app
export PYTHONPATH=/packages PYTHONDONTWRITEBYTECODE=1 GRADIO_SERVER_NAME=127.0.0.1 GRADIO_SERVER_PORT={PORT}
export FASHIONGAN_RUNS=/data/runs XDG_CACHE_HOME=/data/cache HF_HOME=/data/huggingface
exec setpriv --reuid 1000 --regid 1000 --clear-groups python3 app.py
"""


def needed() -> dict[str, int]:
    """Bytes of each package that requirements.txt installs, with what those need in turn."""
    sizes: dict[str, int] = {}
    lines = (REPO / "requirements.txt").read_text(encoding="utf-8").splitlines()
    waiting = [Requirement(line) for line in lines if line and not line.startswith("#")]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop().name).lower()
        if name in sizes:
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            package = importlib.metadata.distribution(name)
            places = [Path(str(file.locate())) for file in package.files or []]
            sizes[name] = sum(place.stat().st_size for place in places if place.exists())
            wanted = [Requirement(line) for line in package.requires or []]
            waiting += [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    return sizes


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def size(folder: Path) -> float:
    """GB on the disk."""
    used = subprocess.check_output(
        ["du", "-s", "--block-size=1000", "--one-file-system", folder], text=True, encoding="utf-8"
    )
    return int(used.split()[0]) / 1e6


def first_answer(root: Path) -> float:
    """Seconds from the start of the app in that Debian until its health is answered."""
    begin = time.monotonic()
    app = subprocess.Popen(["chroot", root, "bash", "-c", START], stdout=subprocess.DEVNULL)
    try:
        while time.monotonic() - begin < 120:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=5).read()
                return time.monotonic() - begin
            time.sleep(0.05)
        raise SystemExit("No answer within 120 s.")
    finally:
        app.terminate()
        app.wait()


def main() -> None:
    mirror = sys.argv[1] if len(sys.argv) > 1 else "http://deb.debian.org/debian"
    root = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    root.chmod(0o755)  # the account that is not root must get in
    packages = ",".join(["python3", "ca-certificates", *(REPO / "packages.txt").read_text(encoding="utf-8").split()])
    run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", root, mirror)
    system = size(root)
    app = root / "home/studio/app"
    app.mkdir(parents=True)
    for name in ("app.py", "train.py", "README.md", "fashiongan", "checkpoints"):
        run("cp", "-r", REPO / name, app)
    (root / "data").mkdir()
    (root / "packages").mkdir()
    run("chroot", root, "useradd", "--uid", "1000", "studio")
    run("chown", "-R", "1000:1000", root / "home/studio", root / "data")
    run("mount", "--bind", sysconfig.get_path("purelib"), root / "packages")
    try:
        seconds = [first_answer(root) for _ in range(3)]
    finally:
        run("umount", root / "packages")
    copied = size(app)
    run("rm", "-r", "--one-file-system", root)
    sizes = needed()
    cuda = sum(n for name, n in sizes.items() if name.startswith(CUDA))
    commit = subprocess.check_output(
        ["git", "describe", "--always", "--dirty"], cwd=REPO, text=True, encoding="utf-8"
    ).strip()
    print(f"`python benchmarks/container.py`, commit {commit}\n")
    print(f"Debian with Python and packages.txt {system:.2f} GB, the studio {copied:.2f} GB")
    print(f"requirements.txt {sum(sizes.values()) / 1e9:.2f} GB, of which CUDA's libraries {cuda / 1e9:.2f} GB")
    print("first answer after " + ", ".join(f"{s:.1f}" for s in seconds) + " s")


if __name__ == "__main__":
    main()

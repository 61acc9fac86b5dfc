"""Open the studio: python app.py, then http://127.0.0.1:7860 (GRADIO_SERVER_PORT moves it)."""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

ON_SPACE, LASTING = "SPACE_ID" in os.environ, Path("/data/runs")
parser = argparse.ArgumentParser(description="Open FashionGAN Studio in the browser.")
parser.add_argument(
    "--runs",
    type=Path,
    default=Path(os.environ.get("FASHIONGAN_RUNS") or (LASTING if LASTING.parent.is_dir() and ON_SPACE else "runs")),
    help="folder of your own runs; on a Space with a lasting disk it is /data/runs",
)
parser.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
parser.add_argument("--device", default="auto", help="auto, cpu, cuda ...")
parser.add_argument(
    "--public",
    action="store_true",
    help="strangers may come: no training, no scoring, no paths, but for a Space's owner who signs in. Default on a "
    "Hugging Face Space; FASHIONGAN_PUBLIC=0 turns it off there, and FASHIONGAN_PUBLIC=visitors lets whoever signs in "
    "queue short runs",
)
parser.add_argument(
    "--share", action="store_true", default=os.environ.get("GRADIO_SHARE", "").lower() == "true",
    help="open a public link as well (gradio.live); needs FASHIONGAN_PASSWORD or --public",
)  # fmt: skip
parser.add_argument(
    "--log-level", choices=("debug", "info", "warning", "error"), default="info",
    help="what is written to standard error; info has a line for each request that failed",
)  # fmt: skip
parser.add_argument(
    "--mcp", action="store_true", default="FASHIONGAN_MCP" in os.environ, help="offer the endpoints as MCP tools too"
)


def main() -> None:
    args = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("fashiongan").setLevel(args.log_level.upper())
    from fashiongan.errors import StudioError
    from fashiongan.studio import Studio
    from fashiongan.ui import build, launch_settings

    access = os.environ.get("FASHIONGAN_PUBLIC") or ("1" if ON_SPACE else "0")
    if access not in ("0", "1", "visitors"):
        parser.exit(2, f"FASHIONGAN_PUBLIC cannot be {access!r}: set 0, 1 or visitors.\n")
    public = args.public or access != "0"
    names = ("HUB_REPO", "PASSWORD", "RUNS_REPO")
    catalogue, password, runs_repo = (os.environ.get(f"FASHIONGAN_{name}") or None for name in names)
    shared: dict[str, Any] = {"public": public, "visitors": access == "visitors"}
    try:
        launch_settings(
            password, args.mcp, public, args.share
        )  # what is wrong with these is said before the data is read
        studio = Studio(args.runs, args.data_root, args.device, **shared, catalogue=catalogue, runs_repo=runs_repo)
    except StudioError as e:
        parser.exit(2, f"{e}\n")
    build(studio).launch(**launch_settings(password, args.mcp, public, args.share, studio))


if __name__ == "__main__":
    main()

"""Open the studio: python app.py, then http://127.0.0.1:7860 (GRADIO_SERVER_PORT moves it)."""

import argparse
import os
from pathlib import Path

parser = argparse.ArgumentParser(description="Open FashionGAN Studio in the browser.")
parser.add_argument(
    "--runs", type=Path, default=Path(os.environ.get("FASHIONGAN_RUNS", "runs")), help="folder of your own runs"
)
parser.add_argument("--data-root", default=None, help="where Fashion-MNIST lies, if not where Debian puts it")
parser.add_argument("--device", default="auto", help="auto, cpu, cuda ...")


def main() -> None:
    args = parser.parse_args()
    from fashiongan.studio import Studio
    from fashiongan.ui import build, launch_settings

    build(Studio(args.runs, args.data_root, args.device)).launch(**launch_settings())


if __name__ == "__main__":
    main()

"""The command-line verbs other than training: python -m fashiongan sample dcgan --n 64 --out grid.png"""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command line: `train` is train.py, `main` is `python -m fashiongan`. Each verb has its own file.

A verb's file defines its flags and its function. It imports torch and our modules inside the function, so that --help
answers at once. Only the two entry points import this folder.
"""

from .train import train
from .verbs import main

__all__ = ["main", "train"]

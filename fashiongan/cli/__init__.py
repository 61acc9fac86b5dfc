"""The command line: `train` is train.py, `main` is `python -m fashiongan`, one file a verb.

A verb's file adds its flags and runs; it imports torch and ours only when it runs, so that --help answers at once.
Nothing but the two entrances imports this.
"""

from .train import train
from .verbs import main

__all__ = ["main", "train"]

"""FashionGAN Studio: train, explore, colour and stress-test fashion GANs."""

import os

__version__ = "0.1.0"

# Before torch is imported. Threads that wait for one another by spinning starve a browser, a slider or a second run on
# the same cores: measured on two with one busy neighbour, 100,000 spins train 190 pictures/s, 5,000 train 470, and on
# idle cores both 2,300.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")

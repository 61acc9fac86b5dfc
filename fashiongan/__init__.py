"""FashionGAN Studio: train, explore, color and stress-test fashion GANs."""

import os
import sys

__version__ = "0.1.0"

# Before torch is imported. Threads that wait for one another by spinning starve a browser, a slider or a second run on
# the same cores: measured on two with one busy neighbour, 100,000 spins train 190 pictures/s, 5,000 train 470, and on
# idle cores both 2,300.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
# Once a second thread has asked for sums, as on the page, GNU's OpenMP spins a hundred times and then sleeps through
# every short operation. ACTIVE makes that a thousand: a run in a thread trains 1.2 times as fast, and 0.95 times beside
# a busy neighbour (`python benchmarks/threads.py`). On other systems another OpenMP takes it to mean forever.
if sys.platform == "linux":
    os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")

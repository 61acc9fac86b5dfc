"""FashionGAN Studio: train, explore, color and stress-test fashion GANs."""

import os
import sys

__version__ = "0.1.0"

# Must be set before torch is imported. OpenMP's threads busy-wait (spin) for one another, which starves a browser, a
# slider or a second run on the same cores. Measured on two cores with one busy neighbour: 100,000 spins train
# 190 images/s, 5,000 spins train 470. On idle cores both train 2,300.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
# Once a second thread has used OpenMP, as on the page, GNU's implementation spins only a hundred times and then sleeps,
# in every short operation. ACTIVE makes that a thousand: a run in a thread trains 1.2 times as fast on idle cores, and
# 0.95 times as fast beside a busy neighbour (`python benchmarks/threads.py`). Linux only: the OpenMP of other systems
# takes ACTIVE to mean "spin forever".
if sys.platform == "linux":
    os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")

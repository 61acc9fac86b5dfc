"""Why gan and cgan learn with Adam here, where their authors' code has SGD: python benchmarks/optimisers.py

Trains each for three epochs by Adam, by SGD at the authors' rate of 0.1 and at a tenth of it, with the bundled
checkpoints' nets, and prints how far a thousand samples of each are from real garments (`quick.Quick`: Frechet
distance in the features of the project's classifier).
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import quick
from fashiongan.release import bundle
from fashiongan.training.trainer import Trainer, pick_device

RIVALS = {
    "Adam": {},
    "SGD at 0.1": {"optimizer": "sgd", "lr_g": 0.1, "lr_d": 0.1},
    "SGD at 0.01": {"optimizer": "sgd", "lr_g": 0.01, "lr_d": 0.01},
}
EPOCHS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    device = pick_device(args.device)
    garments = datasets.load(datasets.FASHION_MNIST)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    print(f"{EPOCHS} epochs, distance of 1,000 samples, commit {commit.strip()}, {device}")
    for gan in ("gan", "cgan"):
        for name, changes in RIVALS.items():
            far = []
            for seed in range(args.seeds):
                chosen = {**bundle.BUNDLED[gan], "epochs": EPOCHS, "seed": seed, "schedule": "constant", **changes}
                recipe, pictures = datasets.prepare(gans.new_recipe(chosen.pop("gan"), **chosen), loaded=garments)
                trainer = Trainer(recipe, pictures, device)
                try:
                    for _ in trainer.run():
                        pass
                except StudioError as e:
                    far.append(str(e))
                else:
                    scorer = quick.Quick(pictures, trainer.device)
                    far.append(f"{scorer.distance(trainer.gan, trainer.average):.2f}")
            print(f"{gan}, {name}: {', '.join(far)}", flush=True)


if __name__ == "__main__":
    main()

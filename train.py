"""Train a GAN from the command line: python train.py dcgan --epochs 20"""

import sys

from fashiongan.cli import train

if __name__ == "__main__":
    sys.exit(train(sys.argv[1:]))

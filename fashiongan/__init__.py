"""FashionGAN Studio: train, explore, colour and stress-test fashion GANs."""

__version__ = "0.1.0"

"""Color spaces and palettes: pure functions and tables. May import errors only.

The colorizer GAN uses this folder, so it lies below gans. Colorizing whole pictures is in `colorize`, above gans.
"""

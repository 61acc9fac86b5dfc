"""Color as numbers: the color space and palettes. Pure functions and tables; may import errors only.

The colorizer GAN is built on it, so it stands below gans. Coloring whole pictures is in `colorize`, above them.
"""

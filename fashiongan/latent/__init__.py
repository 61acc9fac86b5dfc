"""Latent space: descriptions of samples, slider directions, interpolation, inversion, the board.

`spec` holds SampleSpec, the description of a sheet of images, from which the sheet can be drawn again. May import gans,
data, and for inversion the scorer of evaluation; knows no training and no page.
"""

"""The space a generator draws from: described samples, directions to move in, interpolation, inversion, the board.

`spec` is the description of a sheet, from which it can be drawn again. May import gans, data, and for inversion the
scorer of evaluation; knows no training and no page.
"""

"""Coloring gray pictures with a colorizer GAN: `engine` for one picture of any size, `files` for many at once,
`enlarge` for garments of 28 pixels by an enlarger.

May import gans, data, color, classifiers and checkpoint; knows no page.
"""

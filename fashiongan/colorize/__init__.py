"""Coloring gray pictures with a colorizer GAN: `engine` colors one picture of any size, `files` colors many files,
`enlarge` turns garments of 28 x 28 pixels into large color pictures with an enlarger GAN.

This folder may import gans, data, color, classifiers and checkpoint. It must not know the page.
"""

"""The Sample tab: draw garments, move sliders, explore from one garment, start from an upload, keep a board.

This folder may import shared. It must not know other tabs.
"""

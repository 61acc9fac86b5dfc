"""The Sample tab: draw, move sliders, look around one garment, start from an upload, keep a board.

May import shared; knows no other tab.
"""

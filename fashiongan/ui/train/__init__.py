"""The Train tab: choose data and a recipe, start a run and watch it.

May import shared; knows no other tab.
"""

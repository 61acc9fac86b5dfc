"""The Train tab: choose data and a recipe, start a run and watch it.

This folder may import shared. It must not know other tabs.
"""

"""Code that several tabs share: access rights, the request guard, texts, toasts, panels, plots, the checkpoint list.

Knows the studio; knows no tab.
"""

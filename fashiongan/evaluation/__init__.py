"""How good generated pictures are, and how easily classifiers are fooled.

`metrics` are pure functions of features; `evaluate` puts the scores together, `report` puts them into words, `quick` is
the running score of a run, `robustness` the curve of accuracy against attack strength. May import classifiers,
attacks, gans, data and checkpoint; knows no training loop and no page.
"""

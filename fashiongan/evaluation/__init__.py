"""How good generated pictures are, and how easily classifiers are fooled.

`metrics` are pure functions of features; `evaluate` computes all scores of a checkpoint, `in_color` those of pictures
in color and of other sizes, against the pictures of `real`; `originality` is the test for copies; `report` holds the
result and puts it into words; `quick` is the running score during training; `robustness` computes the curve of accuracy
against attack strength, `least` the smallest strength that fools. This folder may import classifiers, attacks, gans,
data and checkpoint. It must not know the training loop or the page.
"""

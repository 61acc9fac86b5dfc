"""What all visitors of one page share: loaded models, data sets, the training run, scores, and one service per panel.

`Studio` is the facade of `models`, `datasets`, `runs` and `scoring`. `colorize`, `robustness`, and `compare` with
`score_table`, are each the service of one panel. This folder may import everything below it, and nothing of the page:
it returns dataclasses of tensors, bytes and plain values, knows no JSON of the page, and imports no Gradio.
"""

from .curve import Curve
from .run import Run
from .runs import RunStatus
from .studio import Studio

__all__ = ["Curve", "Run", "RunStatus", "Studio"]

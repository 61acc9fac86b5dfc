"""What the visitors of one page share: models in memory, data, the run that is training, scores, and a service a panel.

`Studio` is the door: behind it `models`, `datasets`, `runs` and `scoring`. `colorize`, `robustness` and `compare` with
`score_table` are the services of one panel each. May import everything below, and nothing of the page: it returns
dataclasses with tensors, bytes and plain values in them, knows no JSON of the page, and imports no Gradio.
"""

from .curve import Curve
from .runs import Run, RunStatus
from .studio import Studio

__all__ = ["Curve", "Run", "RunStatus", "Studio"]

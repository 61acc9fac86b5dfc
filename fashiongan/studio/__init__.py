"""What the visitors of one page share: models in memory, data, the run that is training, scores, and a service a panel.

`Studio` holds what all tabs need; `colorize`, `robustness` and `compare` are the services of one panel each. May import
everything below, and nothing of the page: it returns tensors, plain values and bytes, and imports no Gradio.
"""

from .studio import Curve, Run, Studio, data_url, png

__all__ = ["Curve", "Run", "Studio", "data_url", "png"]

"""The weights that a training of the cut-out net begins with: those of EfficientNet-Lite0, where they are installed."""

import torch

from ..data.unet import Convolution, CutoutNet
from ..gans import efficientnet


@torch.no_grad()
def begin_with(net: CutoutNet, lite: efficientnet.EfficientNet) -> None:
    """Copy the stem and the first stages of EfficientNet-Lite0 into the encoder, which then gives its features."""
    count = len(net.encoder.stages)
    own = [m for m in (net.encoder.stem, *net.encoder.stages.modules()) if isinstance(m, Convolution)]
    theirs = [m for m in (lite.stem, *lite.stages[:count].modules()) if isinstance(m, efficientnet.Convolution)]
    for layer, original in zip(own, theirs, strict=True):
        layer.load_state_dict(original.state_dict())

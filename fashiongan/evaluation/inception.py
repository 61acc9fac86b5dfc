"""True FID, KID and IS, through torch-fidelity where it is installed."""

import torch
from torch import Tensor

from ..errors import StudioError


def inception_scores(fake: Tensor, real: Tensor) -> dict[str, float]:
    """True FID, KID and IS by torch-fidelity, with gray pictures as three equal channels.

    Raises StudioError if torch-fidelity is not installed or Inception's weights cannot be fetched.
    """
    try:
        import torch_fidelity  # type: ignore[import-untyped]
    except ImportError as e:
        raise StudioError("True FID needs torch-fidelity: pip install torch-fidelity.") from e

    class Pictures(torch.utils.data.Dataset[Tensor]):
        def __init__(self, images: Tensor):
            self.images = images

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, i: int) -> Tensor:
            return self.images[i].expand(3, -1, -1)

    from urllib.error import URLError

    try:
        scores = torch_fidelity.calculate_metrics(
            input1=Pictures(fake), input2=Pictures(real), fid=True, kid=True, isc=True, verbose=False, cuda=False,
            kid_subset_size=min(1000, len(fake), len(real)),
        )  # fmt: skip
    except (URLError, OSError, RuntimeError) as e:
        raise StudioError(
            "True FID, KID and IS need Inception's weights, which could not be fetched: the other scores stand."
        ) from e
    return {
        "fid": float(scores["frechet_inception_distance"]),
        "kid": float(scores["kernel_inception_distance_mean"]),
        "is": float(scores["inception_score_mean"]),
    }

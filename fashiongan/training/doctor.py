"""The training doctor: says in plain words what is going wrong in a run, and which knob to try."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

WINDOW = 500  # steps a problem must last before it is reported: every GAN stumbles now and then

# Shares. Healthy WGANs had 0.25 to 0.43 of their weights at the bound; those with far too small a bound, 0.46 to 0.8.
D_WINS, D_LOSES, ALIKE, CLIPPED = 0.98, 0.1, 0.3, 0.45
CLIMB = 1.2  # while the window's newer half has this many times the variety of its older half, the generator learns
FEW = "The samples look like only"


def examine(rows: Sequence[Mapping[str, float]], variety: float, *, critic: bool = False) -> list[str]:
    """Remarks on a run; none if it goes well.

    Args:
        rows: the log so far (`run_log.LogRow.values`), each row the means since the one before.
        variety: `losses.diversity` of real pictures in the same units as the run's curve.
        critic: whether the discriminator is meant to stay ahead, as WGAN's is.
    """
    if not rows or rows[-1]["step"] < WINDOW:
        return []
    last = rows[-1]["step"]

    def mean(name: str, after: float = last - WINDOW, until: float = last) -> float | None:
        values = [r[name] for r in rows if name in r and after < r["step"] <= until]
        return sum(values) / len(values) if values else None

    real, fake = mean("d_accuracy_real"), mean("d_accuracy_fake")
    diversity, clipped = mean("diversity"), mean("d_clipped")
    older, newer = mean("diversity", until=last - WINDOW / 2), mean("diversity", after=last - WINDOW / 2)
    learning = older is not None and newer is not None and newer > CLIMB * older
    remarks = []
    if not critic and not learning and real is not None and fake is not None:
        if min(real, fake) > D_WINS:
            remarks.append(
                f"The discriminator has won: it is right about {100 * min(real, fake):.0f} % of the pictures, and the "
                "generator hears little it can use. Lower the discriminator's learning rate (lr_d), or raise lr_g."
            )
        if fake < D_LOSES:
            remarks.append(
                f"The generator has won: the discriminator takes {100 * (1 - fake):.0f} % of the fakes for real, so "
                "nobody teaches it. Raise the discriminator's learning rate (lr_d) or its turns (d_steps)."
            )
    if diversity is not None and diversity < ALIKE * variety and not learning:
        remarks.append(
            f"The samples are nearly alike: they have {100 * diversity / variety:.0f} % of the garments' variety. "
            "Lower the generator's learning rate (lr_g), or start again with another seed."
        )
    if clipped is not None and clipped > CLIPPED:
        remarks.append(
            f"{100 * clipped:.0f} % of the critic's weights sit at the clipping bound, so it can hardly tell anything "
            "apart. Raise the bound (clip), or use wgan-gp."
        )
    return remarks


def class_means(images: Tensor, labels: Tensor, classes: Sequence[int]) -> Tensor:
    """(K, C * H * W): the mean picture of each class, from (N, C, H, W) uint8 and (N,)."""
    return torch.stack([images[labels == c][:500].float().flatten(1).mean(0) for c in classes]).cpu()


def missing_classes(samples: Tensor, means: Tensor) -> list[str]:
    """A remark if the samples (N, C, H, W) uint8 look like fewer than half of the classes with these mean pictures.

    Each sample counts for its nearest mean: a rough classifier, but enough to notice that whole classes are missing.
    """
    nearest = torch.cdist(samples.float().flatten(1), means).argmin(1)
    seen = len(nearest.unique())
    if len(means) < 4 or len(samples) < 4 * len(means) or 2 * seen >= len(means):
        return []
    return [
        f"{FEW} {seen} of the {len(means)} classes. Lower the generator's learning rate (lr_g), "
        "use a larger batch, or a GAN that is told the class, such as cdcgan."
    ]

"""What the Sample tab says about a checkpoint: how it was trained, and the film of it."""

import base64

from ... import checkpoint
from ...studio import Studio


def card(studio: Studio, name: str) -> str:
    """A line on how a checkpoint was trained, and the verdict on it."""
    info, report = checkpoint.header_info(studio.path(name)), studio.report(name)
    minutes = "?" if info.seconds is None else round(info.seconds / 60)
    verdict = f" Scored by a classifier: {report.verdict}" if report and report.verdict else ""
    epochs = "?" if info.epochs is None else f"{info.epochs:.0f}" if info.epochs >= 10 else f"{info.epochs:g}"
    how = f"{minutes} min on {info.device or '?'}: `{info.command or '?'}`"
    return f"Trained for {epochs} epochs, {how}.{verdict}"


def film_of(studio: Studio, name: str | None) -> str:
    """HTML: the GIF of a checkpoint's training."""
    path = studio.film(name) if name else None
    if path is None:
        return ""
    url = base64.b64encode(path.read_bytes()).decode()
    return f'<img src="data:image/gif;base64,{url}" alt="samples from the first epoch to the last">'

"""The edge of the page: dataclasses and pictures go out as JSON and data URLs here, and nowhere else."""

import base64
import functools
import inspect
import io
from collections.abc import Callable
from typing import Any

from PIL import Image
from torch import Tensor

from ...data import sheets
from ...plain import plain

SMALL = 112  # pixels a side up to which a picture goes out as a PNG; a large JPEG takes a tenth as long


def as_json(endpoint: Callable[..., object]) -> Callable[..., Any]:
    """Wrap an endpoint that returns a dataclass: it returns JSON. Its arguments are those of the endpoint."""

    @functools.wraps(endpoint)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return answer(endpoint(*args, **kwargs))

    # Gradio reads the type of the answer from the signature.
    wrapped.__signature__ = inspect.signature(endpoint).replace(return_annotation=dict[str, Any])  # type: ignore[attr-defined]
    return wrapped


def answer(value: Any) -> Any:
    """A service's answer as JSON, with a data URL for each picture."""
    return plain(value, url)


def url(picture: Tensor | bytes) -> str:
    """A picture, (1, 3 or 4, H, W) uint8 or the bytes of a PNG, as a data URL."""
    if isinstance(picture, bytes):
        return data_url(picture)
    im = image(picture)
    if picture.shape[0] == 1 or max(im.size) <= SMALL:
        return data_url(sheets.png(im))
    out = io.BytesIO()
    im.save(out, "JPEG", quality=92, subsampling=0)
    return data_url(out.getvalue(), "jpeg")


def image(picture: Tensor) -> Image.Image:
    """(1, 3 or 4, H, W) uint8 as a picture of its own size, on white; the page enlarges it."""
    picture = sheets.on_ground(picture[None])[0]
    return Image.fromarray((picture[0] if picture.shape[0] == 1 else picture.permute(1, 2, 0)).contiguous().numpy())


def data_url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()

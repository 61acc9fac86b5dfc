"""The endpoint /enlarge, by which programs enlarge gray garments."""

from pathlib import Path

import gradio as gr

from ..errors import StudioError
from ..studio import Studio, enlarging, in_color
from .arguments import EnlargeArguments, arguments
from .shared import fields, show


class EnlargeEndpoint:
    """Enlarge gray garments of 28 x 28 pixels."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def add(self) -> None:
        gr.Button(visible=False).click(
            show.polite(self.enlarge),
            fields.hidden(self.enlarge),
            gr.File(visible=False, file_count="multiple", label="enlarged"),
            api_name="enlarge",
            concurrency_id="colorize",
            concurrency_limit=1,
        )

    def enlarge(
        self,
        picture: str | None = None,
        checkpoint: str = "",
        colours: str = "",
        n: int = 1,
        label: str = "",
        seed: int = 0,
        background: str = "none",
        enlarger: str = "",
    ) -> list[str]:
        """Enlarge a gray garment of 28 x 28 pixels to 128, in color and cut out.

        Args:
            picture: a file with 28 x 28 gray pixels; or leave it out and name a checkpoint.
            checkpoint: a GAN that draws such garments, such as "studio".
            colours: colors such as "#b03a2e" separated by commas, or a palette's name; empty lets the net choose. Each
                picture takes the next.
            n: how many variants of the picture, or garments of the checkpoint, 1 to 16.
            label: the garment's class by name or number; for a checkpoint, the class to draw.
            seed: another seed has other ideas.
            background: none (transparent), white or a color such as "#b03a2e".
            enlarger: a name from the page's list; empty takes the first that enlarges.

        Returns:
            A PNG for each; its text field "fashiongan" holds its description as JSON.
        """
        a = arguments(
            EnlargeArguments, checkpoint=checkpoint, colours=colours, n=n, label=label, seed=seed,
            background=background, enlarger=enlarger,
        )  # fmt: skip
        if (picture is None) == (not a.checkpoint):
            raise StudioError("Give a picture of 28 x 28 gray pixels, or the checkpoint of a GAN that draws such.")
        request = enlarging.Request(
            Path(picture) if picture else None, a.checkpoint or "", a.n, a.seed, a.label or None,
            in_color.palette(a.colours or ""), a.background or "none", a.enlarger or "",
        )  # fmt: skip
        return [show.kept(data, name) for name, data in enlarging.pngs(self.studio, request)]

"""The endpoint /sample, by which programs draw sheets."""

from dataclasses import replace

from ...studio import in_color
from ..shared import show
from ..shared.checkpoints import FAVOURITE
from .desk import to_spec
from .explore import Sheets
from .state import ALL


class SheetEndpoint:
    """Draws sheets with one studio's models."""

    def __init__(self, sheets: Sheets):
        self.sheets = sheets

    def sheet(
        self,
        checkpoint: str = FAVOURITE,
        label: str = ALL,
        n: int = 40,
        seed: int = 0,
        truncation: float = 1.0,
        slider_1: float = 0.0,
        slider_2: float = 0.0,
        slider_3: float = 0.0,
        slider_4: float = 0.0,
        slider_5: float = 0.0,
        slider_6: float = 0.0,
        across: int = 0,
        ways: str = "layer",
        colors: str = "",
    ) -> str:
        """Draw a sheet of garments.

        Args:
            checkpoint: a name from the page's list, such as "dcgan" or "runs/dcgan-1", or "hub:user/name".
            label: a class by name or number, or "All classes".
            n: how many pictures, 1 to 100.
            seed: another seed draws other garments.
            truncation: 0 to 1.5; below 1 more typical, above 1 more varied.
            slider_1: offset along the generator's first direction, in standard deviations, -8 to 8, or -4 to 4 where
                directions are measured; the others likewise. InfoGAN's come after its codes, which go from -2 to 2.
            across: number of a slider, 1 to 6, for a grid of every class along it; 0 for a sheet of garments.
            ways: which directions the sliders are: "layer" (SeFa), "activations" (GANSpace), or "measured", those that
                the page names by what they change.
            colors: garments in these colors: a palette's name, such as "Jewel", or colors with commas between.

        Returns:
            A PNG; its text field "fashiongan" holds this description as JSON.
        """
        sliders = (slider_1, slider_2, slider_3, slider_4, slider_5, slider_6)
        sample = to_spec(
            self.sheets.studio.gan(checkpoint), checkpoint, label, n, seed, truncation, sliders, across, ways
        )
        return show.described_sheet(*self.sheets.drawn(replace(sample, palette=in_color.palette(colors))))

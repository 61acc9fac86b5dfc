"""What the panel of the Colorize tab shows, drawn as elements: tiles of variants and colorways, and a line of facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ...color.palettes import PALETTES
from ...studio.colorize import Colored, Garment
from ..shared.elements import Element, element

PRESS = "Press one to see it large."
UPLOAD = " Upload several pictures to see them all in these colors."


@dataclass(frozen=True)
class View:
    """One garment before and after coloring, and a line about it."""

    colored: Colored
    about: str


@dataclass(frozen=True)
class Tiles:
    """A sheet of tiles, and a hint beneath it."""

    tiles: list[Element]
    hint: str = ""


def tile(picture: Tensor, name: str, **data: object) -> Element:
    """A small picture that can be pressed. `data`: what panel.js makes of that."""
    image = element("img", src=picture, alt="")
    return element("button", image, type="button", className="tile", title=name, aria_label=name, data_key=name, **data)


def variants(pictures: Iterable[Tensor]) -> Tiles:
    return Tiles([tile(x, f"variant {i + 1}", data_variant=i) for i, x in enumerate(pictures)])


def palettes(rows: Mapping[str, Tensor]) -> Tiles:
    """One garment in every palette, a row of tiles for each."""
    return Tiles([way(name, pictures) for name, pictures in rows.items()], PRESS)


def way(name: str, pictures: Tensor) -> Element:
    colors = zip(pictures, PALETTES[name], strict=False)  # a palette may have more colors than a row has tiles
    tiles = [tile(x, f"{name}, {color}", data_way=name, data_variant=i) for i, (x, color) in enumerate(colors)]
    return element("div", element("h5", name), element("div", *tiles, className="tiles"), className="way")


def many(pictures: Sequence[Tensor], garments: Sequence[Garment], kinds: Mapping[str, str], several: bool) -> Tiles:
    """Many garments in the same colors. `kinds`: the page's names of the kinds of garments. `several`: uploads."""
    tiles = [
        tile(x, f"garment {i + 1}", data_variant=i, data_kind=kinds[g.kind], data_number=g.number, data_upload=g.key)
        for i, (x, g) in enumerate(zip(pictures, garments, strict=True))
    ]
    return Tiles([element("div", *tiles, className="tiles wide")], PRESS + ("" if several else UPLOAD))


def about(garment: Garment, colored: Colored) -> str:
    """One line about the garment that is shown."""
    name = colored.name or ("drawn by hand" if garment.kind == "drawn" else f"test picture {garment.number}")
    (width, height), checkpoint = colored.size, colored.checkpoint.rsplit("/", 1)[-1]
    facts = [name, str(colored.label or ""), f"{width} x {height} pixels", f"by {checkpoint}"]
    gray = "It was in color: it is made gray first." if colored.was_colored else ""
    return ". ".join(part for part in (" · ".join(fact for fact in facts if fact), gray, colored.note) if part)

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
    """One garment before and after coloring, each as the properties of an img, and a line about it."""

    before: dict[str, Tensor | str]
    after: dict[str, Tensor | str]
    about: str
    sharp: bool  # whether single pixels are shown
    shape: tuple[int, int]  # width and height as shown
    colors: tuple[str, ...]  # report 001's, if they were requested
    mask: Tensor | None  # of an upload: white where the garment is


def view(garment: Garment, colored: Colored) -> View:
    return View(
        {"src": colored.before, "alt": "the garment, gray"},
        {"src": colored.after, "alt": "the garment in color"},
        about(garment, colored),
        colored.sharp,
        colored.shape,
        colored.colors,
        colored.mask,
    )


@dataclass(frozen=True)
class Variants:
    """A row of tiles, one for each variant."""

    variants: list[Element]


@dataclass(frozen=True)
class Ways:
    """The colorways: a sheet of tiles, and a hint beneath it."""

    ways: list[Element]
    hint: str


def tile(picture: Tensor, name: str, **data: object) -> Element:
    """A small picture that can be pressed. `data`: what that changes, see CHANGES in panel.js."""
    image = element("img", src=picture, alt="")
    return element("button", image, type="button", className="tile", title=name, aria_label=name, data_key=name, **data)


def variants(pictures: Iterable[Tensor]) -> Variants:
    return Variants([tile(x, f"variant {i + 1}", data_variant=i) for i, x in enumerate(pictures)])


def palettes(rows: Mapping[str, Tensor]) -> Ways:
    """One garment in every palette, a row of tiles for each."""
    return Ways([way(name, pictures) for name, pictures in rows.items()], PRESS)


def way(name: str, pictures: Tensor) -> Element:
    colors = zip(pictures, PALETTES[name], strict=False)  # a palette may have more colors than a row has tiles
    tiles = [tile(x, f"{name}, {color}", data_way=name, data_variant=i) for i, (x, color) in enumerate(colors)]
    return element("div", element("h5", name), element("div", *tiles, className="tiles"), className="way")


def many(pictures: Sequence[Tensor], garments: Sequence[Garment], chosen: Garment, several: bool) -> Ways:
    """Many garments in the same colors. `chosen`: the one that is shown large. `several`: uploads."""
    tiles = [
        tile(x, f"garment {i + 1}", data_wear=i, **which(g), aria_pressed=same(g, chosen))
        for i, (x, g) in enumerate(zip(pictures, garments, strict=True))
    ]
    return Ways([element("div", *tiles, className="tiles wide")], PRESS + ("" if several else UPLOAD))


def which(garment: Garment) -> dict[str, str | int]:
    """How a tile names its garment; one that is drawn by hand has no name."""
    if garment.kind == "own":
        return {"data_upload": garment.key}
    return {"data_number": garment.number} if garment.kind == "test" else {}


def same(one: Garment, other: Garment) -> bool:
    return (one.kind, one.number, one.key) == (other.kind, other.number, other.key)


def about(garment: Garment, colored: Colored) -> str:
    """One line about the garment that is shown."""
    name = colored.name or ("drawn by hand" if garment.kind == "drawn" else f"test picture {garment.number}")
    (width, height), checkpoint = colored.size, colored.checkpoint.rsplit("/", 1)[-1]
    facts = [name, str(colored.label or ""), f"{width} x {height} pixels", f"by {checkpoint}"]
    gray = "It was in color: it is made gray first." if colored.was_colored else ""
    return ". ".join(part for part in (" · ".join(fact for fact in facts if fact), gray, colored.note) if part)

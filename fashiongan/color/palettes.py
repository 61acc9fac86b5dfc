"""Palettes of colors, and report 001's color for each class."""

# Report 001's colors, read off its figure: those of matplotlib's tab10, for Fashion-MNIST's classes in order.
CLASSIC = (
    "#1f77b4", "#17becf", "#2ca02c", "#ff7f0e", "#9467bd", "#d62728", "#e377c2", "#7f7f7f", "#bcbd22", "#8c564b",
)  # fmt: skip

# Color-blind people can distinguish the colors of Okabe-Ito, Tol and IBM: Okabe and Ito 2008, "Color Universal Design";
# Tol 2021, "Color schemes", SRON/EPS/TN/09-002; IBM Design Library. The other palettes are our own.
PALETTES: dict[str, tuple[str, ...]] = {
    "Okabe-Ito": ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"),
    "Tol bright": ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"),
    "IBM": ("#648fff", "#785ef0", "#dc267f", "#fe6100", "#ffb000"),
    "Report 001": CLASSIC,
    "Earth": ("#8a5a3c", "#b5793f", "#6b6b3a", "#a34a2c", "#cfa76b", "#5c4634"),
    "Pastel": ("#e7b7c8", "#b8d8e8", "#c9e4c5", "#f2dfa9", "#d3c4ea", "#f3c5a8"),
    "Jewel": ("#0b6e4f", "#1f3c88", "#8c1c4b", "#6a2c8f", "#c58f00", "#006d77"),
    "Denim": ("#27406b", "#3f5f8f", "#6d8fb8", "#9db4cc", "#1d2b45"),
    "Sport": ("#e4002b", "#0057b8", "#ffd100", "#00843d", "#ff6a13", "#5f259f"),
    "Autumn": ("#7b2d26", "#c1440e", "#e3a32d", "#6a7b2f", "#8b5e34", "#4b3b56"),
}


def by_name(name: str) -> tuple[str, ...] | None:
    """The colors of the palette with that name, in letters of either case; None if there is none."""
    return {key.casefold(): colors for key, colors in PALETTES.items()}.get(name.strip().casefold())

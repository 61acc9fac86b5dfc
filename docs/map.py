"""Draw which folder imports which, from the imports themselves, into docs/architecture.svg: make map

Rooms stand above those that they import. An arrow that a longer way implies is not drawn, or nothing could be read; all
arrows are kept as JSON in the picture's <metadata>, where a test compares them with the imports. The page's tabs are
drawn as one room, `ui`, and the modules at the bottom, which lie in no folder, as one, `ground`.
"""

import json
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.structure import REPO, Tree

OUT = REPO / "docs" / "architecture.svg"
WIDE, HIGH, ACROSS, DOWN, EDGE = 116, 34, 148, 78, 24  # pixels: a box, from box to box, the margin
STYLE = """
  .box { fill: #f5f3ff; stroke: #6366f1; } .arrow { fill: none; stroke: #8b8fa3; stroke-width: 1.3; }
  .head { fill: #8b8fa3; } text { font: 14px system-ui, sans-serif; fill: #1c1917; text-anchor: middle; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #272447; stroke: #818cf8; } .arrow { stroke: #9ca0b5; }
    .head { fill: #9ca0b5; } text { fill: #f5f5f4; }
  }
"""


def arrows(tree: Tree) -> dict[str, list[str]]:
    """Which rooms each room imports, as drawn: sorted, tabs as `ui`, the lowest modules as `ground`."""

    def drawn(room: str) -> str:
        ground = room != "checkpoint" and (tree.package / f"{room}.py").exists()
        return "ground" if ground else room.split(".", maxsplit=1)[0]

    found: dict[str, set[str]] = defaultdict(set)
    for room, others in tree.arrows().items():
        found[drawn(room)] |= {drawn(other) for other in others}
    return {room: sorted(others - {room}) for room, others in sorted(found.items())}


def levels(edges: dict[str, list[str]]) -> dict[str, int]:
    """How high each room stands: one above the highest that it imports."""
    found: dict[str, int] = {}

    def level(room: str) -> int:
        if room not in found:
            found[room] = 1 + max(map(level, edges[room]), default=-1)
        return found[room]

    for room in edges:
        level(room)
    return found


def shortest(edges: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The arrows that no longer way implies."""

    def below(room: str) -> set[str]:
        return {room}.union(*(below(other) for other in edges[room]))

    return [
        (room, other)
        for room, others in edges.items()
        for other in others
        if not any(other in below(third) for third in others if third != other)
    ]


def layout(edges: dict[str, list[str]]) -> tuple[dict[str, tuple[float, float]], list[list[str]]]:
    """The middle of every room, and the ways of the arrows as names of places: rooms, and bends on the levels between.

    Places of a level are sorted by the mean of their neighbours, up and down by turns, so that few arrows cross.
    """
    level = levels(edges)
    rows: dict[int, list[str]] = defaultdict(list)
    for room, height in level.items():
        rows[height].append(room)
    ways = []
    for above, below in shortest(edges):
        bends = [f"{above}>{below}@{i}" for i in range(level[above] - 1, level[below], -1)]
        for i, bend in zip(range(level[above] - 1, level[below], -1), bends, strict=True):
            rows[i].append(bend)
        ways.append([above, *bends, below])
    neighbours: dict[str, list[str]] = defaultdict(list)
    for way in ways:
        for a, b in pairwise(way):
            neighbours[a].append(b)
            neighbours[b].append(a)
    place = {name: i - len(row) / 2 for row in rows.values() for i, name in enumerate(row)}
    order = sorted(rows)
    for height in (order + order[::-1]) * 12:
        row = rows[height]
        mean = {name: sum(place[o] for o in neighbours[name]) / len(neighbours[name]) for name in row}
        row.sort(key=lambda name: (mean[name], name))
        widths = [0.45 if "@" in name else 1.0 for name in row]
        at = -sum(widths) / 2
        for name, width in zip(row, widths, strict=True):
            place[name] = at + width / 2
            at += width
    left, top = min(place.values()), max(order)
    middle = {
        name: (EDGE + WIDE / 2 + (place[name] - left) * ACROSS, EDGE + HIGH / 2 + (top - height) * DOWN)
        for height, row in rows.items()
        for name in row
    }
    return middle, ways


def svg(edges: dict[str, list[str]]) -> str:
    middle, ways = layout(edges)
    width = max(x for x, _ in middle.values()) + WIDE / 2 + EDGE
    height = max(y for _, y in middle.values()) + HIGH / 2 + EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">',
        "<title>Which folder of the package imports which</title>",
        f"<metadata>{json.dumps(edges)}</metadata>",
        f"<style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="head" d="M0 0L8 4L0 8z"/></marker>',
    ]
    for way in ways:
        points = [middle[name] for name in way]
        (x, y), end = points[0], len(points) - 1
        y += HIGH / 2
        path = f"M{x:.0f} {y:.0f}"
        for i, (u, v) in enumerate(points[1:], 1):
            to = v - HIGH / 2 if i == end else v
            half = (to - y) / 2
            path += f"C{x:.0f} {y + half:.0f} {u:.0f} {to - half:.0f} {u:.0f} {to:.0f}"
            x, y = u, to
        parts.append(f'<path class="arrow" d="{path}" marker-end="url(#head)"/>')
    for room in edges:
        x, y = middle[room]
        box = f'x="{x - WIDE / 2:.0f}" y="{y - HIGH / 2:.0f}" width="{WIDE}" height="{HIGH}" rx="7"'
        parts.append(f'<rect class="box" {box}/><text x="{x:.0f}" y="{y + 5:.0f}">{room}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    OUT.write_text(svg(arrows(Tree(REPO))), encoding="utf-8")

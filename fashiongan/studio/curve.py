"""The curves of a run in memory, for a page that asks again and again what is new."""

import threading

from .. import limits

Columns = dict[str, list[float | None]]  # a curve each, by name, all of one length


class Curve:
    """The curves of a run as columns, safe to read while another thread appends.

    `generation` changes when rows are joined, so that a reader who has the first n rows knows to ask for all of them.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.columns: Columns = {}
        self.generation = 0

    def append(self, row: dict[str, float]) -> None:
        with self.lock:
            rows = len(self.columns.get("step", []))
            for name in self.columns.keys() | row.keys():
                if rows and name not in self.columns:
                    self.generation += 1  # a curve that begins late, before which there is nothing
                self.columns.setdefault(name, [None] * rows).append(row.get(name))
            if rows + 1 >= limits.ROWS:
                self.columns = {
                    name: v[1::2]
                    if name in ("step", "epoch")
                    else [joined(a, b) for a, b in zip(v[::2], v[1::2], strict=False)]
                    for name, v in self.columns.items()
                }
                self.generation += 1

    def since(self, generation: int, row: int) -> tuple[int, Columns]:
        """(first row sent, columns from there): all of them when the reader's copy is of another generation."""
        with self.lock:
            known = row if generation == self.generation and 0 <= row <= len(self.columns.get("step", [])) else 0
            return known, {name: v[known:] for name, v in self.columns.items()}


def joined(a: float | None, b: float | None) -> float | None:
    """The mean of two neighbours of a curve, or the one that is there."""
    return b if a is None else a if b is None else (a + b) / 2

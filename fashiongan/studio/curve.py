"""The curves of a run in memory, for a page that polls for new rows."""

import threading

from .. import limits

Columns = dict[str, list[float | None]]  # curves by name, all of the same length


class Curve:
    """The curves of a run as columns. They can be read while another thread appends.

    `generation` changes when older rows change, so that a reader who has the first n rows knows to read all again.
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
                    self.generation += 1  # a curve that begins late: its older rows are None
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
        """(first row, columns from that row on): all rows if the reader's copy has another generation."""
        with self.lock:
            first = row if generation == self.generation and 0 <= row <= len(self.columns.get("step", [])) else 0
            return first, {name: v[first:] for name, v in self.columns.items()}


def joined(a: float | None, b: float | None) -> float | None:
    """The mean of two neighbouring values of a curve; if one is None, the other value."""
    return b if a is None else a if b is None else (a + b) / 2

"""The log of a run, log.jsonl: one JSON object a line, written by `run_folder`; and its curves in short."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..plain import number

POINTS = 60  # of each curve in the short summary of a run
OTHERS = ("step", "epoch", "images_per_second", "seconds", "remarks")  # what a line holds beside the curves


@dataclass(frozen=True)
class LogRow:
    """A line of the log: where the run is, and the mean of every curve since the line before."""

    step: int
    epoch: float
    losses: dict[str, float]  # the curves by name: losses, accuracies, and scores by `quick.Quick`
    images_per_second: float
    seconds: float  # of training since the run began
    remarks: tuple[str, ...] = ()  # by the doctor

    def values(self) -> dict[str, float]:
        """The numbers that are drawn as curves: the step, the epoch, and the losses."""
        return {"step": self.step, "epoch": self.epoch, **self.losses}

    def to_json(self) -> dict[str, object]:
        """The JSON object of the line. Its keys must not change: logs are in people's folders."""
        remarks = {"remarks": list(self.remarks)} if self.remarks else {}
        return {**self.values(), "images_per_second": self.images_per_second, "seconds": self.seconds, **remarks}

    @classmethod
    def from_json(cls, value: object) -> "LogRow | None":
        """A line from its JSON object; None if it is not one of the studio. What is no number is left out."""
        if not isinstance(value, dict) or not isinstance(value.get("step"), int):
            return None
        remarks = value.get("remarks")
        return cls(
            step=value["step"],
            epoch=number(value.get("epoch")) or 0.0,
            losses={k: v for k, v in value.items() if k not in OTHERS and number(v) is not None},
            images_per_second=number(value.get("images_per_second")) or 0.0,
            seconds=number(value.get("seconds")) or 0.0,
            remarks=tuple(r for r in remarks if isinstance(r, str)) if isinstance(remarks, list) else (),
        )


def read(out: Path) -> list[LogRow]:
    """The whole lines of a run's log, up to the first that a kill cut off or that is not the studio's."""
    rows = []
    try:
        text = (out / "log.jsonl").read_text(errors="replace", encoding="utf-8")
    except OSError:
        return []
    for line in text.splitlines():
        try:
            row = LogRow.from_json(json.loads(line))
        except ValueError:
            break
        if row is None:
            break
        rows.append(row)
    return rows


def curves(rows: Sequence[LogRow]) -> dict[str, list[float | None]]:
    """A run's log as columns of at most POINTS numbers, each the mean of as many neighbours, to four digits."""
    width = max(1, -(-len(rows) // POINTS))
    parts = [rows[i : i + width] for i in range(0, len(rows), width)]
    names = dict.fromkeys(name for row in rows for name in row.losses)
    columns: dict[str, list[float | None]] = {
        name: [mean([row.losses[name] for row in part if name in row.losses]) for part in parts] for name in names
    }
    return columns | {"step": [part[-1].step for part in parts]}


def mean(values: Sequence[float]) -> float | None:
    return float(f"{sum(values) / len(values):.4g}") if values else None

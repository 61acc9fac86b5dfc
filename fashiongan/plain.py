"""Dataclasses to plain JSON values (dicts, lists, strings, numbers), and back from what a file holds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")
KEY, LEFT_OUT = "key", "left out if None"


def maybe(key: str = "") -> Any:
    """A dataclass field that JSON leaves out if it is None. `key`: its name in JSON, if that differs."""
    return field(default=None, metadata={LEFT_OUT: True, **({KEY: key} if key else {})})


def called(key: str) -> Any:
    """A required dataclass field with another name in JSON, such as "class". It stands after all other fields."""
    return field(metadata={KEY: key})


def plain(value: Any, other: Callable[[Any], Any] = lambda value: value) -> Any:
    """Convert a value, and every dataclass, tuple and mapping in it, to JSON types. `other` converts values that have
    no JSON type, such as pictures for the page."""
    if is_dataclass(value) and not isinstance(value, type):
        result = {}
        for f in fields(value):
            v = getattr(value, f.name)
            if v is not None or not f.metadata.get(LEFT_OUT):
                result[f.metadata.get(KEY, f.name)] = plain(v, other)
        return result
    if isinstance(value, Mapping):
        return {k: plain(v, other) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, other) for v in value]
    return value if value is None or isinstance(value, str | int | float) else other(value)


def number(x: object) -> Any:
    """The value if it is a finite number, else None."""
    return x if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) else None


def text(x: object) -> str | None:
    """The value if it is a string, else None."""
    return x if isinstance(x, str) else None


def read(cls: type[T], value: object, readers: Mapping[str, Callable[[Any], Any]]) -> T:
    """A dataclass from a JSON object. Each field is read by its reader, or as a number if it has none; readers return
    None for what is missing or has another type. An object that is not a dict counts as empty."""
    given = value if isinstance(value, dict) else {}
    keys = {f.name: f.metadata.get(KEY, f.name) for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: readers.get(name, number)(given.get(key)) for name, key in keys.items()})

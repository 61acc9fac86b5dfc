"""Converts dataclasses to plain JSON values: dicts, lists, strings, numbers."""

from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any

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

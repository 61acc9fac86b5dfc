"""Dataclasses to plain JSON values: dicts, lists, strings, numbers."""

from collections.abc import Callable, Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any

KEY, LEFT_OUT = "key", "left out if None"


def maybe(key: str = "") -> Any:
    """A field that JSON leaves out where it is None. `key`: what it is called there, if not as here."""
    return field(default=None, metadata={LEFT_OUT: True, **({KEY: key} if key else {})})


def called(key: str) -> Any:
    """A field that must be given, and that JSON calls otherwise, such as "class". It stands after all others."""
    return field(metadata={KEY: key})


def plain(value: Any, other: Callable[[Any], Any] = lambda value: value) -> Any:
    """A value with every dataclass, tuple and mapping in it as what JSON knows. `other` turns what JSON does not know:
    pictures, for the page."""
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for f in fields(value):
            v = getattr(value, f.name)
            if v is not None or not f.metadata.get(LEFT_OUT):
                found[f.metadata.get(KEY, f.name)] = plain(v, other)
        return found
    if isinstance(value, Mapping):
        return {k: plain(v, other) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, other) for v in value]
    return value if value is None or isinstance(value, str | int | float) else other(value)

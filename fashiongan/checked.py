"""What comes from outside (a panel's JSON, a description in a picture, a caller's argument), checked by pydantic."""

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import StudioError

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def adapter(kind: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


Sentence = str | Callable[[str, str], str]


def checked(kind: Any, value: object, sentence: Sentence) -> Any:
    """A value of that type from what was read from JSON; StudioError with the sentence for anything else.

    Strict: "3" and true are not numbers. A dataclass is made from an object; the types of its fields say what they
    accept. `sentence` may be a function of the first wrong field ("" if the whole value is wrong) and of pydantic's
    name for the error.
    """
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):  # JSON has no such value
        text = ""
    return parsed(kind, text, sentence)


def parsed(kind: Any, text: str, sentence: Sentence) -> Any:
    """A value of that type from JSON text; otherwise as `checked`."""
    from pydantic import ValidationError

    field = fault = ""
    try:
        return adapter(kind).validate_json(text, strict=True)
    except ValidationError as e:
        error = e.errors(include_url=False, include_context=False, include_input=False)[0]
        field, fault = str(next(iter(error["loc"]), "")), error["type"]
    except (TypeError, ValueError, RecursionError):  # not a string, or one with a surrogate
        pass
    raise StudioError(sentence if isinstance(sentence, str) else sentence(field, fault))

"""The names of classes: their order, and how the flags --classes, --target and --merge choose among them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import StudioError, quoted

DIGITS = re.compile(r"([0-9]+)")
LISTED = 40  # classes that a sentence lists


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts names as people do: 2 before 10, and capitals beside small letters."""
    parts = DIGITS.split(name.casefold())
    plain = [(len(p.lstrip("0")), p.lstrip("0")) if i % 2 else (0, p) for i, p in enumerate(parts)]
    return plain, name


class Group(NamedTuple):
    """Classes that were named together."""

    text: str  # as somebody typed them
    numbers: list[int]


class ClassNames:
    """Finds classes by what somebody typed. A name may hold commas, plus signs and spaces, or be a number."""

    def __init__(self, names: Sequence[str]):
        self.names = names
        self.exact = {name: i for i, name in reversed(list(enumerate(names)))}
        self.folded: dict[str, list[int]] = {}
        for i, name in enumerate(names):
            self.folded.setdefault(name.strip().casefold(), []).append(i)
        self.separators = max((len(re.findall("[,+]", name)) for name in names), default=0)

    def named(self, text: str) -> int | None:
        """The number of the class of this name: exactly, or in other cases if only one class is called so."""
        word = text.strip()
        for spelled in (text, word):
            if spelled in self.exact:
                return self.exact[spelled]
        alike = self.folded.get(word.casefold(), [])
        return alike[0] if len(alike) == 1 else None

    def number(self, text: str) -> int | None:
        """The number of the class that a name or a number means; a class called 3 comes before class number 3."""
        word = text.strip()
        by_name = self.named(text)
        if by_name is not None or not (word.isascii() and word.isdigit() and len(word) < 10):
            return by_name
        return int(word) if int(word) < len(self.names) else None

    def groups(self, listed: str, joint: str = "") -> list[Group]:
        """Groups from a list with commas between; `joint`, a letter or none, puts neighbours into one group.

        The longest piece of the text that is a name counts as one, since names may hold commas and joints themselves.
        """
        pieces = re.split(f"([,{re.escape(joint)}])", listed)
        chosen: list[Group] = []
        at, joined = 0, False
        while at < len(pieces):
            last = min(len(pieces), at + 2 * self.separators + 1)
            ends = ((end, self.number("".join(pieces[at:end]))) for end in range(last, at, -2))
            end, number = next(((end, number) for end, number in ends if number is not None), (at + 1, None))
            if number is None and pieces[at].strip():
                raise StudioError(self.unknown(pieces[at].strip()))
            if number is not None:
                text = "".join(pieces[at:end]).strip()
                before = chosen.pop() if joined else None
                chosen.append(
                    Group(f"{before.text}{joint}{text}", [*before.numbers, number]) if before else Group(text, [number])
                )
            joined = number is not None and end < len(pieces) and pieces[end] == joint
            at = end + 1
        return chosen

    def unknown(self, word: str) -> str:
        """The sentence for a word that names no class, or several."""
        alike = [self.names[i] for i in self.folded.get(word.casefold(), [])]
        if alike:
            return f"{quoted(word)} may be {' or '.join(map(quoted, alike))}: write it as one of these."
        some = ", ".join(f"{i} {name}" for i, name in enumerate(self.names[:LISTED]))
        more = f" and {len(self.names) - LISTED:,} more" if len(self.names) > LISTED else ""
        return f"There is no class {quoted(word)}: choose from {some}{more}."

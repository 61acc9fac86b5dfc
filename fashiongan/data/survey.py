"""What is in a data set of pictures, for the user: counts, what was left out and why, and what is remarkable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAMED_FILES = 5  # skipped files that are named in a sentence


@dataclass(frozen=True)
class Survey:
    """Summary of the pictures in a folder."""

    names: tuple[str, ...]  # of the classes: its sub-folders, or itself
    counts: tuple[int, ...]  # pictures of each class
    smallest: tuple[int, int]  # width and height of the smallest picture, and of the largest
    largest: tuple[int, int]
    gray: bool
    identical: int  # pictures that an earlier one equals, pixel for pixel
    alike: int  # further ones that look like an earlier one
    skipped: tuple[tuple[str, str], ...]  # name and why
    unsure: int = 0  # pictures whose garment could not be found with confidence: each is used whole
    digest: str = ""  # hash of the files' contents and classes, in order; their names and place do not count
    notes: tuple[str, ...] = ()  # sentences on how the folder was understood

    def span(self) -> str:
        """The sizes of the pictures as they lie in the folder."""
        low, high = (f"{w} x {h}" for w, h in (self.smallest, self.largest))
        return low if low == high else f"{low} to {high}"

    def remarks(self) -> tuple[str, ...]:
        """Sentences for the user about these pictures, before training."""
        sentences = list(self.notes)
        if self.skipped:
            sentences.append(skipped_files(self.skipped))
        if self.identical or self.alike:
            sentences.append(
                f"{plural(self.identical, 'picture')} came twice, and {plural(self.alike, 'picture')} looked like an "
                "earlier one: what comes often is learned by heart sooner."
            )
        if self.unsure:
            sentences.append(
                f"In {plural(self.unsure, 'picture')} of {sum(self.counts):,} it is not sure what the garment is: all "
                "of each is used."
            )
        few = [n for n, count in zip(self.names, self.counts, strict=True) if count < max(self.counts) / 10]
        if few:
            sentences.append(f"Of some classes there are few pictures, beside the others: {', '.join(few)}.")
        if max(self.smallest) < 28:
            sentences.append(
                f"The smallest picture has {self.smallest[0]} x {self.smallest[1]} pixels: it will be blurred."
            )
        return tuple(sentences)


def survey_from_cache(about: dict[str, Any]) -> Survey:
    """A survey from the cache, where JSON has made lists of its tuples."""
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in about.items()}
    plain["skipped"] = tuple(map(tuple, about["skipped"]))
    return Survey(**plain)


def skipped_files(skipped: Sequence[tuple[str, str]]) -> str:
    """A sentence that counts the skipped files and names some, with the reason; if they are many, some of each."""
    reasons: dict[str, list[str]] = {}
    for name, why in skipped:
        reasons.setdefault(why, []).append(name)
    total = f"Skipped {plural(len(skipped), 'file')}: "
    if len(skipped) <= NAMED_FILES or len(reasons) == 1:
        some = "; ".join(f"{name} ({why})" for name, why in skipped[:NAMED_FILES])
        more = f" and {len(skipped) - NAMED_FILES:,} more" if len(skipped) > NAMED_FILES else ""
        return f"{total}{some}{more}."
    parts = (
        f"{len(names):,} ({why}), {'such as ' if len(names) > 1 else ''}{names[0]}" for why, names in reasons.items()
    )
    return f"{total}{'; '.join(parts)}."


def plural(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"

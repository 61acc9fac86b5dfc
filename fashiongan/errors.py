"""The one exception that is meant for a person."""


class StudioError(Exception):
    """Something the user can mend. Its text is one sentence that names the thing and the remedy.

    The command line prints it on standard error and exits with 2; the page shows it as a toast.
    """


def quoted(value: object) -> str:
    """What somebody gave, as a sentence can hold it."""
    return short(repr(value))


def short(text: str) -> str:
    """A text, or the beginning of a long one."""
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} letters)"

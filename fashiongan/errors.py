"""The one exception whose text is shown to a person."""


class StudioError(Exception):
    """An error that the user can fix. Its text is one sentence that names the problem and the remedy.

    The command line prints it on standard error and exits with 2; the page shows it as a toast.
    """


def quoted(value: object) -> str:
    """A value that somebody gave, in quotes and shortened, to put into a sentence."""
    return short(repr(value))


def short(text: str) -> str:
    """The text itself, or only its beginning if it is longer than 80 characters."""
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} letters)"

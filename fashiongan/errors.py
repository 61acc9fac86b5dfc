"""The one exception that is meant for a person."""


class StudioError(Exception):
    """Something the user can mend. Its text is one sentence that names the thing and the remedy.

    The command line prints it on standard error and exits with 2; the page shows it as a toast.
    """

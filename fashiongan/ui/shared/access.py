"""Access rights: some actions are for everybody, some for whoever started a job, some only for the local user.

On a public page (a Space, or `python app.py --public`) the studio itself refuses forbidden actions: the handler, or a
function that it calls, begins with `studio.check_private("Scoring")`. The studio asks `sign_in.caller` who is calling,
so the owner of a Space, once signed in, is refused nothing. An action for the local user begins with
`check_at_the_machine`. Hiding a button protects nothing, since anybody can call its handler.
"""

import secrets
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from ... import limits
from ...errors import StudioError
from ...studio import Studio
from ...studio.rights import ACCOUNT
from .events import HIDDEN

LOOPBACK = ("127.0.0.1", "::1")
HERE = (*LOOPBACK, "localhost")
FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded")
RESERVED = ("score", "duel", "defence", "zip")  # elements that a public page shows to its owner only


def at_the_machine(studio: Studio, request: gr.Request) -> bool:
    """Whether a request was made on the machine itself.

    Not if a proxy on it has passed it on, nor if the page has another name than the machine's own, which a stranger's
    page could have given it (DNS rebinding). On a public page nobody is.
    """
    if studio.public or request.client is None or request.client.host not in LOOPBACK:
        return False
    headers = request.headers
    return urlsplit(f"//{headers.get('host', '')}").hostname in HERE and not any(h in headers for h in FORWARDED)


def trusted(studio: Studio, request: gr.Request) -> bool:
    """Whether a request was made on the machine itself, or by the page's owner who has signed in."""
    return studio.caller().owner or at_the_machine(studio, request)


def check_at_the_machine(studio: Studio, request: gr.Request, what: str) -> None:
    """Raise StudioError for all others, but the owner who has signed in; `what` is the beginning of its sentence."""
    studio.check_private(what)
    if not trusted(studio, request):
        raise StudioError(f"{what} is for whoever sits at the machine: open the page there, as 127.0.0.1.")


def may(studio: Studio, owner: str, visitor: Any, request: gr.Request) -> bool:
    """Whether this visitor may stop a job of that owner: only the owner of it, of the page, and the local user may.

    `visitor` is what the browser calls itself, and so never an account.
    """
    if owner.startswith(ACCOUNT):
        visitor = studio.caller().job_owner
    return trusted(studio, request) or (owner != "" and owner == visitor)


def may_control(studio: Studio, visitor: Any, request: gr.Request) -> bool:
    """Whether this visitor may pause or stop the run."""
    return may(studio, studio.run.owner if studio.run is not None else "", visitor, request)


def check_control(studio: Studio, visitor: Any, request: gr.Request) -> None:
    if not may_control(studio, visitor, request):
        raise StudioError("Only the visitor who started this run can pause or stop it.")


def name_of(visitor: Any) -> str:
    """The visitor's id, kept in the browser. A new random one if the browser has none, or sends an invalid one."""
    valid = isinstance(visitor, str) and 0 < len(visitor) <= limits.VISITOR_LETTERS
    return visitor if valid and not visitor.startswith(ACCOUNT) else secrets.token_urlsafe(16)


def reserve(studio: Studio, page: gr.Blocks) -> None:
    """Show the page's owner, once signed in, what a public page hides from strangers. (Their handlers check.)"""
    if studio.public:
        hidden = [block for block in page.blocks.values() if getattr(block, "elem_id", None) in RESERVED]
        shown: Any = lambda: [gr.update(visible=not studio.restricted)] * len(hidden)  # noqa: E731  gradio calls it
        page.load(shown, None, hidden, **HIDDEN)

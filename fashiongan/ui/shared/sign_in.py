"""Sign in with Hugging Face on a Space: who makes the current call, by gradio's session cookie.

The cookie is signed with the secret that a Space gets from `hf_oauth: true`. Without that secret gradio signs it with a
constant that everybody can read, and mocks the sign-in: elsewhere nobody counts as signed in. The cookie goes along
with calls that another website's page makes, so such a call counts as signed out.
"""

import importlib.util
import os
import threading
from collections.abc import Mapping
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.context import LocalContext

from ... import hub, limits
from ...checked import checked
from ...errors import StudioError
from ...studio.rights import STRANGER, Caller

NEEDED = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
ACCOUNTS = 1000  # whose organizations are remembered


def available() -> bool:
    """Whether this is a Space on which people can sign in."""
    there = all(importlib.util.find_spec(name) for name in ("authlib", "itsdangerous"))
    return there and os.environ.get("SYSTEM") == "spaces" and all(os.environ.get(name) for name in NEEDED)


def caller() -> Caller:
    """Who makes the call that this thread answers."""
    request: Any = LocalContext.request.get(None)
    request = getattr(request, "request", None) or request
    return STRANGER if request is None else caller_of(request.scope.get("session"), request.headers)


def caller_of(session: object, headers: Mapping[str, str]) -> Caller:
    """The account in a session that gradio has read from a signed cookie; a stranger if it is none, or has expired."""
    if not session or not available() or foreign(headers):
        return STRANGER
    try:
        info = checked(dict[str, Any], dict(session)["oauth_info"], "")  # type: ignore[call-overload]
        expires = checked(float, info["expires_at"], "")
        account = checked(str, info["userinfo"]["preferred_username"], "")
    except (StudioError, KeyError, TypeError, ValueError):
        return STRANGER
    if not expires > time() or not account:  # so that NaN has expired, too
        return STRANGER
    if account.casefold() in owners():
        return Caller(account, owner=True)
    try:
        return Caller(account, owner=MEMBERS.owns(account, str(info.get("access_token") or "")))
    except StudioError as e:
        return Caller(account, doubt=f"Whether {account} may do this is not known: {e}")


def foreign(headers: Mapping[str, str]) -> bool:
    """Whether another website's page makes a call. Gradio answers such calls, with the visitor's cookies."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    ours = {headers.get("host", ""), *os.environ.get("SPACE_HOST", "").split(",")}
    return origin is not None and urlsplit(origin).netloc not in ours


def owners() -> set[str]:
    """Names, in lower case, of whoever owns the page: the Space's author, and those in FASHIONGAN_OWNERS."""
    named = os.environ.get("FASHIONGAN_OWNERS", "").replace(",", " ").split()
    return {name.casefold() for name in (os.environ.get("SPACE_AUTHOR_NAME", ""), *named) if name}


class Members:
    """Which accounts belong to an organization that owns the page, as the Hub says; remembered for a while."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: dict[str, tuple[float, bool | StudioError]] = {}  # by account: until when, and what

    def owns(self, account: str, token: str) -> bool:
        """Whether the account belongs to such an organization; StudioError while the Hub does not say."""
        with self.lock:
            until, answer = self.answers.get(account, (0.0, False))
        if monotonic() > until:
            try:
                named = hub.organizations(token)
                answer, seconds = bool({name.casefold() for name in named} & owners()), limits.MEMBERS_AGAIN
            except StudioError as e:
                answer, seconds = e, limits.HUB_AGAIN
            with self.lock:
                if len(self.answers) >= ACCOUNTS:
                    self.answers.clear()
                self.answers[account] = monotonic() + seconds, answer
        if isinstance(answer, StudioError):
            raise answer
        return answer


MEMBERS = Members()


def button() -> gr.LoginButton | None:
    """The button to sign in and out; None where nobody can."""
    return gr.LoginButton(size="sm", elem_id="sign_in") if available() else None

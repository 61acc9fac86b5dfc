"""ASGI middleware that refuses requests before gradio sees them: bodies that are too large, paths of files that are not
uploads, and URLs that the server would fetch for the visitor."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import Message, Receive, Scope, Send

from ... import limits
from .plots import PLOTLY

FILE = "/gradio_api/file="
# Routes that gradio serves and the studio does not need.
NEVER = tuple(
    f"/gradio_api/{name}"
    for name in ("proxy", "stream", "file/", "process_recording", "vibe", "undo-vibe", "dev/", "run-history", "token")
)
FETCHED = ("http:", "https:", "data:", "ftp:", "file:", "//")  # prefixes of a "path" that gradio would fetch


class RequestGuard:
    """ASGI middleware around the whole app. `uploads`: the limit in bytes of a request with files, which may depend on
    who makes it."""

    def __init__(self, app: Any, uploads: Callable[[Scope], int]):
        self.app, self.uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Any = self.app
        if scope["type"] == "http":
            kept, scope = scope["path"], below(scope)
            path = scope["path"]
            if path == "/" and not kept.endswith("/"):  # or the page's relative addresses would lie beside it
                query = scope["query_string"].decode("latin-1")
                answer = RedirectResponse(f"{kept}/?{query}" if query else f"{kept}/")
            elif path.startswith(NEVER) or (path.startswith(FILE) and not ours(path.removeprefix(FILE))):
                answer = refusal(404, "There is no such file here.")
            elif path.endswith("/upload"):
                receive = bounded(receive, await run_in_threadpool(self.uploads, scope))
            elif scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                body = await whole(receive, limits.REQUEST_BYTES)
                if body is None:
                    answer = refusal(413, f"That is too much: at most {limits.REQUEST_BYTES // 1000:,} kB at once.")
                elif fetches(body):
                    answer = refusal(400, "Files are uploaded here, not fetched: choose one.")
                else:
                    receive = again(body, receive)
        await answer(scope, receive, send)


def below(scope: Scope) -> Scope:
    """A request as the app would get it at the root of its address: a proxy may have kept the path of
    GRADIO_ROOT_PATH, which may also be a whole address."""
    prefix, path = urlsplit(scope.get("root_path") or "").path.rstrip("/"), scope["path"]
    if not prefix or not f"{path}/".startswith(f"{prefix}/"):
        return scope
    path = path.removeprefix(prefix) or "/"
    return {**scope, "path": path, "raw_path": quote(path).encode()}


def refusal(code: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence, "error": sentence}, code)


def ours(name: str) -> bool:
    """Whether a requested file is in the folder of uploads and drawn pictures, after all links are resolved."""
    try:
        real = Path(name).resolve()
    except (OSError, ValueError):  # not a valid file name
        return False
    return real == PLOTLY.resolve() or real.is_relative_to(Path(get_upload_folder()).resolve())


async def whole(receive: Receive, most: int) -> bytes | None:
    """A request's body; None as soon as it exceeds `most` bytes, or if the client disconnects."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """Give the app a body that was already read, and after it the connection's later messages."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return left.pop() if left else await receive()

    return replayed


def bounded(receive: Receive, most: int) -> Receive:
    """Pass on a body, but end it as if the client had disconnected after `most` bytes."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > most else message

    return counted


def fetches(body: bytes) -> bool:
    """Whether a JSON body gives a URL or an archive as a file's path, which the server would fetch or unpack."""
    if (
        b"path" not in body and b"\\u" not in body
    ):  # most bodies name no file at all; a letter may be written as \\u0070
        return False
    try:
        left = [json.loads(body)]
    except (ValueError, RecursionError):
        return False  # gradio refuses it
    while left:
        value = left.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and path.strip().lower().startswith(FETCHED):
                return True
            left += value.values()
        elif isinstance(value, list):
            left += value
    return False

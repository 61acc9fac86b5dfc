"""What whoever runs the page needs to see of it: /healthz, and one line in the log for each request that failed."""

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...studio import Studio

PATH = "/healthz"
log = logging.getLogger(__name__)


class Health:
    """ASGI middleware that answers /healthz, to anybody and also behind a password, and logs failed requests."""

    def __init__(self, app: ASGIApp, studio: Studio | None):
        self.app, self.studio = app, studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.monotonic(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        app = JSONResponse(asdict(status_of(self.studio))) if scope["path"] == PATH else self.app
        try:
            await app(scope, receive, sent)
        finally:
            if status >= 400:
                # As repr, since a path may hold line breaks; without the query, which may hold what is private.
                path = repr(scope["path"][:200])
                log.warning("%s %s failed: %d after %.2f s", scope["method"], path, status, time.monotonic() - begin)


@dataclass(frozen=True)
class Status:
    """What /healthz answers: whether the page is ready, the state of the run, and the memory of the process in MB."""

    ready: bool
    run: str
    memory_mb: int | None  # None where it cannot be known


def status_of(studio: Studio | None) -> Status:
    memory = None
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
        memory = int(text.split("VmRSS:")[1].split()[0]) // 1000
    except (OSError, IndexError, ValueError):  # not on Linux
        pass
    return Status(True, studio.status().state if studio else "idle", memory)

"""Add a script that runs before gradio's own scripts. (A script of `launch(head=...)` runs after the page is drawn.)"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadScript:
    """ASGI middleware that inserts `script` into the page's <head>."""

    def __init__(self, app: ASGIApp, script: str):
        self.app, self.head = app, f"<head><script>{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [h for h in message["headers"] if h[0] != b"content-length"]
            elif message["type"] == "http.response.body":
                message["body"] = message.get("body", b"").replace(b"<head>", self.head, 1)
            await send(message)

        page = scope["type"] == "http" and scope["path"] == "/"
        await self.app(scope, receive, sent if page else send)

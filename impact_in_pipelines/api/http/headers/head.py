"""HEAD wherever GET is (RFC 9110, section 9.3.2): the same headers, no body."""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD_ONLY = "impact_in.head_only"
"""In the scope of such a request, for what is too dear to make for headers alone."""


class HeadAsGet:
    """ASGI middleware that answers HEAD as GET and keeps the body back.

    A stream is left as soon as its headers are known: it would never end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def send_headers(message: Message) -> None:
            nonlocal ended
            if ended:
                raise OSError("nobody reads the body of a HEAD")
            await send(message)
            if message["type"] == "http.response.start":
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        async def receive_until_ended() -> Message:
            return {"type": "http.disconnect"} if ended else await receive()

        try:
            asked = {**scope, "method": "GET", HEAD_ONLY: True}
            await self._app(asked, receive_until_ended, send_headers)
        except (OSError, ClientDisconnect):
            if not ended:
                raise

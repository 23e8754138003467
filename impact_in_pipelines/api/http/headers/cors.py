"""Which other sites' scripts may call the API with a token (Fetch standard, CORS): those of a setting.

Cookies never go along, so the cockpit's sessions are out of reach; its pages get no such header at all.
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from impact_in_pipelines.api.http.routing import PREFIX

_MAY_SEND = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID")
_MAY_READ = (
    *("Deprecation", "ETag", "Idempotency-Replayed", "Link", "Location"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "Sunset"),
)


class ApiCors:
    """ASGI middleware that answers preflights and marks answers of the API for `origins`."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=list(origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=list(_MAY_SEND),
            expose_headers=list(_MAY_READ),
            allow_credentials=False,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/")
        await (self._cors if ours else self._app)(scope, receive, send)

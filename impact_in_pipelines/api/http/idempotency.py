"""`Idempotency-Key` on every POST (draft-ietf-httpapi-idempotency-key-header-07).

The first answer that succeeded is kept for 24 hours, bound to the token's subject and rights, and given
again to the same request. An error changes nothing and isn't kept; nor is a secret that is shown once.
"""

import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from impact_in_pipelines.api.context import ApiContext
from impact_in_pipelines.api.http.problems import ApiProblem, invalid
from impact_in_pipelines.db.access.answers import HeldKey, KeptAnswer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SHOWN_ONCE = ("secret", "token")
_KEPT_HEADERS = ("content-type", "location")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def answer_once(api: ApiContext, request: Request, handler: Handler) -> Response:
    """The answer of `handler`, or the one that it gave to this key before.

    Raises a 422 problem for a key that came with another request, 409 while the first one is under way.
    """
    key = request.headers.get(HEADER)
    principal = getattr(request.state, "principal", None)
    if request.method != "POST" or key is None or principal is None:
        return await handler(request)
    if not _KEY.fullmatch(key):
        raise invalid("header", HEADER, "must be 1 to 255 visible ASCII characters")
    scope, digest = principal.fingerprint, await _digest(request)
    kept = await run_sync(api.idempotency.begin, scope, key, digest, api.clock())
    if isinstance(kept, KeptAnswer):
        headers = {**kept.headers, REPLAYED: "true"}
        return Response(kept.body, status_code=kept.status, headers=headers)
    if kept is HeldKey.BY_ANOTHER_REQUEST:
        raise invalid("header", HEADER, "was used with another request already")
    if kept is HeldKey.UNDER_WAY:
        raise ApiProblem(
            409, "the first request with this key is still under way", headers={"Retry-After": "1"}
        )
    try:
        response = await handler(request)
    except BaseException:
        await run_sync(api.idempotency.forget, scope, key)
        raise
    if response.status_code < 300:
        answer = KeptAnswer(
            response.status_code,
            {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers},
            without_secrets(bytes(response.body)),
        )
        await run_sync(api.idempotency.keep, scope, key, answer)
    else:
        await run_sync(api.idempotency.forget, scope, key)
    return response


def without_secrets(body: bytes) -> bytes:
    """An answer without what is shown once: repeated, it says that there is one, and not which."""
    if not any(b'"%s"' % name.encode() in body for name in _SHOWN_ONCE):
        return body
    found = json.loads(body)
    return json.dumps(
        {name: None if name in _SHOWN_ONCE else value for name, value in found.items()},
        ensure_ascii=False,
    ).encode()


async def _digest(request: Request) -> str:
    """Of everything that makes two requests the same one."""
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query):
        digest.update(part.encode() + b"\0")
    digest.update(await request.body())
    return digest.hexdigest()

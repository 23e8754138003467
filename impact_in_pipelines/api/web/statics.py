"""Our own style and scripts, under an address that changes with them: they may be kept for ever."""

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

PREFIX = "/cockpit/static"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@cache
def _contents() -> dict[str, bytes]:
    folder = files(__package__).joinpath("static")
    return {
        one.name: one.read_bytes()
        for one in sorted(folder.iterdir(), key=lambda one: one.name)
        if one.name.rpartition(".")[2] in _TYPES
    }


@cache
def version() -> str:
    """A digest of all of them together, since scripts import each other."""
    digest = hashlib.sha256()
    for name, content in _contents().items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of one of them. Raises `KeyError` if there is none of this name."""
    _contents()[name]
    return f"{PREFIX}/{version()}/{name}"


async def serve_static(request: Request) -> Response:
    """One of them; an old address gets the present content, unkept."""
    name = request.path_params["name"]
    content = _contents().get(name)
    if content is None:
        return Response("not found\n", status_code=404, media_type="text/plain")
    current = request.path_params["version"] == version()
    kept = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(
        content,
        media_type=_TYPES[name.rpartition(".")[2]],
        headers={"Cache-Control": kept},
    )

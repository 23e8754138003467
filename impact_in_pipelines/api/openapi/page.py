"""`/docs`: the OpenAPI document as a page to try it out on, with Swagger UI served by us.

Its scripts and styles come from the package fastapi-offline, which ships Swagger UI's own builds; FastAPI's
page would load them from another host. The policy lets nothing else in: a token typed in goes nowhere else.
"""

import hashlib
from functools import cache
from importlib.resources import files

import fastapi_offline
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from impact_in_pipelines.api.http.routing import PREFIX
from impact_in_pipelines.api.web.statics import static_url

ADDRESS = "/docs"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css")
_OURS = ("docs.js", "docs.css")
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


def routes() -> list[Route]:
    """The page and what it loads."""
    return [Route(ADDRESS, _page), Route(f"{ADDRESS}/assets/{{version}}/{{name}}", _asset)]


@cache
def _assets() -> dict[str, bytes]:
    shipped = files(fastapi_offline).joinpath("static")
    ours = files(__package__).joinpath("static")
    return {name: shipped.joinpath(name).read_bytes() for name in _SWAGGER_UI} | {
        name: ours.joinpath(name).read_bytes() for name in _OURS
    }


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for content in _assets().values():
        digest.update(content)
    return digest.hexdigest()[:12]


def _page(_: Request) -> Response:
    base = f"{ADDRESS}/assets/{_version()}"
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Impact-In Pipelines: API</title>
<link rel="icon" href="{static_url("mark.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="{base}/swagger-ui.css">
<link rel="stylesheet" href="{base}/docs.css">
</head>
<body>
<main id="docs" data-document="{PREFIX}/openapi.json"></main>
<noscript>This page needs JavaScript; the document itself is at {PREFIX}/openapi.json.</noscript>
<script src="{base}/swagger-ui-bundle.js"></script>
<script src="{base}/docs.js"></script>
</body>
</html>
"""
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})


def _asset(request: Request) -> Response:
    """One of them; an old address gets the present content, unkept."""
    name = request.path_params["name"]
    content = _assets().get(name)
    if content is None:
        return Response("not found\n", status_code=404, media_type="text/plain")
    current = request.path_params["version"] == _version()
    return Response(
        content,
        media_type=_TYPES[name.rpartition(".")[2]],
        headers={"Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache"},
    )

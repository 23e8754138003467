"""`impact-in serve`: the REST API."""

from typing import Annotated

import typer

from impact_in_pipelines.cli.session import session

DEFAULT_PORT = 3007


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
) -> None:
    """Serve the REST API until Ctrl-C.

    Needs IMPACT_IN_JWT_SECRET (development) or IMPACT_IN_JWKS_URL with
    IMPACT_IN_JWT_ISSUER and IMPACT_IN_JWT_AUDIENCE: without one nobody could be let in.
    """
    from impact_in_pipelines.api.server import serve as run  # FastAPI, 0.4 s

    with session() as runtime:
        run(runtime, host, port)

"""`impact-in serve`: the REST API and the cockpit."""

from typing import Annotated

import typer

from impact_in_pipelines.settings import get_settings

DEFAULT_PORT = 3007
MOST_WORKERS = 64


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = DEFAULT_PORT,
    workers: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="Processes; one for each core.")
    ] = 1,
) -> None:
    """Serve the REST API and the cockpit until Ctrl-C.

    Needs IMPACT_IN_JWT_SECRET (development) or IMPACT_IN_JWKS_URL with
    IMPACT_IN_JWT_ISSUER and IMPACT_IN_JWT_AUDIENCE: without one of them the API can't check tokens.
    """
    from impact_in_pipelines.api.server import open_api_runtime  # FastAPI, 0.4 s
    from impact_in_pipelines.api.server import serve as run

    runtime = open_api_runtime(get_settings())
    try:
        run(runtime, host, port, workers=workers)
    finally:
        runtime.close()

"""`impact-in sandbox`: the stand-ins for the three platforms, Slack and PagerDuty."""

import socket
from typing import Annotated

import typer

from impact_in_pipelines.cli.output import console
from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.sandbox.accounts.config import (
    BENEVITY_KEY,
    DEFAULT_PORT,
    GOODERA_KEY,
    OAUTH_CLIENT_ID,
    OAUTH_CLIENT_SECRET,
    WORKDAY_TENANT,
)

_ENVIRONMENT = f"""\
Nothing leaves this machine. To deliver to it from another terminal:

  export BENEVITY_API_URL={{url}}/benevity
  export BENEVITY_API_KEY={BENEVITY_KEY}
  export GOODERA_API_URL={{url}}/goodera
  export GOODERA_API_KEY={GOODERA_KEY}
  export WORKDAY_API_URL={{url}}/workday
  export WORKDAY_CLIENT_ID={OAUTH_CLIENT_ID}
  export WORKDAY_CLIENT_SECRET={OAUTH_CLIENT_SECRET}
  export WORKDAY_TENANT_ID={WORKDAY_TENANT}
  export SLACK_WEBHOOK_URL={{url}}/slack/alerts
  export PAGERDUTY_EVENTS_URL={{url}}/pagerduty/v2/enqueue

What it accepted: {{url}}/_sandbox/stats. A fault, here every second Benevity call a 503:

  curl -d '{{fault}}' {{url}}/_sandbox/faults

Stop with Ctrl-C.
"""
_FAULT = '{"platform": "benevity", "kind": "server_error", "rate": 0.5}'


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free port.")
    ] = DEFAULT_PORT,
) -> None:
    """Run stand-ins for Benevity, Goodera, Workday, Slack and PagerDuty until Ctrl-C.

    They keep the platforms' contracts, count what arrives, and go wrong on demand.
    """
    # A web server, slow to import.
    from impact_in_pipelines.sandbox.server import SandboxError, serve

    chosen = _free_port(host, port)
    url = f"http://[{host}]:{chosen}" if ":" in host else f"http://{host}:{chosen}"
    # Not rich's wrapping: these lines are there to be copied.
    console.print(_ENVIRONMENT.format(url=url, fault=_FAULT), markup=False, soft_wrap=True)
    try:
        serve(host, chosen)
    except SandboxError as error:
        raise UsageError(str(error)) from error


def _free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0. Raises `UsageError` where it can't be had, before anything is told."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as probe:
            taken: int = probe.getsockname()[1]
            return taken
    except OSError as error:
        raise UsageError(
            f"can't listen on {host} port {port}: {error.strerror}; choose another with --port"
        ) from None

"""A sandbox and a transport for the connectors."""

from collections.abc import Iterator

import pytest

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.settings import read_settings


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox process for this module."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox, as new, without rate limits."""
    running.client.reset()
    running.client.configure(rate_limits_enabled=False)
    return running


@pytest.fixture
def transport() -> Iterator[Transport]:
    """Short time-outs, no waiting."""
    settings = read_settings({"HTTP_READ_TIMEOUT_MS": "1000"})
    made = Transport(settings, sleep=lambda _: None)
    yield made
    made.close()

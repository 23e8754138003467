"""One sandbox process for the room; every test finds it as if just started."""

from collections.abc import Iterator

import pytest
import requests

from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox

from .helpers import Caller


@pytest.fixture(scope="module")
def process() -> Iterator[Sandbox]:
    """A sandbox in a process of its own."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def caller(process: Sandbox) -> Iterator[Caller]:
    """A caller of the sandbox, which was reset."""
    process.client.reset()
    with requests.Session() as session:
        yield Caller(process, session)

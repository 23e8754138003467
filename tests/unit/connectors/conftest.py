"""Transports to test with."""

import random
from collections.abc import Iterator

import pytest

from connectors.helpers import (
    settings,
)
from connectors.transports import Waits
from impact_in_pipelines.connectors.http.transport import Transport


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def transport(waits: Waits) -> Iterator[Transport]:
    made = Transport(settings(), sleep=waits, rng=random.Random(1))
    yield made
    made.close()


@pytest.fixture
def hasty(waits: Waits) -> Iterator[Transport]:
    """A transport that waits 300 ms for an answer."""
    made = Transport(settings(HTTP_READ_TIMEOUT_MS="300"), sleep=waits)
    yield made
    made.close()

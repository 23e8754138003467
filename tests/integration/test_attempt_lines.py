"""The log of the process has one line for each attempt, with what it was about and how it ended."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from factories import World

from impact_in_pipelines.connectors.http.transport import Transport
from impact_in_pipelines.logs.context import about
from impact_in_pipelines.logs.lines import Lines
from impact_in_pipelines.platforms import Platform

BENEVITY, WORKDAY = Platform.BENEVITY, Platform.WORKDAY
LEVELS = {"delivered": "info", "failed, it is tried again": "warning", "failed for good": "error"}


class Kept(logging.Handler):
    """Keeps the lines as JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(Lines(json=True))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]


@pytest.fixture
def kept() -> Iterator[Kept]:
    """What our own loggers say, from debug on."""
    ours, handler = logging.getLogger("impact_in_pipelines"), Kept()
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield handler
    ours.removeHandler(handler)
    ours.setLevel(level)


def test_each_attempt_is_one_line_at_a_level_that_says_how_bad_it_is(
    world: World, kept: Kept
) -> None:
    """A retry is a warning, the end of the retries an error; refusals and duplicates have theirs."""
    first, second = world.due(BENEVITY, 2)
    world.runtime.connections.save(second, BENEVITY, enabled=False)
    world.sandbox.client.add_fault("benevity", "server_error", count=1)
    with about(run="r-1"):
        world.drain(BENEVITY)
        world.clock.advance(timedelta(minutes=10))
        world.drain(BENEVITY)
    refused, failed, delivered = kept.lines
    assert (refused["event"], refused["level"]) == ("failed for good before an attempt", "error")
    assert refused["kind"] == "configuration"
    row = world.of_company(first)
    attempts = world.attempts(row["id"])
    for number, (line, attempt) in enumerate(zip((failed, delivered), attempts, strict=True), 1):
        assert line["level"] == LEVELS[line["event"]]
        about_it = {
            name: line[name] for name in ("delivery", "company", "platform", "attempt", "run")
        }
        assert about_it == {
            "delivery": str(row["id"]),
            "company": "c-1",
            "platform": "benevity",
            "attempt": number,
            "run": "r-1",
        }
        assert line["request"] == str(attempt["id"])
    assert (failed["status"], failed["kind"]) == (503, "server_error")
    assert "next_attempt_at" in failed
    assert (delivered["status"], delivered["transaction"]) == (200, row["transaction_id"])


def test_whatever_a_connector_says_names_the_delivery_and_not_the_secret(
    world: World, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said deep inside a sender's thread, an exception's text included."""
    (company,) = world.due(WORKDAY, 1)
    secrets: set[str] = set()
    post = Transport.post

    def talkative(self: Transport, url: str, headers: Any, body: bytes, **others: Any) -> Any:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        secret = token or parse_qs(body.decode())["client_secret"][0]
        secrets.add(secret)
        try:
            raise RuntimeError(f"about {secret}")
        except RuntimeError:
            logging.getLogger("impact_in_pipelines.connectors").debug(
                "in %s", secret, exc_info=True
            )
        return post(self, url, headers, body, **others)

    monkeypatch.setattr(Transport, "post", talkative)
    world.drain(WORKDAY)
    row = world.of_company(company)
    assert row["status"] == "success"
    inside = [line for line in kept.lines if line["event"] == "in ***"]
    assert len(inside) == len(secrets) == 2
    for line in inside:
        assert (line["delivery"], line["attempt"]) == (str(row["id"]), 1)
        assert "RuntimeError: about ***" in line["exception"]
    for secret in secrets:
        assert len(secret) > 8
        assert not [text for text in kept.texts if secret in text]

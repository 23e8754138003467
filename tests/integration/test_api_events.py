"""Delivery changes as server-sent events: heard as they are committed, by whoever may see them."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests

from impact_in_pipelines.api.deliveries import stream as routes
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import VIEWER, Held, Served, lent


@pytest.fixture
def api(held: Held, sandbox: Sandbox) -> Iterator[Served]:
    """An API of the test's own that listens already."""
    with lent(held, sandbox) as running:
        assert running.api.hub.listening(10)
        yield running


@pytest.fixture(autouse=True)
def _lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream can be closed between two lines only: here they come often."""
    monkeypatch.setattr(routes, "HEARTBEAT_S", 0.2)


class Reader:
    """Reads a stream in a thread; `events` are its named events so far."""

    def __init__(self, answer: requests.Response) -> None:
        self.events: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.subscribed = threading.Event()
        self.ended = threading.Event()
        self._answer = answer
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        current: dict[str, Any] = {}
        try:
            for line in self._answer.iter_lines(chunk_size=1, decode_unicode=True):
                self.lines.append(line)
                self.subscribed.set()  # the first line is sent once the reader is subscribed
                name, _, value = line.partition(": ")
                if not line and current:
                    self.events.append(current)
                    current = {}
                elif name in ("event", "id", "data"):
                    current[name] = json.loads(value) if name == "data" else value
        except (requests.RequestException, AttributeError, ValueError):
            pass
        self.ended.set()

    def until(self, count: int, seconds: float = 30) -> list[dict[str, Any]]:
        """The events, once there are so many."""
        end = time.monotonic() + seconds
        while len(self.events) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.events) >= count, self.lines
        return self.events


@contextmanager
def stream(api: Served, *, token: str = "", **headers: str) -> Iterator[Reader]:
    """A stream of the own company that is subscribed."""
    answer = api.call(
        "GET",
        "/events",
        token=token,
        params={"companyId": str(api.own.company)},
        headers=headers,
        stream=True,
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    reader = Reader(answer)
    assert reader.subscribed.wait(30)
    try:
        yield reader
    finally:
        answer.close()


def test_changes_are_heard_as_they_happen_and_only_of_ones_company(api: Served) -> None:
    """From queued over sent to arrived, in order."""
    with stream(api, token=api.token(VIEWER)) as reader:
        api.world.deliveries(Platform.BENEVITY, api.other.company)
        assert api.post(f"/deliveries/{api.own.failed}/replay").status_code == 202
        api.world.drain(Platform.GOODERA)
        found = reader.until(3)

    assert [one["event"] for one in found] == ["delivery"] * 3
    assert [one["data"]["status"] for one in found] == ["pending", "in_progress", "success"]
    assert {one["data"]["id"] for one in found} == {str(api.own.failed)}
    assert {one["data"]["companyId"] for one in found} == {str(api.own.company)}


def test_whoever_comes_back_hears_what_was_missed(api: Served) -> None:
    """`Last-Event-ID` is how far the reader has come; some may be told twice, none is left out."""
    with stream(api) as reader:
        become(api, "pending")
        (seen,) = reader.until(1)
    api.world.clock.advance(timedelta(minutes=5))
    become(api, "cancelled")

    with stream(api, **{"Last-Event-ID": seen["id"]}) as reader:
        found = reader.until(1)

    assert ("cancelled", str(api.own.failed)) in [
        (one["data"]["status"], one["data"]["id"]) for one in found
    ]


@pytest.mark.parametrize("ahead", ["9223372036854775807", "2026-03-10T00:00:30+00:00"])
def test_an_id_of_another_server_or_version_means_reading_again(api: Served, ahead: str) -> None:
    """What it stands for can't be told any more: saying so is better than silence."""
    with stream(api, **{"Last-Event-ID": ahead}) as reader:
        assert reader.until(1)[0]["event"] == "reset"


def become(api: Served, status: str) -> None:
    """Change the status of the delivery that failed."""
    api.world.execute(
        "UPDATE impact_deliveries SET status = :status, updated_at = :now WHERE id = :id",
        status=status,
        id=api.own.failed,
        now=api.world.clock(),
    )


def test_an_event_id_that_is_none_is_refused(api: Served) -> None:
    """422 that names the header."""
    answer = api.call(
        "GET",
        "/events",
        params={"companyId": str(api.own.company)},
        headers={"Last-Event-ID": "yesterday"},
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


def test_a_stream_ends_with_its_token(api: Served) -> None:
    """An open connection is no way around the expiry."""
    with stream(api, token=api.token(lasting=timedelta(seconds=2))) as reader:
        assert reader.ended.wait(30)


def test_a_quiet_stream_says_that_it_is_there(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies close what says nothing."""
    monkeypatch.setattr(routes, "HEARTBEAT_S", 0.2)
    with stream(api) as reader:
        end = time.monotonic() + 20
        while ": still here" not in reader.lines and time.monotonic() < end:
            time.sleep(0.05)

    assert ": still here" in reader.lines


def test_after_the_listener_was_cut_off_readers_are_told_to_read_again(api: Served) -> None:
    """What changed meanwhile wasn't heard: saying so is better than silence."""
    with stream(api) as reader:
        api.world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'impact-in-events' AND datname = current_database()"
        )
        (found,) = reader.until(1)
        assert found["event"] == "reset"
        assert reader.ended.wait(30)

    with stream(api) as reader:
        api.world.deliveries(Platform.WORKDAY, api.own.company)
        assert reader.until(1)[0]["event"] == "delivery"


def test_hundreds_of_changes_at_once_reach_every_reader(api: Served) -> None:
    """One connection listens for all of them."""
    with stream(api) as one, stream(api) as two:
        api.world.execute(
            """INSERT INTO impact_deliveries (company_id, platform, trigger, status, period_start,
                   period_end, scheduled_for, idempotency_key)
               SELECT :company, 'workday', 'backfill', 'cancelled', '2026-01-01', '2026-01-01', :now,
                   gen_random_uuid() FROM generate_series(1, 500)""",
            company=api.own.company,
            now=api.world.clock(),
        )
        assert len(one.until(500)) == len(two.until(500)) == 500

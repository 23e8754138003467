"""Nobody holds the API: not without a token, not with many streams, not with a platform that hangs."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from factories import World, world_on

from impact_in_pipelines.api.deliveries import stream as routes
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import BENEVITY_KEY

from .api_harness import SETTINGS, VIEWER, Served, served
from .test_api_events import stream

FEW = {"IMPACT_IN_API_ANONYMOUS_LIMIT_PER_MINUTE": "20", "IMPACT_IN_API_STREAMS_PER_SUBJECT": "2"}


@pytest.fixture
def api(world: World) -> Iterator[Served]:
    """An API of the test's own with low limits, whose Dagster hangs."""
    with (
        hanging() as dagster,
        world_on(
            world.database.url,
            world.sandbox,
            gated=False,
            HTTP_READ_TIMEOUT_MS="5000",
            **{**SETTINGS, **FEW, "DAGSTER_UI_URL": dagster, "DAGSTER_TIMEOUT_MS": "60000"},
        ) as one,
        served(one) as running,
    ):
        yield running


@contextmanager
def hanging() -> Iterator[str]:
    """The address of somebody who accepts connections and says nothing until the end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_whoever_has_no_token_asks_so_often_and_no_more(api: Served) -> None:
    """Then it is 429 with Retry-After; whoever has a token, at the same address, isn't in the way."""
    answers = [api.call("GET", "/companies", token="not a token") for _ in range(40)]
    assert [one.status_code for one in answers[:20]] == [401] * 20
    late = answers[-1]
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    assert late.json()["type"] == "urn:impact-in:problem:rate-limited"
    assert api.call("GET", "/openapi.json", token=None).status_code == 429
    assert requests.get(f"{api.url}/en/cockpit/sign-in", timeout=30).status_code == 429
    assert api.call("GET", "/companies").status_code == 200
    assert api.call("GET", "/healthz", token=None).status_code == 200


def test_call_backs_that_are_not_signed_are_limited_too(api: Served) -> None:
    """Each of them costs a signature's check."""
    body = {"transactionId": "t", "status": "failed", "timestamp": "2026-03-10T00:00:00Z"}
    found = [
        api.call("POST", "/webhooks/benevity", token=None, json=body).status_code for _ in range(30)
    ]
    assert found[:20] == [401] * 20
    assert found[-1] == 429


def test_a_subject_holds_so_many_streams(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third is refused with 429; another subject has its own, and one that ends makes room."""
    monkeypatch.setattr(routes, "HEARTBEAT_S", 0.2)  # a stream is closed between two lines only
    token = api.token(VIEWER)
    address = f"/events?companyId={api.own.company}"
    with stream(api, token=token), stream(api, token=token):
        refused = api.call("GET", address, token=token)
        assert refused.status_code == 429
        assert "2 streams" in refused.json()["detail"]
        with stream(api, token=api.token(VIEWER, subject="olga")):
            pass


def test_a_platform_that_hangs_keeps_nobody_from_the_api(api: Served) -> None:
    """Six tests of an account on such a platform held all threads that answer. Now a company has one test at
    a time, tests have threads of their own, and everything else goes on meanwhile."""
    runtime = api.world.runtime
    with hanging() as address, ThreadPoolExecutor(12) as pool:
        for company in (api.own.company, api.other.company):
            runtime.connections.save(
                company,
                Platform.BENEVITY,
                organization_id="org",
                base_url=address,
                credentials={"api_key": BENEVITY_KEY},
            )
        started = threading.Barrier(13)

        def test(number: int) -> int:
            started.wait(30)
            company = (api.own, api.other)[number % 2].company
            return api.post(
                f"/connections/{company}/benevity/test", token=api.token(companies=[company])
            ).status_code

        waiting = [pool.submit(test, number) for number in range(12)]
        started.wait(30)
        refused = [one.result() for one in waiting if one.done()]
        for _ in range(20):
            assert api.call("GET", "/deliveries").status_code == 200
        assert not all(one.done() for one in waiting)
        refused = sorted(one.result() for one in waiting)

    assert refused == [200] * 2 + [409] * 10


def test_a_dagster_that_hangs_keeps_nobody_from_the_api(api: Served) -> None:
    """Readiness waits for it on a thread of its own, once for everybody who asks."""
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(api.call, "GET", "/companies") for _ in range(12)]
        hung = [pool.submit(requests.get, f"{api.url}/readyz", timeout=(5, 0.5)) for _ in range(12)]
        assert {one.result().status_code for one in asked} == {200}
        assert all(isinstance(one.exception(), requests.ReadTimeout) for one in hung)
        assert api.call("GET", "/deliveries").status_code == 200

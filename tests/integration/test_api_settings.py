"""What a company settles for itself by the API: service levels, and where it is notified."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from impact_in_pipelines.sandbox.server import Sandbox

from .api_harness import Held, Served, lent


@pytest.fixture
def api(held: Held, sandbox: Sandbox) -> Iterator[Served]:
    """An API whose operator allows one service level."""
    limits = "success_rate_target_percent=95..99.5"
    with lent(held, sandbox, SLA_COMPANY_LIMITS=limits) as running:
        yield running


def test_a_company_sets_what_the_operator_allows_and_nothing_else(api: Served) -> None:
    """Rates are fractions; outside the limits, or another level, is refused; null is the usual again."""
    address = f"/companies/{api.own.company}/service-levels"

    def put(**values: float | None) -> int:
        return api.call("PATCH", address, json={"values": values}).status_code

    (level,) = api.get(address)["data"]
    assert level == {
        "name": "successRateTarget",
        "value": 0.98,
        "usual": 0.98,
        "lowest": 0.95,
        "highest": 0.995,
        "own": False,
    }
    assert put(successRateTarget=0.99) == 200
    (level,) = api.get(address)["data"]
    assert (level["value"], level["own"]) == (0.99, True)
    assert put(successRateTarget=0.5) == 422
    assert put(latencyTargetMs=1000) == 409
    other = api.get(f"/companies/{api.own.company}/service-levels")["data"]
    assert other[0]["value"] == 0.99
    assert put(successRateTarget=None) == 200
    assert api.get(address)["data"][0]["own"] is False
    actions = api.world.scalars("SELECT actor FROM audit_log WHERE action LIKE '%thresholds'")
    assert actions == ["ingrid", "ingrid"]


def test_what_the_operator_has_set_for_a_company_stays(api: Served) -> None:
    """A company changes its own number and leaves the operator's others as they are."""
    runtime = api.world.runtime
    company = runtime.companies.find(str(api.own.company))
    runtime.sla_thresholds.put(
        company, None, {"min_deliveries": 50}, now=api.world.clock(), actor="operator"
    )
    body = {"values": {"successRateTarget": 0.97}}
    assert (
        api.call("PATCH", f"/companies/{company.id}/service-levels", json=body).status_code == 200
    )
    in_force = runtime.sla_thresholds.book().of(company.id)
    assert (in_force.min_deliveries, in_force.success_rate_target_percent) == (50, 97)


def test_a_channel_by_the_api_shows_its_secret_once(api: Served) -> None:
    """In the answer that made it and in none after it; the same key again shows none."""
    address = f"/companies/{api.own.company}/notice-channels"
    body = {
        "name": "Intranet",
        "medium": "webhook",
        "url": "https://hooks.example.org/x?key=hidden",
    }
    first, again = (
        api.post(address, body, headers={"Idempotency-Key": "one"}).json() for _ in range(2)
    )
    assert first["secret"].startswith("whsec_")
    assert again["secret"] is None
    assert again["channel"]["id"] == first["channel"]["id"]
    shown = api.call("GET", address).text
    assert first["secret"] not in shown
    assert "hidden" not in shown
    new = api.post(f"{address}/{first['channel']['id']}/rotate-secret").json()
    assert new["secret"] not in (None, first["secret"])
    assert new["channel"]["oldSecretUntil"] is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "medium": "webhook", "url": "https://10.0.0.8/x"}, 422),
        ({"name": "x", "medium": "webhook", "url": "http://hooks.example.org"}, 422),
        ({"name": "x", "medium": "webhook"}, 422),
        ({"name": "x", "medium": "email", "to": ["kari@example.org"]}, 409),  # no mail server
        ({"name": "x", "medium": "pigeon"}, 422),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    api: Served, body: dict[str, object], status: int
) -> None:
    """With a problem that says why."""
    answer = api.post(f"/companies/{api.own.company}/notice-channels", body)
    assert answer.status_code == status, answer.text


def test_the_log_has_pages_and_sends_again(api: Served) -> None:
    """Newest first; what was given up is queued under its id."""
    base = f"/companies/{api.own.company}/notice-channels/{api.own.channel}"
    for _ in range(2):
        assert api.post(f"{base}/test").json()["ok"] is False
        assert api.post(f"{base}/test").json()["status"] == 409
        api.world.clock.now += timedelta(minutes=1)
    page = api.get(f"{base}/messages", limit=2)
    assert [one["kind"] for one in page["data"]] == ["channel.test"] * 2
    rest = api.get(f"{base}/messages", limit=2, cursor=page["nextCursor"])
    assert [one["id"] for one in rest["data"]] == [str(api.own.message)]
    assert rest["nextCursor"] is None
    again = api.post(f"{base}/messages/{api.own.message}/send-again")
    assert again.json() == {"ids": [str(api.own.message)]}
    assert api.get(f"{base}/messages", state="waiting")["data"][0]["id"] == str(api.own.message)
    assert api.post(f"{base}/messages/{api.own.message}/send-again").status_code == 404

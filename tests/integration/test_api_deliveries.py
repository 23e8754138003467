"""Reading the log: pages, filters, one delivery whole, timelines."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.platforms import Platform

from .api_harness import VIEWER, Served
from .cli_harness import Cli


def pages(api: Served, limit: int, **filters: Any) -> list[list[dict[str, Any]]]:
    """Every page of /deliveries, by following the cursors."""
    found, cursor = [], None
    while True:
        parameters = filters | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = api.get("/deliveries", **parameters)
        found.append(answer["data"])
        cursor = answer["nextCursor"]
        if cursor is None:
            return found


def test_pages_hold_every_delivery_once_and_in_order(api: Served) -> None:
    """Also where many are due at one instant, and while new ones come."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(25)]
    ids = api.world.deliveries(Platform.WORKDAY, api.own.company, days=days)

    first = api.get("/deliveries", limit=10, platform="workday")
    api.world.clock.advance(timedelta(seconds=1))
    api.world.deliveries(Platform.WORKDAY, api.own.company, days=[date(2026, 2, 1)])
    rest, cursor = [], first["nextCursor"]
    while cursor:
        page = api.get("/deliveries", limit=10, platform="workday", cursor=cursor)
        rest += page["data"]
        cursor = page["nextCursor"]

    listed = [one["id"] for one in (*first["data"], *rest)]
    assert sorted(listed) == sorted(map(str, ids))
    assert len(listed) == len(set(listed))


def test_a_token_of_several_companies_pages_through_both(api: Served) -> None:
    """In one order, the latest due first, whatever the company."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(7)]
    for company in (api.own.company, api.other.company):
        api.world.deliveries(Platform.WORKDAY, company, days=days)
        api.world.clock.advance(timedelta(hours=1))
    for companies in ([api.own.company, api.other.company], ["*"]):
        token = api.token(VIEWER, companies)
        seen: list[dict[str, Any]] = []
        cursor = None
        while True:
            query: dict[str, Any] = {"limit": 5} | ({"cursor": cursor} if cursor else {})
            page = api.call("GET", "/deliveries", token=token, params=query).json()
            seen += page["data"]
            cursor = page["nextCursor"]
            if cursor is None:
                break
        assert len({one["id"] for one in seen}) == len(seen) == 18
        due = [one["scheduledFor"] for one in seen]
        assert due == sorted(due, reverse=True)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"status": "failed"}, ["failed"]),
        ({"status": ["failed", "success"]}, ["arrived", "failed"]),
        ({"platform": "benevity"}, ["arrived"]),
        ({"trigger": "replay"}, []),
        ({"error": "503"}, ["failed"]),
        ({"error": "BUSY"}, ["failed"]),
        ({"error": "50%"}, []),
        ({"error": "5_3"}, []),
        ({"startDate": "2026-03-10", "endDate": "2026-03-11"}, ["arrived", "failed"]),
        ({"startDate": "2026-03-11"}, []),
        ({"endDate": "2026-03-10T00:00:00Z"}, []),
        ({"endDate": "2026-03-10T01:00:01+01:00"}, ["arrived"]),
    ],
)
def test_filters_narrow_the_list(api: Served, filters: dict[str, Any], ids: list[str]) -> None:
    """Dates by the time due, half open; the error's text as it is, without regard to case."""
    found = [one["id"] for page in pages(api, 100, **filters) for one in page]

    assert sorted(found) == sorted(str(getattr(api.own, name)) for name in ids)


def test_filter_by_schedule(api: Served) -> None:
    """Only what that schedule made."""
    (schedule_id,) = api.world.scalars(
        "SELECT schedule_id FROM impact_deliveries WHERE id = :id", id=api.own.arrived
    )

    found = api.get("/deliveries", scheduleId=str(schedule_id))["data"]

    assert [one["id"] for one in found] == [str(api.own.arrived)]


def test_one_delivery_is_shown_whole_and_without_personal_data(api: Served) -> None:
    """Attempts, payload, the platform's answer; what looks like a person is masked everywhere."""
    api.world.execute(
        "UPDATE impact_deliveries SET payload = jsonb_set(payload, '{contactEmail}', "
        "'\"kari@example.org\"'), provider_response = CAST(:answer AS jsonb), "
        "last_error = 'ask kari@example.org' WHERE id = :id",
        id=api.own.arrived,
        answer='{"note": "call +47 22 33 44 55", "participantRef": "p-17"}',
    )

    found = api.get(f"/deliveries/{api.own.arrived}")

    assert [one["outcome"] for one in found["attempts"]] == ["delivered"]
    assert found["payload"]["reportingPeriod"]["startDate"] == "2026-03-09"
    assert found["payload"]["contactEmail"] == "***"
    assert found["providerResponse"] == {"note": "call ***", "participantRef": "***"}
    assert found["lastError"] == "ask ***"
    assert found["latencyMs"] == 30_000
    assert found["idempotencyKey"]


def test_the_timeline_has_the_latest_first_with_a_sample_of_what_was_sent(api: Served) -> None:
    """The specification's names; thirty unless told otherwise."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(40)]
    api.world.clock.advance(timedelta(hours=1))
    api.world.deliveries(Platform.WORKDAY, api.own.company, days=days)

    own = {"companyId": str(api.own.company)}
    assert len(api.get("/delivery-timeline", **own)["data"]) == 30
    found = api.get("/delivery-timeline", **own, limit=100)["data"]

    assert len(found) == 42
    last = found[-1]
    assert last["id"] == str(api.own.arrived)
    assert last["payloadSample"]["metrics"]
    assert last["attemptCount"] == 1
    assert last["latencyMs"] == 30_000
    assert {"createdAt", "deliveredAt", "status", "platform"} <= last.keys()


def test_a_recovered_delivery_says_so(api: Served) -> None:
    """It failed for good and a replay brought it through (D11)."""
    answer = api.post(f"/deliveries/{api.own.failed}/replay")
    assert answer.status_code == 202
    api.world.drain(Platform.GOODERA)

    found = api.get(f"/deliveries/{api.own.failed}")

    assert (found["status"], found["recovered"]) == ("success", True)
    assert UUID(found["id"]) == api.own.failed


def test_a_recovered_delivery_has_no_latency_at_any_door(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long a failure waited for its replay is no latency: API, timeline, command and Dagster agree."""
    api.post(f"/deliveries/{api.own.failed}/replay")
    api.world.drain(Platform.GOODERA)
    id_ = str(api.own.failed)

    listed = api.get("/deliveries", platform="goodera")["data"]
    timeline = api.get("/delivery-timeline", companyId=str(api.own.company))
    shown = Cli(monkeypatch, api.world.database).good("deliveries", "show", id_, "--json").json
    with api.world.runtime.recording.unrecorded(Platform.GOODERA, now=api.world.clock()) as final:
        in_dagster = [one.latency_ms for one in final if one.id == api.own.failed]

    assert [one["latencyMs"] for one in listed if one["id"] == id_] == [None]
    assert [one["latencyMs"] for one in timeline["data"] if one["id"] == id_] == [None]
    assert (shown["status"], shown["latencyMs"]) == ("success", None)
    assert in_dagster == [None]


@pytest.mark.parametrize(
    ("text", "found"), [("%", 0), ("_", 0), ("\\", 0), ("503%", 0), ("503: BUSY", 1), ("'", 0)]
)
def test_the_text_in_an_error_is_taken_as_it_stands(api: Served, text: str, found: int) -> None:
    """SQL's wildcards are letters like others."""
    assert len(api.get("/deliveries", error=text)["data"]) == found


def test_a_cursor_from_somebody_else_shows_nothing_of_theirs(api: Served) -> None:
    """It says where to go on, not what may be seen: that is the token's."""
    everybody = api.token(companies=["*"])
    page = api.call("GET", "/deliveries", token=everybody, params={"limit": 1}).json()

    rest = api.get("/deliveries", cursor=page["nextCursor"])["data"]

    assert {one["companyId"] for one in rest} <= {str(api.own.company)}


def test_the_calendar_takes_any_date_that_there_is(api: Served) -> None:
    """From the first to the last one that Python knows; a span the wrong way round or too long is named."""
    path = f"/companies/{api.own.company}/calendar"
    for day in ("0001-01-01", "9999-12-31"):
        found = api.get(path, startDate=day, endDate=day)["data"]
        assert all(one["state"] == "nothing" for platform in found for one in platform["days"])
    for first, last in (("2026-01-02", "2026-01-01"), ("2024-01-01", "2026-01-01")):
        answer = api.call("GET", f"{path}?startDate={first}&endDate={last}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].endswith("endDate")

"""Companies, connections, schedules, incidents, maintenance: changed through the API, and written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from factories import SECRETS, World, world_on

from impact_in_pipelines.api.context import build_context
from impact_in_pipelines.api.operations.metrics import ENDED_OUTCOMES, FINAL_STATUSES
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sandbox.accounts.config import BENEVITY_KEY, GOODERA_KEY

from .api_harness import SETTINGS, Served, running


def change(api: Served, action: str) -> dict[str, Any]:
    """The latest change of this kind to the own company, as the API tells of it."""
    entries = api.get("/audit-log", companyId=str(api.own.company), limit=100)["data"]
    found: dict[str, Any] = next(one for one in entries if one["action"] == action)
    return found


def test_a_schedule_from_its_preview_to_its_end(api: Served) -> None:
    """Previewed, created, changed, paused, resumed, run, deleted; each with who did it."""
    rule = {"schedule": "30 8 * * 1-5", "timezone": "Europe/Oslo"}
    preview = api.post("/schedules/preview", {**rule, "count": 2}).json()
    assert preview["fires"][0]["local"] == "2026-03-10T08:30:00+01:00"

    body = {**rule, "companyId": str(api.own.company), "platform": "workday"}
    created = api.post("/schedules", body)
    assert created.status_code == 201
    one = created.json()
    assert one["nextRun"] == preview["fires"][0]["scheduledFor"]
    address = f"/schedules/{one['id']}"
    calendar = {"country": "NO", "policy": "next_business_day"}
    window = {"start": "09:00", "end": "17:00", "days": [1, 2]}
    changed = api.call(
        "PATCH", address, json={"holidayCalendar": calendar, "window": window}
    ).json()
    assert changed["holidayCalendar"] == {**calendar, "subdivision": None, "extraDates": []}
    assert changed["window"] == {"start": "09:00:00", "end": "17:00:00", "days": [1, 2]}
    taken_off = api.call("PATCH", address, json={"window": None}).json()
    assert (taken_off["window"], taken_off["holidayCalendar"]["country"]) == (None, "NO")

    paused = api.post(f"{address}/pause", {"reason": "a move"}).json()
    assert (paused["active"], paused["pausedReason"], paused["nextRun"]) == (False, "a move", None)
    assert api.get(f"{address}/preview", count=1)["fires"]
    assert api.post(f"{address}/resume").json()["active"] is True
    ran = api.post(f"{address}/run-now")
    assert ran.status_code == 202
    assert api.get(ran.json()["statusUrl"])["trigger"] == "manual"
    deleted = api.call("DELETE", address).json()
    assert deleted == {"id": one["id"], "cancelledDeliveries": 1}
    assert api.call("GET", address).status_code == 404

    entry = change(api, "schedule.pause")
    assert (entry["actor"], entry["subject"]) == ("ingrid", f"schedule {one['id']}")
    assert entry["before"]["paused_reason"] is None
    assert entry["after"]["paused_reason"] == "a move"
    log = api.get("/audit-log", companyId=str(api.own.company), limit=100)["data"]
    mine = {entry["action"] for entry in log if entry["actor"] == "ingrid"}
    assert mine >= {f"schedule.{a}" for a in ("create", "update", "resume", "run_now", "delete")}


def test_a_schedule_without_a_connection_is_refused(api: Served) -> None:
    """Nothing could ever be delivered by it."""
    (company,) = api.world.companies(1, prefix="unconnected")
    settings = {**SETTINGS, "BENEVITY_API_URL": "", "BENEVITY_API_KEY": ""}
    with (
        world_on(api.world.database.url, api.world.sandbox, gated=False, **settings) as bare,
        served_again(api, bare) as other,
    ):
        body = {"companyId": str(company), "platform": "benevity", "schedule": "daily"}
        answer = other.post("/schedules", body, token=other.token(companies=[company]))

    assert answer.status_code == 422
    assert "no usable connection" in answer.json()["detail"]


@contextmanager
def served_again(api: Served, world: World) -> Iterator[Served]:
    """The same database served with other settings."""
    context = build_context(world.runtime)
    with running(context) as url:
        yield Served(url, world, context, api.own, api.other)


def test_fields_that_cannot_be_null_are_named(api: Served) -> None:
    """null takes a calendar or window off; a cron can't be taken off."""
    answer = api.call("PATCH", f"/schedules/{api.own.schedule}", json={"catchUp": None})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "catchUp"


def test_lists_page_by_company_platform_and_id(api: Served) -> None:
    """Every schedule and connection once."""
    found, cursor = [], None
    token = api.token(companies=["*"])
    while True:
        query: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = api.call("GET", "/schedules", token=token, params=query).json()
        found += [(one["company"], one["platform"]) for one in page["data"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert found == sorted(found)
    assert len(found) == 4
    connections = api.call("GET", "/connections", token=token, params={"limit": 1}).json()
    assert [one["company"] for one in connections["data"]] == [api.other.slug]
    query = {"limit": 1, "cursor": connections["nextCursor"]}
    rest = api.call("GET", "/connections", token=token, params=query).json()
    assert [one["company"] for one in rest["data"]] == [api.own.slug]
    assert rest["nextCursor"] is None


def test_credentials_go_in_and_never_come_out(api: Served) -> None:
    """Not in an answer, a list, the audit log or an error."""
    address = f"/connections/{api.own.company}/goodera"
    body = {
        "baseUrl": api.world.sandbox.goodera_url,
        "organizationId": "own-1",
        "credentials": {"api_key": GOODERA_KEY},
        "webhookSecret": "whsec_c2VjcmV0IG9mIG93bg==",
        "rateLimitPerMinute": 30,
    }

    answer = api.call("PUT", address, json=body)
    bad = api.call("PUT", address, json={"credentials": {"apikey": "hidden-value"}})

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["credentialNames"], shown["webhookSecretSet"]) == (["api_key"], True)
    assert shown["lacks"] == []
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "credentials"
    entry = change(api, "connection.set")
    listed = api.call("GET", "/connections")
    texts = (answer.text, bad.text, str(entry), listed.text)
    for hidden in (*SECRETS, "hidden-value", "c2VjcmV0"):
        assert not any(hidden in text for text in texts)
    log = api.get("/audit-log", companyId=str(api.own.company), limit=100)["data"]
    after = [one["after"] for one in log if one["actor"] == "ingrid"]
    assert {"credentials": "changed", "webhook_secret": "changed"}.items() <= after[0].items()
    assert after[0]["rate_limit_per_minute"] == 30


def test_what_is_absent_stays_as_it_is(api: Served) -> None:
    """A change of one field keeps the credentials."""
    address = f"/connections/{api.own.company}/benevity"

    api.call("PUT", address, json={"options": {"programId": "p-1"}})
    found = api.call("PUT", address, json={"enabled": False}).json()

    assert found["options"] == {"programId": "p-1"}
    assert (found["enabled"], found["credentialNames"]) == (False, ["api_key"])
    assert found["lacks"] == ["it is disabled: set enabled"]
    assert api.post(f"{address}/test").status_code == 409


def test_an_option_that_the_platform_does_not_read_is_refused(api: Served) -> None:
    """A connector that was added may read any; what nobody reads would be a wrong report some day."""
    address = f"/connections/{api.own.company}/benevity"

    bad = api.call("PUT", address, json={"options": {"programId": "p-1", "ledger": "north"}})

    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "options")
    assert "'ledger'" in bad.json()["detail"]


def test_a_connection_is_tried_out_without_delivering(api: Served) -> None:
    """What was verified, and what can't be."""
    found = api.post(f"/connections/{api.own.company}/benevity/test").json()

    assert found["ok"] is True
    assert found["verified"]
    assert BENEVITY_KEY not in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/benevity",
        "https://localhost",
        "https://10.0.0.1",
        "https://[::1]",
        "http://api.example.org",
    ],
)
def test_a_tenant_cannot_point_us_at_our_own_network(api: Served, url: str) -> None:
    """Not the loopback, although the sandbox's own address is there; not a private one; not without TLS."""
    address = f"/connections/{api.own.company}/goodera"
    body = {"baseUrl": url, "credentials": {"api_key": GOODERA_KEY}}

    answer = api.call("PUT", address, json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "baseUrl"


def test_a_failed_test_tells_the_kind_of_failure_only(api: Served) -> None:
    """Neither the answer nor how the network behaved: it would be a probe of networks."""
    address = f"/connections/{api.own.company}/workday"
    wrong = {"client_id": "nobody", "client_secret": "wrong-secret-1", "tenant_id": "t"}
    api.call("PUT", address, json={"credentials": wrong}).raise_for_status()

    found = api.post(f"{address}/test").json()

    assert (found["ok"], found["errorKind"]) == (False, "authentication")
    assert found["error"] == "Workday: the platform refuses the credentials"
    assert "invalid_client" not in str(found)


def test_a_company_is_added_by_who_may_see_all(api: Served) -> None:
    """201; the same slug again is 409."""
    token = api.token(companies=["*"])
    body = {"slug": "nordlys", "name": "Nordlys", "country": "NO", "timezone": "Europe/Oslo"}

    made = api.post("/companies", body, token=token)
    again = api.post("/companies", body, token=token)

    assert made.status_code == 201
    assert made.json()["timezone"] == "Europe/Oslo"
    assert again.status_code == 409
    entries = api.call("GET", "/audit-log", token=token).json()["data"]
    assert ("ingrid", "company.add") in [(one["actor"], one["action"]) for one in entries]


def test_an_incident_is_acknowledged_once(api: Served) -> None:
    """By the token's subject; the second one is told who was first."""
    address = f"/incidents/{api.own.incident}/acknowledge"

    first = api.post(address)
    second = api.post(address, token=api.token(subject="kari"))

    assert first.json()["acknowledgedBy"] == "ingrid"
    assert second.status_code == 409
    assert "ingrid" in second.json()["detail"]
    assert change(api, "incident.acknowledge")["subject"] == f"incident {api.own.incident}"


def test_a_platforms_incident_is_seen_by_all_and_acknowledged_by_few(api: Served) -> None:
    """It concerns everybody; only a token for all companies answers for it."""
    (incident,) = api.world.scalars(
        "INSERT INTO incidents (platform, type, severity, threshold, actual, sample_size, low_confidence, "
        "opened_at) VALUES ('workday', 'platform_outage', 'critical', 30, 40, 9, false, :now) RETURNING id",
        now=api.world.clock(),
    )
    listed = api.get("/incidents")["data"]

    assert str(incident) in [one["id"] for one in listed]
    assert api.post(f"/incidents/{incident}/acknowledge").status_code == 403
    everything = api.token(companies=["*"])
    assert api.post(f"/incidents/{incident}/acknowledge", token=everything).json()["level"] == 3


def test_maintenance_is_announced_and_ended(api: Served) -> None:
    """For one company by its managers, for all by who may see all."""
    until = (api.world.clock() + timedelta(hours=2)).isoformat()
    body = {"platform": "goodera", "endsAt": until, "reason": "the account is being moved"}

    mine = api.post("/maintenance-windows", {**body, "companyId": str(api.own.company)})
    all_ = api.post("/maintenance-windows", body)

    assert mine.status_code == 201
    assert all_.status_code == 403
    ended = api.post(f"/maintenance-windows/{mine.json()['id']}/end")
    assert ended.json()["endedBy"] == "ingrid"
    assert api.post(f"/maintenance-windows/{mine.json()['id']}/end").status_code == 409
    assert change(api, "maintenance.add")["after"]["reason"] == "the account is being moved"
    assert change(api, "maintenance.end")["actor"] == "ingrid"


def test_statuses_and_reports_in_three_forms(api: Served) -> None:
    """The specification's names; the past seven days without a period; stored ones by their start."""
    own = {"companyId": str(api.own.company)}
    api.world.clock.advance(timedelta(minutes=1))
    status = api.get("/sla-status", **own)
    report = f"/sla-report?companyId={api.own.company}"

    assert status["overall"]["totalDeliveries"] == 2
    assert status["overall"]["successRate"] == 0.5
    assert status["overall"]["onTimeRate"] == 0.5
    assert set(status["period"]) == {"start", "end"}
    assert status["overall"]["slaStatus"] == "breach"
    assert {one["platform"] for one in status["byPlatform"]} >= {"benevity", "goodera"}
    assert {"type", "threshold", "actual", "severity", "since"} <= status["overall"]["breaches"][
        0
    ].keys()
    rolling = api.get(report)
    assert rolling["overall"].keys() == status["overall"].keys()
    assert (rolling["overall"]["dueDeliveries"], rolling["overall"]["successRate"]) == (2, 0.5)
    assert [one["platform"] for one in rolling["byPlatform"]] == ["benevity", "goodera"]
    assert set(rolling["period"]) == {"start", "end"}
    assert len(rolling["recommendations"]) == len(rolling["recommendationDetails"])
    assert all(
        isinstance(one, str) and "impact-in" not in one for one in rolling["recommendations"]
    )
    page = api.call("GET", report, headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<svg" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    table = api.call("GET", report, headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("company,")
    assert api.call("GET", f"{report}&period=weekly&start=2026-03-02").status_code == 404
    everybody = api.call("GET", "/sla-status", token=api.token(companies=["*"])).json()
    assert everybody["overall"]["totalDeliveries"] == 4


def test_health_readiness_and_metrics(api: Served) -> None:
    """Without a token; no company is named unless that is switched on."""
    api.world.clock.advance(timedelta(minutes=1))

    assert api.get("/healthz") == {"status": "ok"}
    ready = api.get("/readyz")
    assert (ready["status"], ready["dagster"]) == ("degraded", "unreachable")
    found = {one["finding"]: one["state"] for one in ready["findings"]}
    assert {"database_answers", "tables_current", "alerts_taken"} <= found.keys()
    assert "failed" not in found.values()
    first = api.call("GET", "/metrics", token=None).text
    assert 'impact_in_deliveries_total{platform="benevity",status="success"} 2.0' in first
    assert 'impact_in_deliveries_total{platform="goodera",status="failed"} 2.0' in first
    assert 'impact_in_attempts_total{outcome="delivered",platform="benevity"} 2.0' in first
    assert 'impact_in_delivery_latency_seconds_bucket{le="30.0",platform="benevity"} 2.0' in first
    assert 'impact_in_delivery_latency_seconds_bucket{le="10.0",platform="benevity"} 0.0' in first
    assert 'impact_in_delivery_latency_seconds_sum{platform="benevity"} 60.0' in first
    assert api.own.slug not in first
    # Before their first event: `increase()` would not see the step from nothing to one.
    for platform in Platform:
        for status in FINAL_STATUSES:
            labels = f'{{platform="{platform.value}",status="{status}"}}'
            assert f"impact_in_deliveries_total{labels} " in first
        for outcome in ENDED_OUTCOMES:
            labels = f'{{outcome="{outcome}",platform="{platform.value}"}}'
            assert f"impact_in_attempts_total{labels} " in first
    assert 'impact_in_delivery_latency_seconds_count{platform="workday"} 0.0' in first
    api.post(f"/deliveries/{api.own.failed}/replay")
    assert 'impact_in_queue_depth{platform="goodera"} 1.0' in api.call("GET", "/metrics").text
    api.world.drain(Platform.GOODERA)
    api.world.clock.advance(timedelta(minutes=1))
    later = api.call("GET", "/metrics").text
    assert 'impact_in_deliveries_total{platform="goodera",status="success"} 1.0' in later
    # A replay brought it through: it has failed, and a failure has no latency.
    assert 'impact_in_delivery_latency_seconds_count{platform="goodera"} 0.0' in later
    assert 'impact_in_deliveries_total{platform="benevity",status="success"} 2.0' in later


def test_without_migrations_it_is_not_ready(api: Served) -> None:
    """503, and which of the three it is."""
    api.world.execute("UPDATE alembic_version SET version_num = '0000'")

    answer = api.call("GET", "/readyz", token=None)

    assert answer.status_code == 503
    assert answer.json()["migrations"] == "missing"
    states = {one["finding"]: one["state"] for one in answer.json()["findings"]}
    assert states["tables_out_of_step"] == "failed"


@pytest.mark.parametrize("past", [False, True])
def test_windows_are_paged_like_every_list(api: Served, past: bool) -> None:
    """Each once, in order: the next to end first, or, with past ones, the last to end."""
    now = api.world.clock()
    for hours in (5, 3, 3, 4):
        api.world.runtime.maintenance.add(
            company_id=api.own.company,
            platform=None,
            starts_at=now,
            ends_at=now + timedelta(hours=hours),
            reason="a move",
            by="kari",
            now=now,
        )
    question: dict[str, Any] = {"companyId": str(api.own.company), "past": past, "limit": 2}

    page = api.get("/maintenance-windows", **question)
    found = page["data"]
    while page["nextCursor"]:
        page = api.get("/maintenance-windows", **question, cursor=page["nextCursor"])
        found += page["data"]

    ends = [one["endsAt"] for one in found]
    assert len({one["id"] for one in found}) == len(found) >= 5
    assert ends == sorted(ends, reverse=past)
    other = api.call("GET", "/maintenance-windows", params={"cursor": "W10"})
    assert other.status_code == 422

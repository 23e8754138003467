"""Many companies at once: how each stands, the worst first, and for operators the platforms' queues."""

from datetime import timedelta
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import ScheduleRule
from impact_in_pipelines.services.operating.overview import (
    company_health,
    overview,
    worst_companies,
)
from impact_in_pipelines.services.operating.platforms import hold

from .api_harness import VIEWER, Served


def _incident(api: Served, company: UUID, severity: str) -> None:
    api.world.execute(
        "INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, opened_at) VALUES "
        "(:company, 'benevity', 'latency', :severity, 5, 9, :now)",
        company=company,
        severity=severity,
        now=api.world.clock(),
    )


def _company(api: Served, slug: str, name: str) -> UUID:
    return api.world.runtime.companies.add(slug, name=name).id


def _found(api: Served, companies: list[object], **parameters: object) -> list[tuple[str, str]]:
    answer = api.call(
        "GET", "/companies/health", token=api.token(VIEWER, companies), params=parameters
    )
    assert answer.status_code == 200, answer.text
    return [(one["slug"], one["state"]) for one in answer.json()["data"]]


def test_each_company_shows_the_worst_that_is_known_of_it(api: Served) -> None:
    """And no company of which nothing has arrived is healthy."""
    quiet = _company(api, "a-quiet", "A quiet one")
    warned, failing, late, held, gone, fine = (
        _company(api, f"b-{name}", name)
        for name in ("warned", "failing", "late", "held", "gone", "fine")
    )
    runtime, now = api.world.runtime, api.world.clock()
    _incident(api, warned, "warning")
    schedule = runtime.schedules.create(
        runtime.companies.find(str(failing)), Platform.GOODERA, ScheduleRule("daily"), now=now
    )
    api.world.execute(
        "UPDATE scheduled_deliveries SET consecutive_failures = 3 WHERE id = :id", id=schedule.id
    )
    api.world.execute("UPDATE companies SET active = false WHERE id = :id", id=gone)
    hold(runtime, Platform.WORKDAY, company_id=held, reason="a move", actor="kari")
    for company, status, ago in (
        (late, "pending", 9),
        (fine, "success", 9),
        (warned, "pending", 1),
    ):
        api.world.execute(
            """INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start,
                   period_end, scheduled_for, idempotency_key, next_attempt_at)
               SELECT gen_random_uuid(), :company, 'goodera', 'manual', :status, '2026-01-04',
                   '2026-01-04', :at, gen_random_uuid(),
                   CASE WHEN :status = 'pending' THEN CAST(:at AS timestamptz) END""",
            company=company,
            status=status,
            at=now - timedelta(minutes=ago),
        )
    ids: list[object] = [quiet, warned, failing, late, held, gone, fine]
    assert _found(api, ids) == [
        ("a-quiet", "nothing"),
        ("b-failing", "breach"),
        ("b-fine", "healthy"),
        ("b-gone", "inactive"),
        ("b-held", "warning"),
        ("b-late", "warning"),
        ("b-warned", "warning"),
    ]
    worst, count = worst_companies(runtime, [UUID(str(one)) for one in ids])
    assert [one.slug for one in worst] == ["b-failing", "b-late", "b-warned", "b-held"]
    assert count == 4
    assert [one.slug for one in worst_companies(runtime, [late, fine])[0]] == ["b-late"]


def test_companies_are_sought_by_name_and_paged(api: Served) -> None:
    """A part of name or slug, whatever its case and signs; only one's own are found."""
    ids: list[object] = [_company(api, f"x-{n:02d}", f"Nordlys 100% {n}") for n in range(7)]
    _company(api, "x-other", "Nordlys 100% of others")
    token = api.token(VIEWER, ids)
    found: list[str] = []
    cursor = None
    while True:
        query = {"q": "LYS 100%", "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = api.call("GET", "/companies/health", token=token, params=query).json()
        found += [one["slug"] for one in page["data"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert found == [f"x-{n:02d}" for n in range(7)]
    assert _found(api, ids, q="x-03") == [("x-03", "nothing")]
    assert _found(api, ids, q="100_") == []


def test_the_overview_is_for_operators(api: Served) -> None:
    """It names every company: a token for one of them gets nothing of it."""
    assert api.call("GET", "/overview").status_code == 403
    found = api.call("GET", "/overview", token=api.token(VIEWER, ["*"])).json()
    assert {one["slug"] for one in found["worst"]} >= {api.own.slug, api.other.slug}
    assert [one["platform"] for one in found["platforms"]] == ["benevity", "goodera", "workday"]
    assert found["criticalIncidents"] == 2


def test_the_overview_counts_queues_drains_and_single_connections(api: Served) -> None:
    """What is due and since when, who sends, what single connections are held, platforms apart."""
    runtime, now = api.world.runtime, api.world.clock()
    due = now - timedelta(minutes=20)
    for status, lease in (("pending", None), ("in_progress", "2099-01-01T00:00:00Z")):
        api.world.execute(
            """INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start,
                   period_end, scheduled_for, idempotency_key, next_attempt_at, lease_until, claimed_by)
               SELECT gen_random_uuid(), :company, 'workday', 'manual', :status, '2026-01-04',
                   '2026-01-04', :at, gen_random_uuid(), :at, CAST(:lease AS timestamptz),
                   CASE WHEN :status = 'in_progress' THEN 'd' END""",
            company=api.own.company,
            status=status,
            lease=lease,
            at=due,
        )
    for company in (api.own.company, api.other.company):
        hold(runtime, Platform.GOODERA, company_id=company, reason="a move", actor="kari")
    hold(runtime, Platform.BENEVITY, company_id=None, reason="their outage", actor="kari")
    lines = {one.platform: one for one in overview(runtime).platforms}
    workday = lines[Platform.WORKDAY]
    assert (workday.drains, workday.sending, workday.oldest_due) == (1, 1, due)
    assert (lines[Platform.GOODERA].held_connections, lines[Platform.GOODERA].closures) == (2, [])
    assert lines[Platform.BENEVITY].held_connections == 0
    assert [one.reason for one in lines[Platform.BENEVITY].closures] == ["their outage"]


def test_nobody_sees_more_than_their_companies(api: Served) -> None:
    """Whatever is sought."""
    found = company_health(api.world.runtime, [api.own.company], limit=50, sought="o")
    assert {one.id for one in found} <= {api.own.company}
    assert company_health(api.world.runtime, [], limit=50) == []

"""Two companies with nine weeks behind them: one in trouble this week, one without a care."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from factories import World

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.sla.reports import SlaReports
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import HolidayCalendar, ScheduleRule
from impact_in_pipelines.sla.windows import ReportPeriod, last_complete

NOW = datetime(2026, 3, 11, 9, 14, 30, tzinfo=UTC)
"""A Wednesday morning."""

FIRST_FIRE = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
_DAY = timedelta(days=1)
_UNAUTHORIZED = "401 AUTH_INVALID: the API key isn't valid"
_BUSY = "503: the platform doesn't answer"


@dataclass(frozen=True)
class Seeded:
    """The companies, and what of the first one's log the tests speak of."""

    troubled: UUID
    healthy: UUID
    failed: Sequence[UUID]
    retrying: UUID
    schedules: Sequence[UUID]


def seed(world: World) -> Seeded:
    """Fill the database of `world`, whose clock stands at `NOW`."""
    world.clock.now = NOW
    troubled = _company(world, "nordlys-energi", "Nordlys Energi", "Europe/Oslo")
    healthy = _company(world, "sol-iberia", "Sol Iberia", "Europe/Madrid")
    days = [date(2026, 3, 1) + n * _DAY for n in range(10)]
    world.events([troubled, healthy], days=days)
    schedules = _schedules(world, troubled)
    rows = _log(troubled, random.Random(7), trouble=True)
    rows += _log(healthy, random.Random(8), trouble=False)
    _insert(world, rows)
    runtime = world.runtime
    runtime.sla_rollup.refresh(FIRST_FIRE.date(), NOW)
    _incidents(world, troubled)
    reports = SlaReports(world.database.engine, runtime.settings)
    company = runtime.companies.find(str(troubled))
    week = last_complete(ReportPeriod.WEEKLY, NOW)
    reports.make(company, ReportPeriod.WEEKLY, week, now=NOW)
    month = last_complete(ReportPeriod.MONTHLY, NOW)
    reports.make(company, ReportPeriod.MONTHLY, month, now=NOW)
    failed = [row["id"] for row in rows if row["status"] == "failed" and row["recent"]]
    retrying = next(row["id"] for row in rows if row["status"] == "retrying")
    return Seeded(troubled, healthy, failed, retrying, schedules)


def _company(world: World, slug: str, name: str, timezone: str) -> UUID:
    return world.runtime.companies.add(slug, name=name, timezone=timezone).id


def _schedules(world: World, company_id: UUID) -> list[UUID]:
    company = world.runtime.companies.find(str(company_id))
    rules = (
        (Platform.BENEVITY, ScheduleRule("daily", timezone="Europe/Oslo")),
        (Platform.GOODERA, ScheduleRule("30 8 * * 1-5", timezone="Europe/Oslo")),
        (
            Platform.WORKDAY,
            ScheduleRule(
                "weekly",
                timezone="Europe/Oslo",
                holiday_calendar=HolidayCalendar.parse("NO;policy=next_business_day"),
            ),
        ),
    )
    store = world.runtime.schedules
    return [store.create(company, one, rule, now=NOW).id for one, rule in rules]


def _log(company: UUID, rng: random.Random, *, trouble: bool) -> list[dict[str, Any]]:
    """Goodera and Workday every day, Benevity every hour of the last two weeks, oldest first."""
    rows = []
    fire = FIRST_FIRE
    while fire < NOW:
        recent = NOW - fire < timedelta(hours=50)
        hourly = NOW - fire < timedelta(days=14)
        nightly = fire.hour == FIRST_FIRE.hour
        wanted = list(Platform) if nightly else [Platform.BENEVITY] if hourly else []
        for platform in wanted:
            status = "success"
            if trouble and recent and platform is Platform.GOODERA:
                status = "failed"
            elif trouble and recent and NOW - fire < _DAY and platform is Platform.WORKDAY:
                status = "retrying"
            elif trouble and not recent and nightly and rng.random() < 0.03:
                status = "failed"
            # A healthy company's retries are those that a platform asked for within the minute.
            wait = timedelta(minutes=5 if trouble else 1)
            ending = _ending(status, fire, rng, platform, wait)
            rows.append(_row(company, platform, fire, recent) | ending)
        fire += timedelta(hours=1)
    if trouble:
        latest = next(row for row in reversed(rows) if row["platform"] == "benevity")
        again = _row(company, Platform.BENEVITY, NOW - timedelta(minutes=42), True)
        rows.append(
            again
            | {
                "status": "skipped",
                "trigger": "manual",
                "period_start": latest["period_start"],
                "period_end": latest["period_end"],
                "duplicate_of": latest["id"],
                "attempts": [],
            }
        )
    return rows


def _row(company: UUID, platform: Platform, fire: datetime, recent: bool) -> dict[str, Any]:
    id_ = uuid.uuid5(company, f"{platform} {fire}")
    local = fire + timedelta(hours=1)  # Oslo, in winter
    day = local.date() - (timedelta(days=1) if local.hour == 0 else timedelta())
    return {
        "id": id_,
        "company_id": company,
        "platform": platform.value,
        "trigger": "schedule",
        "period_start": day,
        "period_end": day,
        "scheduled_for": fire,
        "created_at": fire + timedelta(seconds=4),
        "updated_at": fire + timedelta(seconds=9),
        "attempt_count": 0,
        "recent": recent,
    }


def _ending(
    status: str, fire: datetime, rng: random.Random, platform: Platform, wait: timedelta
) -> dict[str, Any]:
    tries = 1 if rng.random() < 0.93 else 2
    took = timedelta(seconds=round(rng.uniform(3, 150), 1))
    attempts: list[dict[str, Any]] = []
    if status == "success":
        if tries == 2:
            attempts.append(_attempt(1, fire, "retryable", 503, _BUSY, "server_error"))
            took += wait
        attempts.append(
            _attempt(tries, fire + took - timedelta(milliseconds=420), "delivered", 200)
        )
        return {
            "status": status,
            "attempts": attempts,
            "attempt_count": tries,
            "delivered_at": fire + took,
            "updated_at": fire + took,
            "http_status": 200,
            "transaction_id": f"txn-{rng.randrange(16**8):08x}",
            "payload": _payload(platform, fire.date(), rng),
            "payload_bytes": rng.randrange(900, 2400),
            "provider_response": {"success": True, "message": "Impact data received"},
        }
    if status == "failed":
        attempts.append(_attempt(1, fire + took, "permanent", 401, _UNAUTHORIZED, "authentication"))
        return {
            "status": status,
            "attempts": attempts,
            "attempt_count": 1,
            "failed_at": fire + took,
            "updated_at": fire + took,
            "http_status": 401,
            "error_kind": "authentication",
            "last_error": _UNAUTHORIZED,
            "payload": _payload(platform, fire.date(), rng),
            "payload_bytes": 1200,
        }
    attempts = [
        _attempt(n, fire + n * took, "retryable", 503, _BUSY, "server_error") for n in (1, 2)
    ]
    return {
        "status": status,
        "attempts": attempts,
        "attempt_count": 2,
        "failed_attempts": 2,
        "next_attempt_at": NOW + timedelta(minutes=9),
        "updated_at": NOW - timedelta(minutes=4),
        "http_status": 503,
        "error_kind": "server_error",
        "last_error": _BUSY,
        "payload": _payload(platform, fire.date(), rng),
        "payload_bytes": 1650,
    }


def _attempt(
    number: int,
    at: datetime,
    outcome: str,
    status: int,
    error: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    return {
        "number": number,
        "started_at": at,
        "finished_at": at + timedelta(milliseconds=380),
        "outcome": outcome,
        "http_status": status,
        "error_kind": kind,
        "error": error,
        "latency_ms": 380.0,
    }


def _payload(platform: Platform, day: date, rng: random.Random) -> dict[str, Any]:
    return {
        "organizationId": "nordlys-energi",
        "programName": "Welcome to Norway",
        "contactEmail": "ingrid@nordlys.example",
        "reportingPeriod": {"startDate": day.isoformat(), "endDate": day.isoformat()},
        "metrics": [
            {"metricType": "volunteer_hours", "metricValue": rng.randrange(8, 60)},
            {"metricType": "participant_count", "metricValue": rng.randrange(10, 40)},
        ],
        "platform": platform.value,
    }


_COLUMNS = (
    "id uuid, company_id uuid, platform text, trigger text, status text, period_start date, "
    "period_end date, scheduled_for timestamptz, created_at timestamptz, updated_at timestamptz, "
    "attempt_count int, failed_attempts int, next_attempt_at timestamptz, delivered_at timestamptz, "
    "failed_at timestamptz, http_status int, transaction_id text, payload jsonb, payload_bytes int, "
    "provider_response jsonb, error_kind text, last_error text, duplicate_of uuid, dagster_run_id text"
)


def _insert(world: World, rows: Sequence[dict[str, Any]]) -> None:
    names = [column.split()[0] for column in _COLUMNS.split(", ")]
    chosen = ", ".join(
        "coalesce(failed_attempts, 0)" if n == "failed_attempts" else n for n in names
    )
    for row in rows:
        row["dagster_run_id"] = str(uuid.uuid5(row["id"], "run"))
    world.execute(
        f"""INSERT INTO impact_deliveries ({", ".join(names)}, idempotency_key, recorded_at)
            SELECT {chosen}, id, updated_at
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_COLUMNS})""",
        rows=rows_as_json([{k: v for k, v in row.items() if k != "attempts"} for row in rows]),
    )
    attempts = [
        {"id": uuid.uuid5(row["id"], str(one["number"])), "delivery_id": row["id"], **one}
        for row in rows
        for one in row["attempts"]
    ]
    world.execute(
        """INSERT INTO delivery_attempts
               (id, delivery_id, number, started_at, finished_at, outcome, http_status, error_kind, error,
                latency_ms)
           SELECT id, delivery_id, number, started_at, finished_at, outcome, http_status, error_kind, error,
                  latency_ms
           FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, delivery_id uuid, number int,
               started_at timestamptz, finished_at timestamptz, outcome text, http_status int,
               error_kind text, error text, latency_ms float8)""",
        rows=rows_as_json(attempts),
    )


def _incidents(world: World, company: UUID) -> None:
    rows = [
        ("goodera", "success_rate", "critical", 98.0, 0.0, 10),
        ("workday", "latency", "warning", 240000.0, 251000.0, 3),
    ]
    for platform, kind, severity, threshold, actual, hours in rows:
        world.execute(
            """INSERT INTO incidents (company_id, platform, type, severity, threshold, actual, sample_size,
                   low_confidence, details, since, opened_at)
               VALUES (:company, :platform, :type, :severity, :threshold, :actual, 3, false, '{}', :at,
                   :at)""",
            company=company,
            platform=platform,
            type=kind,
            severity=severity,
            threshold=threshold,
            actual=actual,
            at=NOW - timedelta(hours=hours),
        )

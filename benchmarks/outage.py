"""A three-hour outage of one platform under many companies, by a clock that is moved a minute at a time.

Every company is due on every platform each quarter of an hour; a tick a minute starts a drain where something
is due, as the schedules do. The same without an outage is the measure of the other platforms' lateness.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from impact_in_pipelines.cli.demo.world import sandbox_environment
from impact_in_pipelines.connectors.payloads import Failure, MappedPayloads
from impact_in_pipelines.db.deliveries.queueing.due import due_state
from impact_in_pipelines.db.engine import Database, open_database
from impact_in_pipelines.db.migrate import upgrade
from impact_in_pipelines.delivery.ticking import decide_tick
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sandbox.server import Sandbox, running_sandbox
from impact_in_pipelines.settings import read_settings

OUT = Platform.BENEVITY
BEGIN = datetime(2026, 3, 10, tzinfo=UTC)
OUTAGE_MINUTES = 180
BEFORE, AFTER = 15, 30
EVERY_MINUTES = 15
COMPANIES = 300


@dataclass(frozen=True)
class Outcome:
    """What one run came to; lateness in minutes of the moved clock."""

    due: int
    statuses: Mapping[str, int]
    twice: int
    requests_during: int
    due_during: int
    drained_after_minutes: int | None
    lateness_p95: Mapping[str, float]
    lateness_max: Mapping[str, float]


@dataclass
class _Clock:
    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class _Nothing:
    refusals: Mapping[Any, Failure] = field(default_factory=dict)


def simulate(
    database: Database,
    sandbox: Sandbox,
    environment: Mapping[str, str],
    *,
    companies: int,
    outage_minutes: int,
    before: int = BEFORE,
    after: int = AFTER,
    progress: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run it on a migrated, empty database. `outage_minutes` 0: no outage."""
    clock = _Clock()
    runtime = Runtime(read_settings(environment), database=database, clock=clock)
    # What Great Expectations judges is not measured here.
    runtime.payloads = MappedPayloads(runtime.impact, lambda _figures, _now: _Nothing())
    minutes = before + outage_minutes + after
    due = _prepare(database.engine, companies, minutes)
    fault, requests_before, drained = None, 0, None
    requests_during = 0
    for minute in range(minutes):
        clock.now = BEGIN + timedelta(minutes=minute)
        if outage_minutes and minute == before:
            requests_before = _requests(sandbox)
            fault = sandbox.client.add_fault(OUT.value, "server_error")
        if fault is not None and minute == before + outage_minutes:
            requests_during = _requests(sandbox) - requests_before
            sandbox.client.remove_fault(fault)
            fault = None
        for platform in Platform:
            state = due_state(database.engine, platform, clock.now)
            if decide_tick(state, now=clock.now, drains_waiting=0, drains_running=0).request:
                runtime.drain(platform).run()
        if (
            drained is None
            and minute >= before + outage_minutes
            and not _late(database.engine, clock.now)
        ):
            drained = minute - before - outage_minutes
        if minute % 30 == 0:
            progress(f"  minute {minute} of {minutes}")
    return _outcome(database.engine, sandbox, due, requests_during, drained, before, outage_minutes)


def _prepare(engine: Engine, companies: int, minutes: int) -> int:
    """Companies with events, and their deliveries of every quarter of an hour, each of another day."""
    fires = max(1, (minutes - 1) // EVERY_MINUTES)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO companies (slug, name) SELECT 'c-' || i, 'Company ' || i "
                "FROM generate_series(1, :n) i"
            ),
            {"n": companies},
        )
        connection.execute(
            text(
                "INSERT INTO impact_events (company_id, event_id, occurred_at, activity, participant_ref, "
                "volunteer_ref, hours) SELECT c.id, d || '-' || e, CAST(:last AS date) - d + time '12:00', "
                "'session', 'p' || e, 'v' || e, 1 + d + row_number() OVER () / 1000.0 "
                "FROM companies c, generate_series(0, :fires) d, generate_series(1, 2) e"
            ),
            {"last": date(2026, 3, 9), "fires": fires},
        )
        done = connection.execute(
            text(
                "INSERT INTO impact_deliveries (id, company_id, platform, trigger, status, period_start, "
                "period_end, scheduled_for, idempotency_key, next_attempt_at) "
                "SELECT r.id, r.company, r.platform, 'schedule', 'pending', CAST(:last AS date) - r.n, "
                "CAST(:last AS date) - r.n, r.at, r.id, r.at FROM ("
                "SELECT gen_random_uuid() AS id, c.id AS company, p AS platform, n, "
                "CAST(:begin AS timestamptz) + n * CAST(:every AS interval) "
                "+ (hashtext(c.slug) & 255) % :minutes * interval '1 minute' AS at "
                "FROM companies c, unnest(CAST(:platforms AS text[])) p, generate_series(0, :fires - 1) n) r"
            ),
            {
                "last": date(2026, 3, 9),
                "begin": BEGIN,
                "every": timedelta(minutes=EVERY_MINUTES),
                "minutes": EVERY_MINUTES,
                "platforms": [platform.value for platform in Platform],
                "fires": fires,
            },
        )
        return int(done.rowcount)


def _requests(sandbox: Sandbox) -> int:
    return int(sandbox.client.stats()[OUT.value]["received"])


def _late(engine: Engine, now: datetime) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT count(*) FROM impact_deliveries "
                    "WHERE status IN ('pending', 'in_progress', 'retrying') AND scheduled_for <= :now"
                ),
                {"now": now},
            ).scalar_one()
        )


def _outcome(
    engine: Engine,
    sandbox: Sandbox,
    due: int,
    requests_during: int,
    drained: int | None,
    before: int,
    outage_minutes: int,
) -> Outcome:
    begin = BEGIN + timedelta(minutes=before)
    end = begin + timedelta(minutes=outage_minutes)
    with engine.connect() as connection:
        statuses = {
            row.status: row.n
            for row in connection.execute(
                text("SELECT status, count(*) AS n FROM impact_deliveries GROUP BY status")
            )
        }
        during = connection.execute(
            text(
                "SELECT count(*) FROM impact_deliveries WHERE platform = :platform "
                "AND scheduled_for >= :begin AND scheduled_for < :end"
            ),
            {"platform": OUT.value, "begin": begin, "end": end},
        ).scalar_one()
        late = connection.execute(
            text(
                "SELECT platform, max(minutes) AS worst, "
                "percentile_cont(0.95) WITHIN GROUP (ORDER BY minutes) AS p95 FROM ("
                "SELECT platform, extract(epoch FROM delivered_at - scheduled_for) / 60.0 AS minutes "
                "FROM impact_deliveries WHERE status = 'success') l GROUP BY platform"
            )
        ).all()
    return Outcome(
        due=due,
        statuses=statuses,
        twice=sum(len(sandbox.client.accepted(p.value)["doubled"]) for p in Platform),
        requests_during=requests_during,
        due_during=int(during),
        drained_after_minutes=drained,
        lateness_p95={row.platform: round(float(row.p95), 2) for row in late},
        lateness_max={row.platform: round(float(row.worst), 2) for row in late},
    )


def main() -> None:
    """Print what a three-hour outage does, beside the same time without one."""
    for name, minutes in (("without an outage", 0), ("with three hours' outage", OUTAGE_MINUTES)):
        with tempfile.TemporaryDirectory(prefix="ii-") as home, running_sandbox() as sandbox:
            sandbox.client.configure(rate_limits_enabled=False)
            environment = {
                **os.environ,
                **sandbox_environment(sandbox.url),
                "IMPACT_IN_HOME": home,
            }
            environment.pop("DATABASE_URL", None)
            database = open_database(read_settings(environment))
            upgrade(database.engine)
            started = time.monotonic()
            outcome = simulate(
                database,
                sandbox,
                environment,
                companies=COMPANIES,
                outage_minutes=minutes,
                before=BEFORE if minutes else BEFORE + OUTAGE_MINUTES,
                progress=lambda line: print(line, flush=True),
            )
            took = time.monotonic() - started
            database.close()
        print(
            f"{name}: {COMPANIES} companies x {len(Platform)} platforms, {outcome.due} due ({took:.0f} s)"
        )
        print(f"  statuses {dict(outcome.statuses)}, accepted twice {outcome.twice}")
        if minutes:
            share = outcome.requests_during / outcome.due_during * 100
            print(
                f"  requests during the outage {outcome.requests_during} of {outcome.due_during} due "
                f"({share:.1f} %); drained {outcome.drained_after_minutes} min after it"
            )
        print(f"  lateness p95, minutes {dict(outcome.lateness_p95)}")
        print(f"  lateness most, minutes {dict(outcome.lateness_max)}", flush=True)

"""What a downtime leaves in the log, whatever a schedule's catch-up sends."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from impact_in_pipelines.db.deliveries.queueing.planning import plan_due
from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.scheduling import CatchUp, ScheduleRule
from impact_in_pipelines.settings import read_settings

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
LATER = datetime(2026, 3, 8, 9, tzinfo=UTC)


@pytest.fixture
def runtime(database: Database) -> Runtime:
    settings = read_settings(
        {
            "IMPACT_IN_SECRET_KEY": Fernet.generate_key().decode(),
            "BENEVITY_API_URL": "http://127.0.0.1:1",
            "BENEVITY_API_KEY": "key",
        }
    )
    return Runtime(settings, database=database)


def _after_a_downtime(runtime: Runtime, policy: CatchUp) -> list[tuple[str, str, str, str]]:
    """(trigger, status, first day, last day) of what a tick plans after four days, by first day."""
    company = runtime.companies.add(policy.value, name="Acme")
    rule = ScheduleRule("daily", catch_up=policy)
    runtime.schedules.create(company, Platform.BENEVITY, rule, now=NOW)
    plan_due(runtime.database.engine, Platform.BENEVITY, LATER)
    with runtime.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT trigger, status, period_start, period_end FROM impact_deliveries "
                "WHERE company_id = :id ORDER BY period_start, status, trigger"
            ),
            {"id": company.id},
        )
        return [(row[0], row[1], f"{row[2]:%d}", f"{row[3]:%d}") for row in rows]


def test_a_downtime_counts_alike_under_every_policy(runtime: Runtime) -> None:
    """Four daily fires passed: three were missed and one is late. `all` once made 100 % of it. What it sends
    of the missed ones are replays, which no rate counts."""
    for policy in CatchUp:
        planned = _after_a_downtime(runtime, policy)
        counted = Counter(status for trigger, status, *_ in planned if trigger == "schedule")
        assert counted == {"missed": 3, "pending": 1}, policy


def test_all_sends_each_missed_fires_own_days(runtime: Runtime) -> None:
    """Beside the rows that say they were missed, each pointing at its own."""
    planned = _after_a_downtime(runtime, CatchUp.ALL)
    assert [row for row in planned if row[1] == "pending"] == [
        ("replay", "pending", "04", "04"),
        ("replay", "pending", "05", "05"),
        ("replay", "pending", "06", "06"),
        ("schedule", "pending", "07", "07"),
    ]
    with runtime.database.engine.connect() as connection:
        paired = connection.execute(
            text(
                "SELECT d.period_start = m.period_start, m.status FROM impact_deliveries d "
                "JOIN impact_deliveries m ON m.id = d.replay_of"
            )
        ).all()
    assert [tuple(row) for row in paired] == [(True, "missed")] * 3
    plan_due(runtime.database.engine, Platform.BENEVITY, LATER)
    with runtime.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM impact_deliveries")).scalar() == 7

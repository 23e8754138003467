"""What the tests of schedules have in common: the day, the rule and readers of the log."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from impact_in_pipelines.db.schedules.rows import Schedule
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import ScheduleRule

BENEVITY = Platform.BENEVITY
OSLO = "Europe/Oslo"
NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)  # a Wednesday, 11:00 in Oslo
DAY = timedelta(days=1)
DAILY = ScheduleRule("daily", OSLO)


def deliveries(engine: Engine, schedule: Schedule) -> list[Any]:
    """The rows of a schedule, oldest fire first."""
    statement = text(
        "SELECT * FROM impact_deliveries WHERE schedule_id = :id ORDER BY scheduled_for"
    )
    with engine.connect() as connection:
        return list(connection.execute(statement, {"id": schedule.id}))


def periods(rows: list[Any], status: str = "pending") -> list[tuple[date, date]]:
    return [(row.period_start, row.period_end) for row in rows if row.status == status]


def run(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return list(result) if result.returns_rows else []


def audit(engine: Engine) -> list[Any]:
    return run(engine, "SELECT * FROM audit_log WHERE action LIKE 'schedule.%' ORDER BY at, action")

"""Companies in zones whose clocks change, and their events."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, text

from impact_in_pipelines.db.schema import companies, impact_events
from impact_in_pipelines.impact.figures import local_day

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
# Clock changes: Europe at 01:00 UTC, Havana and Beirut at local midnight; Kathmandu is off by 45 minutes.
ZONES = ("Europe/Berlin", "America/Havana", "Asia/Beirut", "Asia/Kathmandu")
COMPANIES = {uuid.UUID(int=n + 1): zone for n, zone in enumerate(ZONES)}

Event = dict[str, Any]


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE impact_events, company_impact, impact_touched_days, companies CASCADE")
        )
        connection.execute(
            insert(companies),
            [
                {"id": key, "slug": f"company-{key.int}", "name": zone, "timezone": zone}
                for key, zone in COMPANIES.items()
            ],
        )


def store_events(engine: Engine, events: Sequence[Event]) -> None:
    if events:
        with engine.begin() as connection:
            connection.execute(insert(impact_events), list(events))


def touch(engine: Engine, events: Sequence[Event]) -> None:
    """Mark the days of `events` as an import does."""
    with engine.begin() as connection:
        for event in events:
            connection.execute(
                text(
                    "INSERT INTO impact_touched_days (company_id, day) VALUES (:company, :day) "
                    "ON CONFLICT DO NOTHING"
                ),
                {
                    "company": event["company_id"],
                    "day": local_day(event["occurred_at"], COMPANIES[event["company_id"]]),
                },
            )

"""What a tick asks of the log: is anything due? Statement: due.sql."""

from datetime import datetime

from sqlalchemy import Engine

from impact_in_pipelines.db.deliveries.recording import left_before
from impact_in_pipelines.db.deliveries.repairs.clock_faults import limits
from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.ticking import DueState
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/queueing/due")

_COUNTED = 50_000
"""What is due is counted up to this: enough for any number of drains."""


def due_state(engine: Engine, platform: Platform, now: datetime) -> DueState:
    """Since when something of `platform` is due at `now` (aware), and when the next thing will be;
    only reads."""
    values = {"platform": platform.value, **limits(now), **left_before(now), "counted": _COUNTED}
    with engine.connect() as connection:
        within = open_span(connection, platform.value)
        row = connection.execute(_SQL["due_state"], {**values, **within}).one()
    next_attempt = row.out_of_time or row.next_attempt
    return DueState(row.next_fire, next_attempt, row.unrecorded_since, row.reopens_at, row.due)

"""What a clock that was wrong has left behind is put right, and told (design D15). Statements:
clock_faults.sql.

A planner whose clock is a year ahead plans a year of fires, and then nothing for a year. So whoever plans
looks first for times that lie ahead of anything that can be.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.spans import open_span
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/repairs/clock_faults")
_log = logging.getLogger(__name__)

CURSOR_AHEAD = timedelta(minutes=10)
"""A cursor may lie ahead by as much as two machines' clocks may differ."""
LEASE_MOST = timedelta(days=1)
WAIT_MOST = timedelta(days=9)
"""Longer than the longest lease, and than the longest delay of any retry plan with its jitter."""

ACTOR = "clock"
"""Under this name it stands in the audit log."""


def limits(now: datetime) -> dict[str, datetime]:
    """Parameters: beyond these instants no cursor, lease or wait can lie at `now`."""
    return {
        "now": now,
        "ahead": now + CURSOR_AHEAD,
        "lease_most": now + LEASE_MOST,
        "wait_most": now + WAIT_MOST,
    }


def put_back_what_lies_ahead(connection: Connection, platform: Platform, now: datetime) -> int:
    """Put cursors that lie ahead back to the present, drop fires that have not come yet, and make due what
    would wait for years, by itself or behind a closure. Each schedule says so in its `last_error`, and the
    audit log and the program's own do. Returns how many schedules were put back."""
    values: dict[str, Any] = {"platform": platform.value, **limits(now)}
    if opened := connection.execute(_SQL["open_closures"], values).rowcount:
        _log.warning("%d closures were to last until a time that a wrong clock had given", opened)
    within = open_span(connection, platform.value)
    forward = connection.execute(_SQL["bring_forward"], {**values, **within}).all()
    if forward:
        _log.warning("%d deliveries waited for a time that a wrong clock had given", len(forward))
    before = {row["id"]: row for row in rows_of(connection.execute(_SQL["cursors_ahead"], values))}
    if not before:
        return 0
    ids = {"ids": list(before), "now": now}
    connection.execute(_SQL["forget_packed_outcomes"])
    connection.execute(_SQL["drop_catch_ups"], ids)
    # A fire that was linked as missed must not be gone without a word.
    add_links(connection, connection.scalars(_SQL["missed_ahead"], ids).all(), removed=True)
    connection.execute(_SQL["drop_fires_ahead"], ids)
    after = rows_of(connection.execute(_SQL["put_back"], ids))
    record(connection, [_change(before[row["id"]], row) for row in after], actor=ACTOR, now=now)
    _log.warning("%d schedules were planned ahead of the present and put back", len(after))
    return len(after)


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    company_id: UUID = old["company_id"]
    return Change(
        "schedule.cursor_put_back",
        f"schedule {old['id']}",
        company_id,
        {name: str(old[name]) for name in ("fired_until", "covered_until")},
        {name: str(new[name]) for name in ("fired_until", "covered_until")},
    )

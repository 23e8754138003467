"""Fires that are overdue and not in the log: their schedule has lagged behind, so nobody has planned them.

All that have passed count, each in the window of its own time (docs/sla.md). They are found as a planner
would find them, by the schedule's own rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from impact_in_pipelines.db.deliveries.queueing.planning import cursor_of, rule_of
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.sla.rows import platform_of
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import plan_due
from impact_in_pipelines.sla.assessing import EVERYTHING, Overdue, ScopeKey
from impact_in_pipelines.sla.incidents import OverdueFire

_SQL = load("sla/statuses")
_JUST_BEFORE = timedelta(microseconds=1)


def unplanned_fires(connection: Connection, parameters: Mapping[str, Any]) -> list[OverdueFire]:
    """Every such fire at `now`; `parameters`, and whose fires, as for every statement of a window. A schedule
    that has lagged for a year lists its latest thousand, as its planner would."""
    due = parameters["now"] - timedelta(minutes=parameters["overdue_after_minutes"])
    values = {name: parameters[name] for name in ("now", "overdue_after_minutes", "company_ids")}
    kept: dict[tuple[Any, ...], Sequence[datetime]] = {}
    found = []
    for row in rows_of(connection.execute(_SQL["lagging"], values)):
        if row["platform"] not in Platform:
            continue  # held until its connector is installed again
        # A thousand companies with one cron lag alike: the cron is followed once.
        rule = tuple(
            tuple(value) if isinstance(value, list) else value
            for name, value in row.items()
            if name not in ("company_id", "company", "platform")
        )
        if rule not in kept:
            kept[rule] = _fires(row, due)
        platform = Platform(row["platform"])
        found += [OverdueFire(row["company_id"], row["company"], platform, at) for at in kept[rule]]
    return found


def _fires(row: Mapping[str, Any], due: datetime) -> list[datetime]:
    first: datetime = row["next_run"]
    cursor = cursor_of(row)
    # The log's word on what has been handled; a row that was mended by hand may have its next run before it.
    cursor = replace(cursor, after=min(cursor.after, first - _JUST_BEFORE))
    try:
        planned = plan_due(rule_of(row), cursor, due).fires
    except InvalidSchedule:
        return [first]  # the planner will pause it; what was due was due
    later = {fire.scheduled_for for fire in planned if fire.scheduled_for > first}
    return [at for at in sorted({first, *later}) if at < due]


def as_parameter(fires: Sequence[OverdueFire]) -> str:
    """`fires` as the parameter :unplanned of the statements."""
    return rows_as_json(
        [
            {"company_id": fire.company_id, "platform": fire.platform.value, "at": fire.at}
            for fire in fires
        ]
    )


def overdue_before(
    connection: Connection, fires: Sequence[OverdueFire], parameters: Mapping[str, Any]
) -> dict[ScopeKey, Overdue]:
    """What is overdue now and was due before the window of `parameters`, by scope; nothing for a window that
    lies in the past."""
    start, end, now = (parameters[name] for name in ("start", "end", "now"))
    if end < now:
        return {}
    values = {
        name: parameters[name] for name in ("start", "now", "overdue_after_minutes", "company_ids")
    }
    instants = [
        (row["company_id"], platform_of(row["platform"]), row["at"])
        for row in rows_of(connection.execute(_SQL["overdue_earlier"], values))
    ]
    instants += [(fire.company_id, fire.platform, fire.at) for fire in fires if fire.at < start]
    found: dict[ScopeKey, Overdue] = {}
    for company_id, platform, at in instants:
        for key in ((company_id, platform), (company_id, None), (None, platform), EVERYTHING):
            seen = found.get(key, Overdue(0, at))
            found[key] = Overdue(seen.fires + 1, min(seen.oldest, at))
    return found

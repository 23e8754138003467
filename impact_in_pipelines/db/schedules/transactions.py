"""What the changes of schedules do inside one transaction: lock, plan what is due, write, audit."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from impact_in_pipelines.db.deliveries.queueing.planning import plan_rows
from impact_in_pipelines.db.deliveries.spans import span_of
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schedules.rows import Schedule, saved_columns
from impact_in_pipelines.errors.schedules import ScheduleUnknown
from impact_in_pipelines.platforms import Platform

_SQL = load("schedules/schedules")


def read(
    connection: Connection,
    *,
    ids: Sequence[UUID] | None = None,
    low: UUID | None = None,
    high: UUID | None = None,
    company_id: UUID | None = None,
    company_ids: Sequence[UUID] | None = None,
    platform: str | None = None,
    deleted: bool = False,
) -> list[Schedule]:
    """The schedules that all given conditions fit, by company, platform and next run."""
    values = {
        "ids": ids,
        "low": low,
        "high": high,
        "company_id": company_id,
        "company_ids": None if company_ids is None else list(company_ids),
        "platform": platform,
        "deleted": deleted,
    }
    return [Schedule(**row) for row in rows_of(connection.execute(_SQL["read"], values))]


def lock(connection: Connection, **where: Any) -> list[UUID]:
    """Lock the living schedules of `where` (ids, company_id, platform, active, reason) until the
    transaction ends; returns their ids."""
    every = {"ids": None, "company_id": None, "platform": None, "active": None, "reason": None}
    return list(connection.scalars(_SQL["lock"], every | where))


def save(
    connection: Connection,
    action: str,
    old: Sequence[Schedule],
    new: Sequence[Schedule],
    actor: str,
    now: datetime,
    *,
    delivery: UUID | None = None,
) -> None:
    """Write the schedules that differ, each with its audit row; one that made a `delivery` leaves a
    row in any case."""
    changes = [
        (action, was, is_)
        for was, is_ in zip(old, new, strict=True)
        if was != is_ or delivery is not None
    ]
    if not changes:
        return
    rows = rows_as_json([saved_columns(is_) for _, _, is_ in changes])
    connection.execute(_SQL["save"], {"rows": rows, "now": now})
    audit(connection, changes, actor, now, delivery=delivery)


def audit(
    connection: Connection,
    changes: Iterable[tuple[str, Schedule | None, Schedule]],
    actor: str,
    now: datetime,
    *,
    delivery: UUID | None = None,
) -> None:
    """Write down who did what: only the columns that differ, and the `delivery` that it made."""
    made = {"delivery_id": delivery} if delivery else {}
    rows = []
    for action, old, new in changes:
        after = saved_columns(new)
        before = saved_columns(old) if old else {}
        differ = [name for name, value in after.items() if before.get(name) != value]
        rows.append(
            {
                "action": f"schedule.{action}",
                "company_id": new.company_id,
                "subject": f"schedule {new.id}",
                "before": {name: before[name] for name in differ} if old else None,
                "after": {name: after[name] for name in differ} | made,
            }
        )
    values = {"rows": rows_as_json(rows), "now": now, "actor": actor}
    connection.execute(_SQL["audit"], values)


def plan_first(connection: Connection, schedules: Iterable[Schedule], now: datetime) -> None:
    """Plan, as a tick would, those of the locked `schedules` that are due at `now` (UTC)."""
    by_platform: dict[Platform, list[Mapping[str, Any]]] = defaultdict(list)
    for one in schedules:
        if one.active and one.next_run and one.next_run <= now:
            by_platform[one.platform].append(vars(one))
    missed: dict[UUID, datetime] = {}
    for platform, rows in by_platform.items():
        missed.update(plan_rows(connection, platform, rows, now).missed)
    add_links(connection, missed, span_of(missed.values()))


def take(connection: Connection, ids: Sequence[UUID]) -> list[Schedule]:
    """The schedules `ids`, locked. Raises `ScheduleUnknown` unless all of them are there."""
    locked = lock(connection, ids=list(ids))
    missing = set(ids) - set(locked)
    if missing:
        raise ScheduleUnknown(str(min(missing)))
    return read(connection, ids=locked)


def apply(
    connection: Connection,
    locked: Sequence[Schedule],
    action: str,
    change: Callable[[Schedule], Schedule],
    *,
    now: datetime,
    actor: str,
) -> list[Schedule]:
    """The `locked` schedules after `change`, written; what was due before is planned first."""
    if not locked:
        return []
    plan_first(connection, locked, now)
    old = read(connection, ids=[one.id for one in locked])
    new = [change(one) for one in old]
    save(connection, action, old, new, actor, now)
    return new

"""Fires that are due become rows, in the transaction that moves their schedule on (design D3, D6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.queueing.statistics import learn_of
from impact_in_pipelines.db.deliveries.repairs.clock_faults import put_back_what_lies_ahead
from impact_in_pipelines.db.deliveries.spans import span_of
from impact_in_pipelines.db.engine import drained_rows, rows_of
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.identity import catch_up_id, fire_id
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import (
    CatchUp,
    Cursor,
    DeliveryWindow,
    DuePlan,
    HolidayCalendar,
    ScheduleRule,
)
from impact_in_pipelines.scheduling import (
    plan_due as due_of,
)

_SQL = load("deliveries/queueing/planning")

SCHEDULES_AT_ONCE = 1_000


def rule_of(row: Mapping[str, Any]) -> ScheduleRule:
    """The rule in a row of `scheduled_deliveries`. Raises `InvalidSchedule` for one that no longer holds."""
    return ScheduleRule(
        cron=row["schedule"],
        timezone=row["timezone"],
        holiday_calendar=calendar_of(row),
        window=window_of(row),
        catch_up=CatchUp(row["catch_up"]),
        catch_up_limit_days=row["catch_up_limit_days"],
        spread_minutes=row["spread_minutes"],
    )


def calendar_of(row: Mapping[str, Any]) -> HolidayCalendar | None:
    """The holiday calendar of a row. Raises `InvalidSchedule`."""
    text = row["holiday_calendar"]
    return HolidayCalendar.parse(text) if text else None


def window_of(row: Mapping[str, Any]) -> DeliveryWindow | None:
    """The delivery window of a row. Raises `InvalidSchedule`."""
    if row["window_start"] is None:
        return None
    days = frozenset(row["window_days"] or range(1, 8))
    return DeliveryWindow(row["window_start"], row["window_end"], days)


def no_longer_holds(error: InvalidSchedule) -> str:
    """What the log keeps of a stored rule that is refused; `Schedule.problem` words why."""
    parts = [f"{name} '{value}'" for name, value in error.parameters.items()]
    # A refusal's first parameter is the part of the rule that was refused, the others say what to write.
    return ": ".join(["the rule no longer holds", *parts[:1]])


def cursor_of(row: Mapping[str, Any]) -> Cursor:
    """How far the schedule in `row` has been handled."""
    return Cursor(after=row["fired_until"], covered_until=row["covered_until"])


def plan_due(
    engine: Engine,
    platform: Platform,
    now: datetime,
    *,
    company_ids: Sequence[UUID] = (),
    limit: int = SCHEDULES_AT_ONCE,
    repairing: bool = True,
) -> int:
    """Plan up to `limit` schedules that are due; returns how many rows were written. One transaction, and a
    look at what it has changed. If `repairing`, what a wrong clock has left behind is put right first."""
    with engine.begin() as connection:
        if repairing:
            put_back_what_lies_ahead(connection, platform, now)
        schedules = rows_of(
            connection.execute(
                _SQL["due_schedules"],
                {
                    "platform": platform.value,
                    "now": now,
                    "company_ids": list(company_ids) or None,
                    "limit": limit,
                },
            )
        )
        planned = plan_rows(connection, platform, schedules, now)
        add_links(connection, planned.missed, span_of(planned.missed.values()))
    learn_of(engine, planned.written)
    return planned.written


@dataclass(frozen=True, slots=True)
class Planned:
    """How many deliveries were written; those that are `missed` at once, by id with when they were due: the
    caller links them (`db/evidence/linking.py`), last of all."""

    written: int = 0
    missed: Mapping[UUID, datetime] = field(default_factory=dict)


def plan_rows(
    connection: Connection,
    platform: Platform,
    schedules: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Planned:
    """Plan what is due of these rows of `scheduled_deliveries`, which the caller has locked."""
    if not schedules:
        return Planned()
    planned = [_planned(row, now) for row in schedules]
    fires = [fire for plan in planned for fire in plan.fires]
    written = 0
    missed: dict[UUID, datetime] = {}
    if fires:
        values = {"rows": drained_rows(fires), "platform": platform.value}
        made = set(connection.scalars(_SQL["insert_fires"], values))
        caught_up = [
            {"id": catch_up_id(fire["id"]), "missed": fire["id"]}
            for fire in fires
            if fire["catch_up"] and fire["id"] in made
        ]
        if caught_up:
            within = span_of(fire["scheduled_for"] for fire in fires)
            connection.execute(
                _SQL["send_missed"], {"rows": drained_rows(caught_up), "now": now, **within}
            )
        written = len(made) + len(caught_up)
        missed = {
            fire["id"]: fire["scheduled_for"]
            for fire in fires
            if fire["status"] is DeliveryStatus.MISSED and fire["id"] in made
        }
    connection.execute(
        _SQL["advance_schedules"],
        {"rows": drained_rows([plan.advance for plan in planned]), "now": now},
    )
    return Planned(written, missed)


@dataclass(frozen=True, slots=True)
class _Plan:
    fires: list[dict[str, Any]]
    advance: dict[str, Any]


def _planned(row: Mapping[str, Any], now: datetime) -> _Plan:
    cursor = cursor_of(row)
    try:
        due: DuePlan = due_of(rule_of(row), cursor, now)
    except InvalidSchedule as error:
        # One rule that no longer holds must not stop the others: it pauses itself and says why.
        return _Plan([], _advance(row, cursor, None, no_longer_holds(error)))
    fires = [
        {
            "id": fire_id(row["id"], fire.scheduled_for),
            "company_id": row["company_id"],
            "schedule_id": row["id"],
            "status": DeliveryStatus.PENDING
            if fire.disposition == "deliver"
            else DeliveryStatus.MISSED,
            "timezone": row["timezone"],
            "period_start": fire.period_start,
            "period_end": fire.period_end,
            "scheduled_for": fire.scheduled_for,
            "note": fire.note,
            "catch_up": fire.disposition == "catch_up",
        }
        for fire in due.fires
    ]
    return _Plan(fires, _advance(row, due.cursor, due.next_run, due.needs_person))


def _advance(
    row: Mapping[str, Any], cursor: Cursor, next_run: datetime | None, needs_person: str | None
) -> dict[str, Any]:
    return {
        "id": row["id"],
        "next_run": next_run,
        "fired_until": cursor.after,
        "covered_until": cursor.covered_until,
        "needs_person": needs_person,
    }

"""Marking what had arrived although a log that was put back doesn't know it. Statements: reconciling.sql."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.queueing.planning import cursor_of, rule_of
from impact_in_pipelines.db.deliveries.queueing.schedule_notes import note_ended
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.arrivals import Arrival
from impact_in_pipelines.delivery.identity import fire_id, selected_id
from impact_in_pipelines.delivery.states import DeliveryStatus, Trigger
from impact_in_pipelines.errors import InvalidSchedule
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.scheduling import Cursor, Fire, iter_fires

MOST_FIRES = 10_000
"""So many fires of one schedule are looked at: a week of a minutely one."""

_SQL = load("deliveries/repairs/reconciling")
_PLANNING = load("deliveries/queueing/planning")
_SELECTIONS = load("deliveries/queueing/selections")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Deliveries by id: `marked` were in the log, `restored` were missing from it, both are `success` now;
    `planned` fires between them were missing too and are due now (what nothing shows as arrived); `unknown`
    are shown as arrived and can't be placed: their schedule, company or run is not in the log."""

    marked: tuple[UUID, ...] = ()
    restored: tuple[UUID, ...] = ()
    planned: tuple[UUID, ...] = ()
    unknown: tuple[UUID, ...] = ()


def reconcile(
    engine: Engine,
    platform: Platform,
    arrivals: Sequence[Arrival],
    *,
    now: datetime,
    actor: str,
    dry_run: bool,
) -> Reconciled:
    """Bring the log up to what `arrivals`, all of `platform`, show; one transaction, audited. `dry_run`:
    nothing is kept of it."""
    by_id = {arrival.delivery_id: arrival for arrival in arrivals}
    with engine.connect() as connection, connection.begin() as transaction:
        known = set(connection.scalars(_SQL["known"], {"ids": list(by_id)}))
        missing = [arrival for id_, arrival in by_id.items() if id_ not in known]
        missed: set[UUID] = set()
        made = _restore(connection, platform, missing, now, missed)
        rows = [_marking(arrival) for id_, arrival in by_id.items() if id_ in known | made]
        done = connection.execute(
            _SQL["mark_arrived"], {"rows": rows_as_json(rows), "now": now}
        ).all()
        note_ended(connection, done, now)
        record(connection, [_audited(row) for row in done], actor=actor, now=now)
        add_links(connection, missed | {row.id for row in done})
        if dry_run:
            transaction.rollback()
    marked = {row.id for row in done}
    return Reconciled(
        marked=tuple(id_ for id_ in by_id if id_ in marked & known),
        restored=tuple(id_ for id_ in by_id if id_ in marked - known),
        planned=tuple(sorted(made - by_id.keys(), key=str)),
        unknown=tuple(a.delivery_id for a in missing if a.delivery_id not in made),
    )


def _marking(arrival: Arrival) -> dict[str, Any]:
    values = asdict(arrival)
    return {"id": values.pop("delivery_id"), **values}


def _audited(row: Any) -> Change:
    after = {"status": DeliveryStatus.SUCCESS.value, "transaction_id": row.transaction_id}
    return Change(
        "delivery.reconciled",
        f"delivery {row.id}",
        row.company_id,
        {"status": row.before},
        after,
    )


def _restore(
    connection: Connection,
    platform: Platform,
    missing: Sequence[Arrival],
    now: datetime,
    missed: set[UUID],
) -> set[UUID]:
    """Make the rows that are missing and whose ids follow from a schedule or a run; returns their ids, and
    adds to `missed` those made as missed."""
    if not missing:
        return set()
    slugs = {arrival.company_slug for arrival in missing}
    companies = {
        row["slug"]: row
        for row in rows_of(connection.execute(_SQL["companies"], {"slugs": list(slugs)}))
    }
    found = [arrival for arrival in missing if arrival.company_slug in companies]
    ids = {slug: row["id"] for slug, row in companies.items()}
    made = _restore_fires(connection, platform, found, ids, now, missed)
    return made | _restore_selected(connection, platform, found, companies, now)


def _restore_fires(
    connection: Connection,
    platform: Platform,
    arrivals: Iterable[Arrival],
    companies: Mapping[str, UUID],
    now: datetime,
    missed: set[UUID],
) -> set[UUID]:
    wanted: dict[UUID, dict[UUID, Arrival]] = {}
    for arrival in arrivals:
        if arrival.trigger is Trigger.SCHEDULE:
            of_company = wanted.setdefault(companies[arrival.company_slug], {})
            of_company[arrival.delivery_id] = arrival
    values = {"platform": platform.value, "companies": list(wanted)}
    fires: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for row in rows_of(connection.execute(_SQL["schedules"], values)):
        lost = _lost_fires(row, wanted[row["company_id"]])
        if lost:
            fires += [_fire(row, fire, wanted[row["company_id"]]) for fire, _ in lost]
            moved.append(_moved_on(row, lost[-1][1], now))
    if not fires:
        return set()
    values = {"platform": platform.value, "rows": rows_as_json(fires)}
    made = set(connection.scalars(_PLANNING["insert_fires"], values))
    connection.execute(_PLANNING["advance_schedules"], {"rows": rows_as_json(moved), "now": now})
    missed |= {
        fire["id"]
        for fire in fires
        if fire["status"] is DeliveryStatus.MISSED and fire["id"] in made
    }
    return made - missed


def _lost_fires(
    row: Mapping[str, Any], arrivals: Mapping[UUID, Arrival]
) -> list[tuple[Fire, Cursor]]:
    """The fires of a schedule since it was planned last, up to the last one that has arrived."""
    latest = max(arrival.arrived_at for arrival in arrivals.values())
    passed: list[tuple[Fire, Cursor]] = []
    up_to = 0
    try:
        for fire, cursor in islice(iter_fires(rule_of(row), cursor_of(row)), MOST_FIRES):
            if fire.scheduled_for > latest:
                break
            passed.append((fire, cursor))
            if fire_id(row["id"], fire.scheduled_for) in arrivals:
                up_to = len(passed)
    except InvalidSchedule:
        return []  # planning pauses it and says why
    return passed[:up_to]


def _fire(row: Mapping[str, Any], fire: Fire, arrivals: Mapping[UUID, Arrival]) -> dict[str, Any]:
    id_ = fire_id(row["id"], fire.scheduled_for)
    # A downtime before the log was put back: its days went out with a later fire.
    covered = id_ not in arrivals and any(
        one.period_start <= fire.period_start and fire.period_end <= one.period_end
        for one in arrivals.values()
    )
    return {
        "id": id_,
        "company_id": row["company_id"],
        "schedule_id": row["id"],
        "status": DeliveryStatus.MISSED if covered else DeliveryStatus.PENDING,
        "timezone": row["timezone"],
        "period_start": fire.period_start,
        "period_end": fire.period_end,
        "scheduled_for": fire.scheduled_for,
        "note": "planned anew after the log was put back",
    }


def _moved_on(row: Mapping[str, Any], cursor: Cursor, now: datetime) -> dict[str, Any]:
    # The next tick plans what has come since, and when the next one comes.
    return {
        "id": row["id"],
        "next_run": now,
        "fired_until": cursor.after,
        "covered_until": cursor.covered_until,
        "needs_person": None,
    }


def _restore_selected(
    connection: Connection,
    platform: Platform,
    arrivals: Iterable[Arrival],
    companies: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> set[UUID]:
    """The days that a run was started for, if it is the run that shows them."""

    def of_run(arrival: Arrival) -> tuple[str, str]:
        return arrival.run_id, arrival.trigger.value

    made: set[UUID] = set()
    selected = [
        arrival
        for arrival in arrivals
        if selected_id(
            arrival.run_id, platform, companies[arrival.company_slug]["id"], arrival.period_start
        )
        == arrival.delivery_id
    ]
    for (run_id, trigger), group in groupby(sorted(selected, key=of_run), key=of_run):
        rows = [
            {
                "id": arrival.delivery_id,
                "company_id": companies[arrival.company_slug]["id"],
                "timezone": companies[arrival.company_slug]["timezone"],
                "day": arrival.period_start,
            }
            for arrival in group
        ]
        connection.execute(
            _SELECTIONS["insert_selected"],
            {
                "rows": rows_as_json(rows),
                "platform": platform.value,
                "trigger": trigger,
                "run_id": run_id,
                "now": now,
            },
        )
        made |= {row["id"] for row in rows}
    return made

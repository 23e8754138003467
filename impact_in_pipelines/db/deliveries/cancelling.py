"""Calling deliveries off that wait to be sent. Statements: cancelling.sql.

What is being sent is never cancelled: nobody would know whether it arrived.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter, named_by
from impact_in_pipelines.db.deliveries.spans import due_span
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import OPEN, DeliveryStatus
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import (
    CancelBeingSent,
    CancelInBatch,
    CancelTooLate,
    DeliveryUnknown,
)
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/cancelling")


@dataclass(frozen=True, slots=True)
class CalledOff:
    """What was called off. `cancelled`: deliveries that are; `failed_again`: queued replays, whose failure
    stands as before; of both `along` were not asked for, but are in a frozen batch with one that was.
    `refused`: the others, with the reason."""

    cancelled: tuple[UUID, ...] = ()
    failed_again: tuple[UUID, ...] = ()
    along: tuple[UUID, ...] = ()
    refused: dict[UUID, ImpactInError] = field(default_factory=dict)


class CancelStore:
    """Cancels what waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting_like(
        self, company_ids: Sequence[UUID] | None, wanted: DeliveryFilter, *, limit: int
    ) -> list[UUID]:
        """At most `limit` deliveries that wait, the oldest due first; of these companies, None: of all."""
        values = wanted.parameters | {
            "company_ids": None if company_ids is None else list(company_ids),
            "limit": limit,
        }
        with self._engine.connect() as connection:
            values["named"] = named_by(connection, wanted, company_ids)
            return list(connection.scalars(_SQL["waiting_like"], values))

    def cancel_of_run(
        self, platform: Platform, run_id: str, *, now: datetime, actor: str, why: str
    ) -> CalledOff:
        """Cancel what the run `run_id` selected and has not sent, as `cancel` does; what a worker holds, and
        a frozen batch with others' deliveries in it, is left to the drains."""
        values = {"platform": platform.value, "run_id": run_id}
        with self._engine.begin() as connection:
            ids = list(connection.scalars(_SQL["waiting_of_run"], values))
            done = cancel_waiting(connection, ids, now=now, why=why, whole_batches=False)
            _note(connection, done, actor=actor, now=now, why=why)
        return done.result

    def cancel(self, ids: Sequence[UUID], *, now: datetime, actor: str, why: str) -> CalledOff:
        """Cancel `ids` at `now` (aware), in one transaction; one refused doesn't stop the others. `why` is
        noted on them, and the audit log has them as the doing of `actor`."""
        if not ids:
            return CalledOff()
        with self._engine.begin() as connection:
            done = cancel_waiting(connection, ids, now=now, why=why)
            _note(connection, done, actor=actor, now=now, why=why)
        return done.result


@dataclass(frozen=True, slots=True)
class _Done:
    result: CalledOff
    companies: dict[UUID, UUID]
    before: dict[UUID, DeliveryStatus]


def cancel_waiting(
    connection: Connection,
    ids: Sequence[UUID],
    *,
    now: datetime,
    why: str,
    whole_batches: bool = True,
) -> _Done:
    """Cancel those of `ids` that wait, in the transaction of `connection`.

    A frozen batch may have arrived, and its key goes with one body only: it is called off whole, or, without
    `whole_batches`, left to run its course where others are in it too.
    """
    rows = {row.id: row for row in connection.execute(_SQL["lock"], {"ids": list(ids)})}
    asked = frozenset(ids)
    refused: dict[UUID, ImpactInError] = {}
    chosen: dict[UUID, None] = {}
    for id_ in dict.fromkeys(ids):
        members = _together(rows, id_)
        refusal = _refusal(rows, id_, members, asked, whole_batches=whole_batches)
        if refusal is None:
            chosen.update(dict.fromkeys(members))
        else:
            refused[id_] = refusal
    values = {"ids": list(chosen), "why": why, "now": now}
    ended = {row.id: row.status for row in connection.execute(_SQL["cancel"], values)}
    add_links(connection, ended, due_span(connection, ended))
    result = CalledOff(
        cancelled=tuple(i for i in chosen if ended.get(i) == DeliveryStatus.CANCELLED),
        failed_again=tuple(i for i in chosen if ended.get(i) == DeliveryStatus.FAILED),
        along=tuple(i for i in chosen if i not in asked),
        refused=refused,
    )
    return _Done(
        result,
        {i: rows[i].company_id for i in ended},
        {i: DeliveryStatus(rows[i].status) for i in ended},
    )


def _together(rows: Mapping[UUID, Any], id_: UUID) -> list[UUID]:
    """The delivery, and whatever open one is frozen in a batch with it."""
    batch_id = rows[id_].batch_id if id_ in rows else None
    if batch_id is None:
        return [id_]
    return [one for one, row in rows.items() if row.batch_id == batch_id and row.status in OPEN]


def _refusal(
    rows: Mapping[UUID, Any],
    id_: UUID,
    members: Sequence[UUID],
    asked: frozenset[UUID],
    *,
    whole_batches: bool,
) -> ImpactInError | None:
    if id_ not in rows:
        return DeliveryUnknown(str(id_))
    status = DeliveryStatus(rows[id_].status)
    if status not in OPEN:
        return CancelTooLate(status)
    if any(rows[member].status == DeliveryStatus.IN_PROGRESS for member in members):
        return CancelBeingSent()
    if not whole_batches and not asked.issuperset(members):
        return CancelInBatch()
    return None


def _note(connection: Connection, done: _Done, *, actor: str, now: datetime, why: str) -> None:
    by_company: dict[UUID, list[UUID]] = defaultdict(list)
    for id_, company_id in done.companies.items():
        by_company[company_id].append(id_)
    changes = [
        Change(
            "delivery.cancel",
            f"{len(ids)} deliveries" if len(ids) > 1 else f"delivery {ids[0]}",
            company_id,
            before=dict(Counter(done.before[id_].value for id_ in ids)),
            after={"delivery_ids": ids, "why": why},
        )
        for company_id, ids in by_company.items()
    ]
    record(connection, changes, actor=actor, now=now)

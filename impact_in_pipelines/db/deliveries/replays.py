"""Replays (design D11): queueing again what failed, or what had arrived. Statements: replays.sql.

A replay only queues; the next drain sends.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.deliveries.filtering import DeliveryFilter
from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.identity import revision_key
from impact_in_pipelines.delivery.resending.replaying import (
    Candidate,
    ReplayPlan,
    plan_replay,
)
from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED, DeliveryStatus
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.errors.deliveries import ReplayRenewedAlready
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/replays")

FAILED_WITHIN = timedelta(days=28)
"""How far back "all failed" reaches unless told otherwise: older days the customer has long reported."""

_REQUESTS_KEPT = timedelta(days=90)
"""How long the progress of a replay can be asked for; what it queued stays in the log and the audit log."""


@dataclass(frozen=True, slots=True)
class QueuedAgain:
    """What was put into the queue.

    `queued`: rows that will be sent, of which `along` were not asked for but are in a batch with one that
    was; `renewed`: new rows by the success that each sends again; `refused`: the others, with the reason;
    `platforms`: where the queued rows go.
    """

    queued: tuple[UUID, ...] = ()
    along: tuple[UUID, ...] = ()
    renewed: Mapping[UUID, UUID] = field(default_factory=dict)
    refused: Mapping[UUID, ImpactInError] = field(default_factory=dict)
    platforms: frozenset[Platform] = frozenset()
    request_id: UUID | None = None
    """Under which `DeliveryReader.replay_request` tells how it goes; None if nothing was queued."""


@dataclass(frozen=True, slots=True)
class FailedDeliveries:
    """`ids` to replay, oldest first; `arrived_since`: those whose days another delivery has brought."""

    ids: tuple[UUID, ...]
    arrived_since: tuple[UUID, ...]


class ReplayStore:
    """Queues deliveries again. `dedup_window` is D4's: inside it a success needs `force`."""

    def __init__(self, engine: Engine, *, dedup_window: timedelta) -> None:
        self._engine = engine
        self._window = dedup_window

    def failed(
        self,
        *,
        since: datetime,
        company_id: UUID | None = None,
        platform: Platform | None = None,
    ) -> FailedDeliveries:
        """Deliveries that failed for good at or after `since` (aware); None means all companies, platforms.

        Those whose days have since arrived are told apart: after the 24-hour window nothing else would
        keep them from being counted twice.
        """
        with self._engine.connect() as connection:
            rows = connection.execute(
                _SQL["failed"],
                {
                    "since": since,
                    "company_id": company_id,
                    "platform": platform.value if platform else None,
                },
            ).all()
        return FailedDeliveries(
            ids=tuple(row.id for row in rows if not row.arrived_since),
            arrived_since=tuple(row.id for row in rows if row.arrived_since),
        )

    def failed_like(
        self, company_ids: Sequence[UUID] | None, wanted: DeliveryFilter, *, limit: int
    ) -> list[UUID]:
        """At most `limit` deliveries that failed for good, the oldest due first."""
        values = wanted.parameters | {
            "company_ids": None if company_ids is None else list(company_ids),
            "limit": limit,
        }
        with self._engine.connect() as connection:
            return list(connection.scalars(_SQL["failed_like"], values))

    def plan(self, ids: Sequence[UUID], *, now: datetime, force: bool = False) -> ReplayPlan:
        """What `queue` would do with `ids` at `now` (aware); changes nothing."""
        with self._engine.connect() as connection:
            return plan_replay(
                ids,
                _candidates(connection, ids),
                window_start=now - self._window,
                force=force,
            )

    def queue(
        self,
        ids: Sequence[UUID],
        *,
        now: datetime,
        force: bool = False,
        renew: bool = True,
        actor: str = "cli",
    ) -> QueuedAgain:
        """Queue `ids` to be sent at `now` (aware), in one transaction; one refused doesn't stop the others.
        What was queued is in the audit log as the doing of `actor`.

        A failed row goes back to the queue and is rebuilt from today's data; a success gets a new row, if
        `renew`. Of two replays at once the second finds nothing left to do.
        """
        with self._engine.begin() as connection:
            return queue_on(
                connection,
                ids,
                now=now,
                window=self._window,
                force=force,
                renew=renew,
                actor=actor,
            )


def queue_on(
    connection: Connection,
    ids: Sequence[UUID],
    *,
    now: datetime,
    window: timedelta = timedelta(0),
    force: bool = False,
    renew: bool = True,
    actor: str,
) -> QueuedAgain:
    """`ReplayStore.queue` in the transaction of `connection`. `window` is about successes alone."""
    if not ids:
        return QueuedAgain()
    connection.execute(_SQL["lock"], {"ids": list(ids)})
    plan = plan_replay(
        ids,
        _candidates(connection, ids),
        window_start=now - window,
        force=force,
        renew=renew,
    )
    again = _queue_again(connection, plan.again, plan.in_batch, now=now, force=force)
    renewed = _send_again(connection, plan.anew, now=now, force=force)
    queued = (*again, *renewed.values())
    before = {**dict.fromkeys(again, DeliveryStatus.FAILED), **_successes(renewed)}
    request_id, platforms = _note(connection, queued, before, now=now, force=force, actor=actor)
    refused = plan.refused | {
        id_: ReplayRenewedAlready() for id_ in plan.anew if id_ not in renewed
    }
    asked = set(ids)
    along = tuple(id_ for id_ in again if id_ not in asked)
    return QueuedAgain(queued, along, renewed, refused, platforms, request_id)


def _candidates(connection: Connection, ids: Sequence[UUID]) -> list[Candidate]:
    rows = connection.execute(
        _SQL["candidates"],
        {"ids": list(ids), "may_have_arrived": sorted(MAY_HAVE_ARRIVED)},
    ).mappings()
    return [Candidate(**{**row, "status": DeliveryStatus(row["status"])}) for row in rows]


def _queue_again(
    connection: Connection,
    singly: Sequence[UUID],
    in_batch: Sequence[UUID],
    *,
    now: datetime,
    force: bool,
) -> list[UUID]:
    rows: list[dict[str, Any]] = [{"id": id_, "whole_batch": False} for id_ in singly]
    rows += [{"id": id_, "whole_batch": True} for id_ in in_batch]
    if not rows:
        return []
    taken_back = connection.execute(_SQL["revisions"], {"ids": list(singly)})
    keys = {row.id: revision_key(row.id, row.revision + 1) for row in taken_back}
    for row in rows:
        row["new_key"] = keys.get(row["id"])
    done = set(
        connection.scalars(
            _SQL["queue_again"],
            {
                "rows": rows_as_json(rows),
                "now": now,
                "force": force,
            },
        )
    )
    return [id_ for id_ in (*singly, *in_batch) if id_ in done]


def _send_again(
    connection: Connection, sources: Sequence[UUID], *, now: datetime, force: bool
) -> dict[UUID, UUID]:
    """The new row of each success, by the success."""
    if not sources:
        return {}
    rows = [{"id": uuid4(), "source": source} for source in sources]
    made = connection.execute(
        _SQL["send_again"], {"rows": rows_as_json(rows), "now": now, "force": force}
    )
    return {row.replay_of: row.id for row in made}


def _successes(renewed: Mapping[UUID, UUID]) -> dict[UUID, DeliveryStatus]:
    return dict.fromkeys(renewed.values(), DeliveryStatus.SUCCESS)


def _note(
    connection: Connection,
    queued: Sequence[UUID],
    before: Mapping[UUID, DeliveryStatus],
    *,
    now: datetime,
    force: bool,
    actor: str,
) -> tuple[UUID | None, frozenset[Platform]]:
    """Keep what was queued, so that its progress can be asked for, and who wanted it; `before` says how each
    stood, or what a new row sends again. Returns the request's id, and where the deliveries go."""
    if not queued:
        return None, frozenset()
    request_id = uuid4()
    by_company: dict[UUID, list[UUID]] = defaultdict(list)
    platforms = set()
    for row in connection.execute(_SQL["destinations_of"], {"ids": list(queued)}):
        by_company[row.company_id].append(row.id)
        platforms.add(Platform(row.platform))
    connection.execute(
        _SQL["add_request"],
        {
            "id": request_id,
            "requested_by": actor,
            "company_ids": list(by_company),
            "delivery_ids": list(queued),
            "now": now,
            "kept_from": now - _REQUESTS_KEPT,
        },
    )
    changes = [
        Change(
            "delivery.replay",
            f"replay {request_id}",
            company_id,
            before=dict(Counter(before[id_].value for id_ in ids)),
            after={"delivery_ids": ids, "force": force},
        )
        for company_id, ids in by_company.items()
    ]
    record(connection, changes, actor=actor, now=now)
    return request_id, frozenset(platforms)

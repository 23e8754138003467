"""Freezing payloads before their first attempt, and the rule of never twice (design D4).

Decided for a chunk in one transaction: advisory locks on the contents make sure that two workers never
judge the same content at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.deliveries.queueing.schedule_notes import note_ended, note_on_schedules
from impact_in_pipelines.db.deliveries.spans import Span, latest_due, span_of
from impact_in_pipelines.db.engine import drained_rows
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.identity import batch_key
from impact_in_pipelines.delivery.model import Claimed
from impact_in_pipelines.delivery.ports import Frozen, Prepared
from impact_in_pipelines.delivery.states import (
    MAY_HAVE_ARRIVED,
    OPEN,
    DeliveryStatus,
    ErrorKind,
    Trigger,
)

_SQL = load("deliveries/queueing/freezing")
_QUEUE = load("deliveries/queueing/queue")

_TWIN_PATIENCE = timedelta(seconds=15)
"""How soon a row is judged again whose twin is being sent at this moment."""

_BEFORE_ITS_PERIOD = timedelta(days=7)
"""No delivery is due so long before its period begins: the margin is for clocks and time zones."""


@dataclass(frozen=True, slots=True)
class ContentTwin:
    """Another row with the same content: where it is, and under which key it was tried."""

    id: UUID
    status: str
    next_attempt_at: datetime | None
    idempotency_key: UUID
    batch_id: UUID | None
    payload: dict[str, Any]

    @property
    def gave_up(self) -> bool:
        """It is final and may have arrived without our hearing of it."""
        return self.status in (DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)


@dataclass(slots=True)
class _Verdict:
    """Which go out now; which had arrived already, and by which row; which wait, and until when; which fail,
    and why."""

    ready: list[Prepared] = field(default_factory=list)
    skipped: dict[UUID, tuple[Prepared, UUID]] = field(default_factory=dict)
    waiting: dict[UUID, datetime] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)


def freeze(
    engine: Engine,
    prepared: Sequence[Prepared],
    *,
    now: datetime,
    window: timedelta,
    worker: str,
    batch_limit: int,
) -> Frozen:
    """Store what is about to be sent; see `delivery.ports.DeliveryLog.freeze`."""
    if not prepared:
        return Frozen((), (), ())
    within = span_of(p.claimed.scheduled_for for p in prepared)
    with engine.begin() as connection:
        # The fence first: a worker that has lost its lease must not freeze what another one sends.
        held = _still_held(connection, prepared, worker, within)
        candidates = sorted(
            (p for p in prepared if p.claimed.id in held),
            # Of two with the same content, the one that may have arrived already goes first.
            key=lambda p: (
                not p.claimed.tried,
                -p.claimed.attempt_number,
                p.claimed.scheduled_for,
                str(p.claimed.id),
            ),
        )
        contents = sorted({_content(p) for p in candidates})
        # Locked before the question for twins: two that ask at once would both find none.
        connection.execute(_SQL["lock_contents"], {"contents": contents})
        twins = _twins(connection, candidates, now - window)
        verdict = _judge(candidates, twins, now)
        # Batched last: a record that turned out to be a duplicate must not stand in a batch.
        verdict.ready = _in_batches(verdict.ready, batch_limit)
        _store(connection, verdict, worker, now, within)
        add_links(connection, (*verdict.skipped, *verdict.refused), within)
    return Frozen(
        ready=tuple(verdict.ready),
        skipped=tuple(verdict.skipped),
        waiting=tuple(verdict.waiting),
        refused=tuple(verdict.refused),
    )


def _content(prepared: Prepared) -> str:
    claimed = prepared.claimed
    return f"{claimed.company_id}/{claimed.platform.value}/{prepared.payload_hash}"


def _figures(prepared: Prepared) -> str:
    claimed = prepared.claimed
    fingerprint = prepared.reported.fingerprint if prepared.reported else claimed.id
    period = f"{claimed.period_start}/{claimed.period_end}"
    return f"{claimed.company_id}/{claimed.platform.value}/{period}/{fingerprint}"


def _still_held(
    connection: Connection, prepared: Sequence[Prepared], worker: str, within: Span
) -> set[UUID]:
    ids = [p.claimed.id for p in prepared]
    rows = connection.execute(_SQL["still_held"], {"ids": ids, "worker": worker, **within})
    return {row.id for row in rows}


def _twins(
    connection: Connection, candidates: Sequence[Prepared], window_start: datetime
) -> Mapping[UUID, list[ContentTwin]]:
    rows = [
        {
            "id": p.claimed.id,
            "company_id": p.claimed.company_id,
            "payload_hash": p.payload_hash,
            "figures_hash": p.reported.fingerprint if p.reported else None,
            "period_start": p.claimed.period_start,
            "period_end": p.claimed.period_end,
            "corrects": p.claimed.trigger is Trigger.CORRECTION,
        }
        for p in candidates
    ]
    if not rows:
        return {}
    found: dict[UUID, list[ContentTwin]] = defaultdict(list)
    for row in connection.execute(
        _SQL["twins"],
        {
            "rows": drained_rows(rows),
            "platform": candidates[0].claimed.platform.value,
            "window_start": window_start,
            "may_have_arrived": sorted(MAY_HAVE_ARRIVED),
            "due_from": min(p.claimed.period_start for p in candidates) - _BEFORE_ITS_PERIOD,
            "due_until": latest_due(connection),
        },
    ):
        found[row.id].append(
            ContentTwin(
                row.twin,
                row.status,
                row.next_attempt_at,
                row.idempotency_key,
                row.batch_id,
                row.payload,
            )
        )
    return found


class _Going:
    """What of these goes out: by content, and by figures where one of them is a correction, whose body says
    so and makes it another content."""

    def __init__(self, candidates: Iterable[Prepared]) -> None:
        self._corrected = {
            _figures(p) for p in candidates if p.claimed.trigger is Trigger.CORRECTION
        }
        self._taken: set[str] = set()

    def add(self, candidate: Prepared) -> None:
        self._taken |= self._names(candidate)

    def __contains__(self, candidate: Prepared) -> bool:
        return not self._taken.isdisjoint(self._names(candidate))

    def _names(self, candidate: Prepared) -> set[str]:
        names = {_content(candidate)}
        # Corrections are rare: without one among them no delivery pays for naming its figures.
        return names | ({_figures(candidate)} & self._corrected) if self._corrected else names


def _judge(
    candidates: Sequence[Prepared], twins: Mapping[UUID, list[ContentTwin]], now: datetime
) -> _Verdict:
    verdict = _Verdict()
    going = _Going(candidates)
    for candidate in candidates:
        claimed = candidate.claimed
        others = twins.get(claimed.id, [])
        arrived = next((t for t in others if t.status == DeliveryStatus.SUCCESS), None)
        ahead = next((t for t in others if t.status in OPEN and _goes_first(t, claimed)), None)
        given_up = [t for t in others if t.gave_up]
        if claimed.batch_id is not None:
            # A frozen batch is repeated whole under its own key, whatever else has arrived.
            going.add(candidate)
            verdict.ready.append(candidate)
        elif arrived is not None and not claimed.force:
            verdict.skipped[claimed.id] = (candidate, arrived.id)
        elif ahead is not None:
            verdict.waiting[claimed.id] = _judged_again_at(ahead, now)
        elif candidate in going:
            verdict.waiting[claimed.id] = now + _TWIN_PATIENCE
        elif claimed.tried or claimed.force or not given_up:
            going.add(candidate)
            verdict.ready.append(candidate)
        elif single := next((t for t in given_up if t.batch_id is None), None):
            going.add(candidate)
            verdict.ready.append(_under_the_key_of(single, candidate))
        else:
            verdict.refused[claimed.id] = _unresolved(given_up[0])
    return verdict


def _goes_first(twin: ContentTwin, claimed: Claimed) -> bool:
    """Whether `claimed` waits for `twin`, which is on its way. Of two that were both attempted (a failure
    that is replayed, and the one that took over its key) only one may, or each would wait for the other."""
    being_sent = twin.status == DeliveryStatus.IN_PROGRESS
    return being_sent or not claimed.tried or twin.id < claimed.id


def _judged_again_at(twin: ContentTwin, now: datetime) -> datetime:
    soon = now + _TWIN_PATIENCE
    if twin.status == DeliveryStatus.IN_PROGRESS or twin.next_attempt_at is None:
        return soon
    return max(soon, twin.next_attempt_at + timedelta(seconds=1))


def _under_the_key_of(twin: ContentTwin, candidate: Prepared) -> Prepared:
    """`twin` may have arrived without our hearing of it: its key and body are used again, so that the
    platform recognises it."""
    claimed = candidate.claimed
    return replace(
        candidate,
        payload=twin.payload,
        claimed=replace(claimed, idempotency_key=twin.idempotency_key, payload=twin.payload),
    )


def _unresolved(twin: ContentTwin) -> str:
    """Why a delivery fails whose content a given-up batch may have brought: the platform knows the batch's
    key only, and that stands for all of its records."""
    return (
        f"the same figures went out with delivery {twin.id} in a batch that may have arrived; replay that "
        "one to find out (the batch is repeated whole)"
    )


def _in_batches(ready: Sequence[Prepared], batch_limit: int) -> list[Prepared]:
    """Give never-attempted deliveries of one connection a batch, at most `batch_limit` in each.

    Only those of one moment, a run's days or fires of the same instant, whatever else is due: after
    a restore what went out one by one is due all at once, and in a batch it would have another key (D14).
    """
    if batch_limit < 2:
        return list(ready)
    groups: dict[tuple[UUID, datetime], list[int]] = defaultdict(list)
    for place, item in enumerate(ready):
        claimed = item.claimed
        fresh = not claimed.tried and claimed.idempotency_key == claimed.id
        if fresh and claimed.batch_id is None:
            groups[claimed.company_id, claimed.scheduled_for].append(place)
    result = list(ready)
    for places in groups.values():
        for start in range(0, len(places), batch_limit):
            members = places[start : start + batch_limit]
            if len(members) > 1:
                batch_id = batch_key(
                    (ready[place].claimed.id, ready[place].payload_hash) for place in members
                )
                for place in members:
                    result[place] = replace(ready[place], batch_id=batch_id)
    return result


def _store(
    connection: Connection, verdict: _Verdict, worker: str, now: datetime, within: Span
) -> None:
    if verdict.ready:
        rows = [
            _content_columns(p)
            | {
                "idempotency_key": p.claimed.idempotency_key,
                "revision": p.claimed.revision,
                "batch_id": p.batch_id,
                "attempt_number": p.claimed.attempt_number,
                "attempt_id": p.attempt_id,
                "trace_id": p.trace_id,
                "scheduled_for": p.claimed.scheduled_for,
            }
            for p in verdict.ready
        ]
        connection.execute(_SQL["freeze_ready"], {"rows": drained_rows(rows), "now": now, **within})
        # By themselves: with their payloads the server would read all of it once more.
        opened = [
            {name: row[name] for name in ("id", "scheduled_for", "attempt_id")} for row in rows
        ]
        connection.execute(
            _SQL["open_attempts"], {"rows": drained_rows(opened), "now": now, **within}
        )
    if verdict.skipped:
        rows = [
            _content_columns(p) | {"duplicate_of": other} for p, other in verdict.skipped.values()
        ]
        values = {"rows": drained_rows(rows), "now": now, **within}
        connection.execute(_SQL["skip_duplicates"], values)
        note_on_schedules(connection, list(verdict.skipped), failed_anew=(), now=now, within=within)
    if verdict.waiting:
        rows = [
            {"id": id_, "next_attempt_at": at.isoformat()} for id_, at in verdict.waiting.items()
        ]
        values = {"rows": drained_rows(rows), "now": now, **within}
        connection.execute(_SQL["release_twins"], values)
    if verdict.refused:
        rows = [
            {"id": id_, "kind": ErrorKind.UNRESOLVED, "message": message}
            for id_, message in verdict.refused.items()
        ]
        refused = connection.execute(
            _QUEUE["refuse"],
            {"rows": drained_rows(rows), "now": now, "worker": worker, **within},
        ).all()
        note_ended(connection, refused, now)


def _content_columns(prepared: Prepared) -> dict[str, Any]:
    reported = prepared.reported
    return {
        "figures": reported.figures if reported else None,
        "figures_hash": reported.fingerprint if reported else None,
        "id": prepared.claimed.id,
        "payload": prepared.payload,
        "payload_hash": prepared.payload_hash,
        "payload_bytes": prepared.payload_bytes,
    }

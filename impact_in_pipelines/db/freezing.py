"""Freezing payloads before their first attempt, and the rule of never twice (design D4).

Decided for a chunk in one transaction: advisory locks on the contents make sure that two workers never
judge the same content at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.ports import Frozen, Prepared
from impact_in_pipelines.delivery.states import MAY_HAVE_ARRIVED

_SQL = load("deliveries")

_TWIN_PATIENCE = timedelta(seconds=15)
"""How soon a row is judged again whose twin is being sent at this moment."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another row with the same content: where it is, and under which key it was tried."""

    id: UUID
    status: str
    next_attempt_at: datetime | None
    idempotency_key: UUID
    payload: dict[str, Any]


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
    with engine.begin() as connection:
        held = _still_held(connection, prepared, worker)
        candidates = sorted(
            (p for p in prepared if p.claimed.id in held),
            # Of two with the same content, the one that may have arrived already goes first.
            key=lambda p: (-p.claimed.attempt_number, p.claimed.scheduled_for, str(p.claimed.id)),
        )
        contents = sorted({_content(p) for p in candidates})
        connection.execute(_SQL["lock_contents"], {"contents": contents})
        twins = _twins(connection, candidates, now - window)
        ready, skipped, waiting = _judge(candidates, twins, now)
        ready = _in_batches(ready, batch_limit)
        _store(connection, ready, skipped, waiting, now)
    return Frozen(tuple(ready), tuple(skipped), tuple(waiting))


def _content(prepared: Prepared) -> str:
    claimed = prepared.claimed
    return f"{claimed.company_id}/{claimed.platform.value}/{prepared.payload_hash}"


def _still_held(connection: Connection, prepared: Sequence[Prepared], worker: str) -> set[UUID]:
    ids = [p.claimed.id for p in prepared]
    rows = connection.execute(_SQL["still_held"], {"ids": ids, "worker": worker})
    return {row.id for row in rows}


def _twins(
    connection: Connection, candidates: Sequence[Prepared], window_start: datetime
) -> Mapping[UUID, list[Twin]]:
    rows = [
        {
            "id": p.claimed.id,
            "company_id": p.claimed.company_id,
            "payload_hash": p.payload_hash,
        }
        for p in candidates
    ]
    if not rows:
        return {}
    found: dict[UUID, list[Twin]] = defaultdict(list)
    for row in connection.execute(
        _SQL["twins"],
        {
            "rows": rows_as_json(rows),
            "platform": candidates[0].claimed.platform.value,
            "chunk": [p.claimed.id for p in candidates],
            "window_start": window_start,
            "may_have_arrived": sorted(MAY_HAVE_ARRIVED),
        },
    ):
        found[row.id].append(
            Twin(row.twin, row.status, row.next_attempt_at, row.idempotency_key, row.payload)
        )
    return found


def _judge(
    candidates: Iterable[Prepared], twins: Mapping[UUID, list[Twin]], now: datetime
) -> tuple[list[Prepared], dict[UUID, tuple[Prepared, UUID]], dict[UUID, datetime]]:
    """Which go out now, which had arrived already (and by which row), which wait (and until when)."""
    ready: list[Prepared] = []
    skipped: dict[UUID, tuple[Prepared, UUID]] = {}
    waiting: dict[UUID, datetime] = {}
    going: set[str] = set()
    for candidate in candidates:
        claimed = candidate.claimed
        others = twins.get(claimed.id, [])
        if claimed.batch_id is not None:
            # A frozen batch is repeated whole under its own key, whatever else has arrived.
            going.add(_content(candidate))
            ready.append(candidate)
            continue
        arrived = next((t for t in others if t.status == "success"), None)
        on_the_way = next((t for t in others if t.status in ("in_progress", "retrying")), None)
        if arrived is not None and not claimed.force:
            skipped[claimed.id] = (candidate, arrived.id)
        elif on_the_way is not None:
            waiting[claimed.id] = _judged_again_at(on_the_way, now)
        elif _content(candidate) in going:
            waiting[claimed.id] = now + _TWIN_PATIENCE
        else:
            going.add(_content(candidate))
            ready.append(_under_the_key_already_used(candidate, others))
    return ready, skipped, waiting


def _judged_again_at(twin: Twin, now: datetime) -> datetime:
    soon = now + _TWIN_PATIENCE
    if twin.status == "in_progress" or twin.next_attempt_at is None:
        return soon
    return max(soon, twin.next_attempt_at + timedelta(seconds=1))


def _under_the_key_already_used(candidate: Prepared, others: Sequence[Twin]) -> Prepared:
    """A twin that failed may have arrived without our hearing of it: its key and body are used again, so
    that the platform recognises it."""
    maybe = next((t for t in others if t.status == "failed"), None)
    claimed = candidate.claimed
    if maybe is None or claimed.attempt_number > 1 or claimed.force:
        return candidate
    return replace(
        candidate,
        payload=maybe.payload,
        claimed=replace(claimed, idempotency_key=maybe.idempotency_key, payload=maybe.payload),
    )


def _in_batches(ready: Sequence[Prepared], batch_limit: int) -> list[Prepared]:
    """Give never-attempted deliveries of one connection a batch, at most `batch_limit` in each."""
    if batch_limit < 2:
        return list(ready)
    groups: dict[UUID, list[int]] = defaultdict(list)
    for place, item in enumerate(ready):
        claimed = item.claimed
        fresh = claimed.attempt_number == 1 and claimed.idempotency_key == claimed.id
        if fresh and claimed.batch_id is None:
            groups[claimed.company_id].append(place)
    result = list(ready)
    for places in groups.values():
        for start in range(0, len(places), batch_limit):
            members = places[start : start + batch_limit]
            if len(members) > 1:
                batch_id = uuid4()
                for place in members:
                    result[place] = replace(ready[place], batch_id=batch_id)
    return result


def _store(
    connection: Connection,
    ready: Sequence[Prepared],
    skipped: Mapping[UUID, tuple[Prepared, UUID]],
    waiting: Mapping[UUID, datetime],
    now: datetime,
) -> None:
    if ready:
        rows = [
            _content_columns(p)
            | {
                "idempotency_key": p.claimed.idempotency_key,
                "revision": p.claimed.revision,
                "batch_id": p.batch_id,
                "attempt_number": p.claimed.attempt_number,
                "attempt_id": p.attempt_id,
            }
            for p in ready
        ]
        parameters = {"rows": rows_as_json(rows), "now": now}
        connection.execute(_SQL["freeze_ready"], parameters)
        connection.execute(_SQL["open_attempts"], parameters)
    if skipped:
        rows = [_content_columns(p) | {"duplicate_of": other} for p, other in skipped.values()]
        connection.execute(_SQL["skip_duplicates"], {"rows": rows_as_json(rows), "now": now})
        connection.execute(_SQL["note_on_schedules"], {"ids": list(skipped), "now": now})
    if waiting:
        rows = [{"id": id_, "next_attempt_at": at.isoformat()} for id_, at in waiting.items()]
        connection.execute(_SQL["hold_back"], {"rows": rows_as_json(rows), "now": now})


def _content_columns(prepared: Prepared) -> dict[str, Any]:
    return {
        "id": prepared.claimed.id,
        "payload": prepared.payload,
        "payload_hash": prepared.payload_hash,
        "payload_bytes": prepared.payload_bytes,
    }

"""From claimed rows to requests: payloads built or taken from the row, hashed, and grouped."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.identity import revision_key
from impact_in_pipelines.delivery.model import Claimed, Connection, Content, Refusal, Shipment
from impact_in_pipelines.delivery.payload import write_down
from impact_in_pipelines.delivery.ports import PayloadSource, Prepared
from impact_in_pipelines.delivery.refusing import no_connection
from impact_in_pipelines.delivery.retry import LOST_MOST
from impact_in_pipelines.delivery.showing.tracing import trace_id_of, traceparent_of
from impact_in_pipelines.delivery.states import ErrorKind


def without_worn_out(
    claimed: Sequence[Claimed],
) -> tuple[list[Claimed], list[tuple[Claimed, Refusal]]]:
    """What may be tried again, and what fails because too many workers have died over it."""
    fit = [row for row in claimed if row.workers_lost < LOST_MOST]
    worn_out = [row for row in claimed if row.workers_lost >= LOST_MOST]
    return fit, [(row, _worn_out(row)) for row in worn_out]


def _worn_out(row: Claimed) -> Refusal:
    died, see_why = (
        f"{row.workers_lost} workers in a row died",
        "See why they died (memory, the run's log)",
    )
    if row.may_have_arrived:
        message = (
            f"{died} before they could record how the attempt ended; it may have arrived. {see_why}, then "
            "replay it, under the same key"
        )
    else:
        message = f"{died} before anything of it was sent. {see_why}, then replay it"
    return Refusal(ErrorKind.UNRESOLVED, message)


def prepare(
    claimed: Sequence[Claimed],
    connections: Mapping[UUID, Connection | Refusal],
    payloads: PayloadSource,
    now: datetime,
) -> tuple[list[Prepared], list[tuple[Claimed, Refusal]]]:
    """What can be sent, with its payload, and what can't be sent at all, with the reason.

    A frozen payload is used again as it is; a replay (`rebuild`) is built from today's data.
    """
    refusals: list[tuple[Claimed, Refusal]] = []
    connected: list[tuple[Claimed, Connection]] = []
    for row in claimed:
        connection = connections.get(row.company_id)
        if connection is None:
            refusals.append((row, no_connection(row.company_slug, row.platform)))
        elif isinstance(connection, Refusal):
            refusals.append((row, connection))
        else:
            connected.append((row, connection))
    to_build = [(row, c) for row, c in connected if row.payload is None or row.rebuild]
    built = payloads.build(to_build, now) if to_build else {}
    prepared: list[Prepared] = []
    attempt_ids = iter(_random_ids(len(connected)))
    for row, connection in connected:
        content = built.get(row.id) or (Content(row.payload) if row.payload else None)
        if isinstance(content, Refusal):
            refusals.append((row, content))
        elif content is None:
            raise LookupError(f"no payload was built for delivery {row.id}")
        else:
            prepared.append(_prepared(row, connection, content, next(attempt_ids)))
    return prepared, refusals


def _random_ids(number: int) -> list[UUID]:
    """UUIDs of version 4 by one call to the system: at each a thread leaves Python's lock to all the others,
    and gets it back when they have had their turns."""
    drawn = os.urandom(16 * number)
    return [UUID(bytes=drawn[at : at + 16], version=4) for at in range(0, 16 * number, 16)]


def _prepared(row: Claimed, connection: Connection, built: Content, attempt_id: UUID) -> Prepared:
    content = built.payload
    written = built.written or write_down(content)
    digest = written.hash
    if row.rebuild and row.payload is not None:
        if digest == row.payload_hash:
            content = row.payload  # unchanged: the same bytes under the same key (D11)
            written = write_down(content)
        else:
            row = replace(
                row,
                revision=row.revision + 1,
                idempotency_key=revision_key(row.id, row.revision + 1),
                batch_id=None,
                may_have_arrived=False,
            )
    return Prepared(
        claimed=row,
        connection=connection,
        payload=content,
        payload_hash=digest,
        payload_bytes=len(written.body),
        attempt_id=attempt_id,
        batch_id=row.batch_id,
        reported=built.reported,
        trace_id=trace_id_of(row.id),
        written=written,
    )


def as_requests(ready: Sequence[Prepared]) -> list[Request]:
    """One request for each single delivery and for each batch, in the order of `ready`."""
    result: list[Request] = []
    batches: dict[UUID, list[Prepared]] = {}
    for item in ready:
        if item.batch_id is None:
            result.append(_request((item,), item.claimed.idempotency_key, is_batch=False))
        else:
            batches.setdefault(item.batch_id, []).append(item)
    for batch_id, members in batches.items():
        # The order within a batch is part of its frozen body.
        ordered = tuple(sorted(members, key=lambda p: str(p.claimed.id)))
        result.append(_request(ordered, batch_id, is_batch=True))
    return result


def _request(members: tuple[Prepared, ...], key: UUID, *, is_batch: bool) -> Request:
    first = members[0]
    shipment = Shipment(
        connection=first.connection,
        key=key,
        request_id=first.attempt_id,
        payloads=tuple(member.payload for member in members),
        is_batch=is_batch,
        may_have_arrived=any(member.claimed.may_have_arrived for member in members),
        traceparent=traceparent_of(first),
        # Not where a twin's body has taken its place since it was written down.
        written=first.written.body_of(first.payload) if first.written and not is_batch else None,
    )
    return Request(shipment=shipment, members=members)

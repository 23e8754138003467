"""Taking in a chunk: what is claimed is sent, refused, skipped or given back, and counted (D4)."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.draining.intake import Intake, Taken
from impact_in_pipelines.delivery.draining.lanes import Request
from impact_in_pipelines.delivery.draining.preparing import prepare, without_worn_out
from impact_in_pipelines.delivery.model import Refusal, Selection
from impact_in_pipelines.delivery.retry import LOST_MOST
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform

from .helpers import NOW, claimed, connection
from .memory_log import Built, MemoryLog


class Queue:
    """Remembers what was queued, and since when its leases count."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []
        self.since: list[float] = []

    def __call__(self, requests: Sequence[Request], since: float) -> None:
        """Queue them."""
        self.ids += [id_ for request in requests for id_ in request.ids]
        self.since.append(since)


def intake(log: MemoryLog, queue: Queue, source: Built | None = None, chunk: int = 3) -> Intake:
    """An intake of chunks of three."""
    return Intake(
        log=log,
        payloads=source or Built(),
        platform=Platform.BENEVITY,
        worker="w",
        lease=timedelta(minutes=3),
        dedup_window=timedelta(hours=24),
        chunk=chunk,
        clock=lambda: NOW,
        queue=queue,
    )


def test_a_chunk_is_queued_whole_and_counted() -> None:
    """No more than a chunk, its leases counted from before the claim."""
    rows = [claimed() for _ in range(5)]
    log, queue, before = MemoryLog(due=list(rows)), Queue(), time.monotonic()

    taken = intake(log, queue).take(Selection(), suspects_too=True)

    assert taken == Taken(claimed=3)
    assert queue.ids == [row.id for row in rows[:3]]
    assert before <= queue.since[0] <= time.monotonic()
    assert (log.claims, log.windows) == ([(3, False)], {timedelta(hours=24)})


def test_skipped_twins_and_refused_are_counted_apart() -> None:
    """And only what is ready is queued."""
    rows = [claimed() for _ in range(3)]
    log, queue = MemoryLog(due=list(rows), skips={rows[0].id}, twins={rows[1].id}), Queue()
    taken = intake(log, queue).take(Selection(), suspects_too=False)
    assert taken == Taken(claimed=3, skipped=1, released_twins=1)
    assert queue.ids == [rows[2].id]

    bad = Refusal(ErrorKind.DATA_QUALITY, "scores out of range")
    worn = replace(claimed(), workers_lost=LOST_MOST)
    log, queue = MemoryLog(due=[claimed(), worn]), Queue()
    assert intake(log, queue, Built(bad)).take(Selection(), suspects_too=False).refused == 2
    assert [refusal.kind for _, refusal in log.refused] == [bad.kind, ErrorKind.UNRESOLVED]


def test_a_suspect_is_taken_alone_and_only_when_nothing_else_is_due() -> None:
    """A delivery over which workers die takes no other along."""
    suspects = [claimed(), claimed()]
    log, queue = MemoryLog(due=[claimed()], suspects=list(suspects)), Queue()
    taking = intake(log, queue)

    assert not taking.take(Selection(), suspects_too=True).alone
    assert taking.take(Selection(), suspects_too=False) == Taken()
    assert taking.take(Selection(), suspects_too=True) == Taken(claimed=1, alone=True)
    assert queue.ids[1:] == [suspects[0].id]
    assert log.claims == [(3, False), (3, False), (3, False), (1, True)]

    log.suspects.clear()
    assert taking.take(Selection(), suspects_too=True) == Taken()


def test_what_could_not_be_prepared_is_given_back_at_once() -> None:
    """The error goes on; the rows don't wait out their lease."""
    row = claimed()
    log = MemoryLog(due=[row])
    with pytest.raises(OSError, match="no room"):
        intake(log, Queue(), Built(fails=OSError("no room"))).take(Selection(), suspects_too=False)
    assert log.released == {row.id: (NOW, NOW)}


@pytest.mark.parametrize("lost", [LOST_MOST - 1, LOST_MOST, LOST_MOST + 1])
def test_a_delivery_over_which_too_many_workers_died_fails(lost: int) -> None:
    """The fourth death is the last one (D5)."""
    row = replace(claimed(), workers_lost=lost)
    fit, worn_out = without_worn_out([row])
    assert (fit, [one for one, _ in worn_out]) == (([row], []) if lost < 4 else ([], [row]))


def test_a_worn_out_delivery_says_whether_it_may_have_arrived() -> None:
    """Whoever replays it must know: under the same key it is safe, and only needed if it did not."""
    row = replace(claimed(), workers_lost=4)
    [(_, before)] = without_worn_out([row])[1]
    [(_, after)] = without_worn_out([replace(row, may_have_arrived=True)])[1]

    assert before.message.startswith("4 workers in a row died before anything of it was sent")
    assert "it may have arrived" in after.message
    assert "under the same key" in after.message
    assert before.kind is after.kind is ErrorKind.UNRESOLVED


def test_a_changed_replay_has_a_key_that_never_arrived() -> None:
    """What may have arrived did so under the old key and revision."""
    old = {"value": 1, "timestamp": "2026-03-09T00:00:00Z"}
    row = replace(claimed(old, rebuild=True), may_have_arrived=True, revision=2)
    (item,), _ = prepare([row], {UUID(int=1): connection()}, Built(), NOW)

    assert not item.claimed.may_have_arrived
    assert item.claimed.revision == 3
    assert item.payload_bytes == len('{"delivery":""}') + len(str(row.id))


def test_an_unreadable_connection_refuses_with_its_own_reason() -> None:
    """And nothing is built for it."""
    reason = Refusal(ErrorKind.CONFIGURATION, "entered for another address")
    row = claimed()
    items, refusals = prepare([row], {UUID(int=1): reason}, Built(fails=OSError("asked")), NOW)
    assert (items, refusals) == ([], [(row, reason)])

"""From claimed rows to requests (D4, D11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import pytest

from impact_in_pipelines.delivery.draining.preparing import as_requests, prepare
from impact_in_pipelines.delivery.model import Claimed, Connection, Content, Refusal
from impact_in_pipelines.delivery.payload import Payload, canonical_bytes
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.errors.accounts import ConnectionMissing
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.wording import sentence

from .helpers import NOW, claimed, connection, prepared

HERE = {UUID(int=1): connection()}
BEFORE: Payload = {"value": 1, "timestamp": "2026-03-09T00:00:00Z"}
UNCHANGED: Payload = {"value": 1, "timestamp": "2026-03-10T00:00:00Z"}
CHANGED: Payload = {"value": 2, "timestamp": "2026-03-10T00:00:00Z"}


@dataclass
class Source:
    """Builds the same content for every delivery and remembers for which."""

    content: Payload | Refusal | None = field(default_factory=lambda: dict(UNCHANGED))
    asked: list[UUID] = field(default_factory=list)

    def build(
        self, claimed: Sequence[tuple[Claimed, Connection]], now: datetime
    ) -> Mapping[UUID, Content | Refusal]:
        """`content` for each, whenever it is."""
        del now
        self.asked += [row.id for row, _ in claimed]
        if self.content is None:
            return {}
        built = self.content if isinstance(self.content, Refusal) else Content(self.content)
        return {row.id: built for row, _ in claimed}


def test_a_frozen_payload_is_used_again_as_it_is() -> None:
    """One key never carries two bodies: a retry is not built anew."""
    row, source = claimed(BEFORE), Source()
    (item,), refusals = prepare([row], HERE, source, NOW)
    assert item.payload is row.payload
    assert item.claimed.idempotency_key == row.idempotency_key
    assert (refusals, source.asked) == ([], [])


def test_a_replay_of_unchanged_figures_keeps_key_and_bytes() -> None:
    """Only the instant it was built at differs: the platform must recognise it (D11)."""
    row = claimed(BEFORE, rebuild=True)
    (item,), _ = prepare([row], HERE, Source(UNCHANGED), NOW)
    assert item.payload == BEFORE
    assert (item.claimed.idempotency_key, item.claimed.revision) == (row.idempotency_key, 1)


def test_a_replay_of_changed_figures_is_a_new_revision_under_a_new_key() -> None:
    """The old key may have been used with the old body (D11)."""
    row = replace(claimed(BEFORE, rebuild=True), batch_id=uuid4())
    (item,), _ = prepare([row], HERE, Source(CHANGED), NOW)
    assert item.payload == CHANGED
    assert item.claimed.idempotency_key != row.idempotency_key
    assert (item.claimed.revision, item.batch_id) == (2, None)


def test_a_replay_of_what_was_never_built_keeps_its_key() -> None:
    """It failed before its first attempt: nothing went out under the key."""
    row = claimed(rebuild=True)
    (item,), _ = prepare([row], HERE, Source(CHANGED), NOW)
    assert (item.claimed.idempotency_key, item.claimed.revision) == (row.id, 1)


def test_without_a_connection_it_is_refused_and_not_built() -> None:
    """One line that names the company and the platform, in the words of the refusal that doors word."""
    row, source = claimed(), Source()
    items, ((refused, refusal),) = prepare([row], {}, source, NOW)
    assert (items, refused, source.asked) == ([], row, [])
    assert refusal.kind is ErrorKind.CONFIGURATION
    missing = ConnectionMissing("acme", Platform.BENEVITY)
    assert refusal.message == sentence(missing)


def test_what_the_source_refuses_fails_alone() -> None:
    """Every other delivery goes out."""
    good, bad = claimed(BEFORE), claimed()
    refusal = Refusal(ErrorKind.DATA_QUALITY, "scores out of range")
    (item,), refusals = prepare([good, bad], HERE, Source(refusal), NOW)
    assert item.claimed.id == good.id
    assert refusals == [(bad, refusal)]


def test_a_payload_that_was_forgotten_is_an_error() -> None:
    """Never a delivery that silently isn't sent."""
    with pytest.raises(LookupError, match="no payload was built"):
        prepare([claimed()], HERE, Source(None), NOW)


def test_single_deliveries_travel_alone_under_their_own_key() -> None:
    """In the order they were given."""
    items = [prepared() for _ in range(3)]
    made = as_requests(items)
    assert [p.ids for p in made] == [(item.claimed.id,) for item in items]
    assert [p.shipment.key for p in made] == [item.claimed.idempotency_key for item in items]
    assert [p.shipment.request_id for p in made] == [item.attempt_id for item in items]


def test_what_travels_is_what_was_written_down_for_the_payload_that_is_frozen() -> None:
    """One key never carries two bodies: a replay's unchanged payload, and a twin's that has taken the place
    of what was built, are written down themselves."""
    (built,), _ = prepare([claimed()], HERE, Source(CHANGED), NOW)
    (replayed,), _ = prepare([claimed(BEFORE, rebuild=True)], HERE, Source(UNCHANGED), NOW)
    of_twin = replace(built, payload=dict(BEFORE))
    bodies = [one.shipment.body for one in as_requests([built, replayed, of_twin])]
    assert bodies == [canonical_bytes(one) for one in (CHANGED, BEFORE, BEFORE)]
    assert len({one.attempt_id for one in (built, replayed)}) == 2
    assert built.attempt_id.version == 4


def test_a_batch_travels_whole_under_its_own_key_with_the_same_bytes() -> None:
    """In whatever order its members are claimed again, its body is the frozen one."""
    batch_id = uuid4()
    items = [prepared(batch_id=batch_id) for _ in range(5)]
    (one,), (other,) = as_requests(items), as_requests(items[::-1])
    assert one.shipment.key == other.shipment.key == batch_id
    assert one.shipment.body == other.shipment.body
    assert set(one.ids) == {item.claimed.id for item in items}
    assert one.shipment.is_batch


def test_two_batches_and_a_single_are_three_requests() -> None:
    """Grouped by batch id only."""
    a, b = uuid4(), uuid4()
    items = [prepared(batch_id=b_id) for b_id in (a, None, b, a, b)]
    assert sorted(len(p.members) for p in as_requests(items)) == [1, 2, 2]

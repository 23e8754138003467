"""Which deliveries can be sent again, and how (design D4, D11)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from impact_in_pipelines.delivery.resending.replaying import Candidate, ReplayPlan, plan_replay
from impact_in_pipelines.delivery.states import DeliveryStatus
from impact_in_pipelines.errors import REFUSALS

NOW = datetime(2026, 3, 10, tzinfo=UTC)
BATCH = UUID(int=99)


def candidate(number: int, status: DeliveryStatus, **changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "batch_id": None,
        "delivered_at": None,
        "next_attempt_at": None,
        "duplicate_of": None,
        "may_have_arrived": False,
    }
    return Candidate(id=UUID(int=number), status=status, **(values | changes))


def plan(*candidates: Candidate, asked: int = 1, force: bool = False) -> ReplayPlan:
    ids = [UUID(int=n + 1) for n in range(asked)]
    return plan_replay(ids, candidates, window_start=NOW - timedelta(hours=24), force=force)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("status", list(DeliveryStatus))
def test_each_delivery_that_is_asked_for_has_exactly_one_fate(
    status: DeliveryStatus, force: bool
) -> None:
    """Queued, renewed or refused with a reason: nothing is passed over, nothing done twice."""
    made = plan(candidate(1, status, delivered_at=NOW), force=force)

    fates = [*made.again, *made.in_batch, *made.anew, *made.refused]
    assert fates == [UUID(int=1)]
    assert all(one.code in REFUSALS for one in made.refused.values())


@pytest.mark.parametrize(
    ("age", "force", "goes"),
    [(1, False, False), (1, True, True), (25, False, True), (25, True, True)],
)
def test_a_success_inside_the_window_needs_force(age: int, force: bool, goes: bool) -> None:
    """`age` in hours since it arrived."""
    at = NOW - timedelta(hours=age)

    made = plan(candidate(1, DeliveryStatus.SUCCESS, delivered_at=at), force=force)

    assert (made.anew == [UUID(int=1)]) is goes


def test_one_member_that_may_have_arrived_makes_the_whole_batch_go() -> None:
    """They went out in one request: what is unknown of one is unknown of all."""
    unsure = candidate(2, DeliveryStatus.FAILED, batch_id=BATCH, may_have_arrived=True)

    made = plan(candidate(1, DeliveryStatus.FAILED, batch_id=BATCH), unsure)

    assert made.in_batch == [UUID(int=1), UUID(int=2)]
    assert made.again == []


def test_a_batch_is_not_repeated_while_a_part_of_it_is_on_its_way_or_was_called_off() -> None:
    """With other records its key would carry a second body."""
    mine = candidate(1, DeliveryStatus.FAILED, batch_id=BATCH, may_have_arrived=True)
    for status in (DeliveryStatus.RETRYING, DeliveryStatus.CANCELLED):
        made = plan(mine, candidate(2, status, batch_id=BATCH))

        assert (made.again, made.in_batch) == ([], [])
        assert made.refused[mine.id].code == "replay.batch_unsettled"


def test_a_record_that_a_platform_took_back_goes_alone() -> None:
    """Its batch had arrived, so nothing about it is unknown, and the batch's key would bring nothing new."""
    mine = candidate(
        1, DeliveryStatus.FAILED, batch_id=BATCH, may_have_arrived=True, delivered_at=NOW
    )

    made = plan(mine, candidate(2, DeliveryStatus.SUCCESS, batch_id=BATCH, delivered_at=NOW))

    assert made.again == [mine.id]

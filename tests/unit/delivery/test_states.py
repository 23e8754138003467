"""The state machine of a delivery (design, sections 2 and 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.delivery.states import OPEN, DeliveryStatus, change, may_become
from impact_in_pipelines.errors import Conflict

STATUSES = st.sampled_from(list(DeliveryStatus))
FINAL = frozenset(DeliveryStatus) - OPEN
WAYS_BACK = {
    (DeliveryStatus.FAILED, DeliveryStatus.PENDING),  # a replay (D11)
    (DeliveryStatus.SUCCESS, DeliveryStatus.FAILED),  # a platform's call-back takes it back
    (DeliveryStatus.FAILED, DeliveryStatus.SUCCESS),  # a later call-back restores it
}


@given(wishes=st.lists(STATUSES, max_size=40))
def test_a_final_state_is_left_by_the_documented_ways_only(wishes: list[DeliveryStatus]) -> None:
    """Whatever is asked of a delivery, in any order, final means final but for a replay and a call-back."""
    status = DeliveryStatus.PENDING
    for wish in wishes:
        if not may_become(status, wish):
            with pytest.raises(Conflict, match=f"a {status} delivery can't become {wish}"):
                change(status, wish)
            continue
        assert status in OPEN or (status, wish) in WAYS_BACK
        status = change(status, wish)


@pytest.mark.parametrize(
    "forever", [DeliveryStatus.SKIPPED, DeliveryStatus.MISSED, DeliveryStatus.CANCELLED]
)
def test_nothing_follows_a_delivery_that_never_went_out(forever: DeliveryStatus) -> None:
    """Skipped, missed and cancelled deliveries stay what they are."""
    assert not any(may_become(forever, other) for other in DeliveryStatus)


@given(status=STATUSES)
def test_no_state_follows_itself(status: DeliveryStatus) -> None:
    """A change is a change: repeating one is a conflict, not a second effect."""
    assert not may_become(status, status)


@pytest.mark.parametrize("status", sorted(OPEN))
def test_every_open_state_can_reach_every_outcome(status: DeliveryStatus) -> None:
    """Nothing that is on its way can get stuck."""
    reached, frontier = {status}, [status]
    while frontier:
        here = frontier.pop()
        for other in DeliveryStatus:
            if here in OPEN and may_become(here, other) and other not in reached:
                reached.add(other)
                frontier.append(other)
    assert reached - OPEN == FINAL - {DeliveryStatus.MISSED}


def test_only_an_attempt_in_hand_can_succeed_or_what_a_platform_gives_back() -> None:
    """A delivery arrives from `in_progress`: somebody held it and sent it. From `failed`, and from the replay
    that waits for it, only a call-back leads back, about what had arrived before."""
    sources = {s for s in DeliveryStatus if may_become(s, DeliveryStatus.SUCCESS)}
    assert sources == {DeliveryStatus.IN_PROGRESS, DeliveryStatus.FAILED, DeliveryStatus.PENDING}

"""The state machine of a delivery (design, sections 2 and 5). That statements keep to it is
tests/integration/test_transitions.py."""

import pytest

from impact_in_pipelines.delivery.states import OPEN, TRANSITIONS, DeliveryStatus

PAIRS = {(one.old, one.new) for one in TRANSITIONS}
FINAL = frozenset(DeliveryStatus) - OPEN
S = DeliveryStatus


def after(status: DeliveryStatus) -> set[DeliveryStatus]:
    """What may follow `status` at once."""
    return {new for old, new in PAIRS if old is status}


def test_each_transition_is_listed_once() -> None:
    """Two reasons for one change are one line."""
    assert len(PAIRS) == len(TRANSITIONS)


def test_a_final_state_is_left_by_a_replay_or_a_call_back_only() -> None:
    """Everything else would change what has been counted."""
    assert {(old, new) for old, new in PAIRS if old in FINAL} == {
        (S.FAILED, S.PENDING),
        (S.SUCCESS, S.FAILED),
        (S.FAILED, S.SUCCESS),
        # A restored log had it as missed, and others know that it arrived.
        (S.MISSED, S.SUCCESS),
    }


@pytest.mark.parametrize("forever", [S.SKIPPED, S.CANCELLED])
def test_nothing_follows_a_delivery_that_never_went_out(forever: DeliveryStatus) -> None:
    """Skipped and cancelled deliveries stay what they are."""
    assert after(forever) == set()


@pytest.mark.parametrize("status", sorted(OPEN))
def test_every_open_state_can_reach_every_outcome(status: DeliveryStatus) -> None:
    """Nothing that is on its way can get stuck."""
    reached, frontier = {status}, [status]
    while frontier:
        here = frontier.pop()
        if here in OPEN:
            frontier += after(here) - reached
            reached |= after(here)
    assert reached - OPEN == FINAL - {S.MISSED}


def test_only_an_attempt_in_hand_can_succeed_or_what_a_platform_gives_back() -> None:
    """A delivery arrives from `in_progress`: somebody held it and sent it. From `failed`, and from the
    replay that waits for it, only a call-back leads back, about what had arrived before; from what a restored
    log has as waiting or missed, the evidence that it had arrived."""
    sources = {old for old, new in PAIRS if new is S.SUCCESS}
    assert sources == {S.IN_PROGRESS, S.FAILED, S.PENDING, S.RETRYING, S.MISSED}

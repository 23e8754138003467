"""The arithmetic of shared limits at its edges: the most that is allowed, the soonest that is safe."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from impact_in_pipelines.delivery.limits.budgets import (
    HOUR_S,
    WINDOW_S,
    Ask,
    Block,
    Budget,
    BudgetAccount,
    EndedRequests,
    Grant,
    Limit,
    exchange,
)

ACCOUNT = BudgetAccount("benevity", "https://platform.example", "org-1")
LEND_S = 45.0
NOW = 36_000_000.0
"""A full hour since the epoch."""

DAY_S = 24 * HOUR_S


def asked(
    limit: Limit,
    *,
    wanted: int = 0,
    urgent: int = 0,
    ended: tuple[EndedRequests, ...] = (),
    returned: int = 0,
) -> Ask:
    return Ask(ACCOUNT, limit, wanted, urgent, ended, returned)


def exchanged(
    budget: Budget, ask: Ask, *, holder: str = "one", now: float = NOW
) -> tuple[Budget, Grant]:
    return exchange(budget, ask, holder=holder, now=now, lend_s=LEND_S)


def resting(*blocks: tuple[int, float]) -> Budget:
    """Slots that rest: how many, and until when."""
    return Budget(tuple(Block("", requests, free_at) for requests, free_at in blocks))


@given(
    per_minute=st.integers(1, 60),
    used=st.integers(0, 60),
    wanted=st.integers(0, 80),
    urgent=st.integers(0, 80),
)
def test_as_much_is_granted_as_the_minute_and_the_reserve_leave(
    per_minute: int, used: int, wanted: int, urgent: int
) -> None:
    """Never above the limit; of what is not scheduled never into the reserve of a twentieth (D13); and one
    more would break one of the two."""
    urgent = min(urgent, wanted)
    budget = resting((used, NOW + 1)) if used else Budget()
    _, grant = exchanged(budget, asked(Limit(per_minute), wanted=wanted, urgent=urgent))
    assert 0 <= grant.requests <= wanted
    reserve = per_minute // 20
    if grant.requests > urgent:
        assert used + grant.requests <= per_minute - reserve
    elif grant.requests:
        assert used + grant.requests <= per_minute
    if grant.requests < urgent:
        assert used + grant.requests >= per_minute
    elif grant.requests < wanted:
        assert used + grant.requests >= per_minute - reserve


@pytest.mark.parametrize(
    ("per_minute", "used", "tight"),
    [
        (100, 3, False),
        (100, 9, False),
        (100, 10, True),
        (10, 0, False),
        (10, 1, True),
        (9, 0, True),
    ],
)
def test_an_account_is_tight_from_more_than_a_tenth_in_use_on(
    per_minute: int, used: int, tight: bool
) -> None:
    """Below it nobody waits for an end to be reported, and a statement for each would be wasted."""
    budget = resting((used, NOW + 30)) if used else Budget()
    _, grant = exchanged(budget, asked(Limit(per_minute), wanted=1, urgent=1))
    assert grant == Grant(1, 0.0, tight)


def test_whoever_got_less_than_it_wanted_reports_soon() -> None:
    """However few are in use: the reserve alone can be what it lacks."""
    _, grant = exchanged(Budget(), asked(Limit(20), wanted=20))
    assert (grant.requests, grant.tight) == (19, True)


def test_a_slot_is_free_from_the_very_moment_its_rest_ends() -> None:
    """Not a moment sooner: the minute at the receiver is half-open."""
    budget = resting((1, NOW + 30))
    ask = asked(Limit(1), wanted=1, urgent=1)
    assert exchanged(budget, ask, now=NOW + 29.999)[1].requests == 0
    assert exchanged(budget, ask, now=NOW + 30)[1].requests == 1


@given(age_ms=st.integers(0, 61_000), requests=st.integers(1, 5))
@example(age_ms=60_000, requests=1)
def test_what_has_ended_rests_a_minute_from_its_answer_rounded_up(
    age_ms: int, requests: int
) -> None:
    """Never less than the minute, and less than half a second more."""
    age_s = age_ms / 1000
    held, _ = exchanged(
        Budget(), asked(Limit(9), wanted=requests, urgent=requests), now=NOW - age_s
    )
    report = asked(Limit(9), ended=(EndedRequests(requests, age_s),))
    after, _ = exchanged(held, report)
    if age_s >= WINDOW_S:
        assert after.blocks == ()
    else:
        (block,) = after.blocks
        assert (block.holder, block.requests) == ("", requests)
        assert WINDOW_S <= block.free_at - (NOW - age_s) < WINDOW_S + 0.5


def test_an_end_that_nobody_reports_rests_once_it_must_have_ended() -> None:
    """The longest a granted request can take, and a minute: a drain that died keeps no slot for ever."""
    budget, _ = exchanged(Budget(), asked(Limit(1), wanted=1, urgent=1))
    assert budget.blocks == (Block("one", 1, NOW + LEND_S + WINDOW_S),)


@given(
    held=st.integers(1, 9),
    ended=st.integers(0, 12),
    returned=st.integers(0, 12),
    of_another=st.integers(0, 5),
)
def test_a_report_frees_the_reporters_own_and_no_more_than_it_holds(
    held: int, ended: int, returned: int, of_another: int
) -> None:
    """What another drain holds is untouched, and what is returned rests nowhere."""
    blocks = [Block("one", held, NOW + 90)]
    if of_another:
        blocks.insert(0, Block("two", of_another, NOW + 80))
    report = asked(
        Limit(1_000), ended=(EndedRequests(ended, 0.0),) if ended else (), returned=returned
    )
    after, _ = exchanged(Budget(tuple(blocks)), report)
    left = {block.holder: block.requests for block in after.blocks}
    expected = {"one": max(held - ended - returned, 0), "two": of_another, "": ended}
    assert left == {holder: n for holder, n in expected.items() if n}


def test_all_that_a_drain_holds_counts_from_its_last_grant_on() -> None:
    """Which of them it reports first can't be told apart; a shorter loan shortens none."""
    ask = asked(Limit(100), wanted=2, urgent=2)
    budget, _ = exchanged(Budget(), ask)
    # Its name comes from the database each time: equal, not the same object.
    again = "".join(["o", "ne"])
    later, _ = exchanged(budget, ask, holder=again, now=NOW + 5)
    assert later.blocks == (Block("one", 4, NOW + 5 + LEND_S + WINDOW_S),)
    shorter, _ = exchange(later, ask, holder=again, now=NOW + 6, lend_s=1.0)
    assert shorter.blocks == (Block("one", 6, NOW + 5 + LEND_S + WINDOW_S),)
    other, _ = exchanged(later, ask, holder="two", now=NOW + 7)
    assert {block.holder: block.requests for block in other.blocks} == {"one": 4, "two": 2}


@given(
    rests=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 120)), min_size=1, max_size=6),
    per_minute=st.integers(1, 60),
    urgent=st.booleans(),
)
def test_before_it_opens_nothing_is_granted_and_then_something_is(
    rests: list[tuple[int, int]], per_minute: int, urgent: bool
) -> None:
    """The promise of `opens_in_s` where all that is in use rests (rests end at half seconds)."""
    budget = resting(*((requests, NOW + halves / 2) for requests, halves in rests))
    wanted = 200
    ask = asked(Limit(per_minute), wanted=wanted, urgent=wanted if urgent else 0)
    after, grant = exchanged(budget, ask)
    if grant.requests:
        # What was granted now may come back at any moment.
        assert 0.0 < grant.opens_in_s <= 1.0
        return
    sooner = exchanged(after, ask, now=NOW + grant.opens_in_s - 0.001)[1]
    then = exchanged(after, ask, now=NOW + grant.opens_in_s)[1]
    assert (sooner.requests, then.requests > 0) == (0, True)


def test_what_another_drain_holds_is_asked_for_again_in_a_second() -> None:
    """It may come back any moment, however long its loan is; what rests sooner counts sooner."""
    ask = asked(Limit(2), wanted=2, urgent=2)
    held = Budget((Block("two", 2, NOW + 105.0),))
    assert exchanged(held, ask)[1] == Grant(0, 1.0, True)
    soon = Budget((Block("two", 1, NOW + 105.0), Block("", 1, NOW + 0.5)))
    assert exchanged(soon, ask)[1] == Grant(0, 0.5, True)


@pytest.mark.parametrize(("urgent", "opens_in_s"), [(0, 20.0), (1, 10.0)])
def test_what_is_scheduled_is_told_the_next_slot_and_a_backfill_the_one_after_the_reserve(
    urgent: int, opens_in_s: float
) -> None:
    """20 a minute leave one in reserve (D13)."""
    budget = resting((18, NOW + 40), (1, NOW + 10), (1, NOW + 20))
    _, grant = exchanged(budget, asked(Limit(20), wanted=1, urgent=urgent))
    assert (grant.requests, grant.opens_in_s) == (0, opens_in_s)


# The day's limit ------------------------------------------------------------------------------------------


def test_a_days_limit_grants_what_is_left_of_it_and_no_more() -> None:
    """Also where the minute would leave more."""
    limit = Limit(per_minute=100, per_day=30)
    budget, grant = exchanged(Budget(), asked(limit, wanted=20, urgent=20))
    assert grant == Grant(20, 0.0, True)
    assert budget.hours == {10_000: 20}
    budget, grant = exchanged(budget, asked(limit, wanted=20, urgent=20), now=NOW + HOUR_S - 0.5)
    assert (grant.requests, budget.hours) == (10, {10_000: 30})
    assert exchanged(budget, asked(limit, wanted=1, urgent=1), now=NOW + HOUR_S)[1].requests == 0


def test_a_lowered_days_limit_grants_nothing_rather_than_less_than_nothing() -> None:
    """More was made than it allows now."""
    budget = Budget(hours={9_999: 50})
    after, grant = exchanged(budget, asked(Limit(100, per_day=30), wanted=5, urgent=5))
    assert (grant.requests, grant.tight) == (0, True)
    assert after.blocks == ()


@pytest.mark.parametrize("used_at", [0.0, HOUR_S - 0.5])
def test_a_used_up_day_opens_after_a_day_and_at_most_two_hours(used_at: float) -> None:
    """What was granted late in one hour may arrive in the next one: both count for a whole day. Before that
    moment nothing is granted, from it on something is."""
    limit = Limit(per_minute=100, per_day=3)
    ask = asked(limit, wanted=3, urgent=3)
    budget, _ = exchanged(Budget(), ask, now=NOW + used_at)
    _, refused = exchanged(budget, ask, now=NOW + 2 * HOUR_S)
    opens_at = NOW + 2 * HOUR_S + refused.opens_in_s
    assert DAY_S <= opens_at - (NOW + used_at) <= DAY_S + 2 * HOUR_S
    assert exchanged(budget, ask, now=opens_at - 0.001)[1].requests == 0
    assert exchanged(budget, ask, now=opens_at)[1].requests == 3


def test_a_day_that_is_used_up_in_this_hour_opens_when_its_first_hour_falls_out() -> None:
    """Hours in which all was returned are nobody's: they open nothing."""
    limit = Limit(per_minute=100, per_day=4)
    budget = Budget(hours={9_990: 0, 9_995: 2, 10_000: 2})
    _, grant = exchanged(budget, asked(limit, wanted=1, urgent=1))
    assert grant.opens_in_s == (9_995 + 26) * HOUR_S - NOW


def test_a_limit_of_no_request_a_day_is_asked_again_when_a_day_has_passed() -> None:
    """There is no hour that could fall out; polling it each second would be a statement a second."""
    _, grant = exchanged(Budget(), asked(Limit(100, per_day=0), wanted=1, urgent=1), now=NOW + 60)
    assert (grant.requests, grant.opens_in_s) == (0, 26 * HOUR_S - 60)


@pytest.mark.parametrize(
    ("hours", "returned", "left"),
    [
        ({9_999: 4, 10_000: 3}, 2, {9_999: 4, 10_000: 1}),
        ({9_999: 4, 10_000: 3}, 3, {9_999: 4, 10_000: 0}),
        ({9_999: 4, 10_000: 3}, 5, {9_999: 2, 10_000: 0}),
        ({9_998: 5, 9_999: 1, 10_000: 1}, 4, {9_998: 5, 9_999: 0, 10_000: 0}),
        ({}, 4, {}),
    ],
)
def test_what_is_returned_was_granted_in_this_hour_or_the_one_before(
    hours: dict[int, int], returned: int, left: dict[int, int]
) -> None:
    """A grant is used or returned within seconds: older hours stay as they are."""
    report = asked(Limit(100, per_day=50), returned=returned)
    assert exchanged(Budget(hours=hours), report)[0].hours == left


def test_hours_are_kept_for_a_day_and_the_hour_around_it() -> None:
    """The twenty-fifth hour back still counts, the one before it no longer."""
    budget = Budget(hours={9_974: 1, 9_975: 1, 10_000: 1})
    kept, _ = exchanged(budget, asked(Limit(100, per_day=50)))
    assert kept.hours == {9_975: 1, 10_000: 1}


def test_without_a_days_limit_no_hours_are_kept() -> None:
    """The state of an account stays as small as it can be."""
    budget = Budget(hours={10_000: 3})
    kept, _ = exchanged(budget, asked(Limit(100), wanted=2, urgent=2))
    assert kept.hours == {}


def test_what_the_database_keeps_is_the_budget() -> None:
    """Blocks and hours come back as they were, hours as numbers."""
    budget = Budget((Block("one", 2, 7.5), Block("", 1, 9.0)), {10_000: 3})
    kept = budget.as_json()
    assert Budget.from_json(kept["blocks"], kept["hours"]) == budget


def test_an_ask_for_nothing_changes_nothing() -> None:
    """It is not granted less than nothing either."""
    budget = Budget((Block("two", 1, NOW + 9.0),))
    assert Ask(ACCOUNT, Limit(10)) == asked(Limit(10))
    after, grant = exchanged(budget, asked(Limit(10)))
    assert (replace(after, hours={}), grant) == (budget, Grant(0, 0.0, False))

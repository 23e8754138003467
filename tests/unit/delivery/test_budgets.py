"""Limits over all drains: slots that rest a minute after their answer, on a simulated clock."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact_in_pipelines.delivery.limits.budgets import (
    HOUR_S,
    WINDOW_S,
    Ask,
    Block,
    Budget,
    BudgetAccount,
    EndedRequests,
    Limit,
    exchange,
    without_ended,
)

ACCOUNT = BudgetAccount("benevity", "https://platform.example", "org-1")
VALID_S, LONGEST_S = 15.0, 30.0


@dataclass
class Drain:
    """One of several: what it may still send until when, what is on the wire, and what has ended since it
    last said so."""

    name: str
    granted: int = 0
    valid_until: float = 0.0
    on_the_wire: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    alive: bool = True


@dataclass
class Fleet:
    """Drains of one account, and when the platform counted their requests."""

    limit: Limit
    rng: random.Random
    budget: Budget = field(default_factory=Budget)
    now: float = 1_000_000.0
    arrived: list[float] = field(default_factory=list)

    def ask(self, drain: Drain, wanted: int, *, urgent: bool) -> None:
        """An exchange; what it answers is used only after it was asked for."""
        stale = drain.granted if self.now >= drain.valid_until else 0
        ask = Ask(
            ACCOUNT,
            self.limit,
            wanted=wanted,
            urgent=wanted if urgent else 0,
            ended=tuple(EndedRequests(1, self.now - at) for at in drain.ended),
            returned=stale,
        )
        self.budget, grant = exchange(
            self.budget, ask, holder=drain.name, now=self.now, lend_s=VALID_S + LONGEST_S
        )
        drain.ended = []
        drain.granted += grant.requests - stale
        if grant.requests:
            drain.valid_until = self.now + VALID_S

    def send(self, drain: Drain, takes_s: float) -> None:
        """One request: it arrives at any moment before its answer."""
        if drain.granted and self.now < drain.valid_until:
            drain.granted -= 1
            drain.on_the_wire.append(self.now + takes_s)
            self.arrived.append(self.now + self.rng.uniform(0.0, takes_s))

    def pass_time(self, seconds: float, drains: list[Drain]) -> None:
        """Answers come in; a dead drain records none."""
        self.now += seconds
        for drain in drains:
            done = [at for at in drain.on_the_wire if at <= self.now]
            drain.on_the_wire = [at for at in drain.on_the_wire if at > self.now]
            if drain.alive:
                drain.ended += done


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 3), st.integers(1, 12)),
        st.tuples(st.just("send"), st.integers(0, 3), st.integers(0, int(LONGEST_S))),
        st.tuples(st.just("wait"), st.integers(0, 3), st.integers(0, 40)),
        st.tuples(st.just("die"), st.integers(0, 3), st.just(0)),
    ),
    max_size=200,
)


def most_within(instants: list[float], seconds: float) -> int:
    """The most of these in any half-open window of so many seconds."""
    ordered = sorted(instants)
    return max(
        (sum(start <= at < start + seconds for at in ordered) for start in ordered), default=0
    )


@settings(max_examples=400)
@given(steps=STEPS, per_minute=st.integers(1, 25), seed=st.integers(0, 2**32))
def test_never_more_than_the_limit_in_any_minute_at_the_receiver(
    steps: list[tuple[str, int, int]], per_minute: int, seed: int
) -> None:
    """Whatever four drains do in whatever order: slow to arrive, dead in the middle, late to report."""
    fleet = Fleet(Limit(per_minute), random.Random(seed))
    drains = [Drain(f"drain-{n}") for n in range(4)]
    for what, which, number in steps:
        drain = drains[which]
        if what == "ask":
            fleet.ask(drain, number, urgent=number % 2 == 0)
        elif what == "send":
            fleet.send(drain, float(number))
        elif what == "wait":
            fleet.pass_time(float(number), drains)
        else:
            drain.alive, drain.granted = False, 0
            drains[which] = Drain(f"{drain.name}'")
            drains[which].on_the_wire = []
    assert most_within(fleet.arrived, WINDOW_S) <= per_minute


@pytest.mark.parametrize("per_minute", [30, 60, 100])
def test_four_drains_with_enough_to_send_use_nine_tenths(per_minute: int) -> None:
    """Each asks for a fifth at a time and needs half a second an answer; ten minutes."""
    fleet = Fleet(Limit(per_minute), random.Random(7))
    drains = [Drain(f"drain-{n}") for n in range(4)]
    started = fleet.now
    while fleet.now - started < 600.0:
        for drain in drains:
            if not drain.granted:
                fleet.ask(drain, per_minute // 5, urgent=True)
            for _ in range(2):
                fleet.send(drain, 0.5)
        fleet.pass_time(0.5, drains)
    for start in range(0, 540, 60):
        count = sum(started + start <= at < started + start + 60 for at in fleet.arrived)
        assert count >= 0.9 * per_minute
    assert most_within(fleet.arrived, WINDOW_S) <= per_minute


def test_a_day_has_a_limit_too() -> None:
    """Never more within 24 hours, and what was returned was never made."""
    fleet = Fleet(Limit(per_minute=100, per_day=250), random.Random(7))
    drain = Drain("one")
    started = fleet.now
    while fleet.now - started < 3 * 24 * HOUR_S:
        fleet.ask(drain, 100, urgent=True)
        for _ in range(60):
            fleet.send(drain, 0.0)
        fleet.pass_time(VALID_S, [drain])
        fleet.pass_time(600.0, [drain])
    assert most_within(fleet.arrived, 24 * HOUR_S) <= 250
    assert len(fleet.arrived) >= 500


def test_backfills_leave_some_for_what_is_scheduled() -> None:
    """A scheduled delivery doesn't wait a minute because somebody backfills its account (D13)."""
    fleet = Fleet(Limit(per_minute=100), random.Random(7))
    backfill, scheduled = Drain("backfill"), Drain("scheduled")
    fleet.ask(backfill, 500, urgent=False)
    assert backfill.granted == 95
    fleet.ask(scheduled, 3, urgent=True)
    assert scheduled.granted == 3


def test_who_asks_too_early_is_told_when_to_come_back() -> None:
    """When the first slot has rested; what another one holds may come back any moment."""
    limit = Limit(per_minute=4)
    ask = Ask(ACCOUNT, limit, wanted=4, urgent=4)
    budget, grant = exchange(Budget(), ask, holder="one", now=0.0, lend_s=60.0)
    assert (grant.requests, grant.opens_in_s) == (4, 0.0)
    _, refused = exchange(budget, ask, holder="two", now=1.0, lend_s=60.0)
    assert (refused.requests, refused.opens_in_s) == (0, 1.0)
    report = Ask(ACCOUNT, limit, ended=(EndedRequests(1, 8.0), EndedRequests(3, 2.0)))
    budget, _ = exchange(budget, report, holder="one", now=10.0, lend_s=60.0)
    _, refused = exchange(budget, ask, holder="two", now=20.0, lend_s=60.0)
    assert (refused.requests, refused.opens_in_s) == (0, 42.0)
    _, grant = exchange(budget, ask, holder="two", now=62.0, lend_s=60.0)
    assert grant.requests == 1


def test_what_one_account_uses_is_no_other_accounts_matter() -> None:
    """State stays as small as the number of half seconds in a minute."""
    fleet = Fleet(Limit(per_minute=1_000), random.Random(7))
    drain = Drain("one")
    for _ in range(2_000):
        fleet.ask(drain, 10, urgent=True)
        fleet.send(drain, 0.01)
        fleet.pass_time(0.05, [drain])
    holders = Counter(block.holder for block in fleet.budget.blocks)
    assert holders["one"] == 1
    assert holders[""] <= 2 * WINDOW_S + 2


def test_slots_of_a_process_that_has_ended_rest_a_minute_from_now_and_no_longer() -> None:
    """It starts nothing more; what it had handed to its machine has ten seconds to leave it. Nobody else's
    change, and none rests longer than it would have."""
    resting, others = Block("", 2, 130.0), Block("two", 4, 400.0)
    budget = Budget((Block("dead", 3, 400.0), Block("dead", 1, 120.0), resting, others))
    after = without_ended(budget, {"dead"}, 100.0)
    assert after.blocks == (Block("", 3, 170.0), Block("", 1, 120.0), resting, others)
    ask = Ask(ACCOUNT, Limit(per_minute=10), wanted=10, urgent=10)
    _, early = exchange(after, ask, holder="x", now=169.0, lend_s=60.0)
    _, late = exchange(after, ask, holder="x", now=170.0, lend_s=60.0)
    assert (early.requests, late.requests) == (3, 6)

"""Breakers at their edges: the evidence that just suffices, and each move between their states (D12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from impact_in_pipelines.delivery.holding.breaking import (
    STEPS,
    Breaker,
    BreakerCause,
    BreakerRules,
    BreakerState,
    ConnectionEvidence,
    PlatformEvidence,
    Tally,
    after,
    allowance,
    connection_opens,
    granted,
    is_refusal,
    may_pass,
    opened,
    platform_opens,
)
from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.settings import read_settings

NOW = datetime(2026, 3, 10, tzinfo=UTC)
RULES = BreakerRules()
LEASE = timedelta(minutes=3)
SECOND = timedelta(seconds=1)


def an_open(cause: BreakerCause = BreakerCause.PLATFORM) -> Breaker:
    return opened(cause, "answers 503", NOW, RULES)


def half_open(step: int, streak: int = 0) -> Breaker:
    return replace(an_open(), state=BreakerState.HALF_OPEN, step=step, streak=streak)


@pytest.mark.parametrize(
    ("failures", "companies", "opens"),
    [(4, 2, False), (5, 2, True), (5, 1, False), (9, 1, False), (10, 1, True), (10, 0, True)],
)
def test_two_companies_make_it_the_platforms_trouble_one_needs_more_attempts(
    failures: int, companies: int, opens: bool
) -> None:
    """As many as docs/operations.md says, no more and no fewer."""
    assert platform_opens(PlatformEvidence(failures, companies), RULES) is opens


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (ConnectionEvidence(failures=4, others_work=True, refusals=2), None),
        (ConnectionEvidence(failures=5, others_work=True), BreakerCause.FAILING),
        (ConnectionEvidence(failures=500, others_work=False), None),
        (ConnectionEvidence(refusals=3), BreakerCause.REFUSED),
        (ConnectionEvidence(failures=5, others_work=True, refusals=3), BreakerCause.REFUSED),
        (ConnectionEvidence(), None),
    ],
)
def test_an_account_is_left_alone_from_just_so_many_on(
    evidence: ConnectionEvidence, cause: BreakerCause | None
) -> None:
    """Failures count only while others get through; who has done nothing is not blamed."""
    assert connection_opens(evidence, RULES) is cause


def test_the_settings_make_the_rules() -> None:
    """Each setting its own threshold, in the unit of its name."""
    settings = read_settings(
        {
            "BREAKER_WINDOW_MINUTES": "11",
            "BREAKER_PLATFORM_ATTEMPTS": "12",
            "BREAKER_LONE_ATTEMPTS": "13",
            "BREAKER_CONNECTION_ATTEMPTS": "14",
            "BREAKER_REFUSALS": "15",
            "BREAKER_FIRST_PROBE_SECONDS": "16",
            "BREAKER_LONGEST_PROBE_SECONDS": "170",
            "BREAKER_LONGEST_REFUSED_PROBE_SECONDS": "1800",
        }
    )
    assert BreakerRules.from_settings(settings) == BreakerRules(
        window=timedelta(minutes=11),
        platform_attempts=12,
        lone_attempts=13,
        connection_attempts=14,
        refusals=15,
        first_probe=timedelta(seconds=16),
        longest_probe=timedelta(seconds=170),
        longest_refused_probe=timedelta(minutes=30),
    )
    assert BreakerRules.from_settings(read_settings({})) == RULES


@pytest.mark.parametrize(
    ("cause", "minutes"),
    [
        (BreakerCause.PLATFORM, [0.5, 1, 2, 4, 4]),
        (BreakerCause.FAILING, [0.5, 1, 2, 4, 4]),
        (BreakerCause.REFUSED, [0.5, 1, 2, 4, 8, 16, 32, 60, 60]),
    ],
)
def test_canaries_double_their_distance_up_to_the_longest(
    cause: BreakerCause, minutes: list[float]
) -> None:
    """A platform comes back within minutes; refused credentials wait for a person."""
    breaker, now, waits = an_open(cause), NOW, []
    for _ in minutes:
        waits.append((breaker.next_probe_at - now) / timedelta(minutes=1))
        now = breaker.next_probe_at
        found = after(granted(breaker, now, LEASE), Tally(failed=1), now, RULES)
        assert found is not None
        breaker = found
    assert waits == minutes


def test_a_first_interval_longer_than_the_longest_is_kept() -> None:
    """Settings that contradict each other must not make canaries come faster than the first."""
    rules = BreakerRules(first_probe=timedelta(minutes=10), longest_probe=timedelta(minutes=4))
    breaker = opened(BreakerCause.PLATFORM, "answers 503", NOW, rules)
    found = after(granted(breaker, NOW, LEASE), Tally(failed=1), NOW, rules)
    assert found is not None
    assert found.next_probe_at - NOW == timedelta(minutes=10)


def test_an_open_breaker_lets_one_canary_out_from_its_instant_on() -> None:
    """Whatever is still on its way; and none while the lease of the canary lasts."""
    breaker = an_open()
    due = breaker.next_probe_at
    assert allowance(breaker, in_flight=3, now=due - timedelta(microseconds=1)) == 0
    assert allowance(breaker, in_flight=3, now=due) == 1
    out = granted(breaker, due, LEASE)
    assert (out.probing, out.next_probe_at) == (True, due + LEASE)
    assert (breaker.probing, breaker.streak, breaker.step) == (False, 0, 0)


def test_a_half_open_breaker_needs_no_canary() -> None:
    """Its step says how many go: taking some changes nothing else."""
    half = half_open(2, streak=3)
    assert granted(half, NOW, LEASE) == half
    assert [allowance(half, in_flight=n, now=NOW) for n in (0, 4, 5, 9)] == [5, 1, 0, 0]


def test_nothing_that_ended_changes_nothing() -> None:
    """A look at a breaker is no result."""
    for breaker in (an_open(), half_open(3, streak=4)):
        assert after(breaker, Tally(), NOW, RULES) == breaker


def test_a_canary_that_arrives_is_the_first_success_of_the_first_step() -> None:
    """So the next step lets two through; failures that end with it don't outweigh it: it is the newest."""
    probing = granted(an_open(), NOW, LEASE)
    for tally in (Tally(delivered=1), Tally(delivered=1, failed=9), Tally(delivered=40)):
        half = after(probing, tally, NOW, RULES)
        assert half is not None
        assert (half.state, half.probing, half.step, half.streak) == (
            BreakerState.HALF_OPEN, False, 1, 0,
        )  # fmt: skip


def test_a_canary_that_fails_comes_back_after_the_interval_and_not_sooner() -> None:
    """From when its failure is known."""
    later = NOW + timedelta(minutes=2)
    probing = granted(an_open(), NOW + RULES.first_probe, LEASE)
    found = after(probing, Tally(failed=1), later, RULES)
    assert found is not None
    assert (found.probing, found.next_probe_at) == (False, later + 2 * RULES.first_probe)
    assert (found.state, found.since) == (BreakerState.OPEN, NOW)


@pytest.mark.parametrize(
    ("step", "streak", "tally", "expected"),
    [
        # A step is climbed by as many successes as it lets through, over several results.
        (1, 0, Tally(delivered=1), (BreakerState.HALF_OPEN, 1, 1)),
        (1, 1, Tally(delivered=1), (BreakerState.HALF_OPEN, 2, 0)),
        (1, 1, Tally(delivered=3), (BreakerState.HALF_OPEN, 2, 2)),
        (1, 0, Tally(delivered=7), (BreakerState.HALF_OPEN, 3, 0)),
        (6, 99, Tally(delivered=1), None),
        (6, 98, Tally(delivered=1), (BreakerState.HALF_OPEN, 6, 99)),
        # As many failures as successes are no majority: a step back, from the start of that step.
        (3, 4, Tally(delivered=2, failed=2), (BreakerState.HALF_OPEN, 2, 0)),
        (1, 1, Tally(delivered=2, failed=1), (BreakerState.HALF_OPEN, 0, 0)),
        (0, 0, Tally(delivered=2, failed=1), (BreakerState.HALF_OPEN, 0, 0)),
        (3, 4, Tally(delivered=2, failed=3), (BreakerState.OPEN, 0, 0)),
        (3, 4, Tally(failed=1), (BreakerState.OPEN, 0, 0)),
    ],
)
def test_each_result_moves_a_half_open_breaker_so(
    step: int, streak: int, tally: Tally, expected: tuple[BreakerState, int, int] | None
) -> None:
    """Up by successes, one back for some failures, open again for more failures than successes."""
    found = after(half_open(step, streak), tally, NOW, RULES)
    assert (found and (found.state, found.step, found.streak)) == expected


def test_it_opens_again_with_the_interval_that_it_had_reached() -> None:
    """A platform that comes and goes is not asked faster each time it goes."""
    reached = replace(half_open(3, streak=4), interval=timedelta(minutes=2))
    found = after(reached, Tally(failed=1), NOW + SECOND, RULES)
    assert found is not None
    assert found.next_probe_at == NOW + SECOND + timedelta(minutes=2)
    assert found.interval == timedelta(minutes=4)


def test_a_platform_comes_back_gently_and_then_fully() -> None:
    """It starts with one, each step at most two and a half times the one before, and the last lets a full
    drain through (the capacity table ends at a hundred)."""
    assert STEPS[0] == 1
    assert STEPS[-1] == 100
    assert all(a < b <= 2.5 * a for a, b in pairwise(STEPS))


@pytest.mark.parametrize("status", [409, 425])
@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_only_what_is_tried_again_may_pass_and_a_busy_platform_works(
    status: int, outcome: AttemptOutcome
) -> None:
    """409 and 425 are answers about the request; a final end is no outage whatever its kind."""
    kinds = (ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVER_ERROR)
    again = outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.HELD)
    for kind in ErrorKind:
        result = SendResult(outcome, 1.0, error_kind=kind)
        assert may_pass(result) is (again and kind in kinds)
        assert not may_pass(replace(result, http_status=status))
        for other in (status - 1, status + 1, 503):
            assert may_pass(replace(result, http_status=other)) is (again and kind in kinds)


@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_what_arrived_or_is_split_refuses_no_account(outcome: AttemptOutcome) -> None:
    """Credentials, and 404 with a refusal, are the account's whether they end the attempt or not; a split
    batch is about one of its records."""
    counts = outcome not in (AttemptOutcome.DELIVERED, AttemptOutcome.SPLIT)
    for status in (None, 401, 403, 404):
        result = SendResult(outcome, 1.0, http_status=status, error_kind=ErrorKind.AUTHENTICATION)
        assert is_refusal(result) is counts
    for status in (None, 400, 403, 404, 405, 410):
        result = SendResult(outcome, 1.0, http_status=status, error_kind=ErrorKind.REJECTED)
        assert is_refusal(result) is (counts and status == 404)
    for kind in (ErrorKind.CONFIGURATION, ErrorKind.SERVER_ERROR, ErrorKind.RATE_LIMITED):
        assert not is_refusal(SendResult(outcome, 1.0, http_status=404, error_kind=kind))

"""Breakers as a pure decision (D12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

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

NOW = datetime(2026, 3, 10, tzinfo=UTC)
RULES = BreakerRules()
LEASE = timedelta(minutes=3)
causes = st.sampled_from(BreakerCause)
tallies = st.builds(Tally, st.integers(0, 120), st.integers(0, 120))


def an_open(cause: BreakerCause = BreakerCause.PLATFORM) -> Breaker:
    return opened(cause, "answers 503", NOW, RULES)


@given(st.integers(0, 50), st.integers(0, 5))
def test_a_platform_is_left_alone_for_two_companies_or_many_attempts(
    failures: int, companies: int
) -> None:
    """One company's trouble alone is the platform's only after as many attempts as are set."""
    opens = platform_opens(PlatformEvidence(failures, companies), RULES)
    enough = RULES.platform_attempts if companies > 1 else RULES.lone_attempts
    assert opens == (failures >= enough)


@given(st.integers(0, 50), st.booleans(), st.integers(0, 10))
def test_an_account_is_blamed_only_while_others_get_through(
    failures: int, others_work: bool, refusals: int
) -> None:
    """What nobody gets through is the platform's; a refusal is always the account's."""
    cause = connection_opens(ConnectionEvidence(failures, others_work, refusals), RULES)
    if cause is BreakerCause.FAILING:
        assert others_work
        assert failures >= RULES.connection_attempts
    assert (cause is BreakerCause.REFUSED) == (refusals >= RULES.refusals)


@given(causes, st.integers(1, 60))
def test_canaries_that_fail_come_at_growing_bounded_intervals(
    cause: BreakerCause, times: int
) -> None:
    """One at a time, never sooner than the one before, never later than the longest interval."""
    breaker, now, gaps = an_open(cause), NOW, []
    for _ in range(times):
        assert (
            allowance(breaker, in_flight=0, now=breaker.next_probe_at - timedelta(seconds=1)) == 0
        )
        gaps.append(breaker.next_probe_at - now)
        now = breaker.next_probe_at
        assert allowance(breaker, in_flight=0, now=now) == 1
        breaker = granted(breaker, now, LEASE)
        assert allowance(breaker, in_flight=1, now=now) == 0
        after_it = after(breaker, Tally(failed=1), now, RULES)
        assert after_it is not None
        breaker = after_it
    assert gaps == sorted(gaps)
    assert gaps[0] == RULES.first_probe
    assert gaps[-1] <= RULES.longest(cause)
    assert breaker.state is BreakerState.OPEN
    assert breaker.since == NOW


@given(causes, st.lists(tallies, max_size=40))
def test_whatever_comes_no_more_than_the_step_is_in_flight(
    cause: BreakerCause, results: list[Tally]
) -> None:
    """Open at most one, half-open at most the step's; it closes through half-open alone."""
    breaker, now = an_open(cause), NOW
    for tally in results:
        now += timedelta(minutes=10)
        room = allowance(breaker, in_flight=0, now=now)
        assert 0 <= room <= (1 if breaker.state is BreakerState.OPEN else STEPS[breaker.step])
        before, breaker_after = breaker, after(granted(breaker, now, LEASE), tally, now, RULES)
        if breaker_after is None:
            assert before.state is BreakerState.HALF_OPEN
            return
        if breaker_after.state is BreakerState.HALF_OPEN and before.state is BreakerState.OPEN:
            assert tally.delivered
            assert breaker_after.step == 1
        breaker = breaker_after


def test_successes_close_it_by_steps() -> None:
    """1, 2, 5, 10, …: each step as many successes as it lets through."""
    breaker: Breaker | None = after(granted(an_open(), NOW, LEASE), Tally(delivered=1), NOW, RULES)
    seen = []
    while breaker is not None:
        room = allowance(breaker, in_flight=0, now=NOW)
        seen.append(room)
        breaker = after(breaker, Tally(delivered=room), NOW, RULES)
    assert tuple(seen) == STEPS[1:]


def test_a_canary_whose_drain_died_is_replaced_when_its_lease_has_ended() -> None:
    """Nobody waits for a result that never comes."""
    breaker = granted(an_open(), NOW + RULES.first_probe, LEASE)
    later = NOW + RULES.first_probe + LEASE
    assert allowance(breaker, in_flight=0, now=later - timedelta(seconds=1)) == 0
    assert allowance(breaker, in_flight=0, now=later) == 1


def test_what_was_on_its_way_when_it_opened_puts_no_canary_off() -> None:
    """A hundred time-outs that end together are one outage, not a hundred canaries."""
    assert after(an_open(), Tally(failed=100), NOW, RULES) == an_open()


def test_one_failure_among_successes_is_a_step_back_and_a_majority_opens_it_again() -> None:
    """A platform that comes back is not dropped for one bad answer, nor knocked over."""
    half = replace(an_open(), state=BreakerState.HALF_OPEN, step=3)
    back = after(half, Tally(delivered=9, failed=1), NOW, RULES)
    again = after(half, Tally(delivered=1, failed=9), NOW, RULES)
    assert back is not None
    assert again is not None
    assert (back.state, back.step) == (BreakerState.HALF_OPEN, 2)
    assert again.state is BreakerState.OPEN
    assert again.next_probe_at > NOW


def test_what_may_pass_and_what_refuses_an_account() -> None:
    """5xx, time-outs and silence may pass; credentials and unknown organisations refuse; a conflict, a rate
    limit or refused data is neither."""

    def ended(outcome: AttemptOutcome, kind: ErrorKind, status: int | None = None) -> SendResult:
        return SendResult(outcome, 1.0, http_status=status, error_kind=kind)

    retry, final = AttemptOutcome.RETRYABLE, AttemptOutcome.PERMANENT
    assert may_pass(ended(retry, ErrorKind.SERVER_ERROR, 503))
    assert may_pass(ended(retry, ErrorKind.TIMEOUT))
    assert may_pass(ended(retry, ErrorKind.NETWORK))
    assert not may_pass(ended(retry, ErrorKind.SERVER_ERROR, 409))
    assert not may_pass(ended(retry, ErrorKind.RATE_LIMITED, 429))
    assert is_refusal(ended(final, ErrorKind.AUTHENTICATION, 401))
    assert is_refusal(ended(retry, ErrorKind.AUTHENTICATION, 401))
    assert is_refusal(ended(final, ErrorKind.REJECTED, 404))
    assert not is_refusal(ended(final, ErrorKind.REJECTED, 422))

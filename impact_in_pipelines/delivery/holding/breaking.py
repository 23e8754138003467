"""When a connection or a platform is left alone, when it is asked again, and how it comes back (D12).

A circuit breaker as a pure decision: from the results of attempts to closed, open or half-open. Open, one
real delivery is tried at growing intervals; half-open, a few at once, more with each step that went well.
PostgreSQL keeps the state (`db/deliveries/queueing/breakers.py`), for all drains alike.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from impact_in_pipelines.delivery.model import SendResult
from impact_in_pipelines.delivery.states import AttemptOutcome, ErrorKind
from impact_in_pipelines.settings import Settings

MAY_PASS = frozenset({ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVER_ERROR})
"""What no account can cause, and what passes by itself: 5xx, time-outs, unreachable."""

STEPS = (1, 2, 5, 10, 20, 50, 100)
"""Deliveries in flight at once while a platform comes back; as many successes lead to the next step."""


class BreakerState(StrEnum):
    """Closed lets everything through, open one canary now and then, half-open a few at once."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerCause(StrEnum):
    """What opened a breaker: the platform, or one account that fails while others work, or is refused."""

    PLATFORM = "platform"
    FAILING = "failing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """Thresholds (attempts) and times; see docs/operations.md for each."""

    window: timedelta = timedelta(minutes=15)
    platform_attempts: int = 5
    lone_attempts: int = 10
    connection_attempts: int = 5
    refusals: int = 3
    first_probe: timedelta = timedelta(seconds=30)
    longest_probe: timedelta = timedelta(minutes=4)
    longest_refused_probe: timedelta = timedelta(hours=1)
    growth: float = 2.0

    @classmethod
    def from_settings(cls, settings: Settings) -> "BreakerRules":
        """The rules that the settings give."""
        return cls(
            window=timedelta(minutes=settings.breaker_window_minutes),
            platform_attempts=settings.breaker_platform_attempts,
            lone_attempts=settings.breaker_lone_attempts,
            connection_attempts=settings.breaker_connection_attempts,
            refusals=settings.breaker_refusals,
            first_probe=timedelta(seconds=settings.breaker_first_probe_seconds),
            longest_probe=timedelta(seconds=settings.breaker_longest_probe_seconds),
            longest_refused_probe=timedelta(seconds=settings.breaker_longest_refused_probe_seconds),
        )

    def longest(self, cause: BreakerCause) -> timedelta:
        """The longest interval between two canaries."""
        longest = (
            self.longest_refused_probe if cause is BreakerCause.REFUSED else self.longest_probe
        )
        return max(longest, self.first_probe)


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open or half-open breaker. `next_probe_at`: before it no canary goes out; `interval` is the wait
    after the next one that fails. `probing`: a canary is on its way. `streak`: successes of this step."""

    state: BreakerState
    cause: BreakerCause
    since: datetime
    reason: str
    next_probe_at: datetime
    interval: timedelta
    probing: bool = False
    step: int = 0
    streak: int = 0


@dataclass(frozen=True, slots=True)
class PlatformEvidence:
    """Failures that no account can cause within the window, since the last delivery that any company's
    attempt brought; and of how many companies they are."""

    failures: int
    companies: int


@dataclass(frozen=True, slots=True)
class ConnectionEvidence:
    """One connection's failures that may pass, and its refusals, each since its own last success; whether
    others on the platform were delivered to since the first of those failures."""

    failures: int = 0
    others_work: bool = False
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts under one breaker that have just ended."""

    delivered: int = 0
    failed: int = 0


def may_pass(result: SendResult) -> bool:
    """Whether this failure is one that no account can cause and that passes by itself. A conflict (409) and
    `too early` (425) are answers of a platform that works."""
    return (
        result.outcome in (AttemptOutcome.RETRYABLE, AttemptOutcome.HELD)
        and result.error_kind in MAY_PASS
        and result.http_status not in (409, 425)
    )


def is_refusal(result: SendResult) -> bool:
    """Whether the platform refuses the account: its credentials, or an organisation that it doesn't know
    (404 with the contract's code)."""
    if result.outcome in (AttemptOutcome.DELIVERED, AttemptOutcome.SPLIT):
        return False
    unknown = result.error_kind is ErrorKind.REJECTED and result.http_status == 404
    return unknown or result.error_kind is ErrorKind.AUTHENTICATION


def platform_opens(evidence: PlatformEvidence, rules: BreakerRules) -> bool:
    """Whether a platform is to be left alone: at least two companies, or many attempts of a lone one."""
    enough = rules.platform_attempts if evidence.companies > 1 else rules.lone_attempts
    return evidence.failures >= enough


def connection_opens(evidence: ConnectionEvidence, rules: BreakerRules) -> BreakerCause | None:
    """Why one connection is to be left alone; None: it isn't. While nobody gets through, it is not the
    account's doing."""
    if evidence.refusals >= rules.refusals:
        return BreakerCause.REFUSED
    if evidence.others_work and evidence.failures >= rules.connection_attempts:
        return BreakerCause.FAILING
    return None


def opened(cause: BreakerCause, reason: str, now: datetime, rules: BreakerRules) -> Breaker:
    """A breaker that has just opened."""
    return Breaker(
        BreakerState.OPEN,
        cause,
        now,
        reason,
        now + rules.first_probe,
        _grown(rules.first_probe, cause, rules),
    )


def after(breaker: Breaker, tally: Tally, now: datetime, rules: BreakerRules) -> Breaker | None:
    """The breaker once the attempts of `tally` have ended; None: it is closed.

    Open, a success makes it half-open, and a canary that failed puts off the next one. Failures of what was
    on its way when it opened say nothing new. Half-open, successes climb the steps, and where failures
    prevail it opens again with the interval that it had reached.
    """
    if not (tally.delivered or tally.failed):
        return breaker
    if breaker.state is BreakerState.OPEN:
        if tally.delivered:
            half = replace(breaker, state=BreakerState.HALF_OPEN, probing=False, step=0, streak=0)
            # The canary itself is the first success of the first step.
            return _climbed(half, 1)
        if not breaker.probing:
            # Sent before it opened: a hundred time-outs that end together are one outage.
            return breaker
        return _put_off(breaker, now, rules)
    if tally.failed > tally.delivered:
        return _put_off(replace(breaker, state=BreakerState.OPEN, step=0, streak=0), now, rules)
    if tally.failed:
        return replace(breaker, step=max(breaker.step - 1, 0), streak=0)
    return _climbed(breaker, tally.delivered)


def allowance(breaker: Breaker, *, in_flight: int, now: datetime) -> int:
    """How many deliveries may be taken up now besides the `in_flight` that are on their way under it."""
    if breaker.state is BreakerState.HALF_OPEN:
        return max(STEPS[breaker.step] - in_flight, 0)
    return 1 if now >= breaker.next_probe_at else 0


def granted(breaker: Breaker, now: datetime, lease: timedelta) -> Breaker:
    """The breaker with its canary on the way: no second one while the lease lasts, even if the drain dies."""
    if breaker.state is BreakerState.HALF_OPEN:
        return breaker
    return replace(breaker, probing=True, next_probe_at=now + lease)


def _climbed(breaker: Breaker, delivered: int) -> Breaker | None:
    step, streak = breaker.step, breaker.streak + delivered
    while step < len(STEPS) and streak >= STEPS[step]:
        streak -= STEPS[step]
        step += 1
    if step == len(STEPS):
        return None
    return replace(breaker, step=step, streak=streak)


def _put_off(breaker: Breaker, now: datetime, rules: BreakerRules) -> Breaker:
    return replace(
        breaker,
        probing=False,
        next_probe_at=now + breaker.interval,
        interval=_grown(breaker.interval, breaker.cause, rules),
    )


def _grown(interval: timedelta, cause: BreakerCause, rules: BreakerRules) -> timedelta:
    return min(interval * rules.growth, rules.longest(cause))

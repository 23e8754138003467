"""The retry plan: 5, 10 and 20 minutes with jitter (D5, layer 2)."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.delivery.retry import RetryPlan
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.errors import InvalidSetting
from impact_in_pipelines.platforms import FACTS, RETRIED_KINDS, Platform
from impact_in_pipelines.settings import read_settings

from .helpers import NOW

MINUTES = 60_000.0
SEEDS = st.integers(0, 2**32)
ASKED = st.none() | st.floats(0, 1e9)


@given(seed=SEEDS)
def test_the_delays_are_5_10_and_20_minutes_within_a_fifth(seed: int) -> None:
    """And the fourth failure is final."""
    rng = random.Random(seed)
    for failed, minutes in ((1, 5), (2, 10), (3, 20)):
        delay = RetryPlan().delay_ms(failed, rng)
        assert delay is not None
        assert 0.8 * minutes * MINUTES <= delay <= 1.2 * minutes * MINUTES
    assert RetryPlan().delay_ms(4, rng) is None


@given(retries=st.integers(0, 10), failed=st.integers(1, 30), seed=SEEDS, asked=ASKED)
def test_never_more_retries_than_the_plan_has(
    retries: int, failed: int, seed: int, asked: float | None
) -> None:
    """Whatever the platform asks for, failure number `retries` + 1 is final."""
    at = RetryPlan(max_retries=retries).next_attempt_at(
        failed_attempts=failed, now=NOW, rng=random.Random(seed), retry_after_ms=asked
    )
    assert (at is None) is (failed > retries)


@given(failed=st.integers(1, 3), seed=SEEDS, asked=ASKED)
def test_retry_after_lengthens_a_delay_up_to_an_hour(
    failed: int, seed: int, asked: float | None
) -> None:
    """It never shortens one, and never holds a delivery for longer than the cap."""
    plan = RetryPlan()
    own = plan.delay_ms(failed, random.Random(seed))
    at = plan.next_attempt_at(
        failed_attempts=failed, now=NOW, rng=random.Random(seed), retry_after_ms=asked
    )
    assert own is not None
    assert at is not None
    wanted = max(own, min(asked or 0.0, 3_600_000))
    assert at - NOW == timedelta(milliseconds=wanted)


@given(failed=st.integers(1, 3), seed=SEEDS, one=st.floats(0, 1e8), other=st.floats(0, 1e8))
def test_asking_for_more_never_brings_it_sooner(
    failed: int, seed: int, one: float, other: float
) -> None:
    """The next attempt is monotone in Retry-After."""
    at = [
        RetryPlan().next_attempt_at(
            failed_attempts=failed, now=NOW, rng=random.Random(seed), retry_after_ms=asked
        )
        for asked in sorted((one, other))
    ]
    assert at[0] is not None
    assert at[1] is not None
    assert at[0] <= at[1]


@given(seed=SEEDS)
def test_each_delay_is_longer_than_the_one_before(seed: int) -> None:
    """With the default jitter no draw makes a later delay the shorter one."""
    rng = random.Random(seed)
    delays = [RetryPlan().delay_ms(failed, rng) or 0.0 for failed in (1, 2, 3)]
    assert delays == sorted(delays)


def test_the_jitter_is_used() -> None:
    """A thousand deliveries that failed together don't come back together."""
    rng = random.Random(7)
    delays = [RetryPlan().delay_ms(1, rng) or 0.0 for _ in range(1_000)]
    assert min(delays) < 0.85 * 5 * MINUTES
    assert max(delays) > 1.15 * 5 * MINUTES


@pytest.mark.parametrize(("retries", "delay", "multiplier"), [("0", "1", "1"), ("5", "200", "3")])
def test_the_settings_make_the_plan(retries: str, delay: str, multiplier: str) -> None:
    """The SCHEDULER_ settings of the specification."""
    settings = read_settings(
        {
            "SCHEDULER_MAX_RETRIES": retries,
            "SCHEDULER_RETRY_DELAY_MS": delay,
            "SCHEDULER_BACKOFF_MULTIPLIER": multiplier,
        }
    )
    plan = RetryPlan.from_settings(settings, Platform.BENEVITY)
    assert (plan.max_retries, plan.base_ms) == (int(retries), int(delay))
    assert plan.multiplier == float(multiplier)


def test_the_longest_plan_that_settings_allow_has_a_date() -> None:
    """Ten retries, a day, tenfold: an instant beyond the calendar would leave a row unsettled for ever."""
    plan = RetryPlan(max_retries=10, base_ms=86_400_000, multiplier=10.0)
    at = plan.next_attempt_at(failed_attempts=10, now=NOW, rng=random.Random(1))
    assert at is not None
    assert at > NOW


def test_a_platform_has_its_own_plan_and_a_kind_of_error_too() -> None:
    """RETRY_DELAYS_MS replaces what the general settings make; nothing else changes."""
    settings = read_settings(
        {
            "RETRY_DELAYS_MS": "workday=1000,2000; goodera.rate_limited=500",
            "IMPACT_IN_RETRY_JITTER": "0",
        }
    )
    rng = random.Random(1)
    workday = RetryPlan.from_settings(settings, Platform.WORKDAY)
    assert [workday.delay_ms(n, rng) for n in (1, 2, 3)] == [1_000, 2_000, None]
    goodera = RetryPlan.from_settings(settings, Platform.GOODERA)
    assert [goodera.delay_ms(n, rng, ErrorKind.RATE_LIMITED) for n in (1, 2)] == [500, None]
    assert goodera.delay_ms(3, rng, ErrorKind.TIMEOUT) == 20 * MINUTES
    assert goodera.longest_delay_ms == 20 * MINUTES
    assert RetryPlan.from_settings(settings, Platform.BENEVITY).delays() == RetryPlan().delays()


@pytest.mark.parametrize(
    ("said", "usual", "limited"),
    [
        ("", (7_000,), (9_000,)),
        ("goodera=60000", (7_000,), (9_000,)),
        ("workday=60000", (60_000,), (60_000,)),
        ("workday.rate_limited=60000", RetryPlan().delays(), (60_000,)),
        ("workday.timeout=60000", RetryPlan().delays(), RetryPlan().delays()),
    ],
)
def test_a_connectors_delays_give_way_to_the_operators(
    said: str,
    usual: tuple[float, ...],
    limited: tuple[float, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them: its delay for one kind of error once overruled what was set for the whole platform."""
    facts = replace(
        FACTS[Platform.WORKDAY],
        retry_delays_ms=(7_000,),
        retry_delays_by_error={"rate_limited": (9_000,)},
    )
    monkeypatch.setattr("impact_in_pipelines.delivery.retry.FACTS", {Platform.WORKDAY: facts})
    settings = read_settings({"RETRY_DELAYS_MS": said} if said else {})

    plan = RetryPlan.from_settings(settings, Platform.WORKDAY)

    assert (plan.delays(), plan.delays(ErrorKind.RATE_LIMITED)) == (usual, limited)


@pytest.mark.parametrize(
    "text",
    ["workday", "workday=", "nobody=1", "workday.rejected=1", "workday=0", "workday=1;workday=2"],
)
def test_a_plan_that_does_not_parse_stops_the_program(text: str) -> None:
    """With the name of the setting."""
    with pytest.raises(InvalidSetting, match="RETRY_DELAYS_MS"):
        read_settings({"RETRY_DELAYS_MS": text})


def test_the_kinds_of_plans_are_kinds_of_errors() -> None:
    """Settings know them by name only."""
    assert {ErrorKind(kind) for kind in RETRIED_KINDS} <= set(ErrorKind)

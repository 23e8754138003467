"""When a platform counts as out (seed: complete failure for 30 minutes or more, level 3)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from impact_in_pipelines.alerting.outages import OutageRule, health, look_back_to, outages
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import Incident, PlatformActivity, PlatformState
from impact_in_pipelines.sla.model import BreachType, Rule, Severity

from .helpers import MINUTE, NOON, Book, outage

RULE = OutageRule()


def failing(**changes: Any) -> PlatformActivity:
    """Goodera has failed 12 attempts of 4 companies for 31 minutes, the last one a minute ago."""
    usual = PlatformActivity(
        platform=Platform.GOODERA,
        last_success=NOON - timedelta(hours=1),
        first_failure=NOON - 31 * MINUTE,
        last_failure=NOON - MINUTE,
        failures=12,
        companies=4,
        own_faults=0,
        error_kinds=("server_error",),
    )
    return replace(usual, **changes)


def opened(at: datetime = NOON) -> Incident:
    """An outage of Goodera that is open since `at`."""
    book = Book()
    book.look([outage(since=at)], at)
    return book.open[0]


def test_thirty_minutes_of_nothing_but_failures_are_an_outage() -> None:
    """Critical, of the platform alone, since the first failure."""
    (found,) = outages([failing()], [], RULE, NOON)

    assert (found.type, found.severity) == (BreachType.PLATFORM_OUTAGE, Severity.CRITICAL)
    assert (found.company_id, found.platform) == (None, Platform.GOODERA)
    assert (found.actual, found.threshold, found.sample_size) == (31.0, 30.0, 12)
    assert found.since == NOON - 31 * MINUTE
    assert found.details == {"companies": 4, "error_kinds": ["server_error"]}
    assert (found.pages, found.rule) == (True, Rule.OUTAGE)


@pytest.mark.parametrize(
    ("changes", "out"),
    [
        ({"first_failure": NOON - 30 * MINUTE}, True),
        ({"first_failure": NOON - 29 * MINUTE}, False),
        ({"failures": 5}, True),
        ({"failures": 4}, False),
        ({"last_failure": NOON - 29 * MINUTE}, True),
        ({"last_failure": NOON - 30 * MINUTE}, False),
        ({"last_success": None}, True),
        ({"companies": 1}, True),
        ({"companies": 1, "own_faults": 1}, False),
        ({"companies": 2, "own_faults": 12}, True),
        ({"first_failure": None, "last_failure": None, "failures": 0, "companies": 0}, False),
    ],
)
def test_what_it_takes(changes: dict[str, Any], out: bool) -> None:
    """30 minutes, five attempts, a fresh one among them, and more than one account's own fault."""
    assert bool(outages([failing(**changes)], [], RULE, NOON)) is out


def test_silence_does_not_end_an_outage() -> None:
    """Nobody has tried for hours: that isn't a recovery."""
    later = NOON + timedelta(hours=5)

    (found,) = outages([], [opened()], RULE, later)

    assert found.actual == 300.0


def test_failures_that_went_on_do_not_end_it() -> None:
    """Nor do too few of them."""
    few = failing(failures=1, last_success=NOON - timedelta(hours=1))

    assert outages([few], [opened()], RULE, NOON + MINUTE)


def test_one_delivered_attempt_ends_it() -> None:
    """The platform answers."""
    back = failing(last_success=NOON + MINUTE, failures=1)

    assert outages([back], [opened()], RULE, NOON + 2 * MINUTE) == []


def test_platforms_are_judged_one_by_one() -> None:
    """Goodera's outage isn't Workday's."""
    activity = [failing(), failing(platform=Platform.WORKDAY, failures=1)]

    assert [one.platform for one in outages(activity, [], RULE, NOON)] == [Platform.GOODERA]


def test_how_far_back_attempts_are_read() -> None:
    """To the beginning of an open outage, two hours at least and a day at most."""
    assert look_back_to([], RULE, NOON) == NOON - timedelta(hours=2)
    assert look_back_to([opened(NOON - timedelta(hours=7))], RULE, NOON) == NOON - timedelta(
        hours=7
    )
    assert look_back_to([opened(NOON - timedelta(days=7))], RULE, NOON) == NOON - timedelta(days=1)
    slow = OutageRule(after=timedelta(hours=20))
    assert look_back_to([], slow, NOON) == NOON - timedelta(hours=40)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, PlatformState.OUTAGE),
        ({"first_failure": NOON - 10 * MINUTE}, PlatformState.DEGRADED),
        ({"first_failure": NOON - 10 * MINUTE, "failures": 4}, PlatformState.HEALTHY),
        ({"last_failure": NOON - 30 * MINUTE}, PlatformState.HEALTHY),
        ({"companies": 1, "own_faults": 12}, PlatformState.HEALTHY),
    ],
)
def test_a_platform_is_degraded_before_it_is_out(
    changes: dict[str, Any], state: PlatformState
) -> None:
    """With the reason in words; of a platform without attempts nothing is known against it."""
    activity = [failing(**changes)]
    found = {
        one.platform: one for one in health(activity, outages(activity, [], RULE, NOON), RULE, NOON)
    }

    one = found[Platform.GOODERA]
    assert one.state is state
    assert set(found) == set(Platform)
    assert found[Platform.WORKDAY].state is PlatformState.HEALTHY
    if state is not PlatformState.HEALTHY:
        assert one.since == activity[0].first_failure
        assert one.reason == ("12 attempts of 4 companies failed (server error), none delivered")


def test_an_outage_that_is_silent_stays_one() -> None:
    """Nobody has tried since: the reason says so."""
    incident = opened()
    still = outages([], [incident], RULE, NOON + 60 * MINUTE)

    (one,) = [h for h in health([], still, RULE, NOON) if h.platform is Platform.GOODERA]

    assert one.state is PlatformState.OUTAGE
    assert (one.reason or "").startswith("no attempt has delivered since 2026-")

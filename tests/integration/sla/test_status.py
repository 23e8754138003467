"""Statuses and breaches from the log: windows, companies, thresholds, since when, burn rates, budgets."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.errors.sla import WindowReversed
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.model import BreachType, Severity, SlaState
from impact_in_pipelines.sla.windows import midnight

from .cases import company, many, only
from .logs import NOW, Log, Row, ago

BENEVITY, GOODERA = Platform.BENEVITY, Platform.GOODERA
RATE, ON_TIME, LATENCY, STREAK, OVERDUE, BURN = (
    BreachType.SUCCESS_RATE,
    BreachType.ON_TIME_RATE,
    BreachType.LATENCY,
    BreachType.CONSECUTIVE_FAILURES,
    BreachType.OVERDUE,
    BreachType.BURN_RATE,
)


@pytest.fixture
def log(engine: Engine) -> Log:
    """An empty log."""
    return Log(engine)


def test_the_specifications_example_of_142_deliveries(log: Log) -> None:
    """3 of 142 failed: 97.89 %, a breach; by platform the one that failed is in breach."""
    acme = company(log)
    log.write(many(acme.id, 79) + many(acme.id, 60, platform="goodera"))
    log.write(many(acme.id, 3, platform="goodera", status="failed", attempts=4))

    status = log.sla.get_sla_status(acme, now=NOW)

    metrics = status.overall.metrics
    assert (metrics.total, metrics.successful, metrics.failed) == (142, 139, 3)
    assert metrics.success_rate is not None
    assert round(metrics.success_rate.percent, 2) == 97.89
    assert status.overall.state is SlaState.BREACH
    assert status.by_platform[BENEVITY].state is SlaState.HEALTHY
    assert status.by_platform[GOODERA].state is SlaState.BREACH
    assert status.company == "acme"


def test_the_default_window_is_the_current_week(log: Log) -> None:
    """From Monday 00:00 UTC; a delivery of Sunday belongs to the week before."""
    acme = company(log)
    monday = midnight(ago(days=1).date())
    assert monday.weekday() == 0
    log.write([Row(acme.id, monday), Row(acme.id, monday - timedelta(milliseconds=1))])

    assert log.sla.get_sla_status(acme, now=NOW).overall.metrics.total == 1
    week_before = log.sla.get_sla_status(acme, monday - timedelta(days=7), monday, now=NOW)
    assert week_before.overall.metrics.total == 1


def test_a_window_must_end_after_it_begins(log: Log) -> None:
    """One line that names both."""
    with pytest.raises(WindowReversed):
        log.sla.get_sla_status(None, NOW, NOW, now=NOW)


def test_one_company_doesnt_see_another(log: Log) -> None:
    """And all of them together are the sum."""
    acme, other = company(log), company(log, "other")
    log.write([*many(acme.id, 3), *many(other.id, 2, status="failed")])

    assert log.sla.get_sla_status(acme, now=NOW).overall.metrics.due == 3
    assert log.sla.get_sla_status(other, now=NOW).overall.metrics.due == 2
    everybody = log.sla.get_sla_status(None, now=NOW)
    assert (everybody.company, everybody.overall.metrics.due) == (None, 5)


def test_nothing_due_is_healthy_without_rates(log: Log) -> None:
    """Null, not 0 or 100 %."""
    status = log.sla.get_sla_status(company(log), now=NOW)

    assert status.overall.state is SlaState.HEALTHY
    assert status.overall.metrics.success_rate is None
    assert status.by_platform == {}


def test_a_fire_that_nobody_planned_is_overdue(log: Log) -> None:
    """Nothing was delivered, and yet it isn't healthy; a paused schedule, a deleted one and a company that
    is switched off owe nothing."""
    acme = company(log)
    gone = log.company("gone", active=False)
    log.schedule(acme.id, next_run=ago(minutes=20))
    log.schedule(acme.id, "goodera", next_run=ago(minutes=20), active=False)
    log.schedule(acme.id, "goodera", next_run=ago(minutes=20), deleted_at=ago(days=1))
    log.schedule(acme.id, "workday", next_run=ago(minutes=4))
    log.schedule(gone, next_run=ago(minutes=20))

    breaches = log.sla.current(NOW).incidents_worth()

    found = only(breaches, OVERDUE, company="acme")
    assert (found.platform, found.severity, found.actual) == (BENEVITY, Severity.CRITICAL, 1)
    assert found.since == ago(minutes=15)
    assert {b.platform for b in breaches} == {BENEVITY}


def test_every_fire_that_passed_unplanned_counts_once_in_its_own_window(log: Log) -> None:
    """A daily schedule that lags for ten days owes ten deliveries: seven of the last week, three of the days
    before; today's midnight is the latest. One window's are no other's."""
    acme = company(log)
    log.schedule(acme.id, next_run=midnight(ago(days=9).date()))

    week = log.sla.current(NOW).status(acme.id).overall
    before = log.sla.get_sla_status(acme, ago(days=14), ago(days=7), now=NOW).overall

    assert (week.metrics.overdue, before.metrics.overdue) == (7, 3)
    assert (week.metrics.due, before.metrics.due) == (7, 3)
    # What is overdue now is told whenever it was due; a past window has no now.
    assert only(list(week.breaches), OVERDUE).actual == 10
    assert (week.metrics.overdue_now, before.metrics.overdue_now) == (10, 3)
    assert week.metrics.oldest_overdue == midnight(ago(days=9).date())


def test_an_old_overdue_fire_is_a_breach_and_in_no_rate_of_this_week(log: Log) -> None:
    """A monthly schedule that has lagged since the first is no less overdue on the tenth."""
    acme = company(log)
    log.one(
        "UPDATE scheduled_deliveries SET schedule = '0 0 1 * *' WHERE id = :id",
        id=log.schedule(acme.id, next_run=midnight(ago(days=9).date())),
    )

    overall = log.sla.current(NOW).status(acme.id).overall

    assert (overall.metrics.due, overall.metrics.success_rate) == (0, None)
    assert overall.state is SlaState.BREACH
    assert (only(list(overall.breaches), OVERDUE).actual, overall.metrics.overdue) == (1, 0)


def test_a_row_between_two_attempts_is_overdue_when_nobody_takes_it_up(log: Log) -> None:
    """Retrying is on its way until its next attempt is late; never attempted counts from its own time."""
    acme = company(log)
    log.write(
        [
            Row(acme.id, ago(hours=1), "retrying", attempts=2, next_attempt=NOW),
            Row(acme.id, ago(hours=2), "retrying", attempts=2, next_attempt=ago(minutes=6)),
            Row(acme.id, ago(minutes=6), "pending", attempts=0, next_attempt=NOW),
            Row(acme.id, ago(minutes=4), "pending", attempts=0, next_attempt=ago(minutes=4)),
        ]
    )

    metrics = log.sla.get_sla_status(acme, now=NOW).overall.metrics

    assert (metrics.pending, metrics.overdue, metrics.due) == (2, 2, 2)


def test_three_failures_in_a_row_are_a_breach_since_the_first(log: Log) -> None:
    """Whatever the window: the series of a weekly schedule is older than a week."""
    acme = company(log)
    weekly = log.schedule(acme.id)
    log.write([Row(acme.id, ago(weeks=4), schedule_id=weekly)])
    failed = [
        Row(acme.id, ago(weeks=n), "failed", schedule_id=weekly, attempts=4) for n in (3, 2, 1)
    ]
    log.write(failed)

    found = only(log.sla.current(NOW).incidents_worth(), STREAK)

    assert (found.company, found.actual, found.severity) == ("acme", 3, Severity.CRITICAL)
    assert found.since == failed[0].failed_at
    assert found.details["schedule_id"] == str(weekly)
    assert not found.low_confidence


@pytest.mark.parametrize("breaker", ["success", "skipped"])
def test_an_arrival_ends_a_series_of_failures(log: Log, breaker: str) -> None:
    """A success, or a skip because the content had arrived; what is missed or open is neither."""
    acme = company(log)
    daily = log.schedule(acme.id)
    log.write(
        [
            *(Row(acme.id, ago(days=n), "failed", schedule_id=daily) for n in (6, 5, 4)),
            Row(acme.id, ago(days=3), breaker, schedule_id=daily),
            Row(acme.id, ago(days=2), "failed", schedule_id=daily),
            Row(acme.id, ago(days=1), "missed", attempts=0, schedule_id=daily),
            Row(acme.id, ago(hours=1), "failed", schedule_id=daily),
        ]
    )

    assert log.sla.current(NOW).status(acme.id).overall.metrics.consecutive_failures == 2


def test_failures_of_two_schedules_are_not_in_a_row(log: Log) -> None:
    """Each schedule has a series of its own."""
    acme = company(log)
    one, other = log.schedule(acme.id), log.schedule(acme.id)
    log.write([Row(acme.id, ago(days=n), "failed", schedule_id=one) for n in (2, 1)])
    log.write([Row(acme.id, ago(hours=n), "failed", schedule_id=other) for n in (2, 1)])

    assert log.sla.current(NOW).status(acme.id).overall.metrics.consecutive_failures == 2


def test_a_rate_has_been_bad_since_it_was_last_good(log: Log) -> None:
    """An early failure that later successes outweighed isn't the beginning: the outage is."""
    acme = company(log)
    early = Row(acme.id, ago(days=6), "failed")
    log.write([early, *many(acme.id, 200)])
    outage = [Row(acme.id, ago(hours=3) + timedelta(minutes=n), "failed") for n in range(10)]
    log.write(outage)

    found = only(log.sla.current(NOW).incidents_worth(), RATE, company="acme")

    # One of 201 is well above the target; of 205, with five failed, 97.6 % is not.
    assert found.since == outage[3].failed_at


def test_latency_has_been_bad_since_it_was_last_good(log: Log) -> None:
    """By the average as it stood after each delivery, in the order in which they arrived."""
    acme = company(log)
    log.write(many(acme.id, 10, took=timedelta(minutes=1)))
    slow = [
        Row(acme.id, ago(hours=4) + timedelta(minutes=n), took=timedelta(minutes=20))
        for n in range(10)
    ]
    log.write(slow)

    found = only(log.sla.current(NOW).incidents_worth(), LATENCY, company="acme")

    # (10 × 1 + 3 × 20) / 13 = 5.4 min; with two it was 4.2.
    assert found.since == slow[2].delivered_at
    assert found.details["p95_ms"] == 20 * 60_000


def test_breaches_are_of_a_company_on_a_platform_and_of_a_platform(log: Log) -> None:
    """What incidents are opened for; the company as a whole would say it twice."""
    acme = company(log)
    log.write(many(acme.id, 20, status="failed"))

    keys = {
        (b.company, b.platform) for b in log.sla.current(NOW).incidents_worth() if b.type is RATE
    }

    assert keys == {("acme", BENEVITY), (None, BENEVITY)}

"""Burn rates, the error budget, thresholds of one's own, and what a replay changes."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.model import BreachType, Severity, Window
from impact_in_pipelines.wording import sentence

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


def test_a_company_on_a_platform_can_have_its_own_thresholds(log: Log) -> None:
    """The narrowest wins: company on platform, company, platform, settings."""
    acme, other = company(log), company(log, "other")
    log.write(many(acme.id, 92) + many(acme.id, 8, status="failed"))
    log.write(many(other.id, 92) + many(other.id, 8, status="failed"))
    log.thresholds.put(None, BENEVITY, {"success_rate_target_percent": 99.5}, now=NOW, actor="test")
    log.thresholds.put(acme, None, {"success_rate_target_percent": 95}, now=NOW, actor="test")
    log.thresholds.put(acme, BENEVITY, {"success_rate_target_percent": 90}, now=NOW, actor="test")

    breaches = log.sla.current(NOW).incidents_worth()

    assert only(breaches, RATE, company="other").threshold == 99.5
    assert only(breaches, RATE, company=None).threshold == 99.5
    acmes = only(breaches, RATE, company="acme")
    assert (acmes.threshold, acmes.severity) == (95.0, Severity.WARNING)


def test_thresholds_can_be_cleared_again_and_changes_are_audited(log: Log) -> None:
    """Who, what, before and after."""
    acme = company(log)
    log.thresholds.put(acme, None, {"latency_target_ms": 600_000}, now=NOW, actor="kari")
    log.thresholds.put(acme, None, {}, now=NOW, actor="ola")

    assert log.thresholds.overrides() == []
    assert log.one("SELECT count(*) FROM audit_log WHERE company_id = :id", id=acme.id) == 2
    cleared = "SELECT before->'thresholds' FROM audit_log WHERE actor = 'ola'"
    assert log.one(cleared) == {"latency_target_ms": 600_000.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"succes_rate": 90}, "no threshold 'succes_rate'; there are: success_rate_target_percent"),
        ({"success_rate_target_percent": 120}, "must be a number from 0 to 100; it was '120'"),
        ({"consecutive_failures_critical": "many"}, "must be a number from 1 to 1000"),
        ({"overdue_after_minutes": 9}, "no threshold 'overdue_after_minutes'"),
        ({"page_policy": "significant"}, "no threshold 'page_policy'"),
    ],
)
def test_a_threshold_that_doesnt_hold_is_refused(
    log: Log, values: dict[str, object], message: str
) -> None:
    """Nothing is stored."""
    with pytest.raises(UsageError) as refused:
        log.thresholds.put(None, BENEVITY, values, now=NOW, actor="test")
    assert message in sentence(refused.value)
    assert log.thresholds.overrides() == []


def test_a_fast_burn_warns_while_it_goes_on(log: Log) -> None:
    """30 % failing over the last hour and the last five minutes burns 15 times what 98 % allows; once the
    last five minutes are clean, only the slower rules can still match."""
    acme = company(log)

    def ended(minutes_ago: float, status: str) -> Row:
        at = ago(minutes=minutes_ago + 1)
        return Row(
            acme.id,
            at,
            status,
            took=timedelta(minutes=1),
            failed_after=timedelta(minutes=1) if status == "failed" else None,
        )

    log.write([ended(n, "success") for n in (1, 2, 3, 20, 25, 30, 35, 40, 45, 50, 52, 54, 56, 58)])
    log.write([ended(n, "failed") for n in (1.5, 2.5, 22, 32, 42, 55)])

    found = only(log.sla.current(NOW).incidents_worth(), BURN, company="acme")

    assert (found.severity, found.threshold, found.pages) == (Severity.CRITICAL, 14.4, True)
    assert found.actual == pytest.approx(6 / 20 / 0.02)
    assert found.details["long_window_minutes"] == 60
    later = log.sla.current(NOW + timedelta(minutes=4)).incidents_worth()
    assert only(later, BURN, company="acme").threshold == 6.0


def test_little_traffic_burns_nothing(log: Log) -> None:
    """Two failures of nine in an hour are no burn rate; a failure rate they are."""
    acme = company(log)
    log.write([Row(acme.id, ago(minutes=m), took=timedelta(seconds=1)) for m in range(1, 8)])
    log.write(
        Row(acme.id, ago(minutes=2), "failed", failed_after=timedelta(seconds=s)) for s in (1, 2)
    )

    assert {b.type for b in log.sla.current(NOW).incidents_worth()} == {RATE, ON_TIME}


def test_the_error_budget_of_28_days(log: Log) -> None:
    """98 % of 1,000 allows 20 failures; ten are spent, and three more this week run it out in time."""
    acme = company(log)
    log.write(
        Row(acme.id, ago(days=20) + timedelta(minutes=n), "failed" if n < 5 else "success")
        for n in range(895)
    )
    log.write(
        Row(acme.id, ago(days=2) + timedelta(minutes=n), "failed" if n < 5 else "success")
        for n in range(105)
    )

    budget = log.sla.error_budgets(NOW, company_id=acme.id)[acme.id, None]

    assert (budget.due, budget.errors) == (1000, 10)
    assert budget.allowed == pytest.approx(20)
    assert budget.left == pytest.approx(0.5)
    # 5 failed in seven days, 2.1 allowed: 2.9 net in a week, so ten are gone in 24 days.
    assert budget.burn_rate == pytest.approx(5 / 105 / 0.02)
    assert budget.runs_out_at is not None
    assert (budget.runs_out_at - NOW).days == 24


def test_queuing_a_replay_changes_no_number(log: Log) -> None:
    """A failed delivery whose replay waits, is sent or was called off counts as failed until something has
    been sent: rates, causes, series and breaches stay to the last digit."""
    acme = company(log)
    daily = log.schedule(acme.id)
    log.write([Row(acme.id, ago(days=9), schedule_id=daily)])
    failed = [
        Row(acme.id, ago(days=n), "failed", schedule_id=daily, attempts=4, late=timedelta(0))
        for n in (4, 3, 2)
    ]
    log.write([*failed, *many(acme.id, 100)])
    before = log.sla.current(NOW)

    for status in ("pending", "in_progress", "retrying", "cancelled"):
        log.one(
            "UPDATE impact_deliveries SET status = :status, next_attempt_at = :now WHERE id = :id",
            status=status,
            now=ago(days=1),
            id=failed[-1].id,
        )
        after = log.sla.current(NOW)
        assert after.scopes == before.scopes, status
    assert only(before.incidents_worth(), STREAK).actual == 3


def test_a_replay_of_the_last_failure_does_not_end_a_series(log: Log) -> None:
    """The delivery stays a failure (D11): its replay's success says nothing about the next fire. An arrival
    by itself does."""
    acme = company(log)
    daily = log.schedule(acme.id)
    log.write(Row(acme.id, ago(days=n), "failed", schedule_id=daily) for n in (4, 3))
    log.write([Row(acme.id, ago(days=2), schedule_id=daily, failed_after=timedelta(minutes=40))])
    failures = log.sla.current(NOW).status(acme.id).overall.metrics.consecutive_failures

    log.write([Row(acme.id, ago(days=1), schedule_id=daily)])

    assert failures == 3
    assert log.sla.current(NOW).status(acme.id).overall.metrics.consecutive_failures == 0


def test_what_had_arrived_and_was_sent_again_is_shown_and_in_no_rate(log: Log) -> None:
    """Neither its success helps nor its failure hurts, and its latency is nobody's promise."""
    acme = company(log)
    log.write(many(acme.id, 50))
    plain = log.sla.get_sla_status(acme, now=NOW).overall
    log.write(many(acme.id, 3, trigger="replay", took=timedelta(hours=9)))
    log.write(many(acme.id, 4, trigger="replay", status="failed", attempts=4))

    overall = log.sla.get_sla_status(acme, now=NOW).overall

    m = overall.metrics
    assert (m.replayed, m.total, m.due) == (7, 57, 50)
    assert (m.success_rate, m.on_time_rate) == (
        plain.metrics.success_rate,
        plain.metrics.on_time_rate,
    )
    assert (m.latency, m.retried) == (plain.metrics.latency, 0)
    assert overall.breaches == []


def test_on_time_is_what_arrived_within_its_latency_target_of_what_was_due(log: Log) -> None:
    """96 on time, 2 late, 1 failed, 1 missed: 96 %. A backfill is promised no time, so it is not among the
    100; a company's own target judges its own deliveries, also in everybody's rate."""
    acme, slow = company(log), company(log, "slow")
    log.write(many(acme.id, 96))
    log.write(many(acme.id, 2, took=timedelta(minutes=5, milliseconds=1)))
    log.write(many(acme.id, 1, status="failed") + many(acme.id, 1, status="missed", attempts=0))
    log.write(many(acme.id, 30, trigger="backfill", took=timedelta(hours=9)))
    log.write(many(slow.id, 100, took=timedelta(minutes=9)))
    log.thresholds.put(slow, None, {"latency_target_ms": 600_000}, now=NOW, actor="test")

    own = log.sla.get_sla_status(acme, now=NOW)
    everybody = log.sla.get_sla_status(None, now=NOW)

    m = own.overall.metrics
    assert (m.on_time, m.timed, m.due) == (96, 100, 130)
    found = only(list(own.overall.breaches), ON_TIME)
    assert (found.actual, found.threshold, found.severity) == (96.0, 98.0, Severity.WARNING)
    assert (found.pages, found.low_confidence) == (False, False)
    assert found.since is not None
    assert (everybody.overall.metrics.on_time, everybody.overall.metrics.timed) == (196, 200)


def test_a_breach_is_never_since_tomorrow(log: Log) -> None:
    """A failure that another machine's fast clock has stamped ahead began now at the latest."""
    acme = company(log)
    daily = log.schedule(acme.id)
    ahead = timedelta(hours=2)
    log.write(
        Row(acme.id, ago(minutes=n), "failed", schedule_id=daily, failed_after=ahead)
        for n in range(30, 10, -1)
    )

    breaches = log.sla.current(NOW).incidents_worth()

    assert {b.type for b in breaches} >= {RATE, STREAK}
    assert all(b.since is not None and b.since <= NOW for b in breaches)


def test_every_breach_says_since_when_also_over_all_companies(log: Log) -> None:
    """Of a company as a whole, of a platform, of everybody: the reports on all companies have it too."""
    acme, other = company(log), company(log, "other")
    for one in (acme, other):
        log.write(many(one.id, 20, status="failed") + many(one.id, 20, took=timedelta(minutes=9)))

    assessment = log.sla.assess(Window(ago(days=7), NOW), NOW)

    for key, scope in assessment.scopes.items():
        assert {RATE, ON_TIME, LATENCY} <= {b.type for b in scope.breaches}, key
        assert all(b.since is not None for b in scope.breaches), key

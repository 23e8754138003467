"""`sla_daily` against the log: whatever is in the log, the rollup adds up to it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from impact_in_pipelines.db.sla.outcomes import SlaOutcomes
from impact_in_pipelines.db.sla.rollup import SlaRollup
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.settings import read_settings
from impact_in_pipelines.sla.metrics import metrics_of
from impact_in_pipelines.sla.model import Window
from impact_in_pipelines.sla.windows import midnight

from .logs import NOW, TODAY, Log, Row, ago, counters, expected
from .random_rows import DAYS, FIRST, rows

WHOLE = Window(midnight(FIRST), midnight(TODAY + timedelta(days=1)))


@pytest.fixture
def log(engine: Engine) -> Log:
    """An empty log."""
    return Log(engine)


@given(logs=st.lists(rows(), max_size=40), packed=st.sampled_from([0, 1, 2, None]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rollup_summed_equals_the_log(
    log: Log, logs: list[dict[str, Any]], packed: int | None
) -> None:
    """For any log, of which nothing is packed, all, or every other delivery: days of the rollup add up to
    what is measured from the log, and to what a count in plain Python says, for every company and
    platform, each alone and all."""
    log.forget()
    companies = [log.company(f"c-{n}") for n in range(3)]
    written = [Row(**{**one, "company": companies[one["company"]]}) for one in logs]
    before = written[::packed] if packed else []
    log.write(before)
    if packed is not None:
        SlaOutcomes(log.engine, read_settings({})).refresh(NOW)
    log.write([one for one in written if one not in before])

    log.rollup.refresh(FIRST, NOW)

    totals = log.rollup.summed([WHOLE])[FIRST]
    measured = log.sla.assess(WHOLE, NOW).scopes
    keys = {(c, p) for c in (None, *companies) for p in (None, *Platform)}
    for company, platform in keys:
        some = [
            row
            for row in written
            if company in (None, row.company) and platform in (None, Platform(row.platform))
        ]
        if not some:
            assert (company, platform) not in totals
            continue
        assert counters(totals[company, platform]) == expected(some)
        raw, rolled = measured[company, platform].metrics, metrics_of(totals[company, platform])
        assert (raw.total, raw.due) == (rolled.total, rolled.due)
        assert raw.success_rate == rolled.success_rate
        assert raw.retry_success_rate == rolled.retry_success_rate
        assert raw.retry_distribution == rolled.retry_distribution
        for name in ("latency", "lateness"):
            one, other = getattr(raw, name), getattr(rolled, name)
            assert (one is None) == (other is None)
            if one is not None:
                assert (one.average, one.maximum, one.n) == (other.average, other.maximum, other.n)
    assert (
        sum(totals[None, None]["latency_ms_buckets"])
        == sum(row.fate == "successful" and row.trigger != "backfill" for row in written)
        if written
        else True
    )


def test_a_late_retry_updates_the_day_it_was_due(log: Log) -> None:
    """A delivery that arrives after midnight belongs to the day before."""
    company = log.company("acme")
    row = Row(company, ago(days=1), "retrying", attempts=2, next_attempt=NOW + timedelta(minutes=3))
    log.write([row], updated_at=ago(days=1))
    log.rollup.refresh(FIRST, NOW)
    assert _day(log, 1)["pending"] == 1

    log.one(
        "UPDATE impact_deliveries SET status = 'success', delivered_at = :now, updated_at = :now",
        now=NOW + timedelta(minutes=4),
    )

    assert log.rollup.refresh(FIRST, NOW + timedelta(minutes=5)) == [TODAY - timedelta(days=1)]
    assert (_day(log, 1)["pending"], _day(log, 1)["successful"]) == (0, 1)


def test_nothing_is_stale_after_a_refresh_but_what_is_open(log: Log) -> None:
    """An open delivery's fate is the clock's affair: its day is computed again each time."""
    company = log.company("acme")
    log.write([Row(company, ago(days=2))], updated_at=ago(days=2))
    log.write([Row(company, ago(minutes=1), "pending", attempts=0)], updated_at=ago(minutes=1))

    assert len(log.rollup.refresh(FIRST, NOW)) == DAYS

    later = NOW + timedelta(hours=1)
    assert log.rollup.stale_days(FIRST, later).days == [TODAY]
    log.rollup.refresh(FIRST, later)
    assert (_day(log, 0)["pending"], _day(log, 0)["overdue"]) == (0, 1)


def test_computing_one_day_does_not_hide_what_changed_on_another(log: Log) -> None:
    """Each day remembers when it was computed: a younger one doesn't speak for an older one."""
    company = log.company("acme")
    log.rollup.refresh(FIRST, NOW)
    log.write([Row(company, ago(days=2))], updated_at=NOW + timedelta(hours=1))

    log.rollup.roll_up([TODAY], NOW + timedelta(hours=2))

    stale = log.rollup.stale_days(FIRST, NOW + timedelta(hours=2))
    assert stale.days == [TODAY - timedelta(days=2)]


def test_a_day_can_be_computed_again_at_any_time(log: Log) -> None:
    """Twice the same, and without what has left the log."""
    company = log.company("acme")
    log.write([Row(company, ago(days=1)), Row(company, ago(days=1), platform="goodera")])
    yesterday = TODAY - timedelta(days=1)

    first = log.rollup.roll_up([yesterday], NOW)
    log.one("DELETE FROM impact_deliveries WHERE platform = 'goodera'")
    second = log.rollup.roll_up([yesterday], NOW)

    assert (first.rows, second.rows) == (2, 1)
    assert _day(log, 1)["successful"] == 1


def test_what_is_broken_off_keeps_the_days_before(log: Log) -> None:
    """A day that takes too long loses itself, never the newer ones that were computed before it."""
    log.rollup.refresh(FIRST, NOW)
    company = log.company("acme")
    log.write([Row(company, ago(days=n)) for n in range(3)])
    stuck = TODAY - timedelta(days=1)
    log.one(f"ALTER TABLE sla_daily ADD CONSTRAINT stuck CHECK (day <> '{stuck}')")
    try:
        with pytest.raises(IntegrityError):
            log.rollup.refresh(FIRST, NOW)
    finally:
        log.one("ALTER TABLE sla_daily DROP CONSTRAINT stuck")

    assert _day(log, 0)["successful"] == 1
    assert log.rollup.stale_days(FIRST, NOW).days == [TODAY - timedelta(days=2), stuck]


def test_days_without_deliveries_are_zeros(log: Log) -> None:
    """A chart needs them."""
    log.write([Row(log.company("acme"), ago(days=1), "missed", attempts=0)])
    log.rollup.refresh(FIRST, NOW)

    points = log.rollup.days_of_all(FIRST, TODAY)

    assert [(p.successful, p.not_arrived) for p in points] == [(0, 0), (0, 0), (0, 1), (0, 0)]


def _day(log: Log, days_ago: int) -> dict[str, int | None]:
    day = TODAY - timedelta(days=days_ago)
    window = Window(midnight(day), midnight(day + timedelta(days=1)))
    return counters(log.rollup.summed([window])[day][None, None])


def test_a_rollup_waits_for_another_longer_than_a_statement_may_take(log: Log) -> None:
    """The first one of a new database computes months while others begin; they were ended by the time-out."""
    company = log.company("acme")
    log.write([Row(company, ago(days=2))])
    hasty = create_engine(log.engine.url, connect_args={"options": "-c statement_timeout=200"})
    try:
        with ThreadPoolExecutor(1) as other, log.engine.connect() as holder:
            holder.execute(text("LOCK TABLE sla_days IN SHARE ROW EXCLUSIVE MODE"))
            second = other.submit(
                SlaRollup(hasty, read_settings({})).roll_up, [TODAY - timedelta(days=2)], NOW
            )
            with pytest.raises(TimeoutError):
                second.result(timeout=1)
            holder.rollback()
            assert second.result(timeout=30).days == 1
    finally:
        hasty.dispose()

"""What is computed from events and from the log: company impact, and the days of the service levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from impact_in_pipelines.db.impact.counts import CountStore, DeliveryCounts, EventCounts
from impact_in_pipelines.db.impact.store import RefreshSummary
from impact_in_pipelines.runtime import Runtime

OBSERVED_DAYS = 7
"""Of how many days imports and ended deliveries are counted."""


@dataclass(frozen=True, slots=True)
class RefreshedDays:
    """`days` were computed into `rows` at `computed_at` (UTC); `left` are days that are stale still."""

    days: int
    rows: int
    left: Sequence[date]
    computed_at: datetime


def company_impact(runtime: Runtime, *, full: bool = False) -> RefreshSummary:
    """Compute the company-days whose events have changed, or all of them."""
    return runtime.impact.refresh_company_impact(runtime.clock(), full=full)


def sla_days(runtime: Runtime, days: Sequence[date], *, first: date) -> RefreshedDays:
    """Compute the service levels of `days` from the log. Once none of the days since `first` is stale, later
    calls look at what has changed from then on only. The outcomes that everybody's status is read from are
    packed anew as far as they have changed. Days whose calls an older program has not counted are caught up
    with besides, some in each call."""
    now = runtime.clock()
    runtime.sla_outcomes.refresh(now)
    stale = runtime.sla_rollup.stale_days(first, now)
    rolled = runtime.sla_rollup.roll_up(days, now)
    left = sorted(set(stale.days) - set(days))
    if not left:
        runtime.sla_rollup.mark_fresh(first, stale, now)
    # Not among the stale days: an hourly run takes every day from its oldest on.
    caught_up = runtime.sla_rollup.roll_up(runtime.sla_rollup.uncounted_days(first, now), now)
    return RefreshedDays(rolled.days + caught_up.days, rolled.rows + caught_up.rows, left, now)


def event_counts(runtime: Runtime) -> EventCounts:
    """How many events there are, and what the last days' imports rejected."""
    return CountStore(runtime.database.engine).events(
        runtime.clock() - timedelta(days=OBSERVED_DAYS)
    )


def delivery_counts(runtime: Runtime) -> DeliveryCounts:
    """How many deliveries there are of each status: all that are open, and those of the last days."""
    now = runtime.clock()
    return CountStore(runtime.database.engine).deliveries(now - timedelta(days=OBSERVED_DAYS), now)

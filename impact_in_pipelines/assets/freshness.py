"""How old an asset may become: Dagster marks what is older, and `assets_are_fresh` notifies people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster import FreshnessPolicy

from impact_in_pipelines.settings import Settings, get_settings
from impact_in_pipelines.sla.windows import ReportPeriod, period_of

_MISSED_TWICE = timedelta(hours=3)
"""Of what is filled every hour: two runs are missing."""

_MISSED_ONCE = timedelta(hours=2)
_AFTER_A_PERIOD = timedelta(hours=6)
"""Until when the report of a period that has just ended must be there."""


@dataclass(frozen=True, slots=True)
class KeptFresh:
    """An asset that `schedule` keeps fresh. `policy` is what Dagster marks it by; at `now` it must have been
    filled since `since(now)`, which says the same. `monitoring`: by a schedule that ENABLE_SLA_MONITORING
    switches, not ENABLE_SCHEDULER."""

    schedule: str
    policy: FreshnessPolicy
    since: Callable[[datetime], datetime]
    monitoring: bool = True


def _hourly(schedule: str, *, monitoring: bool = True) -> KeptFresh:
    policy = FreshnessPolicy.time_window(fail_window=_MISSED_TWICE, warn_window=_MISSED_ONCE)
    return KeptFresh(schedule, policy, lambda now: now - _MISSED_TWICE, monitoring)


def _report(schedule: str, period: ReportPeriod, deadline: str) -> KeptFresh:
    policy = FreshnessPolicy.cron(deadline_cron=deadline, lower_bound_delta=_AFTER_A_PERIOD)
    return KeptFresh(
        schedule, policy, lambda now: period_of(period, (now - _AFTER_A_PERIOD).date()).start
    )


KEPT_FRESH = {
    "company_impact": _hourly("refresh_company_impact_hourly", monitoring=False),
    "sla_daily": _hourly("monitor_sla_hourly"),
    "sla_status": _hourly("monitor_sla_hourly"),
    "weekly_sla_report": _report("weekly_sla_report_on_mondays", ReportPeriod.WEEKLY, "0 6 * * 1"),
    "monthly_sla_report": _report(
        "monthly_sla_report_on_the_first", ReportPeriod.MONTHLY, "0 6 1 * *"
    ),
}


def kept_fresh(settings: Settings) -> dict[str, KeptFresh]:
    """By asset; not those whose schedule the settings switch off."""
    return {
        name: one
        for name, one in KEPT_FRESH.items()
        if (settings.enable_sla_monitoring if one.monitoring else settings.enable_scheduler)
    }


def freshness_of(asset: str) -> FreshnessPolicy | None:
    """The policy of `asset`; None where the settings switch its schedule off: nobody promises anything."""
    one = kept_fresh(get_settings()).get(asset)
    return one.policy if one else None

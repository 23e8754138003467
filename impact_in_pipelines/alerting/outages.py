"""When a platform is out, whoever's deliveries it fails (seed: escalation level 3)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.plurals import count
from impact_in_pipelines.settings import Settings
from impact_in_pipelines.sla.incidents import (
    Incident,
    PlatformActivity,
    PlatformHealth,
    PlatformState,
    told_details,
)
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

LOOKBACK = timedelta(hours=2)
FURTHEST_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OutageRule:
    """An outage is `after` without a delivered attempt, over at least `min_attempts` failed ones."""

    after: timedelta = timedelta(minutes=30)
    min_attempts: int = 5

    @classmethod
    def from_settings(cls, settings: Settings) -> "OutageRule":
        """The rule that the settings give."""
        return cls(timedelta(minutes=settings.outage_after_minutes), settings.outage_min_attempts)


def look_back_to(open_outages: Iterable[Incident], rule: OutageRule, now: datetime) -> datetime:
    """The instant from which attempts are to be read: far enough to see the success that ends an outage,
    and at most a day."""
    opened = [incident.opened_at for incident in open_outages]
    usual = now - max(LOOKBACK, 2 * rule.after)
    return max(min([usual, *opened]), now - max(FURTHEST_BACK, 2 * rule.after))


def outages(
    activity: Iterable[PlatformActivity],
    open_outages: Collection[Incident],
    rule: OutageRule,
    now: datetime,
    *,
    held: Mapping[Platform, int] | None = None,
    holding: Collection[Platform] = (),
) -> list[Breach]:
    """The platforms at which every attempt fails, as breaches without a company; `actual` and `threshold`
    are minutes.

    It takes two companies, or failures that can't be an account's own fault, so that one wrong password
    isn't an outage. A platform that is out stays out until an attempt has delivered: silence proves nothing;
    and as long as its breaker is among those `holding`. `held` is how many deliveries wait for each.
    """
    seen = {one.platform: one for one in activity}
    out = {one.platform: one for one in open_outages if one.platform is not None}
    found = []
    for platform in Platform:
        one, incident = seen.get(platform), out.get(platform)
        if incident is not None and (
            platform in holding or not _delivered_since(one, incident.opened_at)
        ):
            found.append(_still_out(incident, one, now))
        elif incident is None and one is not None and _is_out(one, rule, now):
            found.append(_breach(one, rule, now))
    return [
        replace(breach, details={**breach.details, "held": held.get(breach.platform, 0)})
        if held and breach.platform
        else breach
        for breach in found
    ]


def health(
    activity: Iterable[PlatformActivity],
    found: Iterable[Breach],
    rule: OutageRule,
    now: datetime,
) -> list[PlatformHealth]:
    """Every platform's state at `now`, from its attempts and the outages that `outages` found among them.
    Degraded is what becomes an outage if it goes on: enough attempts, and none of them delivered."""
    seen = {one.platform: one for one in activity}
    out = {breach.platform: breach for breach in found}
    return [
        _health(platform, seen.get(platform), out.get(platform), rule, now) for platform in Platform
    ]


def _health(
    platform: Platform,
    one: PlatformActivity | None,
    outage: Breach | None,
    rule: OutageRule,
    now: datetime,
) -> PlatformHealth:
    if outage is not None:
        since = outage.since or now
        reason = _in_words(one) or f"no attempt has delivered since {since:%Y-%m-%d %H:%M} UTC"
        return PlatformHealth(platform, PlatformState.OUTAGE, since, reason)
    if one is not None and one.first_failure is not None and _fails_throughout(one, rule, now):
        return PlatformHealth(platform, PlatformState.DEGRADED, one.first_failure, _in_words(one))
    return PlatformHealth(platform, PlatformState.HEALTHY, now)


def _in_words(one: PlatformActivity | None) -> str | None:
    if one is None or not one.failures:
        return None
    whose = count(one.companies, "company", "companies")
    kinds = ", ".join(kind.replace("_", " ") for kind in one.error_kinds)
    how = f" ({kinds})" if kinds else ""
    return f"{count(one.failures, 'attempt')} of {whose} failed{how}, none delivered"


def _fails_throughout(one: PlatformActivity, rule: OutageRule, now: datetime) -> bool:
    if one.last_failure is None:
        return False
    # A burst that failed half an hour ago, and nothing since, says nothing about now.
    fresh = now - one.last_failure < rule.after
    its_own_fault = one.companies > 1 or one.own_faults == 0
    return fresh and one.failures >= rule.min_attempts and its_own_fault


def _is_out(one: PlatformActivity, rule: OutageRule, now: datetime) -> bool:
    if one.first_failure is None:
        return False
    return now - one.first_failure >= rule.after and _fails_throughout(one, rule, now)


def _delivered_since(one: PlatformActivity | None, opened_at: datetime) -> bool:
    return one is not None and one.last_success is not None and one.last_success >= opened_at


def _breach(one: PlatformActivity, rule: OutageRule, now: datetime) -> Breach:
    assert one.first_failure is not None
    return Breach(
        type=BreachType.PLATFORM_OUTAGE,
        severity=Severity.CRITICAL,
        threshold=_minutes(rule.after),
        actual=_minutes(now - one.first_failure),
        since=one.first_failure,
        company_id=None,
        company=None,
        platform=one.platform,
        sample_size=one.failures,
        low_confidence=False,
        details=_details(one),
        pages=True,
        rule=Rule.OUTAGE,
    )


def _still_out(incident: Incident, one: PlatformActivity | None, now: datetime) -> Breach:
    since = incident.since or incident.opened_at
    return Breach(
        type=BreachType.PLATFORM_OUTAGE,
        severity=Severity.CRITICAL,
        threshold=incident.threshold,
        actual=_minutes(now - since),
        since=since,
        company_id=None,
        company=None,
        platform=incident.platform,
        sample_size=max(incident.sample_size, one.failures if one else 0),
        low_confidence=False,
        # An incident of an earlier version holds one company's last error.
        details=_details(one) if one and one.failures else told_details(incident),
        pages=True,
        rule=Rule.OUTAGE,
    )


def _details(one: PlatformActivity) -> dict[str, Any]:
    """Everybody on the platform may read them: no company's own error."""
    return {"companies": one.companies, "error_kinds": list(one.error_kinds)}


def _minutes(span: timedelta) -> float:
    return float(span // timedelta(minutes=1))

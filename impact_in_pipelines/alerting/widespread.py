"""Many companies at once: a scheduler that stands still, or something that nobody knows yet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from impact_in_pipelines.alerting.causes import EXPLAINED, Cause, is_folded, naming
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.incidents import Incident, MaintenanceWindow, OverdueFire
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

TOGETHER_FROM = 3
"""So many companies whose incidents are to be told in one minute are told in one message."""


def standstill(
    late: Sequence[OverdueFire], known: Incident | None, critical_after: timedelta, now: datetime
) -> Breach | None:
    """Overdue fires of two companies or more that nobody has planned: planning knows no companies, so the
    scheduler stands still. One company's are told as its own. `actual` and `threshold` are minutes."""
    companies = sorted({one.company for one in late})
    if len(companies) < 2:
        return None
    before: Mapping[str, Any] = known.details if known is not None else {}
    reminder = before.get("reminder", 0)
    if before.get("cause") == "unknown":
        # Its incident is open for something else: this is news.
        before, reminder = {}, reminder + 1
    oldest = min(one.at for one in late)
    age = now - oldest
    platforms = {one.platform.value for one in late} | set(before.get("platforms", ()))
    critical = age >= critical_after
    details = {
        "cause": "scheduler",
        "platforms": sorted(platforms),
        "oldest_scheduled_for": oldest.isoformat(),
        "reminder": reminder,
        **naming(companies, before),
    }
    return _breach(
        None,
        Severity.CRITICAL if critical else Severity.WARNING,
        threshold=critical_after / timedelta(minutes=1),
        actual=float(age // timedelta(minutes=1)),
        since=oldest,
        details=details,
        pages=critical,
        rule=Rule.OVERDUE_LONG if critical else Rule.OVERDUE_SHORT,
    )


def cause_of_standstill(standing: Breach) -> Cause:
    """It explains what is late, before it has an incident."""
    assert standing.since is not None
    platforms = frozenset(Platform(name) for name in standing.details["platforms"])
    return Cause("the scheduler stands still", platforms, standing.since)


def together(
    breaches: Iterable[Breach],
    incidents: Sequence[Incident],
    causes: Sequence[Cause],
    windows: Sequence[MaintenanceWindow],
    now: datetime,
) -> list[Breach]:
    """What is to be told of `TOGETHER_FROM` companies or more on a platform in this minute and no known cause
    explains, as one breach; of several platforms as one of them all. Those of before go on while one of their
    companies' incidents is open."""
    known = {one.key: one for one in incidents}
    owed: dict[Platform, list[Breach]] = defaultdict(list)
    for breach in breaches:
        if breach.company_id is not None and breach.platform is not None:
            incident = known.get((breach.company_id, breach.platform, breach.type))
            if _is_owed(breach, incident) and not any(one.explains(breach, now) for one in causes):
                owed[breach.platform].append(breach)
    groups: dict[Platform | None, list[Breach]] = {
        platform: found
        for platform, all_ in owed.items()
        if len(_companies(found := _of_many(_not_in_maintenance(all_, windows, now))))
        >= TOGETHER_FROM
    }
    going_on = {
        one.platform: one
        for one in incidents
        if one.type is BreachType.WIDESPREAD and one.details.get("cause") == "unknown"
    }
    taken = any(one.key == (None, None, BreachType.WIDESPREAD) for one in incidents)
    if len(groups) > 1 and not (taken and None not in going_on):
        groups = {None: [breach for found in groups.values() for breach in found]}
    wide = [_group(key, found, going_on.get(key), now) for key, found in groups.items()]
    for key, one in going_on.items():
        if key not in groups and (members := _members(one, incidents)):
            wide.append(_still(one, members))
    return wide


def _is_owed(breach: Breach, incident: Incident | None) -> bool:
    if breach.type not in EXPLAINED and breach.type is not BreachType.CONSECUTIVE_FAILURES:
        return False
    if incident is None:
        return True
    if is_folded(incident):
        # Explained before its cause had an incident, and by nothing now.
        return not incident.details["caused_by"]
    rises = (
        breach.severity is Severity.CRITICAL and incident.notified_severity is not Severity.CRITICAL
    )
    return incident.notified_severity is None or rises or (breach.pages and not incident.paged)


def _not_in_maintenance(
    breaches: Iterable[Breach], windows: Sequence[MaintenanceWindow], now: datetime
) -> list[Breach]:
    return [
        breach
        for breach in breaches
        if not any(
            window.starts_at <= now < window.ends_at
            and window.company_id in (None, breach.company_id)
            and window.platform in (None, breach.platform)
            for window in windows
        )
    ]


def _of_many(breaches: Sequence[Breach]) -> list[Breach]:
    """Without failures in a row of a few companies, which have causes of their own."""
    failing = [one for one in breaches if one.type is BreachType.CONSECUTIVE_FAILURES]
    if len(_companies(failing)) >= TOGETHER_FROM:
        return list(breaches)
    return [one for one in breaches if one.type is not BreachType.CONSECUTIVE_FAILURES]


def _companies(breaches: Iterable[Breach]) -> set[UUID | None]:
    return {breach.company_id for breach in breaches}


def _group(
    platform: Platform | None, breaches: Sequence[Breach], known: Incident | None, now: datetime
) -> Breach:
    """A group that was told of before and meets another wave is told of again."""
    before = known.details if known is not None else {}
    companies = sorted({breach.company or "" for breach in breaches})
    platforms = {breach.platform.value for breach in breaches if breach.platform}
    worst = max(breaches, key=lambda one: (one.pages, one.severity is Severity.CRITICAL))
    return _breach(
        platform,
        worst.severity,
        threshold=float(TOGETHER_FROM),
        actual=float(len(companies)),
        since=min((one.since for one in breaches if one.since), default=now),
        details={
            "cause": "unknown",
            "platforms": sorted(platforms | set(before.get("platforms", ()))),
            "types": sorted({breach.type.value for breach in breaches}),
            "wave": now.isoformat(),
            "reminder": before.get("reminder", -1) + 1,
            **naming(companies, {}),
        },
        pages=worst.pages,
        rule=Rule.MANY_AT_ONCE,
    )


def _members(one: Incident, incidents: Iterable[Incident]) -> list[Incident]:
    return [other for other in incidents if other.details.get("caused_by") == str(one.id)]


def _still(one: Incident, members: Sequence[Incident]) -> Breach:
    details = {key: value for key, value in one.details.items() if key not in ("pages", "rule")}
    names = sorted({other.company for other in members if other.company})
    pages = any(other.details.get("pages") for other in members)
    critical = any(other.severity is Severity.CRITICAL for other in members)
    return _breach(
        one.platform,
        Severity.CRITICAL if critical else Severity.WARNING,
        threshold=one.threshold,
        actual=max(one.actual, float(len(names))),
        since=one.since or one.opened_at,
        details={**details, **naming(names, details)},
        pages=pages,
        rule=Rule.MANY_AT_ONCE,
    )


def _breach(
    platform: Platform | None,
    severity: Severity,
    *,
    threshold: float,
    actual: float,
    since: datetime,
    details: Mapping[str, Any],
    pages: bool,
    rule: Rule,
) -> Breach:
    return Breach(
        type=BreachType.WIDESPREAD,
        severity=severity,
        threshold=threshold,
        actual=actual,
        since=since,
        company_id=None,
        company=None,
        platform=platform,
        sample_size=int(details["companies_late"]),
        low_confidence=False,
        details=details,
        pages=pages,
        rule=rule,
    )

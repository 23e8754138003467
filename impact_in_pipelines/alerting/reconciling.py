"""From breaches to incidents and notices, as a pure function (docs/runbook.md, "How alerts behave").

The rules:

- One incident is open for one (company, platform, type); a breach opens it, its absence closes it.
- Severity only rises. A breach that eases from critical to warning keeps its incident critical until it is
  over: it would otherwise call people again each time it crosses the line.
- A breach that is back within the hold belongs to the same incident: a rate that hovers about its threshold
  is one story. `closed_at` is when the breach went, not when the hold ended. What a single delivery proves
  (a schedule that works again, a platform that answers) is believed at once.
- Whether a breach pages somebody is judged with the breach (`sla.rules`), and so is the rule it rests on.
- What a wider cause explains is told with that cause (`causes`).
- What is muted is recorded and annotated. If it outlives the muting, its notice goes out then. A recovery is
  told to whoever was told of the incident, muted or not: an open page is worse than a message.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from impact_in_pipelines.alerting.causes import (
    CAUSE_TYPES,
    HELD_TOLD_AFTER,
    Cause,
    folded,
    is_folded,
)
from impact_in_pipelines.alerting.holds import PAUSED_BY
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.incidents import (
    Incident,
    IncidentChange,
    MaintenanceWindow,
    Notice,
    NoticeKind,
)
from impact_in_pipelines.sla.model import Breach, BreachType, Severity

HOLD = timedelta(minutes=5)
_PROVEN_AT_ONCE = frozenset(
    {
        BreachType.CONSECUTIVE_FAILURES,
        BreachType.PLATFORM_OUTAGE,
        BreachType.CONNECTION_REFUSED,
        BreachType.HELD,
        # Judged once a day, by three days.
        BreachType.ANOMALY,
        BreachType.NOT_REFRESHED,
        BreachType.CORRECTION_UNDECIDED,
    }
)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What withholds notices: maintenance, and causes that explain a company's trouble."""

    windows: Sequence[MaintenanceWindow] = ()
    platforms_out: Collection[Platform] = ()
    causes: Sequence[Cause] = ()

    def cause(self, breach: Breach, at: datetime) -> Cause | None:
        """What explains `breach`; one that has an incident first."""
        found = [one for one in self.causes if one.explains(breach, at)]
        return max(found, key=lambda one: bool(one.incident_id), default=None)

    def window(self, incident: Incident, at: datetime) -> MaintenanceWindow | None:
        """The maintenance window over `incident` that ends last, if there is one."""
        covering = [window for window in self.windows if window.covers(incident, at)]
        return max(covering, key=lambda window: window.ends_at, default=None)

    def reason(self, incident: Incident, at: datetime) -> str | None:
        """Why nothing is to be said of `incident` now, in words; None: it is to be told."""
        window = self.window(incident, at)
        if window is not None:
            return f"maintenance until {window.ends_at:%Y-%m-%d %H:%M} UTC: {window.reason}"
        platform, itself = incident.platform, incident.type is BreachType.PLATFORM_OUTAGE
        if platform and not itself and platform in self.platforms_out:
            # A thousand companies would otherwise be a thousand pages for one cause.
            return f"the outage of {FACTS[platform].title} is told once, for all companies"
        return _not_yet(incident, at)


def _not_yet(incident: Incident, at: datetime) -> str | None:
    """A cause is told once: when somebody is paged for what it does, or, of a hold, after an hour."""
    if incident.details.get("pages"):
        return None
    age = at - (incident.since or incident.opened_at)
    by_a_person = incident.type is BreachType.HELD and incident.details.get("held_by") != PAUSED_BY
    if by_a_person and age < HELD_TOLD_AFTER:
        return "a hold is told when something is late by it, or after an hour"
    if incident.details.get("cause") == "scheduler":
        return "a scheduler that stands still is told when its fires are late enough to page"
    return None


def reconcile(
    open_incidents: Iterable[Incident],
    breaches: Iterable[Breach],
    now: datetime,
    *,
    scope: Collection[BreachType] = frozenset(BreachType),
    quiet: Quiet | None = None,
    hold: timedelta = HOLD,
    new_id: Callable[[], UUID] = uuid4,
) -> list[IncidentChange]:
    """What is to be stored so that the incidents agree with `breaches`, which were all found at `now`.

    Only incidents of the types in `scope` are judged: `breaches` must be everything of these types, so a
    read that failed must not get here. Nothing is returned for an incident that stays as it is.
    """
    silence = quiet or Quiet()
    incidents = {incident.key: incident for incident in open_incidents if incident.type in scope}
    found = {_key(breach): breach for breach in breaches if breach.type in scope}
    changes: list[IncidentChange] = []
    for key, breach in found.items():
        incident = incidents.get(key)
        seen = _opened(breach, now, new_id()) if incident is None else _seen(incident, breach)
        details = incident.details if incident is not None else {}
        cause = silence.cause(breach, now) if breach.type not in CAUSE_TYPES else None
        seen = folded(seen, details, cause)
        change = _told(seen, breach, now, silence, cause, details.get("reminder", 0))
        if change.incident != incident:
            changes.append(change)
    for key, incident in incidents.items():
        if key in found:
            continue
        change = _absent(incident, now, hold)
        if change.incident != incident:
            changes.append(change)
    return changes


def acknowledged(incident: Incident, by: str, now: datetime) -> IncidentChange:
    """`incident` with somebody on it; a page that was sent is told so."""
    after = replace(incident, acknowledged_at=now, acknowledged_by=by)
    notice = Notice(
        key=f"{incident.id}:acknowledged",
        kind=NoticeKind.ACKNOWLEDGED,
        at=now,
        pages=True,
        incident=after,
    )
    return IncidentChange(after, notice if incident.paged else None)


def _key(breach: Breach) -> tuple[UUID | None, Platform | None, BreachType]:
    return breach.company_id, breach.platform, breach.type


def _opened(breach: Breach, now: datetime, id_: UUID) -> Incident:
    return Incident(
        id=id_,
        company_id=breach.company_id,
        company=breach.company,
        platform=breach.platform,
        type=breach.type,
        severity=breach.severity,
        threshold=breach.threshold,
        actual=breach.actual,
        sample_size=breach.sample_size,
        low_confidence=breach.low_confidence,
        since=breach.since,
        opened_at=now,
        details=_details(breach),
    )


def _seen(incident: Incident, breach: Breach) -> Incident:
    worse = breach.severity is Severity.CRITICAL
    return replace(
        incident,
        severity=Severity.CRITICAL if worse else incident.severity,
        threshold=breach.threshold,
        actual=breach.actual,
        sample_size=breach.sample_size,
        low_confidence=breach.low_confidence,
        since=incident.since or breach.since,
        details=_details(breach),
        cleared_at=None,
    )


def _details(breach: Breach) -> dict[str, Any]:
    return {**breach.details, "pages": breach.pages, "rule": breach.rule}


def _told(
    incident: Incident,
    breach: Breach,
    now: datetime,
    quiet: Quiet,
    cause: Cause | None,
    reminded: int,
) -> IncidentChange:
    """With the notice that is owed, unless something keeps it quiet or `cause` is told in its stead.
    `reminded` is how often people had been reminded of it before."""
    reminder = breach.details.get("reminder", 0)
    if incident.maintenance_id is None:
        window = quiet.window(incident, now)
        incident = replace(incident, maintenance_id=window.id if window else None)
    wants_page = breach.pages
    if incident.notified_severity is None:
        kind = NoticeKind.OPENED
    elif _rises(incident) or (wants_page and not incident.paged):
        kind = NoticeKind.RAISED
    elif reminder > reminded:
        kind = NoticeKind.REMINDED
    else:
        return IncidentChange(incident)
    reason = quiet.reason(incident, now)
    if reason is None and is_folded(incident):
        # Once its cause is over, the words of then.
        reason = cause.text if cause else incident.muted_by
    if reason is not None:
        return IncidentChange(replace(incident, muted_by=reason))
    after = replace(
        incident,
        notified_severity=incident.severity,
        paged=incident.paged or wants_page,
        muted_by=None,
    )
    said = f"{kind}:{after.severity}{':page' if wants_page else ''}"
    if kind is NoticeKind.REMINDED:
        said = f"{kind}:{reminder}"
    # The message may say what had kept it quiet so long.
    told = replace(after, muted_by=incident.muted_by)
    return IncidentChange(after, Notice(f"{incident.id}:{said}", kind, now, wants_page, told))


def _rises(incident: Incident) -> bool:
    critical = incident.severity is Severity.CRITICAL
    return critical and incident.notified_severity is not Severity.CRITICAL


def _absent(incident: Incident, now: datetime, hold: timedelta) -> IncidentChange:
    cleared_at = incident.cleared_at or now
    # What many had in common is over with the last of their incidents, which has been held.
    at_once = incident.type in _PROVEN_AT_ONCE or incident.details.get("cause") == "unknown"
    held = timedelta(0) if at_once else hold
    if now - cleared_at < held:
        return IncidentChange(replace(incident, cleared_at=cleared_at))
    after = replace(incident, cleared_at=cleared_at, closed_at=cleared_at)
    if incident.notified_severity is None:
        return IncidentChange(after)
    key = f"{incident.id}:recovered"
    return IncidentChange(after, Notice(key, NoticeKind.RECOVERED, now, incident.paged, after))

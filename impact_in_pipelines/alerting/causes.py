"""One cause is one incident: what a platform, a hold or the scheduler does to many companies is told once.

A company's incident that such a cause explains is recorded as ever and shown to its company. Nobody at
operations is notified of it: the cause's own notice names the companies. It stays so when the cause is over,
since its traces stay in the metrics for days, unless the metric gets worse than the cause had made it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from impact_in_pipelines.delivery.holding.breaking import MAY_PASS
from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import RATES, Breach, BreachType

CAUSE_TYPES = frozenset({BreachType.PLATFORM_OUTAGE, BreachType.HELD, BreachType.WIDESPREAD})
"""Incidents that may be the cause of others."""

EXPLAINED = frozenset(
    {
        BreachType.SUCCESS_RATE,
        BreachType.ON_TIME_RATE,
        BreachType.LATENCY,
        BreachType.RETRY_SUCCESS_RATE,
        BreachType.OVERDUE,
        BreachType.BURN_RATE,
    }
)
"""What being late does to a company. Failures in a row are its own, but for those of an outage."""

AFTERMATH = timedelta(hours=1)
"""What was late because of a cause arrives, and is measured, up to so long after its end."""

WAVE = timedelta(minutes=30)
"""Companies that follow those that were told of together belong to them for so long."""

HELD_TOLD_AFTER = timedelta(hours=1)
"""A person's hold is told when something is late by it, or else after this."""

NAMED = 10
"""So many companies are named, the others counted."""

_WORSE = 1.25
_SLACK = timedelta(minutes=5)
_MENDED_BY_PLATFORM = frozenset(kind.value for kind in MAY_PASS)


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes deliveries on `platforms` late, `company_id`'s or everybody's (None), from `since` to
    `until` (None: still). `incident_id` is empty while no incident has been opened of it. `text` is read by
    every company: it names none."""

    text: str
    platforms: frozenset[Platform]
    since: datetime
    until: datetime | None = None
    company_id: Any = None
    incident_id: str = ""
    types: frozenset[BreachType] = EXPLAINED
    aftermath: timedelta = AFTERMATH

    def explains(self, breach: Breach, now: datetime) -> bool:
        """Whether `breach`, found at `now`, is this cause's doing."""
        if breach.platform not in self.platforms or self.company_id not in (
            None,
            breach.company_id,
        ):
            return False
        if self.until is not None and now > self.until + self.aftermath:
            return False
        if breach.type is BreachType.CONSECUTIVE_FAILURES:
            if breach.details.get("error_kind") not in _MENDED_BY_PLATFORM:
                return False
        elif (
            breach.company_id is not None
            # The first of some errors, which may be days old: it says nothing of when they became many.
            and breach.type is not BreachType.BURN_RATE
            and breach.since is not None
            and breach.since < self.since - _SLACK
        ):
            return False
        return breach.type in self.types


def causes_of(incidents: Iterable[Incident], closures: Iterable[Closure]) -> list[Cause]:
    """The causes among open and lately closed `incidents`, and of closures of which no incident is open."""
    found = [_of_incident(one) for one in incidents if one.type in CAUSE_TYPES]
    named = {
        (one.company_id, platform) for one in found if not one.until for platform in one.platforms
    }
    for closure in closures:
        if (closure.company_id, closure.platform) in named:
            continue
        if closure.by in ("platform_breaker", "person"):
            who = "a person" if closure.kind == "person" else "its breaker"
            found.append(
                Cause(
                    f"{FACTS[closure.platform].title} is held by {who}",
                    frozenset({closure.platform}),
                    closure.since,
                    company_id=closure.company_id,
                    types=_types_of(closure.kind != "person"),
                )
            )
    return found


def _of_incident(one: Incident) -> Cause:
    since, until, aftermath = one.since or one.opened_at, one.closed_at, AFTERMATH
    platforms = frozenset({one.platform} if one.platform else set())
    types = _types_of(one.type is BreachType.PLATFORM_OUTAGE)
    title = FACTS[one.platform].title if one.platform else ""
    match one.type:
        case BreachType.PLATFORM_OUTAGE:
            text = f"the outage of {title} is told once, for all companies"
        case BreachType.HELD:
            text = f"{title} is held by a person, which is told once"
        case _:
            platforms = frozenset(Platform(name) for name in one.details.get("platforms", ()))
            text = "told once, together with other companies"
            if one.details.get("cause") == "scheduler":
                text = "the scheduler stood still, which is told once, for all companies"
            else:
                # What has befallen many at once is no excuse for what befalls one tomorrow.
                wave = one.details.get("wave")
                until = datetime.fromisoformat(wave) if wave else one.opened_at
                aftermath = WAVE
                types = EXPLAINED | {BreachType(name) for name in one.details.get("types", ())}
    return Cause(text, platforms, since, until, one.company_id, str(one.id), types, aftermath)


def _types_of(platform_fails: bool) -> frozenset[BreachType]:
    return EXPLAINED | {BreachType.CONSECUTIVE_FAILURES} if platform_fails else EXPLAINED


def folded(incident: Incident, known: Mapping[str, Any], cause: Cause | None) -> Incident:
    """`incident` with the cause that explains it now, or had explained it (`known` are its details of
    before) and still does: it isn't worse by more than a quarter."""
    badness, covered = _badness(incident), float(known.get("covered", 0.0))
    if cause is not None:
        id_ = cause.incident_id or known.get("caused_by", "")
        added = {"caused_by": id_, "covered": max(covered, badness)}
    elif known.get("caused_by") and badness <= covered * _WORSE:
        added = {"caused_by": known["caused_by"], "covered": covered}
    else:
        return incident
    return replace(incident, details={**incident.details, **added})


def is_folded(incident: Incident) -> bool:
    """Whether its cause's notice is told in its stead."""
    return "caused_by" in incident.details


def affected_by(
    incidents: Iterable[Incident],
    *,
    cause_id: str,
    platforms: Collection[Platform],
    company_id: Any = None,
) -> list[Incident]:
    """The open incidents that a cause explains; those that were explained before it had an incident have an
    empty id."""
    return [
        one
        for one in incidents
        if one.closed_at is None
        and one.platform in platforms
        and company_id in (None, one.company_id)
        and one.details.get("caused_by") in ("", cause_id)
        and is_folded(one)
    ]


def naming(companies: Iterable[str | None], before: Mapping[str, Any]) -> dict[str, Any]:
    """How many companies, and the first few by name: for operations only (`told_details`). Never fewer than
    `before`: whoever was concerned was."""
    names = sorted({one for one in companies if one})
    if len(names) <= before.get("companies_late", 0):
        return {key: before[key] for key in ("companies_late", "names") if key in before}
    return {"companies_late": len(names), "names": names[:NAMED]}


def _badness(incident: Incident) -> float:
    if incident.type in RATES:
        return 100.0 - incident.actual
    return incident.actual


def worth_an_incident(
    breaches: Sequence[Breach], open_incidents: Iterable[Incident]
) -> list[Breach]:
    """`breaches` without those that another one explains: two incidents for one cause would notify people
    twice. A whole platform's is explained by the only company's of the same type; one of the on-time rate by
    one of the success rate or the latency, since what fails is not on time either. One that has an incident
    keeps it.

    What concerns neither a company on a platform nor a platform has no incident at all.
    """
    known = {incident.key for incident in open_incidents}
    companies = Counter(
        (breach.platform, breach.type) for breach in breaches if breach.company_id is not None
    )
    explained = {
        (breach.company_id, breach.platform)
        for breach in breaches
        if breach.type in (BreachType.SUCCESS_RATE, BreachType.LATENCY)
    }
    breaches = [
        breach
        for breach in breaches
        if breach.type is not BreachType.ON_TIME_RATE
        or (breach.company_id, breach.platform) not in explained
        or (breach.company_id, breach.platform, breach.type) in known
    ]
    return [
        breach
        for breach in breaches
        if breach.platform is not None
        and (
            breach.company_id is not None
            or companies[breach.platform, breach.type] != 1
            or (None, breach.platform, breach.type) in known
        )
    ]

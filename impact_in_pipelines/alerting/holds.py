"""What is held and needs a person: accounts that go on being refused, and holds that people forget (D12)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.alerting.causes import affected_by, naming
from impact_in_pipelines.delivery.holding.breaking import BreakerCause
from impact_in_pipelines.delivery.holding.closures import Closure
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

REFUSED_REMINDERS = (timedelta(hours=24), timedelta(hours=48))
"""A connection that goes on being refused is told of at once, and again after these."""

PAUSED_BY = "breaker"
"""Who holds a connection that was refused for too long."""

HELD_REMINDED_EVERY = timedelta(hours=24)


def needing_people(
    closures: Iterable[Closure],
    slugs: Mapping[UUID, str],
    now: datetime,
    pause_after: timedelta,
    incidents: Sequence[Incident] = (),
) -> list[Breach]:
    """Refused connections and people's holds as breaches; `actual` and `threshold` are hours.

    `details["reminder"]` counts how often people are to have been reminded by now. A hold that makes
    deliveries late pages as the worst of the open `incidents` that it explains would.
    """
    found = []
    for one in closures:
        age = now - one.since
        if one.kind == "person":
            reminder = age // HELD_REMINDED_EVERY
            held = _breach(one, slugs, now, BreachType.HELD, HELD_REMINDED_EVERY, reminder)
            found.append(_with_what_is_late(held, one, incidents))
        elif one.cause == BreakerCause.REFUSED and one.company_id is not None:
            reminder = sum(age >= after for after in REFUSED_REMINDERS)
            kind = BreachType.CONNECTION_REFUSED
            found.append(_breach(one, slugs, now, kind, pause_after, reminder))
    return found


def _with_what_is_late(breach: Breach, closure: Closure, incidents: Sequence[Incident]) -> Breach:
    key = (closure.company_id, closure.platform, BreachType.HELD)
    own = next((one for one in incidents if one.key == key), None)
    late = affected_by(
        incidents,
        cause_id=str(own.id) if own else "",
        platforms={closure.platform},
        company_id=closure.company_id,
    )
    before = own.details if own else {}
    details = {**breach.details, **naming((one.company for one in late), before)}
    if not any(one.details.get("pages") for one in late) and not before.get("pages"):
        return replace(breach, details=details)
    return replace(
        breach, details=details, severity=Severity.CRITICAL, pages=True, rule=Rule.HELD_LATE
    )


def to_pause(closures: Iterable[Closure], now: datetime, pause_after: timedelta) -> list[Closure]:
    """The connections that were refused for so long that they are paused until a person resumes them."""
    closures = list(closures)
    paused = {(one.platform, one.company_id) for one in closures if one.kind == "person"}
    return [
        one
        for one in closures
        if one.cause == BreakerCause.REFUSED
        and now - one.since >= pause_after
        and (one.platform, one.company_id) not in paused
    ]


def _breach(
    one: Closure,
    slugs: Mapping[UUID, str],
    now: datetime,
    type_: BreachType,
    threshold: timedelta,
    reminder: int,
) -> Breach:
    refused = type_ is BreachType.CONNECTION_REFUSED
    said = {"last_error": one.reason} if refused else {"held_by": one.held_by, "why": one.reason}
    return Breach(
        type=type_,
        severity=Severity.CRITICAL if refused else Severity.WARNING,
        threshold=threshold / timedelta(hours=1),
        actual=float((now - one.since) // timedelta(hours=1)),
        since=one.since,
        company_id=one.company_id,
        company=slugs.get(one.company_id) if one.company_id else None,
        platform=one.platform,
        sample_size=0,
        low_confidence=False,
        details={**said, "reminder": reminder},
        pages=False,
        rule=Rule.ACCOUNT_REFUSED if refused else Rule.HELD_BY_PERSON,
    )

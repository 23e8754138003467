"""From anomalies to breaches: one cause is one incident, and what was told otherwise is not told again.

- A platform's own anomaly explains those of the same kind of the companies on it.
- `TOGETHER_FROM` companies with the same anomaly on a platform are one incident of that platform; of figures,
  one of all.
- What an SLA incident, an outage or a hold has told already is no news.
- Several anomalies of a company on a platform are one incident, the most striking first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from impact_in_pipelines.anomalies.kinds import AnomalyKind, Measure
from impact_in_pipelines.anomalies.saying import own_anomalies
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.services.anomalies.finding import FoundAnomaly, SeriesKey
from impact_in_pipelines.sla.incidents import Incident
from impact_in_pipelines.sla.model import Breach, BreachType, Rule, Severity

TOGETHER_FROM = 3
_NAMED = 10
_MEMBERS = 200
_FAILS = frozenset(
    {
        BreachType.SUCCESS_RATE,
        BreachType.CONSECUTIVE_FAILURES,
        BreachType.OVERDUE,
        BreachType.BURN_RATE,
        BreachType.PLATFORM_OUTAGE,
        BreachType.CONNECTION_REFUSED,
        BreachType.HELD,
        BreachType.WIDESPREAD,
    }
)
TOLD_BY: Mapping[AnomalyKind, frozenset[BreachType]] = {
    AnomalyKind.SUCCESS: _FAILS,
    AnomalyKind.VOLUME: frozenset({BreachType.WIDESPREAD}),
    AnomalyKind.ANSWERS: frozenset({BreachType.PLATFORM_OUTAGE, BreachType.CONNECTION_REFUSED}),
    AnomalyKind.FIGURES: frozenset(),
}
TELLING = frozenset().union(*TOLD_BY.values())
"""Types whose incidents tell of an anomaly's cause."""

_Place = tuple[UUID | None, Platform | None]


def known_series(incidents: Iterable[Incident]) -> dict[SeriesKey, int]:
    """The series of open anomalies and of the companies that they were told together for, each with its
    direction."""
    found: dict[SeriesKey, int] = {}
    for one in incidents:
        if one.type is not BreachType.ANOMALY:
            continue
        for anomaly in own_anomalies(one.details):
            found[_series(one.company_id, one.platform, anomaly)] = int(anomaly["direction"])
        for member in one.details.get("members", ()):
            id_ = UUID(member["company_id"])
            found[_series(id_, one.platform, member)] = int(member["direction"])
    return found


def breaches(
    found: Sequence[FoundAnomaly],
    incidents: Sequence[Incident],
    slugs: Mapping[UUID, str],
) -> list[Breach]:
    """What the open incidents of anomalies are to agree with. `incidents` are all that are open, and those of
    `TELLING` that were closed within the judged days."""
    open_ = {one.key: one for one in incidents if one.closed_at is None}
    news = [one for one in found if not _told(one, incidents, open_)]
    wide = {(one.key[1], one.key[2], one.direction) for one in news if one.key[0] is None}
    places: dict[_Place, list[FoundAnomaly]] = defaultdict(list)
    groups: dict[tuple[Platform | None, AnomalyKind, int], list[FoundAnomaly]] = defaultdict(list)
    for one in news:
        company_id, platform, kind, _ = one.key
        same = (platform, kind, one.direction)
        if company_id is None or (company_id, platform, BreachType.ANOMALY) in open_:
            if one.fresh or _is_of(one, open_.get((company_id, platform, BreachType.ANOMALY))):
                places[company_id, platform].append(one)
        elif same not in wide:
            groups[same].append(one)
    told: list[Breach] = []
    together: dict[Platform | None, list[FoundAnomaly]] = defaultdict(list)
    for (platform, _, _), some in groups.items():
        group = open_.get((None, platform, BreachType.ANOMALY))
        members = group.details.get("members", ()) if group else ()
        goes_on = any(_is_member(one, members) for one in some)
        if goes_on or len({one.key[0] for one in some if one.fresh}) >= TOGETHER_FROM:
            together[platform] += some
            continue
        for one in some:
            if one.fresh:
                places[one.key[0], platform].append(one)
    for place, some in places.items():
        extra = together.pop(place[1], []) if place[0] is None else []
        told.append(_breach(place, some, slugs, extra))
    told += [_breach((None, platform), some, slugs, some) for platform, some in together.items()]
    return told


def _told(
    one: FoundAnomaly,
    incidents: Iterable[Incident],
    open_: Mapping[tuple[UUID | None, Platform | None, BreachType], Incident],
) -> bool:
    """Whether another incident tells of it; an anomaly that was told first stays until it is over."""
    company_id, platform, kind, _ = one.key
    if (company_id, platform, BreachType.ANOMALY) in open_:
        return False
    types = TOLD_BY[kind]
    return any(
        other.type in types
        and other.company_id in (None, company_id)
        and other.platform in (None, platform)
        for other in incidents
    )


def _breach(
    place: _Place,
    some: Sequence[FoundAnomaly],
    slugs: Mapping[UUID, str],
    members: Sequence[FoundAnomaly],
) -> Breach:
    company_id, platform = place
    own = [one for one in some if one.key[0] == company_id]
    ordered = sorted([*own, *members], key=lambda one: -one.score)
    worst = ordered[0]
    shown = _one_a_series(ordered, company_id)
    details: dict[str, Any] = {"anomalies": [document(one) for one in shown]}
    details["what"] = sorted({one.key[2].value for one in ordered})
    concerned = {one.key[0] for one in members if one.key[0] is not None}
    names = sorted(slugs[id_] for id_ in concerned if id_ in slugs)
    if members:
        for one, said in zip(shown, details["anomalies"], strict=True):
            said["own"] = one.key[0] == company_id
        details["companies_late"] = len(names)
        details["names"] = names[:_NAMED]
        details["members"] = [
            {
                "company_id": str(one.key[0]),
                "kind": one.key[2].value,
                "measure": one.key[3].value if one.key[3] else None,
                "direction": one.direction,
            }
            for one in sorted(members, key=lambda one: -one.score)[:_MEMBERS]
        ]
    return Breach(
        type=BreachType.ANOMALY,
        severity=Severity.WARNING,
        threshold=worst.threshold,
        actual=worst.score,
        since=datetime.combine(worst.since, time(), UTC),
        company_id=company_id,
        company=slugs.get(company_id) if company_id else None,
        platform=platform,
        sample_size=worst.span,
        low_confidence=False,
        details=details,
        pages=False,
        rule=Rule.ANOMALOUS,
    )


def document(one: FoundAnomaly) -> dict[str, Any]:
    """What an incident keeps of an anomaly: its evidence."""
    _, _, kind, measure = one.key
    return {
        "kind": kind.value,
        "measure": measure.value if measure else None,
        "direction": one.direction,
        "day": one.day.isoformat(),
        "span": one.span,
        "score": one.score,
        "threshold": one.threshold,
        "observed": one.observed,
        "expected": one.expected,
        "days": list(one.days),
        "usual": list(one.usual),
    }


def _one_a_series(ordered: Sequence[FoundAnomaly], company_id: UUID | None) -> list[FoundAnomaly]:
    """The most striking of each kind, of the place's own and of companies: of many the others are only
    counted."""
    seen: dict[tuple[bool, AnomalyKind, Measure | None], FoundAnomaly] = {}
    for one in ordered:
        seen.setdefault((one.key[0] == company_id, one.key[2], one.key[3]), one)
    return list(seen.values())


def _series(
    company_id: UUID | None, platform: Platform | None, said: Mapping[str, Any]
) -> SeriesKey:
    measure = said.get("measure")
    kind = AnomalyKind(said["kind"])
    return company_id, platform, kind, Measure(measure) if measure else None


def _is_of(one: FoundAnomaly, incident: Incident | None) -> bool:
    return incident is not None and any(
        _series(incident.company_id, incident.platform, said) == one.key
        for said in own_anomalies(incident.details)
    )


def _is_member(one: FoundAnomaly, members: Iterable[Mapping[str, Any]]) -> bool:
    company_id, platform, _, _ = one.key
    return any(
        said["company_id"] == str(company_id) and _series(company_id, platform, said) == one.key
        for said in members
    )

"""From what was measured to statuses and breaches: pure, for one company or for all at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.sla.budget import Errors, burn_breach
from impact_in_pipelines.sla.model import (
    Breach,
    BreachType,
    Metrics,
    Scope,
    SlaStatus,
    Window,
    state_of,
)
from impact_in_pipelines.sla.rules import Streak, Subject, evaluate, not_later
from impact_in_pipelines.sla.thresholds import ThresholdBook

ScopeKey = tuple[UUID | None, Platform | None]
"""A company's id and a platform; None means all of them."""

EVERYTHING: ScopeKey = (None, None)


@dataclass(frozen=True, slots=True)
class Burn:
    """What came to its end lately in a scope, by the windows of the burn-rate rules."""

    by_window: Mapping[timedelta, Errors]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """Fires that are overdue now: how many, and when the oldest was due."""

    fires: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Measured:
    """One pass over the log: the metrics of every scope that has any, failing schedules, burn rates.

    `metrics` carry no consecutive failures yet. `burns`, and `overdue_before` (what is overdue now and was
    due before the window), are empty for a window that lies in the past.
    """

    window: Window
    metrics: Mapping[ScopeKey, Metrics]
    streaks: Sequence[Streak] = ()
    burns: Mapping[ScopeKey, Burn] = field(default_factory=dict)
    overdue_before: Mapping[ScopeKey, Overdue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Every scope of `measured` judged at an instant."""

    window: Window
    scopes: Mapping[ScopeKey, Scope]
    slugs: Mapping[UUID, str]

    def status(self, company_id: UUID | None = None) -> SlaStatus:
        """A company's status, or everybody's; what nothing was measured of is healthy."""
        return SlaStatus(
            company=self.slugs.get(company_id) if company_id else None,
            window=self.window,
            overall=self.scopes.get((company_id, None), Scope()),
            by_platform={
                platform: self.scopes[company_id, platform]
                for platform in Platform
                if (company_id, platform) in self.scopes
            },
        )

    def company_ids(self) -> list[UUID]:
        """The companies of which something was measured, by slug."""
        ids = {company for company, _ in self.scopes if company is not None}
        return sorted(ids, key=lambda id_: self.slugs.get(id_, ""))

    def incidents_worth(self) -> list[Breach]:
        """The breaches that an incident is opened for: of a company on a platform, and of a platform as a
        whole. A schedule's series of failures concerns its company only."""
        return [
            breach
            for (company, platform), scope in self.scopes.items()
            if platform is not None
            for breach in scope.breaches
            if company is not None or breach.type is not BreachType.CONSECUTIVE_FAILURES
        ]


def assess(
    measured: Measured, book: ThresholdBook, slugs: Mapping[UUID, str], now: datetime
) -> Assessment:
    """Judge every scope at `now` (UTC). Rates and latency don't say since when yet: `with_since`."""
    streaks = _by_scope(measured.streaks)
    keys = dict.fromkeys([*measured.metrics, *streaks, *measured.overdue_before])
    scopes = {key: _scope(key, measured, streaks.get(key, ()), book, slugs, now) for key in keys}
    return Assessment(measured.window, scopes, slugs)


def _scope(
    key: ScopeKey,
    measured: Measured,
    streaks: Sequence[Streak],
    book: ThresholdBook,
    slugs: Mapping[UUID, str],
    now: datetime,
) -> Scope:
    company_id, platform = key
    found, before = measured.metrics.get(key, Metrics()), measured.overdue_before.get(key)
    metrics = found
    if streaks or before:
        metrics = replace(
            found,
            consecutive_failures=max((one.failures for one in streaks), default=0),
            overdue_before=before.fires if before else 0,
            oldest_overdue=before.oldest if before else found.oldest_overdue,
        )
    thresholds = book.of(company_id, platform)
    subject = Subject(company_id, slugs.get(company_id) if company_id else None, platform)
    breaches = evaluate(metrics, thresholds, subject, now, streaks=streaks)
    burn = measured.burns.get(key)
    burning = burn and burn_breach(
        burn.by_window, thresholds, subject, since=not_later(burn.since, now)
    )
    if burning:
        breaches.append(burning)
    return Scope(metrics, state_of(breaches), breaches)


def _by_scope(streaks: Iterable[Streak]) -> dict[ScopeKey, list[Streak]]:
    """Each failing schedule under all four scopes it belongs to."""
    scopes: dict[ScopeKey, list[Streak]] = {}
    for one in streaks:
        for key in (
            (one.company_id, one.platform),
            (one.company_id, None),
            (None, one.platform),
            EVERYTHING,
        ):
            scopes.setdefault(key, []).append(one)
    return scopes


@dataclass(frozen=True, slots=True)
class SinceKey:
    """A breach whose beginning has to be looked up in the log."""

    company_id: UUID | None
    platform: Platform | None
    type: BreachType
    threshold: float


def since_wanted(assessment: Assessment) -> list[SinceKey]:
    """The breaches that don't say since when."""
    return [
        SinceKey(company_id, platform, breach.type, breach.threshold)
        for (company_id, platform), scope in assessment.scopes.items()
        for breach in scope.breaches
        if breach.since is None
    ]


def with_since(assessment: Assessment, found: Mapping[SinceKey, datetime]) -> Assessment:
    """The same with the beginnings that were found."""
    if not found:
        return assessment
    scopes = {
        key: replace(scope, breaches=[_dated(key, breach, found) for breach in scope.breaches])
        if scope.breaches
        else scope
        for key, scope in assessment.scopes.items()
    }
    return replace(assessment, scopes=scopes)


def _dated(key: ScopeKey, breach: Breach, found: Mapping[SinceKey, datetime]) -> Breach:
    if breach.since is not None:
        return breach
    return replace(breach, since=found.get(SinceKey(*key, breach.type, breach.threshold)))

"""Delivered days that have changed since (D19): finding them, and correcting what was reported.

A correction only queues; a drain sends. `company_ids` are those of whoever asks (None: all): another
company's delivery is refused as one that isn't stale.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.corrections.staleness import (
    CellChanges,
    StaleComparison,
    StaleDay,
    StaleFilter,
    StaleList,
)
from impact_in_pipelines.delivery.resending.correcting import CorrectionPolicy, Policy, why_not
from impact_in_pipelines.errors import ImpactInError
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.deliveries.drain_requests import (
    DrainStart,
    DrainStarter,
    NextTick,
)

__all__ = [
    "Corrected",
    "StaleDay",
    "StaleFilter",
    "StaleReport",
    "changed_cells",
    "compare",
    "correct",
    "correct_automatically",
    "policy_of",
    "set_policy",
    "stale_days",
    "stale_reports",
]

AUTOMATICALLY = "corrections"
"""The actor of corrections that no person asked for."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """`queued`: each correction by the delivery that it corrects; `refused` has a reason for each other one;
    `drains` says who sends what was queued."""

    queued: Mapping[UUID, UUID]
    refused: Mapping[UUID, ImpactInError]
    drains: Mapping[Platform, DrainStart]


@dataclass(frozen=True, slots=True)
class StaleReport:
    """A delivery whose days have changed since: the stale `days` of its period, the first of them as an
    example of all, and why it can't be corrected (None: it can)."""

    example: StaleDay
    days: Sequence[StaleDay]
    refusal: ImpactInError | None


def compare(runtime: Runtime) -> StaleComparison:
    """Find out what today's events would have been reported otherwise, of every day that has changed."""
    from impact_in_pipelines.connectors.registry import reported

    return runtime.staleness.compare(runtime.clock(), reported)


def stale_days(
    runtime: Runtime, wanted: StaleFilter | None = None, *, limit: int = 1_000
) -> StaleList:
    """Delivered days that have changed since, the newest change first."""
    return runtime.staleness.stale(wanted, limit=limit)


def stale_reports(runtime: Runtime, wanted: StaleFilter | None = None) -> list[StaleReport]:
    """The same by delivery, the newest change first."""
    by_delivery: dict[UUID, list[StaleDay]] = defaultdict(list)
    for one in stale_days(runtime, wanted, limit=100_000).days:
        by_delivery[one.delivery_id].append(one)
    policies = runtime.corrections.policies(wanted.company_ids if wanted else None)
    return [
        StaleReport(
            days[0],
            sorted(days, key=lambda day: day.day),
            why_not(_policy(policies, days[0]), days[0].correction_id, days[0].correction_status),
        )
        for days in by_delivery.values()
    ]


def correct(
    runtime: Runtime,
    ids: Sequence[UUID],
    *,
    actor: str,
    company_ids: Sequence[UUID] | None = None,
    drains: DrainStarter | None = None,
) -> Corrected:
    """Queue a correction of each of the deliveries `ids`; one refused doesn't stop the others."""
    done = runtime.corrections.correct(
        ids, actor=actor, now=runtime.clock(), company_ids=company_ids
    )
    starter = drains or NextTick()
    return Corrected(
        done.queued,
        done.refused,
        starter.start_drains(done.platforms, f"correction by {actor}"),
    )


def correct_automatically(runtime: Runtime) -> Corrected:
    """Queue the corrections that policies ask for: days that have been quiet for long enough, of companies
    that were not corrected just before. All reports of a company and platform go together."""
    now = runtime.clock()
    automatic = {
        key: policy
        for key, policy in runtime.corrections.policies().items()
        if policy.policy is Policy.AUTOMATIC
    }
    if not automatic:
        return Corrected({}, {}, {})
    companies = list({company_id for company_id, _ in automatic})
    longest = max(policy.at_most_every_minutes for policy in automatic.values())
    asked_for = runtime.corrections.last_asked_for(companies, now - timedelta(minutes=longest))
    found = stale_days(runtime, StaleFilter(company_ids=companies), limit=100_000)
    # A report of several days is quiet when the last of them is.
    newest: dict[UUID, datetime] = {}
    for one in found.days:
        newest[one.delivery_id] = max(one.changed_at, newest.get(one.delivery_id, one.changed_at))
    ids = [
        one.delivery_id
        for one in found.days
        if one.active
        and one.correction_id is None
        and (one.company_id, one.platform) in automatic
        and automatic[one.company_id, one.platform].is_due(
            newest[one.delivery_id], asked_for.get((one.company_id, one.platform)), now
        )
    ]
    return correct(runtime, list(dict.fromkeys(ids)), actor=AUTOMATICALLY)


def changed_cells(runtime: Runtime, platform: Platform) -> AbstractContextManager[CellChanges]:
    """How the cells of `platform` differ from what Dagster was told of them last; kept as told if the block
    ends well."""
    return runtime.staleness.cells(platform)


def policy_of(runtime: Runtime, company: Company, platform: Platform) -> CorrectionPolicy:
    """The company's policy on the platform, set or by default."""
    return runtime.corrections.policy(company.id, platform)


def set_policy(runtime: Runtime, policy: CorrectionPolicy, *, actor: str) -> None:
    """Keep `policy`; audited."""
    runtime.corrections.set_policy(policy, actor=actor, now=runtime.clock())


def _policy(
    policies: Mapping[tuple[UUID, Platform], CorrectionPolicy], one: StaleDay
) -> CorrectionPolicy:
    key = (one.company_id, one.platform)
    return policies.get(key) or CorrectionPolicy(*key)

"""How everybody stands: statuses and error budgets to read, thresholds to read and to set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.thresholds import Override
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.model import SlaStatus
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.wire import Document, status_document


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of one company, or of all (`company_id` None), in a window, and its error budget now."""

    company_id: UUID | None
    status: SlaStatus
    budget: ErrorBudget | None

    @property
    def document(self) -> Document:
        """As programs read it."""
        return status_document(self.status, self.budget, company_id=self.company_id)


def budget_of(statuses: SlaStatuses, company: Company | None, now: datetime) -> ErrorBudget | None:
    """The error budget of the 28 days up to `now`; None where nothing came to its end in them."""
    company_id = company.id if company else None
    return statuses.error_budgets(now, company_id=company_id).get((company_id, None))


def standing(
    runtime: Runtime, company: Company | None, start: datetime | None, end: datetime | None
) -> Standing:
    """The status in `[start, end)`, by default from Monday 00:00 UTC until now, and the budget of now.

    Raises `WindowReversed`.
    """
    now = runtime.clock()
    return Standing(
        company.id if company else None,
        runtime.sla.get_sla_status(company, start, end, now=now),
        budget_of(runtime.sla, company, now),
    )


@dataclass(frozen=True, slots=True)
class ThresholdsInForce:
    """What holds for a company, a platform, or one on the other, and who has numbers of their own."""

    in_force: Thresholds
    overrides: Sequence[Override]


def thresholds_of(
    runtime: Runtime, company: Company | None, platform: Platform | None
) -> ThresholdsInForce:
    """The thresholds of a company, a platform, one on the other, or (neither) the settings'."""
    store = runtime.sla_thresholds
    in_force = store.book().of(company.id if company else None, platform)
    return ThresholdsInForce(in_force, store.overrides())


def set_thresholds(
    runtime: Runtime,
    company: Company | None,
    platform: Platform | None,
    values: Mapping[str, Any],
    *,
    actor: str,
) -> None:
    """Give a company, a platform, or one on the other its own `values` by name; none clears them. Audited.

    Raises `ThresholdUnknown`, `ThresholdOutOfRange`, `ThresholdScopeMissing`.
    """
    runtime.sla_thresholds.put(company, platform, values, now=runtime.clock(), actor=actor)

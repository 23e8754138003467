"""How everybody stands: statuses and error budgets to read, thresholds to read and to set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.sla.statuses import SlaStatuses
from impact_in_pipelines.db.sla.thresholds import Override
from impact_in_pipelines.errors.sla import ThresholdNotAllowed, ThresholdOutOfRange
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.sla.budget import ErrorBudget
from impact_in_pipelines.sla.model import SlaStatus
from impact_in_pipelines.sla.thresholds import Thresholds
from impact_in_pipelines.sla.wire import Document, status_document
from impact_in_pipelines.sla.wording import as_set


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


def budget_of_all(statuses: SlaStatuses, now: datetime) -> ErrorBudget | None:
    """The error budget of the 28 days up to `now`; None where nothing came to its end in them."""
    return statuses.error_budgets(now).get((None, None))


def standing(
    runtime: Runtime, company: Company | None, start: datetime | None, end: datetime | None
) -> Standing:
    """The status in `[start, end)`, by default from Monday 00:00 UTC until now, and the budget of now.

    Raises `WindowReversed`.
    """
    status, budget = runtime.sla.standing(company, start, end, now=runtime.clock())
    return Standing(company.id if company else None, status, budget)


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


@dataclass(frozen=True, slots=True)
class OwnLevel:
    """A service level that a company may set for itself: what holds now, what would without its own number
    (`usual`), and between which numbers it may lie. `own`: it has one."""

    name: str
    value: float
    usual: float
    lowest: float
    highest: float
    own: bool


def own_levels(runtime: Runtime, company: Company) -> list[OwnLevel]:
    """What the company may set for itself, within the operator's limits (SLA_COMPANY_LIMITS)."""
    book = runtime.sla_thresholds.book()
    mine = book.overrides.get((company.id, None), {})
    in_force, usual = book.of(company.id), book.of()
    return [
        OwnLevel(name, getattr(in_force, name), getattr(usual, name), low, high, name in mine)
        for name, low, high in runtime.settings.sla_company_limits
    ]


def set_own_levels(
    runtime: Runtime, company: Company, values: Mapping[str, float | None], *, actor: str
) -> None:
    """Give the company its own numbers by name, None for the usual one; what isn't named stays, also what the
    operator has set for it. Audited.

    Raises `ThresholdNotAllowed`, `ThresholdOutOfRange`.
    """
    limits = {name: (low, high) for name, low, high in runtime.settings.sla_company_limits}
    mine = dict(runtime.sla_thresholds.book().overrides.get((company.id, None), {}))
    before = dict(mine)
    for name, value in values.items():
        if name not in limits:
            raise ThresholdNotAllowed(name)
        lowest, highest = limits[name]
        if value is None:
            mine.pop(name, None)
        elif not lowest <= value <= highest:
            raise ThresholdOutOfRange(name, as_set(value), lowest, highest)
        elif mine.get(name) != value:
            mine[name] = value
    if mine != before:
        set_thresholds(runtime, company, None, mine, actor=actor)

"""What a new company still needs before its first delivery arrives."""

from dataclasses import dataclass

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.services.accounts.connections import of_company


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Which of the steps are done, in their order."""

    connected: bool
    imported: bool
    scheduled: bool
    delivered: bool

    @property
    def all_done(self) -> bool:
        """Whether nothing is left."""
        return self.connected and self.imported and self.scheduled and self.delivered


def first_steps(runtime: Runtime, company: Company) -> FirstSteps:
    """How far the company has come. Once something has arrived the others needn't be asked for."""
    found = runtime.companies.has(company.id)
    if found.arrived:
        return FirstSteps(True, True, True, True)
    usable = any(not one.lacks for one in of_company(runtime, company).values())
    return FirstSteps(usable, found.events, found.schedules, False)

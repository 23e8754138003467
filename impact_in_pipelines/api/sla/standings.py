"""How companies stand in the window that ends at present, as they are answered."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from impact_in_pipelines.api.access.known import KnownCompanies
from impact_in_pipelines.api.sla.schemas import SlaStatusView
from impact_in_pipelines.db.sla.statuses import SlaStatuses, Standing
from impact_in_pipelines.sla.wire import status_document


class CompanyStandings:
    """Measures some companies by one reading, and looks them up by one too."""

    def __init__(
        self, sla: SlaStatuses, companies: KnownCompanies, clock: Callable[[], datetime]
    ) -> None:
        self._sla = sla
        self._companies = companies
        self._clock = clock

    def written(self, ids: Sequence[UUID]) -> dict[UUID, bytes | None]:
        """The answer about each; None: there is no such company."""
        companies = self._companies.of(ids)
        found: dict[UUID, bytes | None] = dict.fromkeys(ids)
        if companies:
            standings = self._sla.standings(companies, None, None, now=self._clock())
            found |= {id_: written(standing, id_) for id_, standing in standings.items()}
        return found


def written(standing: Standing, company_id: UUID | None) -> bytes:
    """A status and its error budget as JSON."""
    status, budget = standing
    view = SlaStatusView.model_validate(status_document(status, budget, company_id=company_id))
    return view.model_dump_json(by_alias=True).encode()

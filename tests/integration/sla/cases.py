"""A company, its deliveries of yesterday, and one breach among many."""

from datetime import timedelta
from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company, CompanyStore
from impact_in_pipelines.sla.model import Breach, BreachType
from impact_in_pipelines.sla.windows import midnight

from .logs import Log, Row, ago


def company(log: Log, slug: str = "acme") -> Company:
    log.company(slug)
    return CompanyStore(log.engine).find(slug)


def many(company: UUID, count: int, **values: object) -> list[Row]:
    """Deliveries of yesterday, a second apart."""
    start = midnight(ago(days=1).date())
    return [
        Row(company, start + timedelta(seconds=n), **values)  # type: ignore[arg-type]
        for n in range(count)
    ]


def only(breaches: list[Breach], type_: BreachType, **where: object) -> Breach:
    [found] = [
        b
        for b in breaches
        if b.type is type_ and all(getattr(b, name) == value for name, value in where.items())
    ]
    return found

"""Companies, the tenants: adding one, and whether anything may be done for it."""

from uuid import UUID

from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.errors.accounts import CompanyInactive, CompanyNameEmpty
from impact_in_pipelines.runtime import Runtime


def add_company(
    runtime: Runtime,
    slug: str,
    *,
    name: str,
    id_: UUID | None = None,
    country: str | None = None,
    timezone: str = "UTC",
    actor: str,
) -> Company:
    """Add a company, audited. `country` is ISO 3166-1 alpha-2, `timezone` an IANA zone.

    Raises `CompanyNameEmpty`, `SlugInvalid`, `CompanyExists`, and `UsageError` for a bad zone or country.
    """
    if not name.strip():
        raise CompanyNameEmpty
    return runtime.companies.add(
        slug, name=name.strip(), id_=id_, country=country, timezone=timezone, actor=actor
    )


def require_active(company: Company) -> None:
    """Raise `CompanyInactive` for one that is switched off."""
    if not company.active:
        raise CompanyInactive(company.slug)

"""Companies: the tenants. Statements: companies.sql."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.errors.accounts import CompanyExists, CompanyUnknown, SlugInvalid
from impact_in_pipelines.scheduling import parse_timezone
from impact_in_pipelines.scheduling.holidays.countries import parse_country

_SQL = load("accounts/companies")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant. `timezone` is the IANA zone whose local days its impact is counted in."""

    id: UUID
    slug: str
    name: str
    country: str | None
    timezone: str
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CompanyLife:
    """Since when a company is switched off (None: it isn't), and its export since: when, and its SHA-256."""

    deactivated_at: datetime | None
    exported_at: datetime | None
    export_sha256: str | None


@dataclass(frozen=True, slots=True)
class CompanyHas:
    """Whether a company has events, schedules, deliveries of any kind, and some that arrived."""

    events: bool
    schedules: bool
    deliveries: bool
    arrived: bool


class CompanyStore:
    """Reads, adds and changes companies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        slug: str,
        *,
        name: str,
        id_: UUID | None = None,
        country: str | None = None,
        timezone: str = "UTC",
        actor: str = "cli",
    ) -> Company:
        """Add a company, with its row in the audit log.

        Raises `SlugInvalid`, `CompanyExists`, and `UsageError` for a bad zone or country.
        """
        if not _SLUG.fullmatch(slug):
            raise SlugInvalid(slug)
        if country is not None:
            parse_country(country)
        parse_timezone(timezone)
        try:
            with self._engine.begin() as connection:
                row = connection.execute(
                    _SQL["add"],
                    {
                        "id": id_,
                        "slug": slug,
                        "name": name,
                        "country": country,
                        "timezone": timezone,
                    },
                ).mappings()
                made = Company(**row.one())
                after = {"slug": slug, "name": name, "country": country, "timezone": timezone}
                change = Change("company.add", f"company {made.id}", made.id, after=after)
                record(connection, [change], actor=actor, now=datetime.now(UTC))
                return made
        except IntegrityError as error:
            raise CompanyExists(slug) from error

    def rename(self, company: Company, name: str, *, actor: str, now: datetime) -> Company:
        """Give it another name; the slug, by which files and Dagster know it, stays. Audited."""
        with self._engine.begin() as connection:
            row = connection.execute(_SQL["rename"], {"id": company.id, "name": name}).mappings()
            made = Company(**row.one())
            change = Change(
                "company.rename",
                f"company {company.id}",
                company.id,
                before={"name": company.name},
                after={"name": name},
            )
            record(connection, [change], actor=actor, now=now)
        return made

    def set_active(
        self, company: Company, active: bool, *, actor: str, now: datetime, reason: str | None
    ) -> Company:
        """Switch it on or off from `now` (aware) on; a company that is so already stays as it is. Audited.

        Raises `CompanyUnknown`."""
        with self._engine.begin() as connection:
            row = connection.execute(_SQL["lock"], {"id": company.id}).mappings().one_or_none()
            if row is None:
                raise CompanyUnknown(company.slug)
            if row["active"] != active:
                name = "reactivate" if active else "deactivate"
                connection.execute(_SQL[name], {"id": company.id, "now": now})
                after = {"active": active} | ({"reason": reason} if reason else {})
                before = {"active": not active}
                change = Change(
                    f"company.{name}",
                    f"company {company.id}",
                    company.id,
                    before=before,
                    after=after,
                )
                record(connection, [change], actor=actor, now=now)
        return replace(Company(**row), active=active)

    def life(self, company_id: UUID) -> CompanyLife:
        """Since when it is switched off, and what was exported since."""
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["life"], {"id": company_id}).mappings().one_or_none()
        if row is None:
            raise CompanyUnknown(str(company_id))
        return CompanyLife(**row)

    def has(self, company_id: UUID) -> CompanyHas:
        """What there is of it."""
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["has"], {"id": company_id}).mappings().one()
        return CompanyHas(**row)

    def inactive_of_deliveries(self, ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Those of the deliveries `ids` whose company is switched off, with its slug."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["inactive_of_deliveries"], {"ids": list(ids)})
            return {row.id: row.slug for row in rows}

    def waiting(self, company_id: UUID, *, limit: int) -> Sequence[UUID]:
        """At most `limit` of its deliveries that wait to be sent."""
        with self._engine.connect() as connection:
            values = {"id": company_id, "limit": limit}
            return list(connection.scalars(_SQL["waiting_of"], values))

    def waiting_of_inactive(self, *, limit: int) -> Sequence[UUID]:
        """At most `limit` deliveries that wait although their company is switched off."""
        with self._engine.connect() as connection:
            return list(connection.scalars(_SQL["waiting_of_inactive"], {"limit": limit}))

    def page(
        self, company_ids: Sequence[UUID] | None, *, limit: int, after_slug: str | None = None
    ) -> Sequence[Company]:
        """At most `limit` of these companies (None: of all) by slug, from behind `after_slug` on."""
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "limit": limit,
            "after_slug": after_slug,
        }
        with self._engine.connect() as connection:
            return [Company(**row) for row in connection.execute(_SQL["page"], values).mappings()]

    def listed(self) -> Sequence[Company]:
        """All companies by slug."""
        with self._engine.connect() as connection:
            return [Company(**row) for row in connection.execute(_SQL["listed"]).mappings()]

    def find(self, slug_or_id: str) -> Company:
        """The company with this slug or id. Raises `CompanyUnknown`."""
        values = {"slug": slug_or_id, "id": _id_in(slug_or_id)}
        with self._engine.connect() as connection:
            row = connection.execute(_SQL["find"], values).mappings().one_or_none()
        if row is None:
            raise CompanyUnknown(slug_or_id)
        return Company(**row)

    def by_slug(self, slugs: Sequence[str]) -> Mapping[str, Company]:
        """Those of `slugs` that exist."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["by_slug"], {"slugs": list(slugs)}).mappings()
            return {row["slug"]: Company(**row) for row in rows}

    def by_id(self, ids: Sequence[UUID]) -> Sequence[Company]:
        """Those of `ids` that exist, in any order."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["by_id"], {"ids": list(ids)}).mappings()
            return [Company(**row) for row in rows]

    def active_slugs(self) -> Sequence[str]:
        """The partition keys of the company dimension, oldest company first."""
        with self._engine.connect() as connection:
            return list(connection.scalars(_SQL["active_slugs"]))


def _id_in(text: str) -> UUID | None:
    """The id that `text` is, as ids are written; None: it is a slug."""
    return UUID(text) if _ID.fullmatch(text) else None

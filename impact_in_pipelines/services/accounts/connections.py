"""Connections as every door shows, sets and tries them out; what they may lead to is judged here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from impact_in_pipelines.connectors.check import ConnectionCheck, check_connection
from impact_in_pipelines.connectors.credentials import Lack, lacking, validate_credentials
from impact_in_pipelines.connectors.http.addresses import AddressFault, AddressPolicy
from impact_in_pipelines.db.accounts.companies import Company
from impact_in_pipelines.db.accounts.rotating import KeyRotation, Rotation
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.delivery.origins import is_plain_address
from impact_in_pipelines.errors.accounts import (
    AddressMalformed,
    AddressNotEncrypted,
    AddressNotPublic,
    ConnectionMissing,
    OptionUnknown,
)
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.runtime import Runtime
from impact_in_pipelines.settings import Settings

LONGEST_OPTION = 200
"""Characters of an option's text that are taken; what was stored before there was a limit stays."""


@dataclass(frozen=True, slots=True)
class ShownConnection:
    """What may be shown of a connection: everything but its secrets, of which the names are told.

    `company_id` and `company` (the slug) are None for a default of the environment. `lacks` is what keeps
    it from being used; empty: nothing.
    """

    company_id: UUID | None
    company: str | None
    platform: Platform
    organization_id: str | None
    base_url: str | None
    options: Mapping[str, Any]
    enabled: bool
    rate_limit_per_minute: int | None
    max_concurrency: int | None
    credential_names: Sequence[str]
    webhook_secret_set: bool
    updated_at: datetime | None
    source: str
    lacks: tuple[Lack, ...]


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """What is set; None stays as it is. `options` are replaced whole."""

    organization_id: str | None = None
    base_url: str | None = None
    credentials: Mapping[str, str] | None = field(default=None, repr=False)
    options: Mapping[str, Any] | None = None
    rate_limit_per_minute: int | None = None
    max_concurrency: int | None = None
    enabled: bool | None = None
    webhook_secret: str | None = field(default=None, repr=False)


def set_connection(
    runtime: Runtime,
    company: Company,
    platform: Platform,
    change: ConnectionChange,
    *,
    actor: str,
    by_operator: bool,
) -> ShownConnection:
    """Create or change a connection, audited.

    `by_operator`: whoever runs the machine asks, not a tenant; see `AddressPolicy.fault_of`. Raises
    `AddressMalformed`, `AddressNotEncrypted`, `AddressNotPublic`, `CredentialsMeantElsewhere`, and
    `UsageError` for credentials of another kind than the platform's.
    """
    if change.base_url is not None:
        _check_address(runtime.settings, platform, change.base_url, by_operator=by_operator)
    if change.credentials is not None:
        validate_credentials(platform, change.credentials)
    runtime.connections.save(
        company.id,
        platform,
        organization_id=change.organization_id,
        base_url=change.base_url,
        credentials=change.credentials,
        options=change.options,
        rate_limit_per_minute=change.rate_limit_per_minute,
        max_concurrency=change.max_concurrency,
        enabled=change.enabled,
        webhook_secret=change.webhook_secret,
        actor=actor,
    )
    runtime.closures.probe_now(platform, company.id, runtime.clock())
    return stored(runtime, company, platform)


def check_options(platform: Platform, names: Iterable[str]) -> None:
    """Raise `OptionUnknown` for a name that the platform's connector doesn't read."""
    known = FACTS[platform].options
    for name in names:
        if name not in known:
            raise OptionUnknown(platform=platform, name=name, known=known)


def stored(runtime: Runtime, company: Company, platform: Platform) -> ShownConnection:
    """The company's stored connection; without one, an empty one that says what it lacks."""
    return of_company(runtime, company)[platform]


def of_company(runtime: Runtime, company: Company) -> dict[Platform, ShownConnection]:
    """The company's connection to each platform, as `stored` shows it."""
    rows = {Platform(row["platform"]): row for row in runtime.connections.listed(company.id)}
    nobody = {"company_id": company.id, "company": company.slug}
    return {
        platform: _shown(rows.get(platform) or _nothing(platform) | nobody, runtime.settings)
        for platform in Platform
    }


def listed(runtime: Runtime, company_id: UUID | None = None) -> list[ShownConnection]:
    """The stored connections by company and platform; a broken row is listed with what it lacks."""
    return [_shown(row, runtime.settings) for row in runtime.connections.listed(company_id)]


def page(
    runtime: Runtime,
    company_ids: Sequence[UUID] | None,
    *,
    limit: int,
    after: tuple[str, str] | None = None,
) -> list[ShownConnection]:
    """At most `limit` of these companies' connections (None: of all), from behind `after` (slug and
    platform) on."""
    rows = runtime.connections.page(company_ids, limit=limit, after=after)
    return [_shown(row, runtime.settings) for row in rows]


def defaults(settings: Settings) -> list[ShownConnection]:
    """The connections of the environment, which serve every company without its own. A platform of which no
    variable is set is left out."""
    return [
        _shown(
            _nothing(platform)
            | {
                "organization_id": settings.platform_organization(platform),
                "base_url": settings.platform_url(platform),
                "credential_names": sorted(settings.platform_credentials(platform)),
                "source": "environment",
            },
            settings,
        )
        for platform in Platform
        if settings.platform_url(platform) or settings.platform_credentials(platform)
    ]


def usable(runtime: Runtime, company: Company, platform: Platform) -> Connection:
    """The connection that the company's deliveries would use. Raises `ConnectionMissing`."""
    found = runtime.connections.of_companies(platform, [company.id]).get(company.id)
    if found is None:
        raise ConnectionMissing(company.slug, platform)
    return found


def try_out(runtime: Runtime, company: Company, platform: Platform) -> ConnectionCheck:
    """Try the account out without delivering anything. Raises `ConnectionMissing`."""
    found = usable(runtime, company, platform)
    return check_connection(found, runtime.transport, runtime.oauth_tokens)


def rotate_keys(runtime: Runtime, *, actor: str, tell: Tell = silent) -> Rotation:
    """Write every stored secret anew under the vault's first key; see `KeyRotation`. `tell` is called with
    rows that have secrets."""
    rotation = KeyRotation(runtime.database.engine, runtime.vault)
    return rotation.run(actor=actor, now=runtime.clock(), tell=tell)


def _check_address(settings: Settings, platform: Platform, url: str, *, by_operator: bool) -> None:
    if not is_plain_address(url):
        raise AddressMalformed(platform)
    policy = AddressPolicy.from_settings(settings)
    match policy.fault_of(url, platform, by_operator=by_operator):
        case AddressFault.NOT_ENCRYPTED:
            raise AddressNotEncrypted(url)
        case AddressFault.NOT_PUBLIC:
            raise AddressNotPublic(url)


def _shown(row: Mapping[str, Any], settings: Settings) -> ShownConnection:
    values = {name: row[name] for name in ShownConnection.__slots__ if name in row}
    values["platform"] = Platform(row["platform"])
    return ShownConnection(**{"source": "database", **values}, lacks=tuple(lacking(row, settings)))


def _nothing(platform: Platform) -> dict[str, Any]:
    """What a company without a row of its own has."""
    return {
        "company_id": None,
        "company": None,
        "platform": platform,
        "organization_id": None,
        "base_url": None,
        "options": {},
        "enabled": True,
        "rate_limit_per_minute": None,
        "max_concurrency": None,
        "credential_names": [],
        "webhook_secret_set": False,
        "updated_at": None,
    }

"""Connections: rows of `platform_connections` over the defaults in the environment (design, section 6).

Stored credentials are bound to the origin that they were entered for (docs/security.md): they are sent
nowhere else, whether the row's base URL or the environment's changes.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection as DbConnection
from sqlalchemy import Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.model import Connection, Refusal
from impact_in_pipelines.delivery.origins import origin_of
from impact_in_pipelines.delivery.refusing import meant_elsewhere, unreadable_connection
from impact_in_pipelines.errors.accounts import CompanyUnknown, CredentialsMeantElsewhere, NoKeyFits
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings

_SQL = load("accounts/connections")
_log = logging.getLogger(__name__)
_AUDITED = (
    *("organization_id", "base_url", "options", "enabled"),
    *("rate_limit_per_minute", "max_concurrency"),
)


class ConnectionStore:
    """Reads and writes connections; credentials are encrypted on the way in, decrypted on the way out."""

    def __init__(self, engine: Engine, vault: Vault, settings: Settings) -> None:
        self._engine = engine
        self._vault = vault
        self._settings = settings

    def of_companies(
        self, platform: Platform, company_ids: Sequence[UUID]
    ) -> Mapping[UUID, Connection]:
        """The connection of each of `company_ids`; one that has none that can be used is left out."""
        found = self.looked_up(platform, company_ids)
        return {id_: one for id_, one in found.items() if isinstance(one, Connection)}

    def looked_up(
        self, platform: Platform, company_ids: Sequence[UUID]
    ) -> Mapping[UUID, Connection | Refusal]:
        """The connection of each of `company_ids`, or why the stored one can't be used although it is
        there; a company without any, or with a disabled one, is left out.

        One company's broken row is that company's trouble only.
        """
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(
                    _SQL["of_companies"],
                    {"platform": platform.value, "company_ids": list(set(company_ids))},
                )
            )
        found = {row["company_id"]: self._connection(platform, row) for row in rows}
        return {id_: one for id_, one in found.items() if one is not None}

    def save(
        self,
        company_id: UUID,
        platform: Platform,
        *,
        organization_id: str | None = None,
        base_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        rate_limit_per_minute: int | None = None,
        max_concurrency: int | None = None,
        enabled: bool | None = None,
        webhook_secret: str | None = None,
        actor: str = "cli",
    ) -> None:
        """Create or change a connection; what is None stays as it was. The audit log says what changed,
        of secrets only that they did.

        Raises `CredentialsMeantElsewhere` where `base_url` leads to another origin than the stored
        credentials were entered for, unless new `credentials` come with it.
        """
        with self._engine.begin() as connection:
            origin = self._bound_origin(
                connection, company_id, platform, base_url, anew=credentials is not None
            )
            before = self._audited(connection, company_id, platform)
            connection.execute(
                _SQL["save"],
                {
                    "company_id": company_id,
                    "platform": platform.value,
                    "organization_id": organization_id,
                    "base_url": base_url.rstrip("/") if base_url else None,
                    "credentials": self._vault.encrypt_json(dict(credentials))
                    if credentials is not None
                    else None,
                    "credentials_origin": origin,
                    "options": _json(options),
                    "rate_limit_per_minute": rate_limit_per_minute,
                    "max_concurrency": max_concurrency,
                    "enabled": enabled,
                    "webhook_secret": self._vault.encrypt_text(webhook_secret)
                    if webhook_secret is not None
                    else None,
                },
            )
            after = self._audited(connection, company_id, platform) | {
                name: "changed"
                for name, value in (
                    ("credentials", credentials),
                    ("webhook_secret", webhook_secret),
                )
                if value is not None
            }
            differ = [name for name, value in after.items() if before.get(name) != value]
            change = Change(
                "connection.set",
                f"connection {platform.value}",
                company_id,
                {name: before[name] for name in differ if name in before} or None,
                {name: after[name] for name in differ},
            )
            record(connection, [change], actor=actor, now=datetime.now(UTC))

    def _bound_origin(
        self,
        connection: DbConnection,
        company_id: UUID,
        platform: Platform,
        base_url: str | None,
        *,
        anew: bool,
    ) -> str | None:
        """What the credentials are bound to after the change; None: they aren't yet, for want of a URL."""
        values = {"company_id": company_id, "platform": platform.value}
        row = connection.execute(_SQL["binding"], values).mappings().one_or_none()
        if row is None:
            raise CompanyUnknown(str(company_id))
        ours = self._settings.platform_url(platform)
        wanted = _origin(base_url or row["base_url"] or ours)
        if anew or not row["has_credentials"]:
            return wanted if anew else None
        bound: str | None = row["credentials_origin"] or _origin(row["base_url"] or ours)
        if base_url is not None and bound is not None and wanted != bound:
            raise CredentialsMeantElsewhere(row["slug"], platform)
        return bound or wanted

    def _audited(
        self, connection: DbConnection, company_id: UUID, platform: Platform
    ) -> dict[str, Any]:
        """What the audit log may show of a stored connection; empty: there is none."""
        rows = rows_of(connection.execute(_SQL["listed"], {"company_id": company_id}))
        return {
            name: row[name]
            for row in rows
            if row["platform"] == platform.value
            for name in _AUDITED
        }

    def page(
        self,
        company_ids: Sequence[UUID] | None,
        *,
        limit: int,
        after: tuple[str, str] | None = None,
    ) -> list[dict[str, Any]]:
        """At most `limit` of these companies' connections (None: of all), by slug and platform, from behind
        `after` on, as `listed` shows them."""
        slug, platform = after or (None, None)
        values = {
            "company_ids": None if company_ids is None else list(company_ids),
            "limit": limit,
            "after_slug": slug,
            "after_platform": platform,
        }
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["page"], values))
        return [self._shown(row) for row in rows]

    def listed(self, company_id: UUID | None = None) -> list[dict[str, Any]]:
        """What may be shown of each stored connection: everything but the credentials, of which only the
        names are told. `unreadable`: no key fits them; `elsewhere`: they were entered for another origin
        than that of the base URL."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["listed"], {"company_id": company_id}))
        return [self._shown(row) for row in rows]

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shown = {
            name: value
            for name, value in row.items()
            if name not in ("credentials", "credentials_origin")
        }
        try:
            names, unreadable = sorted(self._decrypt(row["credentials"])), False
        except NoKeyFits:
            names, unreadable = [], True
        url = row["base_url"] or self._settings.platform_url(Platform(row["platform"]))
        return shown | {
            "credential_names": names,
            "unreadable": unreadable,
            "elsewhere": row["credentials"] is not None and _leads_elsewhere(row, url),
        }

    def _connection(
        self, platform: Platform, row: Mapping[str, Any]
    ) -> Connection | Refusal | None:
        """The row's values over the environment's; None without a URL or a full set of credentials."""
        if row["enabled"] is False:
            return None
        try:
            stored = self._decrypt(row["credentials"])
        except NoKeyFits:
            refusal = unreadable_connection(row["slug"], platform)
            _log.warning("%s", refusal.message)
            return refusal
        ours = self._settings.platform_url(platform)
        base_url = row["base_url"] or ours
        # Our own credentials go to our own address only: whoever may set a company's URL could otherwise
        # have them sent there.
        default = self._settings.platform_credentials(platform) if base_url == ours else {}
        credentials = stored or default
        complete = any(names <= credentials.keys() for names in FACTS[platform].credential_sets)
        if base_url is None or not complete:
            return None
        if stored and _leads_elsewhere(row, base_url):
            return meant_elsewhere(row["slug"], platform)
        return Connection(
            company_id=row["company_id"],
            platform=platform,
            organization_id=row["organization_id"]
            or self._settings.platform_organization(platform)
            or row["slug"],
            base_url=base_url,
            credentials=credentials,
            options=row["options"] or {},
            rate_limit_per_minute=row["rate_limit_per_minute"],
            max_concurrency=row["max_concurrency"],
            source="database" if row["enabled"] is not None else "environment",
        )

    def _decrypt(self, credentials: bytes | None) -> dict[str, str]:
        return self._vault.decrypt_json(bytes(credentials)) if credentials else {}


def _origin(url: str | None) -> str | None:
    found = origin_of(url) if url else None
    return str(found) if found is not None else None


def _leads_elsewhere(row: Mapping[str, Any], url: str | None) -> bool:
    """Whether `url` has another origin than the row's credentials were entered for."""
    bound = row["credentials_origin"]
    return bound is not None and url is not None and _origin(url) != bound


def _json(value: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(value)) if value is not None else None

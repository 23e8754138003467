"""Connections: rows of `platform_connections` over the defaults in the environment (design, section 6)."""

import json
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
from impact_in_pipelines.delivery.model import Connection
from impact_in_pipelines.platforms import FACTS, Platform
from impact_in_pipelines.settings import Settings

_SQL = load("accounts/connections")
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
        """The connection of each of `company_ids`; one that has none, or a disabled one, is left out."""
        with self._engine.connect() as connection:
            rows = rows_of(
                connection.execute(
                    _SQL["of_companies"],
                    {"platform": platform.value, "company_ids": list(set(company_ids))},
                )
            )
            found = (self._connection(platform, row) for row in rows)
            return {c.company_id: c for c in found if c is not None}

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
        of secrets only that they did."""
        with self._engine.begin() as connection:
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
        names are told."""
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["listed"], {"company_id": company_id}))
        return [self._shown(row) for row in rows]

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in row.items() if name != "credentials"}
        return shown | {"credential_names": sorted(self._decrypt(row["credentials"]))}

    def _connection(self, platform: Platform, row: Mapping[str, Any]) -> Connection | None:
        """The row's values over the environment's; None without a URL or a full set of credentials."""
        if row["enabled"] is False:
            return None
        stored = self._decrypt(row["credentials"])
        ours = self._settings.platform_url(platform)
        base_url = row["base_url"] or ours
        # Our own credentials go to our own address only: whoever may set a company's URL could otherwise
        # have them sent there.
        default = self._settings.platform_credentials(platform) if base_url == ours else {}
        credentials = stored or default
        complete = any(names <= credentials.keys() for names in FACTS[platform].credential_sets)
        if base_url is None or not complete:
            return None
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


def _json(value: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(value)) if value is not None else None

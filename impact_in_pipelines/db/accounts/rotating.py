"""Writes every stored secret anew under the vault's first key, so that an older key can be retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, select, update

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.db.schema import notice_channels, platform_connections, provider_tokens
from impact_in_pipelines.errors.accounts import NoKeyFits
from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.progress import Steps, Tell, silent

BATCH = 500
"""Rows that are locked and written in one transaction."""

_SQL, _CHANNELS = load("accounts/connections"), load("notices/channels")


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A connection that no key of the vault can read: it stays as it is."""

    company: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was written anew: `connections`, `tokens` and `channels` (of notices) count rows;
    `dropped_tokens` no key could read, and new ones are had for the asking."""

    connections: int
    tokens: int
    dropped_tokens: int
    unreadable: tuple[UnreadableRow, ...]
    channels: int = 0
    unreadable_channels: int = 0


class KeyRotation:
    """Rotates in batches; what is under the first key already is left alone, so that it may be repeated."""

    def __init__(self, engine: Engine, vault: Vault, *, batch: int = BATCH) -> None:
        self._engine = engine
        self._vault = vault
        self._batch = batch
        self._steps = Steps(0, silent)

    def run(self, *, actor: str, now: datetime, tell: Tell = silent) -> Rotation:
        """Rotate credentials, webhook secrets, access tokens, and addresses and secrets of notice channels;
        each changed connection and channel is audited. `tell` is called with rows."""
        self._steps = Steps(self._rows(), tell)
        connections, unreadable = self._connections(actor, now)
        tokens, dropped = self._tokens()
        channels, lost = self._channels(actor, now)
        self._steps.end()
        return Rotation(connections, tokens, dropped, tuple(unreadable), channels, lost)

    def _rows(self) -> int:
        tables = (platform_connections, provider_tokens, notice_channels)
        with self._engine.connect() as connection:
            return sum(
                int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in tables
            )

    def _channels(self, actor: str, now: datetime) -> tuple[int, int]:
        """How many channels were written anew, and how many no key can read."""
        written, lost, after = 0, 0, None
        while True:
            with self._engine.begin() as connection:
                values = {"after": after, "limit": self._batch}
                rows = rows_of(connection.execute(_CHANNELS["to_rotate"], values))
                changes = []
                for row in rows:
                    try:
                        anew = {
                            name: self._vault.rotate(row[name]) if row[name] is not None else None
                            for name in ("target", "secret", "old_secret")
                        }
                    except NoKeyFits:
                        lost += 1
                        continue
                    names = [name for name, value in anew.items() if value is not None]
                    if names:
                        written += 1
                        connection.execute(_CHANNELS["rotated"], {**anew, "id": row["id"]})
                        changes.append(_channel_change(row, names))
                if changes:
                    record(connection, changes, actor=actor, now=now)
            self._steps.step(len(rows))
            if len(rows) < self._batch:
                return written, lost
            after = rows[-1]["id"]

    def _connections(self, actor: str, now: datetime) -> tuple[int, list[UnreadableRow]]:
        written, unreadable = 0, list[UnreadableRow]()
        after: tuple[UUID, str] | tuple[None, None] = (None, None)
        while True:
            with self._engine.begin() as connection:
                values = {
                    "after_company": after[0],
                    "after_platform": after[1],
                    "limit": self._batch,
                }
                rows = rows_of(connection.execute(_SQL["to_rotate"], values))
                changes = []
                for row in rows:
                    names, broken = self._rotate(connection, row)
                    if names:
                        written += 1
                        changes.append(_change(row, names))
                    if broken:
                        unreadable.append(UnreadableRow(row["company"], Platform(row["platform"])))
                if changes:
                    record(connection, changes, actor=actor, now=now)
            self._steps.step(len(rows))
            if len(rows) < self._batch:
                return written, unreadable
            after = (rows[-1]["company_id"], rows[-1]["platform"])

    def _rotate(self, connection: Connection, row: Mapping[str, Any]) -> tuple[list[str], bool]:
        """The names of what was written anew, and whether something couldn't be read."""
        anew: dict[str, bytes | None] = {"credentials": None, "webhook_secret": None}
        broken = False
        for name in anew:
            if row[name] is not None:
                try:
                    anew[name] = self._vault.rotate(row[name])
                except NoKeyFits:
                    broken = True
        names = [name for name, value in anew.items() if value is not None]
        if names:
            keys = {"company_id": row["company_id"], "platform": row["platform"]}
            connection.execute(_SQL["rotated"], {**anew, **keys})
        return names, broken

    def _tokens(self) -> tuple[int, int]:
        written, dropped, after = 0, 0, ""
        table = provider_tokens
        while True:
            with self._engine.begin() as connection:
                rows = connection.execute(
                    select(table.c.key, table.c.token)
                    .where(table.c.key > after)
                    .order_by(table.c.key)
                    .limit(self._batch)
                    .with_for_update()
                ).all()
                for row in rows:
                    try:
                        anew = self._vault.rotate(row.token)
                    except NoKeyFits:
                        connection.execute(delete(table).where(table.c.key == row.key))
                        dropped += 1
                        continue
                    if anew is not None:
                        connection.execute(
                            update(table).where(table.c.key == row.key).values(token=anew)
                        )
                        written += 1
            self._steps.step(len(rows))
            if len(rows) < self._batch:
                return written, dropped
            after = rows[-1].key


def _change(row: Mapping[str, Any], names: list[str]) -> Change:
    return Change(
        "connection.rotate_keys",
        f"connection {row['platform']}",
        row["company_id"],
        None,
        dict.fromkeys(names, "encrypted anew"),
    )


def _channel_change(row: Mapping[str, Any], names: list[str]) -> Change:
    return Change(
        "notice_channel.rotate_keys",
        f"notice channel {row['name']}",
        row["company_id"],
        None,
        dict.fromkeys(names, "encrypted anew"),
    )

"""Where companies want to be notified, and the log of what was sent there. Statements: channels.sql.

Addresses and signing secrets are encrypted; of an address there is a form that may be shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import rows_of
from impact_in_pipelines.db.notices.queue import SWITCHED_OFF
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.notifying.model import Digest, Medium, NoticeEvent, told

_SQL = load("notices/channels")
_AUDITED = ("name", "kinds", "digest", "language", "timezone", "enabled", "shown")


@dataclass(frozen=True, slots=True)
class NoticeChannel:
    """A channel as it is shown: `shown` stands for its address. `failures` in a row since `failing_since`;
    `waiting` and `given_up` count messages."""

    id: UUID
    company_id: UUID
    name: str
    medium: Medium
    shown: str
    kinds: Sequence[NoticeEvent]
    digest: Digest
    language: str
    timezone: str
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    failures: int
    failing_since: datetime | None
    last_error: str | None
    last_success_at: datetime | None
    old_secret_until: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class ChannelFields:
    """What is stored of a channel, checked. `target` None leaves the address as it is."""

    name: str
    kinds: Sequence[NoticeEvent]
    digest: Digest
    next_digest_at: datetime | None
    language: str
    timezone: str
    enabled: bool = True
    target: Mapping[str, Any] | None = field(default=None, repr=False)
    shown: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeAttempt:
    """One try to send a message."""

    number: int
    at: datetime
    latency_ms: float
    accepted: bool
    http_status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """A message with its tries; `seq` is its place in the log."""

    id: UUID
    seq: int
    channel_id: UUID
    kind: NoticeEvent
    at: datetime
    data: Mapping[str, Any]
    attempts: Sequence[NoticeAttempt]
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None
    gave_up_at: datetime | None
    next_attempt_at: datetime | None

    @property
    def state(self) -> str:
        """`sent`, `failed` (given up) or `waiting`."""
        if self.sent_at is not None:
            return "sent"
        return "failed" if self.gave_up_at is not None else "waiting"


class NoticeChannelStore:
    """Reads and writes channels, each change audited."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def listed(self, company_id: UUID, *, now: datetime) -> list[NoticeChannel]:
        """The company's channels, the oldest first."""
        return self._listed(company_id, None, now)

    def find(self, company_id: UUID, channel_id: UUID, *, now: datetime) -> NoticeChannel | None:
        """One of the company's channels."""
        return next(iter(self._listed(company_id, channel_id, now)), None)

    def _listed(self, company_id: UUID, id_: UUID | None, now: datetime) -> list[NoticeChannel]:
        values = {"company_id": company_id, "id": id_, "now": now}
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["listed"], values))
        return [
            NoticeChannel(
                **{
                    **row,
                    "medium": Medium(row["medium"]),
                    "digest": Digest(row["digest"]),
                    "kinds": [NoticeEvent(kind) for kind in row["kinds"]],
                }
            )
            for row in rows
        ]

    def add(
        self,
        company_id: UUID,
        medium: Medium,
        fields: ChannelFields,
        *,
        secret: str | None,
        at_most: int,
        actor: str,
        now: datetime,
    ) -> UUID | None:
        """Add a channel; returns its id, None where the company has `at_most` already."""
        assert fields.target is not None
        with self._engine.begin() as connection:
            values: dict[str, Any] = {"company_id": company_id}
            if connection.execute(_SQL["count"], values).scalar_one() >= at_most:
                return None
            values |= self._values(fields) | {"medium": medium.value, "actor": actor, "now": now}
            values["secret"] = None if secret is None else self._vault.encrypt_text(secret)
            values.pop("enabled")
            added: UUID = connection.execute(_SQL["add"], values).scalar_one()
            after = {"medium": medium.value, **_audited(values)}
            self._audit(connection, "add", fields.name, company_id, None, after, actor, now)
        return added

    def change(
        self,
        company_id: UUID,
        channel_id: UUID,
        fields: ChannelFields,
        *,
        actor: str,
        now: datetime,
    ) -> bool:
        """Change a channel; False: there is none. Switched off, it gives up what waits."""
        with self._engine.begin() as connection:
            rows = rows_of(
                connection.execute(_SQL["lock"], {"id": channel_id, "company_id": company_id})
            )
            if not rows:
                return False
            before = _audited(rows[0])
            values = self._values(fields) | {"id": channel_id, "now": now}
            connection.execute(_SQL["change"], values)
            if not fields.enabled and rows[0]["enabled"]:
                given_up = {"id": channel_id, "now": now, "error": SWITCHED_OFF}
                connection.execute(_SQL["give_up_waiting"], given_up)
            after = _audited(values)
            if fields.shown is None:
                after["shown"] = before["shown"]
            differ = [name for name in after if after[name] != before[name]]
            if fields.target is not None and "shown" not in differ:
                before["address"], after["address"] = None, "changed"
                differ.append("address")
            if differ:
                self._audit(
                    connection,
                    "set",
                    fields.name,
                    company_id,
                    {name: before[name] for name in differ},
                    {name: after[name] for name in differ},
                    actor,
                    now,
                )
        return True

    def remove(self, company_id: UUID, channel_id: UUID, *, actor: str, now: datetime) -> bool:
        """Remove a channel with its log; False: there is none."""
        values = {"id": channel_id, "company_id": company_id}
        with self._engine.begin() as connection:
            row = connection.execute(_SQL["remove"], values).one_or_none()
            if row is None:
                return False
            before = {"medium": row.medium, "shown": row.shown}
            self._audit(connection, "remove", row.name, company_id, before, None, actor, now)
        return True

    def rotate(
        self,
        company_id: UUID,
        channel_id: UUID,
        secret: str,
        *,
        until: datetime,
        actor: str,
        now: datetime,
    ) -> bool:
        """Sign with `secret` from now on, and with the one before until then; False: no such webhook."""
        with self._engine.begin() as connection:
            values = {"id": channel_id, "company_id": company_id}
            row = connection.execute(_SQL["lock"], values).one_or_none()
            if row is None or row.medium != Medium.WEBHOOK:
                return False
            encrypted = self._vault.encrypt_text(secret)
            connection.execute(
                _SQL["rotate"],
                {"id": channel_id, "secret": encrypted, "until": until, "now": now},
            )
            after = {"secret": "changed", "old_secret_until": until.isoformat()}
            self._audit(connection, "rotate_secret", row.name, company_id, None, after, actor, now)
        return True

    def messages(
        self,
        company_id: UUID,
        channel_id: UUID,
        *,
        limit: int,
        before: int | None = None,
        state: str | None = None,
    ) -> list[LoggedMessage]:
        """The log of a channel, newest first, from behind place `before` on; `state` as `LoggedMessage`'s."""
        values = {
            "company_id": company_id,
            "channel_id": channel_id,
            "before": before,
            "state": state,
            "limit": limit,
        }
        with self._engine.connect() as connection:
            rows = rows_of(connection.execute(_SQL["messages"], values))
            ids = [row["id"] for row in rows]
            tries: dict[UUID, list[NoticeAttempt]] = {id_: [] for id_ in ids}
            for one in rows_of(connection.execute(_SQL["attempts"], {"ids": ids})):
                fields = dict(one)
                tries[fields.pop("message_id")].append(NoticeAttempt(**fields))
        return [
            LoggedMessage(
                **{
                    **row,
                    "kind": NoticeEvent(row["kind"]),
                    "data": told(row["data"]),
                    "attempts": tries[row["id"]],
                }
            )
            for row in rows
        ]

    def again(
        self,
        company_id: UUID,
        channel: NoticeChannel,
        ids: Sequence[UUID],
        *,
        all_failed: bool = False,
        actor: str,
        now: datetime,
    ) -> list[UUID]:
        """Put these messages, or all that were given up, into the queue once more; returns which."""
        values = {
            "company_id": company_id,
            "channel_id": channel.id,
            "ids": list(ids),
            "all_failed": all_failed,
            "now": now,
        }
        with self._engine.begin() as connection:
            found = [row.id for row in connection.execute(_SQL["again"], values)]
            if found:
                after = {"messages": len(found)}
                self._audit(
                    connection, "send_again", channel.name, company_id, None, after, actor, now
                )
        return found

    def _values(self, fields: ChannelFields) -> dict[str, Any]:
        target = None if fields.target is None else self._vault.encrypt_json(fields.target)
        return {
            "name": fields.name,
            "kinds": [kind.value for kind in fields.kinds],
            "digest": fields.digest.value,
            "next_digest_at": fields.next_digest_at,
            "language": fields.language,
            "timezone": fields.timezone,
            "enabled": fields.enabled,
            "target": target,
            "shown": fields.shown,
        }

    def _audit(
        self,
        connection: Connection,
        action: str,
        name: str,
        company_id: UUID,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        actor: str,
        now: datetime,
    ) -> None:
        change = Change(
            f"notice_channel.{action}", f"notice channel {name}", company_id, before, after
        )
        record(connection, [change], actor=actor, now=now)


def _audited(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in _AUDITED if name in values}

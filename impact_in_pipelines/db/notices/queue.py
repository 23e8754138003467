"""The customers' outbox: channels are claimed under a lease, with what is to be sent (queue.sql)."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.engine import rows_as_json, rows_of
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.notifying.model import (
    Address,
    ClaimedChannel,
    Digest,
    Medium,
    Message,
    MessageResult,
    NoticeEvent,
    told,
)
from impact_in_pipelines.errors.accounts import NoKeyFits
from impact_in_pipelines.errors.alerts import NoticeTestsTooMany

_SQL, _CHANNELS = load("notices/queue"), load("notices/channels")
SWITCHED_OFF = "its channel was switched off"
TEST_EVERY = timedelta(minutes=1)
"""So long after a test a company sends no other, on whatever channel: e-mails go to anybody's address."""
_TESTED = "notice_channel.test"
_ACTOR = "notices"


class NoticeQueue:
    """Claims, and records how tries ended."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def claim(
        self,
        *,
        now: datetime,
        lease_until: datetime,
        failing: bool,
        channels: int,
        most: int,
        not_again: Sequence[UUID] = (),
    ) -> list[ClaimedChannel]:
        """At most so many `channels`, each with at most `most` messages in order: those that fail, or those
        that work; none of `not_again`."""
        values = {
            "now": now,
            "lease_until": lease_until,
            "failing": failing,
            "limit": channels,
            "not_again": list(not_again),
        }
        with self._engine.begin() as connection:
            rows = rows_of(connection.execute(_SQL["claim"], values))
            ids = [row["id"] for row in rows]
            found = connection.execute(_SQL["messages"], {"ids": ids, "now": now, "most": most})
            messages: dict[UUID, list[Message]] = {id_: [] for id_ in ids}
            for row in rows_of(found):
                messages[row["channel_id"]].append(message_of(row))
        return [self._claimed(row, messages[row["id"]]) for row in rows]

    def add_test(
        self,
        company_id: UUID,
        channel_id: UUID,
        data: Mapping[str, Any],
        *,
        actor: str,
        now: datetime,
        held_until: datetime,
    ) -> ClaimedChannel | None:
        """A channel with a test message that nobody else sends before `held_until`; None: no such channel.
        Audited. Raises `NoticeTestsTooMany` within `TEST_EVERY` of the company's last one."""
        with self._engine.begin() as connection:
            values = {"id": channel_id, "company_id": company_id, "now": now}
            rows = rows_of(connection.execute(_SQL["claim_one"], values))
            if not rows:
                return None
            self._take_test(connection, company_id, now)
            change = Change(_TESTED, f"notice channel {rows[0]['name']}", company_id)
            record(connection, [change], actor=actor, now=now)
            added = connection.execute(
                _SQL["add"],
                {
                    "company_id": company_id,
                    "channel_id": channel_id,
                    "key": f"{NoticeEvent.TEST}:{uuid4()}",
                    "kind": NoticeEvent.TEST.value,
                    "data": json.dumps(dict(data)),
                    "now": now,
                    "held_until": held_until,
                },
            )
            message = message_of(rows_of(added)[0])
        return self._claimed(rows[0], [message])

    def settle(
        self,
        channel: ClaimedChannel,
        results: Sequence[MessageResult],
        *,
        now: datetime,
        next_digest_at: datetime | None = None,
        disable: str | None = None,
        counts: bool = True,
    ) -> None:
        """Record how tries ended and give the channel back. `disable`: switch it off for this reason, and
        notify the company's other channels. Without `counts` a failure is none of the channel's, and the
        lease another's: it was a test."""
        failed = next((one.result.error for one in results if one.result.error), None)
        with self._engine.begin() as connection:
            self._record(connection, results, now)
            if disable is not None:
                self._disable(connection, channel, disable, failed, now)
            elif failed is None and results:
                values = {"id": channel.id, "now": now, "next_digest_at": next_digest_at}
                connection.execute(_SQL["works"], {**values, "leased": counts})
                if channel.failures:
                    connection.execute(_SQL["catch_up"], {"id": channel.id, "now": now})
            elif failed is not None and counts:
                values = {"id": channel.id, "now": now, "error": failed}
                connection.execute(_SQL["fails"], values)
            elif counts:
                connection.execute(_SQL["unchanged"], {"id": channel.id})

    def digests_without_messages(self, now: datetime) -> list[tuple[UUID, Digest, str]]:
        """Channels whose digest is due and empty, with their zone."""
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["pass_digests"], {"now": now}).all()
        return [(row.id, Digest(row.digest), row.timezone) for row in rows]

    def set_digests(self, at: Mapping[UUID, datetime]) -> None:
        """When the next digest of each channel goes out."""
        if not at:
            return
        rows = rows_as_json([{"id": id_, "at": when} for id_, when in at.items()])
        with self._engine.begin() as connection:
            connection.execute(_SQL["digest_at"], {"rows": rows})

    def purge(self, *, before: datetime) -> int:
        """Drop messages that were written before and are no longer waiting; returns how many."""
        with self._engine.begin() as connection:
            return connection.execute(_CHANNELS["purge"], {"before": before}).rowcount

    def _take_test(self, connection: Connection, company_id: UUID, now: datetime) -> None:
        connection.execute(_SQL["tests_in_turn"], {"company_id": str(company_id)})
        values = {"company_id": company_id, "after": now - TEST_EVERY, "action": _TESTED}
        last: datetime | None = connection.execute(_SQL["last_test"], values).scalar_one()
        if last is not None:
            raise NoticeTestsTooMany(ceil((last + TEST_EVERY - now).total_seconds()))

    def _record(
        self, connection: Connection, results: Sequence[MessageResult], now: datetime
    ) -> None:
        rows = rows_as_json(
            [
                {
                    "id": one.message.id,
                    "number": one.message.attempts + 1,
                    "error": one.result.error,
                    "again_at": one.again_at,
                    "gave_up": one.gave_up,
                    "latency_ms": one.result.latency_ms,
                    "http_status": one.result.http_status,
                }
                for one in results
            ]
        )
        connection.execute(_SQL["record_messages"], {"rows": rows, "now": now})
        connection.execute(_SQL["record_attempts"], {"rows": rows, "now": now})

    def _disable(
        self,
        connection: Connection,
        channel: ClaimedChannel,
        reason: str,
        error: str | None,
        now: datetime,
    ) -> None:
        values = {"id": channel.id, "now": now, "reason": reason, "error": error}
        if not connection.execute(_SQL["disable"], values).rowcount:
            return
        values = {"id": channel.id, "now": now, "error": SWITCHED_OFF}
        connection.execute(_CHANNELS["give_up_waiting"], values)
        connection.execute(_SQL["tell_others"], {"id": channel.id, "now": now})
        change = Change(
            "notice_channel.disable",
            f"notice channel {channel.name}",
            channel.company_id,
            {"enabled": True},
            {"enabled": False, "reason": reason},
        )
        record(connection, [change], actor=_ACTOR, now=now)

    def _claimed(self, row: Mapping[str, Any], messages: Sequence[Message]) -> ClaimedChannel:
        return ClaimedChannel(
            id=row["id"],
            company_id=row["company_id"],
            company=row["company"],
            name=row["name"],
            medium=Medium(row["medium"]),
            digest=Digest(row["digest"]),
            language=row["language"],
            timezone=row["timezone"],
            address=self._address(row),
            failures=row["failures"],
            failing_since=row["failing_since"],
            messages=messages,
        )

    def _address(self, row: Mapping[str, Any]) -> Address | None:
        """None: one company's unreadable row is that company's trouble only."""
        try:
            target = self._vault.decrypt_json(row["target"])
            encrypted = [one for one in (row["secret"], row["old_secret"]) if one is not None]
            secrets = [self._vault.decrypt_text(one) for one in encrypted]
        except NoKeyFits:
            return None
        return Address(target.get("url"), tuple(target.get("to", ())), tuple(secrets))


def message_of(row: Mapping[str, Any]) -> Message:
    """The message in a row."""
    return Message(
        row["id"],
        NoticeEvent(row["kind"]),
        row["at"],
        told(row["data"]),
        row["attempts"],
        row["failed_attempts"],
    )

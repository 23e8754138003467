"""A platform's call-backs: whose delivery it is, and what becomes of it. Statements: call_backs.sql."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.deliveries.queueing.schedule_notes import note_on_schedules
from impact_in_pipelines.db.deliveries.spans import span_of
from impact_in_pipelines.db.evidence.linking import add_links
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import DeliveryStatus, ErrorKind
from impact_in_pipelines.errors.accounts import NoKeyFits
from impact_in_pipelines.errors.deliveries import TransactionUnknown
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/call_backs")
_log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
"""How long a message's id is remembered; a call-back that is older than that must have been refused."""
_MOST_HOLDERS = 20


class Word(StrEnum):
    """What a call-back says of a delivery that had arrived."""

    FAILED = "failed"
    ARRIVED = "arrived"
    OTHER = "other"


class CallBackResult(StrEnum):
    """What a call-back has done."""

    TAKEN_BACK = "taken_back"
    RESTORED = "restored"
    NOTED = "noted"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class SigningAccount:
    """A company whose connection signs call-backs with `secret`."""

    company_id: UUID
    secret: str

    def __repr__(self) -> str:
        return f"Account({self.company_id})"


class CallBackStore:
    """Finds and applies call-backs."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        # Whoever signs for an unknown transaction may be any account: each secret is decrypted once.
        self._decrypted = lru_cache(maxsize=16_384)(vault.decrypt_text)

    def holders(self, platform: Platform, transaction_id: str) -> list[SigningAccount]:
        """The accounts that have deliveries under this transaction; those without a webhook secret are left
        out."""
        return self._accounts(
            "holders",
            {
                "platform": platform.value,
                "transaction_id": transaction_id,
                "limit": _MOST_HOLDERS,
            },
        )

    def accounts(self, platform: Platform) -> list[SigningAccount]:
        """Every account of the platform that signs call-backs."""
        return self._accounts("accounts", {"platform": platform.value})

    def _accounts(self, statement: str, values: dict[str, Any]) -> list[SigningAccount]:
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL[statement], values).all()
        found = []
        for row in rows:
            try:
                secret = self._decrypted(bytes(row.webhook_secret))
            except NoKeyFits:  # one company's unreadable row keeps nobody else's call-backs out
                _log.warning(
                    "the webhook secret of company %s can't be decrypted with the present keys",
                    row.company_id,
                )
                continue
            found.append(SigningAccount(row.company_id, secret))
        return found

    def take(
        self,
        platform: Platform,
        company_id: UUID,
        *,
        transaction_id: str,
        message_id: str,
        word: Word,
        error: str,
        at: datetime,
        now: datetime,
    ) -> tuple[CallBackResult, list[UUID]]:
        """Apply a call-back whose signature has been checked, in one transaction: `at` is the time of its
        event, `now` that of its arrival (both aware).

        A failure takes back what had arrived: it fails for good, counts as a failure, and Dagster shows it.
        A later good word restores it. An older word never overrules a newer one; of two words of one
        instant the failure counts. The same message again changes nothing. Returns what was done, and to
        which deliveries. Raises `TransactionUnknown`, and remembers nothing then.
        """
        values: dict[str, Any] = {
            "platform": platform.value,
            "company_id": company_id,
            "transaction_id": transaction_id,
            "message_id": message_id,
            "result": CallBackResult.NOTED,
            "error": error,
            "kind": ErrorKind.REJECTED,
            "at": at,
            "now": now,
            "forgotten": now - KEPT_FOR,
        }
        with self._engine.begin() as connection:
            locked = connection.execute(_SQL["lock"], values).all()
            values["ids"] = [row.id for row in locked]
            within = span_of(row.scheduled_for for row in locked)
            values |= within
            if not values["ids"] and not connection.scalar(_SQL["known_by_message"], values):
                raise TransactionUnknown(transaction_id)
            if not connection.execute(_SQL["take_message"], values).rowcount:
                return CallBackResult.DUPLICATE, []
            connection.execute(_SQL["purge_messages"], values)
            result, ids, noted = _applied(connection, word, values)
            if ids:
                connection.execute(_SQL["note_result"], values | {"result": result})
                # What a replay had recovered was counted as a failure when it failed first.
                failed_before = {row.id for row in locked if row.failed_at is not None}
                taken = ids if result is CallBackResult.TAKEN_BACK else []
                anew = [id_ for id_ in taken if id_ not in failed_before]
                note_on_schedules(connection, ids, failed_anew=anew, now=now, within=within)
                _note(connection, platform, company_id, result, ids, error, now)
            # Last: it holds the company's chain. A time that was only noted is in the record as well.
            add_links(connection, [*ids, *noted], within)
        return result, ids


def _applied(
    connection: Connection, word: Word, values: dict[str, Any]
) -> tuple[CallBackResult, list[UUID], list[UUID]]:
    """What was done and to which deliveries, and of which others only the time of the word was noted."""
    match word:
        case Word.FAILED:
            result, statement, note = CallBackResult.TAKEN_BACK, "take_back", "note_bad_time"
        case Word.ARRIVED:
            result, statement, note = CallBackResult.RESTORED, "restore", "note_good_time"
        case _:
            return CallBackResult.NOTED, [], []
    ids = list(connection.scalars(_SQL[statement], values))
    # What has just been changed has this time already.
    noted = list(connection.scalars(_SQL[note], values))
    return result if ids else CallBackResult.NOTED, ids, noted


def _note(
    connection: Connection,
    platform: Platform,
    company_id: UUID,
    result: CallBackResult,
    ids: Sequence[UUID],
    error: str,
    now: datetime,
) -> None:
    before: dict[str, str] = {"status": DeliveryStatus.SUCCESS}
    after: dict[str, str] = {"status": DeliveryStatus.FAILED, "last_error": error}
    if result is CallBackResult.RESTORED:
        before, after = {"status": DeliveryStatus.FAILED}, {"status": DeliveryStatus.SUCCESS}
    changes = [
        Change(f"delivery.{result}", f"delivery {id_}", company_id, before, after) for id_ in ids
    ]
    record(connection, changes, actor=f"call-back of {platform.value}", now=now)

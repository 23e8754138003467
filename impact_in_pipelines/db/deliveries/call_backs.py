"""A platform's call-backs: whose delivery it is, and what becomes of it. Statements: call_backs.sql."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, Engine

from impact_in_pipelines.db.access.audit import Change, record
from impact_in_pipelines.db.accounts.vault import Vault
from impact_in_pipelines.db.queries import load
from impact_in_pipelines.delivery.states import ErrorKind
from impact_in_pipelines.platforms import Platform

_SQL = load("deliveries/call_backs")
_QUEUE = load("deliveries/queue")

KEPT_FOR = timedelta(days=7)
"""How long a message's id is remembered; a call-back that is older than that must have been refused."""
_MOST_COMPANIES = 20


class CallBackResult(StrEnum):
    """What a call-back has done."""

    TAKEN_BACK = "taken_back"
    NOTED = "noted"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Addressee:
    """A company that has deliveries under a transaction id, and the secret its connection is signed with."""

    company_id: UUID
    secret: str


class CallBackStore:
    """Finds and applies call-backs."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def addressees(self, platform: Platform, transaction_id: str) -> list[Addressee]:
        """The companies whose call-back it may be; those without a webhook secret are left out."""
        values = {
            "platform": platform.value,
            "transaction_id": transaction_id,
            "limit": _MOST_COMPANIES,
        }
        with self._engine.connect() as connection:
            rows = connection.execute(_SQL["addressees"], values).all()
        return [
            Addressee(row.company_id, self._vault.decrypt_text(row.webhook_secret)) for row in rows
        ]

    def take(
        self,
        platform: Platform,
        company_id: UUID,
        *,
        transaction_id: str,
        message_id: str,
        failed: bool,
        error: str,
        now: datetime,
    ) -> tuple[CallBackResult, list[UUID]]:
        """Apply a call-back whose signature has been checked, at `now` (aware), in one transaction.

        `failed` takes deliveries back that had arrived: they fail for good, count as failures, and Dagster
        is told anew. The same message again changes nothing. Returns what was done, and to which.
        """
        values = {
            "platform": platform.value,
            "company_id": company_id,
            "transaction_id": transaction_id,
            "message_id": message_id,
            "result": CallBackResult.TAKEN_BACK if failed else CallBackResult.NOTED,
            "error": error,
            "kind": ErrorKind.REJECTED,
            "now": now,
            "forgotten": now - KEPT_FOR,
        }
        with self._engine.begin() as connection:
            if not connection.execute(_SQL["take_message"], values).rowcount:
                return CallBackResult.DUPLICATE, []
            connection.execute(_SQL["purge_messages"], values)
            if not failed:
                return CallBackResult.NOTED, []
            ids = list(connection.scalars(_SQL["take_back"], values))
            if not ids:
                return CallBackResult.NOTED, []
            connection.execute(_QUEUE["note_on_schedules"], {"ids": ids, "now": now})
            _note(connection, platform, company_id, ids, error, now)
        return CallBackResult.TAKEN_BACK, ids


def _note(
    connection: Connection,
    platform: Platform,
    company_id: UUID,
    ids: Sequence[UUID],
    error: str,
    now: datetime,
) -> None:
    changes = [
        Change(
            "delivery.taken_back",
            f"delivery {id_}",
            company_id,
            {"status": "success"},
            {"status": "failed", "last_error": error},
        )
        for id_ in ids
    ]
    record(connection, changes, actor=f"call-back of {platform.value}", now=now)

"""Answers that are given again to the same key (table `idempotency_keys`). Statements: answers.sql."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import Engine

from impact_in_pipelines.db.engine import rows_as_json
from impact_in_pipelines.db.queries import load

_SQL = load("access/answers")

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=2)
"""A request that has had no answer for so long died with its process."""


class HeldKey(Enum):
    """Whose a key is."""

    OURS = "ours"
    UNDER_WAY = "under way"
    BY_ANOTHER_REQUEST = "by another request"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class IdempotencyStore:
    """Keys and answers. `scope` is a digest of who asks: one tenant's keys are nobody else's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, scope: str, key: str, request_hash: str, now: datetime) -> KeptAnswer | HeldKey:
        """Take `key` for a request at `now` (aware), or say why not: the answer that was given, or
        `Held`."""
        values = {
            "scope": scope,
            "key": key,
            "request_hash": request_hash,
            "now": now,
            "expired": now - KEPT_FOR,
            "abandoned": now - ABANDONED_AFTER,
        }
        with self._engine.begin() as connection:
            if connection.execute(_SQL["take_key"], values).rowcount:
                connection.execute(_SQL["purge_keys"], values)
                return HeldKey.OURS
            row = connection.execute(_SQL["read_key"], values).one_or_none()
        if row is None or (row.status is None and row.request_hash == request_hash):
            return HeldKey.UNDER_WAY
        if row.request_hash != request_hash:
            return HeldKey.BY_ANOTHER_REQUEST
        return KeptAnswer(row.status, row.headers, bytes(row.body))

    def keep(self, scope: str, key: str, answer: KeptAnswer) -> None:
        """Keep the answer to `key`."""
        values = {
            "scope": scope,
            "key": key,
            "status": answer.status,
            "headers": rows_as_json([dict(answer.headers)])[1:-1],
            "body": answer.body,
        }
        with self._engine.begin() as connection:
            connection.execute(_SQL["keep_answer"], values)

    def forget(self, scope: str, key: str) -> None:
        """Give `key` back: nothing was changed under it."""
        with self._engine.begin() as connection:
            connection.execute(_SQL["forget_key"], {"scope": scope, "key": key})

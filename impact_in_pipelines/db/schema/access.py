"""Who did what, who is signed in, answers kept for repeated requests, and counters."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CHAR, JSONB

from impact_in_pipelines.db.schema.base import instant, metadata, new_id

audit_log = Table(
    "audit_log",
    metadata,
    new_id(),
    instant("at", nullable=False, now=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("company_id", Uuid, ForeignKey("companies.id")),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    # A company's changes, newest first.
    Index("audit_log_company_idx", "company_id", text("at DESC")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # Whose key it is: a digest of the token's subject and rights, so that one tenant never sees another's.
    Column("scope", CHAR(64), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", CHAR(64), nullable=False),
    Column("status", SmallInteger),  # of the answer; null while the first request is under way
    Column("headers", JSONB),
    Column("body", LargeBinary),
    instant("created_at", nullable=False, now=True),
    # purge: answers older than a day.
    Index(None, "created_at"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    # Who is signed in to the cockpit: SHA-256 of the id that the browser holds.
    Column("id_hash", CHAR(64), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("companies", ARRAY(Uuid)),  # null: all of them
    Column("form_token", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    instant("expires_at", nullable=False),
    # purge: sessions that have expired.
    Index(None, "expires_at"),
)

counters = Table(
    "counters",
    metadata,
    # What only ever grows and has no rows of its own to count, for /metrics.
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False, server_default=text("0")),
)

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

from impact_in_pipelines.db.schema.base import company_id, instant, metadata, new_id

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
    # What people call it by: the digest signs nobody in, but it is nobody's business either.
    Column("id", Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")),
    Column("signed_in_by", Text, nullable=False, server_default=text("'token'")),
    # purge: sessions that have expired.
    Index(None, "expires_at"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    # Bearer tokens that something happened to: made as a sign-in link, used to sign in, revoked. SHA-256 of
    # the token; all others are known by their signature alone.
    new_id(),
    Column("token_hash", CHAR(64), nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("companies", ARRAY(Uuid)),  # null: all of them
    Column(
        "created_by", Text, nullable=False
    ),  # who made the link, or the subject that brought the token
    instant("created_at", nullable=False, now=True),
    instant("expires_at", nullable=False),
    instant("used_at"),  # it has signed somebody in, and won't again
    instant("revoked_at"),
    # current and purge: tokens that have not expired, and those that have.
    Index(None, "expires_at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    # What programs of a company call the API with: named, limited, revoked by the company. SHA-256 only.
    new_id(),
    company_id(),
    Column("name", Text, nullable=False),
    Column("token_hash", CHAR(64), nullable=False, unique=True),
    # Its first and last characters, so that people know it again.
    Column("shown", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    instant("expires_at", nullable=False),
    instant("last_used_at"),
    instant("revoked_at"),
    Column("revoked_by", Text),
    # listed: a company's.
    Index(None, "company_id"),
)

revoked_subjects = Table(
    "revoked_subjects",
    metadata,
    # Whose tokens from before an instant are good no more; kept until the last of them has expired.
    Column("subject", Text, primary_key=True),
    instant("issued_before", nullable=False),
    instant("expires_at", nullable=False),
)

counters = Table(
    "counters",
    metadata,
    # What only ever grows and has no rows of its own to count, for /metrics.
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False, server_default=text("0")),
)

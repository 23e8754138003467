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
    # Every change that a person or a program made: who, when, what it was before and after. No secrets.
    new_id(),
    # When it happened.
    instant("at", nullable=False, now=True),
    # Who did it: a token's subject, or user@host of a command.
    Column("actor", Text, nullable=False),
    # What was done, such as `schedule.pause`.
    Column("action", Text, nullable=False),
    # Whose data it concerned; null: no single company's.
    Column("company_id", Uuid, ForeignKey("companies.id")),
    # What was changed: a name or an id.
    Column("subject", Text, nullable=False),
    # The values before; null: there were none.
    Column("before", JSONB),
    # The values afterwards; null: there are none.
    Column("after", JSONB),
    # A company's changes, newest first.
    Index("audit_log_company_idx", "company_id", text("at DESC")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # Answers that are kept for repeated requests. The scope keeps tenants apart.
    #
    # Whose key it is: a digest of the token's subject and rights.
    Column("scope", CHAR(64), primary_key=True),
    # The `Idempotency-Key` that the client sent.
    Column("key", Text, primary_key=True),
    # SHA-256 of the request: the same key with another request is refused.
    Column("request_hash", CHAR(64), nullable=False),
    # The status of the answer; null while the first request is under way.
    Column("status", SmallInteger),
    # The headers of the answer; null while the first request is under way.
    Column("headers", JSONB),
    # Likewise.
    Column("body", LargeBinary),
    instant("created_at", nullable=False, now=True),
    # purge: answers older than a day.
    Index(None, "created_at"),
)

web_sessions = Table(
    "web_sessions",
    metadata,
    # Who is signed in to the cockpit.
    #
    # SHA-256 of the id that the browser holds.
    Column("id_hash", CHAR(64), primary_key=True),
    # Who is signed in.
    Column("subject", Text, nullable=False),
    # What they may do.
    Column("roles", ARRAY(Text), nullable=False),
    Column("companies", ARRAY(Uuid)),  # The companies for which it is valid; null: all.
    # What each form of the cockpit must bring, so that no other site can send one.
    Column("form_token", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    # When the session ends by itself.
    instant("expires_at", nullable=False),
    # What people call it by: the digest signs nobody in, but it is nobody's business either.
    Column("id", Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")),
    # How it began: `token`, `link` or `provider`.
    Column("signed_in_by", Text, nullable=False, server_default=text("'token'")),
    # purge: sessions that have expired.
    Index(None, "expires_at"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    # Bearer tokens that were made as a sign-in link, used to sign in, or revoked. Only their SHA-256 is
    # kept; all other tokens are recognised by their signature alone.
    new_id(),
    # SHA-256 of the token.
    Column("token_hash", CHAR(64), nullable=False, unique=True),
    # The person or program that it stands for.
    Column("subject", Text, nullable=False),
    # What it allows.
    Column("roles", ARRAY(Text), nullable=False),
    Column("companies", ARRAY(Uuid)),  # The companies for which it is valid; null: all.
    # Who made the link, or the subject that brought the token.
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    # When it ends by itself.
    instant("expires_at", nullable=False),
    instant("used_at"),  # When it signed somebody in; it can't do so again.
    # When it was revoked; null: it was not.
    instant("revoked_at"),
    # current and purge: tokens that have not expired, and those that have.
    Index(None, "expires_at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    # Tokens with which a company's programs call the API. The company names, limits and revokes them. Only
    # their SHA-256 is kept.
    new_id(),
    company_id(),
    # What the company calls it.
    Column("name", Text, nullable=False),
    # SHA-256 of the token.
    Column("token_hash", CHAR(64), nullable=False, unique=True),
    # Its first and last characters, by which people recognise it.
    Column("shown", Text, nullable=False),
    # What it allows.
    Column("roles", ARRAY(Text), nullable=False),
    # Who made it.
    Column("created_by", Text, nullable=False),
    instant("created_at", nullable=False, now=True),
    # When it ends by itself.
    instant("expires_at", nullable=False),
    # When it was last used, within about a minute; null: never.
    instant("last_used_at"),
    # When it was revoked; null: it was not.
    instant("revoked_at"),
    # Who revoked it.
    Column("revoked_by", Text),
    # listed: a company's.
    Index(None, "company_id"),
)

revoked_subjects = Table(
    "revoked_subjects",
    metadata,
    # People and programs whose tokens from before an instant are refused; kept until the last of these
    # tokens has expired.
    #
    # Whose tokens.
    Column("subject", Text, primary_key=True),
    # Tokens issued before this are refused.
    instant("issued_before", nullable=False),
    # When the last of them has expired, so that the row can be removed.
    instant("expires_at", nullable=False),
)

counters = Table(
    "counters",
    metadata,
    # Counters for /metrics of things that have no rows of their own.
    #
    # What is counted.
    Column("name", Text, primary_key=True),
    # How often it has happened.
    Column("value", BigInteger, nullable=False, server_default=text("0")),
)

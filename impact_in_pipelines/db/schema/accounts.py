"""Companies, their platform connections and the tokens those hold."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB

from impact_in_pipelines.db.schema.base import PLATFORM_CHECK, company_id, instant, metadata, new_id

companies = Table(
    "companies",
    metadata,
    new_id(),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("country", CHAR(2)),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    instant("created_at", nullable=False, now=True),
    # Since when nothing is sent for it; and the export that was taken since, without which it isn't erased.
    instant("deactivated_at"),
    instant("exported_at"),
    Column("export_sha256", CHAR(64)),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
)

erased_references = Table(
    "erased_references",
    metadata,
    # Whose data was erased, as a digest: so that importing an old file again brings nobody back.
    company_id(primary_key=True),
    Column("digest", CHAR(64), primary_key=True),
    instant("erased_at", nullable=False),
)

platform_connections = Table(
    "platform_connections",
    metadata,
    new_id(),
    company_id(),
    Column("platform", Text, nullable=False),
    Column("organization_id", Text),
    Column("base_url", Text),
    Column("credentials", LargeBinary),
    Column("credentials_origin", Text),
    Column("webhook_secret", LargeBinary),
    Column("options", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("rate_limit_per_minute", Integer),
    Column("max_concurrency", Integer),
    instant("created_at", nullable=False, now=True),
    instant("updated_at", nullable=False, now=True),
    UniqueConstraint("company_id", "platform"),
    CheckConstraint(PLATFORM_CHECK, name="platform"),
    CheckConstraint("rate_limit_per_minute > 0", name="rate_limit_per_minute"),
    CheckConstraint("max_concurrency > 0", name="max_concurrency"),
)

provider_tokens = Table(
    "provider_tokens",
    metadata,
    Column("key", CHAR(64), primary_key=True),
    Column("token", LargeBinary, nullable=False),
    Column("token_hash", CHAR(64), nullable=False),
    instant("expires_at", nullable=False),
    instant("updated_at", nullable=False, now=True),
)

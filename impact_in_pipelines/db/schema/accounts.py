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
    # The customers: tenants whose figures are delivered. A deactivated company keeps its rows until it is
    # erased.
    new_id(),
    # Its short name in addresses and commands.
    Column("slug", Text, nullable=False, unique=True),
    # Its name as people read it.
    Column("name", Text, nullable=False),
    # ISO 3166-1 code of the country; null: not given.
    Column("country", CHAR(2)),
    # The IANA time zone of its local days, where a schedule has none of its own.
    Column("timezone", Text, nullable=False, server_default="UTC"),
    # Whether anything is sent for it.
    Column("active", Boolean, nullable=False, server_default=text("true")),
    instant("created_at", nullable=False, now=True),
    # Since when nothing is sent for it; null: it is active.
    instant("deactivated_at"),
    # When its data was exported after that; without an export it isn't erased.
    instant("exported_at"),
    # SHA-256 of that export.
    Column("export_sha256", CHAR(64)),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
)

erased_references = Table(
    "erased_references",
    metadata,
    # Digests of erased references, so that an old file that is imported again doesn't bring a person back.
    company_id(primary_key=True),
    # A keyed digest of the reference that was erased; the reference itself is not kept.
    Column("digest", CHAR(64), primary_key=True),
    # When it was erased.
    instant("erased_at", nullable=False),
)

platform_connections = Table(
    "platform_connections",
    metadata,
    # A company's account on a platform. Whatever is null here comes from the settings of the default
    # connection.
    new_id(),
    company_id(),
    Column("platform", Text, nullable=False),
    # The company's id at the platform; null: its slug.
    Column("organization_id", Text),
    # The account's address; null: the platform's default of this installation.
    Column("base_url", Text),
    # What the account signs in with, by name: encrypted JSON; null: the default connection's.
    Column("credentials", LargeBinary),
    # Scheme, host and port for which the credentials were entered. They are sent nowhere else.
    Column("credentials_origin", Text),
    # The secret that signs the platform's call-backs, encrypted; null: none are taken.
    Column("webhook_secret", LargeBinary),
    # Further settings of the account, as the platform's connector defines them.
    Column("options", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    # Whether deliveries may use it.
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    # Requests that the account may make in a minute; null: the connector's default.
    Column("rate_limit_per_minute", Integer),
    # Requests that may be open at once; null: the connector's default.
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
    # OAuth access tokens, encrypted, shared by all processes.
    #
    # A digest of the account and its credentials. Other credentials have another token.
    Column("key", CHAR(64), primary_key=True),
    # The token, encrypted.
    Column("token", LargeBinary, nullable=False),
    # SHA-256 of the token, by which a process tells whether another has already replaced it.
    Column("token_hash", CHAR(64), nullable=False),
    # Until when it is valid, as the platform says.
    instant("expires_at", nullable=False),
    instant("updated_at", nullable=False, now=True),
)

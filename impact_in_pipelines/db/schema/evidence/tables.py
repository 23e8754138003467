"""The chain of evidence: a link for each end of a delivery (ADR 0012, docs/evidence.md)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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

from impact_in_pipelines.db.schema.base import instant, metadata

evidence_heads = Table(
    "evidence_heads",
    metadata,
    # Each company's chain: how many links it has, and the hash of the last one. Whoever adds links locks the
    # heads of their companies first, in one order. A trigger makes the row with its company.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    # How many links the chain has.
    Column("links", BigInteger, nullable=False, server_default=text("0")),
    # SHA-256 of the last one.
    Column("hash", LargeBinary, nullable=False),
    # Room beside each row, so that a head that moves on stays on its page and touches no index.
    postgresql_with={"fillfactor": "50"},
)

evidence_links = Table(
    "evidence_links",
    metadata,
    # The chains of evidence: a row for each end of a delivery. Rows never change, and stay when the
    # delivery's month leaves the log.
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    # Its number in the company's chain, from 1.
    Column("link", BigInteger, primary_key=True),
    # The delivery that ended.
    Column("delivery_id", Uuid, nullable=False),
    # How it ended.
    Column("status", Text, nullable=False),
    # When the link was added.
    instant("recorded_at", nullable=False),
    # Exactly the text that is hashed: one JSON object.
    Column("record", Text, nullable=False),
    # SHA-256 over the link before and this record.
    Column("hash", LargeBinary, nullable=False),
    # unlinked: what was linked lately. Rows lie in the order of their time.
    Index(
        "evidence_links_recorded_brin",
        "recorded_at",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
    ),
)

evidence_marks = Table(
    "evidence_marks",
    metadata,
    # One row: up to where the log was looked through for ends without a link (db/deliveries/changes.py).
    #
    # Always 1.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # The snapshot in which the log was read last.
    Column("mark", Text, nullable=False),
    # When that was.
    instant("marked_at", nullable=False),
    CheckConstraint("id = 1", name="single"),
)

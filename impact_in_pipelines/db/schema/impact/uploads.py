"""Files of events that were uploaded: what checking and importing gave, and their content for a while."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR

from impact_in_pipelines.db.schema.base import company_id, instant, metadata, new_id

event_uploads = Table(
    "event_uploads",
    metadata,
    new_id(),
    company_id(),
    Column("file_name", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", CHAR(64), nullable=False),
    # 'checked' awaits a person's yes; 'discarded' got a no, or nothing within a day.
    Column("state", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("imported", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("unchanged", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("uploaded_by", Text, nullable=False),
    instant("uploaded_at", nullable=False),
    Column("decided_by", Text),
    instant("decided_at"),
    CheckConstraint("state IN ('checked', 'imported', 'discarded')", name="state"),
    # listed: a company's uploads, newest first.
    Index("event_uploads_company_idx", "company_id", text("uploaded_at DESC")),
)

event_upload_parts = Table(
    "event_upload_parts",
    metadata,
    # The content in pieces, so that nobody holds a file in memory: of the file until it is decided, of its
    # rejected rows for as long as rejects are kept.
    Column("upload_id", Uuid, ForeignKey("event_uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("kind IN ('file', 'rejects')", name="kind"),
)

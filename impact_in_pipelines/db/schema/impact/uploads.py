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
    # Files of events that people uploaded: the result of the check, and what was decided.
    new_id(),
    company_id(),
    # The file's name, as the browser gave it.
    Column("file_name", Text, nullable=False),
    # Its size.
    Column("bytes", BigInteger, nullable=False),
    # SHA-256 of its content.
    Column("sha256", CHAR(64), nullable=False),
    # 'checked' waits for a person's decision; 'discarded' was refused, or not decided within a day.
    Column("state", Text, nullable=False),
    # Rows of the file, its header left out.
    Column("rows", BigInteger, nullable=False),
    # Rows that were, or would be, new.
    Column("imported", BigInteger, nullable=False),
    # Rows that changed, or would change, an event that was there.
    Column("updated", BigInteger, nullable=False),
    # Rows whose events were there already, the same.
    Column("unchanged", BigInteger, nullable=False),
    # Rows whose event is in the file on an earlier line.
    Column("duplicates", BigInteger, nullable=False),
    # Wrong rows: each is in the rejects, with its reason.
    Column("rejected", BigInteger, nullable=False),
    # Who uploaded it.
    Column("uploaded_by", Text, nullable=False),
    # When.
    instant("uploaded_at", nullable=False),
    # Who imported or discarded it; null: nobody yet.
    Column("decided_by", Text),
    # When that was.
    instant("decided_at"),
    CheckConstraint("state IN ('checked', 'imported', 'discarded')", name="state"),
    # listed: a company's uploads, newest first.
    Index("event_uploads_company_idx", "company_id", text("uploaded_at DESC")),
)

event_upload_parts = Table(
    "event_upload_parts",
    metadata,
    # The content of uploads in pieces, so that no process holds a whole file in memory. A file is kept
    # until somebody has decided, its rejected rows as long as rejects are kept.
    #
    # The upload.
    Column("upload_id", Uuid, ForeignKey("event_uploads.id", ondelete="CASCADE"), primary_key=True),
    # `file`: the upload itself; `rejects`: the rows that were rejected.
    Column("kind", Text, primary_key=True),
    # Which piece it is, from 0.
    Column("number", Integer, primary_key=True, autoincrement=False),
    # The piece.
    Column("content", LargeBinary, nullable=False),
    CheckConstraint("kind IN ('file', 'rejects')", name="kind"),
)

"""What has left the database: which archive is this database's, its files, and which delivery is in which."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from impact_in_pipelines.db.schema.base import instant, metadata

archive_marks = Table(
    "archive_marks",
    metadata,
    # One row: the archive that this database has archived into. None before the first time.
    #
    # Always 1.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    # The id in its archive.json.
    Column("archive", Uuid, nullable=False),
    # When it was used first, or first looked at since there are marks.
    instant("marked_at", nullable=False),
    CheckConstraint("id = 1", name="single"),
)

archived_files = Table(
    "archived_files",
    metadata,
    # The archive's files of deliveries. A row is written together with those of all its deliveries.
    #
    # Its number, which its deliveries have.
    Column("id", Integer, Identity(always=True), primary_key=True),
    # Its name in the archive.
    Column("file", Text, nullable=False),
    # The first day of the month in which its deliveries were due.
    Column("month", Date, nullable=False),
    # When it was written; of one that was noted later, when its month was removed, by the audit log, or where
    # that has left as well, the file's own date, which copying and erasing change.
    instant("archived_at", nullable=False),
    UniqueConstraint("file"),
)

archived_deliveries = Table(
    "archived_deliveries",
    metadata,
    # Which archived delivery is in which file: what is left of it when its month leaves the log, so that
    # whoever asks for it learns where it is. Written just before the month leaves, by retention alone.
    # No index by company, which each row would pay for: exporting and erasing one read the table whole, twice
    # to erase, for its foreign key; 33 ms for a million rows each time.
    #
    # The delivery's id.
    Column("id", Uuid, primary_key=True),
    Column("company_id", Uuid, ForeignKey("companies.id", ondelete="CASCADE"), nullable=False),
    # The number of the newest file that has it (archived_files).
    Column("file", Integer, nullable=False),
)

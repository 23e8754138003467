"""What every table is made of: the shared metadata, and columns that many tables have."""

from sqlalchemy import Column, ForeignKey, MetaData, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from impact_in_pipelines.db.schema import triggers

TRIGGERS = triggers
"""Importing them makes every table created from here on have its own."""

metadata = MetaData(
    info={triggers.WITH_TRIGGERS: True},
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    },
)

PLATFORM_CHECK = "platform ~ '^[a-z][a-z0-9_]{0,29}$'"
"""Any name that a connector may have (`platforms.names.NAME`): the database doesn't know which there are."""

MEANINGS = {
    "id": "Its id.",
    "company_id": "Whose it is.",
    "platform": "The platform, by its connector's name.",
    "created_at": "When the row was made.",
    "updated_at": "When the row changed last.",
    "change_seq": "The transaction that wrote it last (schema/triggers.py).",
}
"""What columns mean that are the same in every table; of any other it stands in the comment above it."""


def instant(name: str, *, nullable: bool = True, now: bool = False) -> Column[object]:
    """A timestamptz column; with `now` the database's clock fills it when the row is made."""
    return Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable,
        server_default=text("now()") if now else None,
    )


def new_id(*, primary_key: bool = True) -> Column[object]:
    """The primary key `id`, or a part of it: a random uuid unless the row brings its own."""
    return Column(
        "id",
        Uuid,
        primary_key=primary_key,
        nullable=False,
        server_default=text("gen_random_uuid()"),
    )


def company_id(*, primary_key: bool = False) -> Column[object]:
    """The column `company_id`: whose row it is."""
    return Column(
        "company_id", Uuid, ForeignKey("companies.id"), nullable=False, primary_key=primary_key
    )

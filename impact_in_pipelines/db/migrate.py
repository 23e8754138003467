"""Bringing a database to the present schema (`impact-in db upgrade`)."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

_LOCK = 727102


def alembic_config() -> Config:
    """Alembic's configuration, without a file: the migrations lie in the package."""
    config = Config()
    config.set_main_option("script_location", str(files("impact_in_pipelines.db") / "migrations"))
    return config


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Run what is missing; returns the revision before (None: empty database) and after."""
    config = alembic_config()
    with engine.begin() as connection:
        # Several processes start at once; whoever comes second finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head_revision()


def head_revision() -> str:
    """The newest revision that this version of the program knows."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head

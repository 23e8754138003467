"""Bringing a database to the present schema (`impact-in db upgrade`)."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from impact_in_pipelines.db.revisions import out_of_step
from impact_in_pipelines.errors import DatabaseUnavailable

_LOCK = 727102


def alembic_config() -> Config:
    """Alembic's configuration, without a file: the migrations lie in the package."""
    config = Config()
    config.set_main_option("script_location", str(files("impact_in_pipelines.db") / "migrations"))
    return config


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Run what is missing; returns the revision before (None: empty database) and after.

    Raises `DatabaseUnavailable` for a database that a newer version has upgraded; it stays as it is.
    """
    config = alembic_config()
    with engine.begin() as connection:
        # Several processes start at once; whoever comes second finds nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in _known(config):
            raise DatabaseUnavailable(out_of_step(before))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head_revision()


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def head_revision() -> str:
    """The newest revision that this version of the program knows."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head

"""The migrations and the models describe one schema."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, text

from impact_in_pipelines.cli.next_steps import told
from impact_in_pipelines.db.engine import make_engine
from impact_in_pipelines.db.migrate import head_revision, upgrade
from impact_in_pipelines.db.revisions import REVISION, out_of_step
from impact_in_pipelines.db.schema import metadata
from impact_in_pipelines.db.schema.months import compared, is_of_a_month
from impact_in_pipelines.errors.database import DatabaseAhead

# What PostgreSQL itself says a schema is: columns, constraints, indexes, triggers and their functions.
_CATALOGUE = """
SELECT 'column', table_name, column_name, data_type || coalesce(character_maximum_length::text, '')
       || coalesce(numeric_precision::text, '') || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', '', proname, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def catalogue(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(_CATALOGUE))
        return {
            tuple(row)
            for row in rows
            # Which months there are depends on the day; what they are made of follows from the parent.
            if row[1] != "alembic_version" and not is_of_a_month(row[1])
        }


def test_migrating_an_empty_database_gives_the_schema_of_the_models(
    engine: Engine, postgres_url: URL
) -> None:
    """A database made by migrations equals one made from the models, down to index definitions."""
    with (
        make_engine(postgres_url, pool_size=1)
        .execution_options(isolation_level="AUTOCOMMIT")
        .connect() as admin
    ):
        admin.execute(text('CREATE DATABASE "from_models"'))
    models = make_engine(postgres_url.set(database="from_models"))
    metadata.create_all(models)
    assert catalogue(engine) == catalogue(models)
    assert {kind for kind, *_ in catalogue(models)} >= {"index", "trigger", "function"}
    models.dispose()


def test_alembic_sees_no_difference(engine: Engine) -> None:
    """Autogenerate would write an empty migration."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": compared,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    """The second upgrade starts at the head and stays there."""
    assert upgrade(engine) == (head_revision(), head_revision())


def test_the_program_knows_its_newest_migration() -> None:
    """The constant that commands compare with, without importing alembic, is the head."""
    assert head_revision() == REVISION


def test_a_database_newer_than_the_program_is_told_in_one_line_and_left_alone(
    engine: Engine,
) -> None:
    """Alembic would say "Can't locate revision" in a traceback, and an older program must not write."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseAhead) as caught:
        upgrade(engine)

    assert "revision 9999, which this version" in told(caught.value)
    assert "install the version" in told(caught.value)
    assert "\n" not in told(caught.value)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (None, "has no tables yet; run: impact-in db upgrade"),
        ("0000", "run: impact-in db upgrade"),
        ("9999", "install the version"),
    ],
)
def test_the_line_says_what_to_do_at_each_revision(at: str | None, says: str) -> None:
    """Upgrade what is older; what is newer needs another program."""
    assert says in told(out_of_step(at))

"""`impact-in db`: bringing the database to this version's schema."""

from dataclasses import dataclass
from typing import Annotated

import typer

from impact_in_pipelines.cli.context import AsJson
from impact_in_pipelines.cli.output import console, print_json
from impact_in_pipelines.cli.progress import busy, stepwise
from impact_in_pipelines.db.engine import open_database, translated_errors, without_pooler
from impact_in_pipelines.db.migrate import prepare_role, upgrade
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.settings import Settings, get_settings

app = typer.Typer(help="Set up the database.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The revision before (None: there were no tables) and after, and where the database is."""

    before: str | None
    after: str
    embedded: bool
    database: str


def bring_up_to_date(settings: Settings, tell: Tell = silent) -> Upgraded:
    """Run the migrations that are missing; safe to run again, and by several at once. `tell` is called with
    migrations.

    Raises `InvalidSetting` or `DatabaseUnavailable`.
    """
    database = open_database(without_pooler(settings))
    try:
        with translated_errors(database.url):
            before, after = upgrade(database.engine, tell)
            if settings.database_direct_url is not None:
                prepare_role(database.engine, settings)
    finally:
        database.close()
    name = str(database.url.database)
    where = settings.home / "postgres" if database.embedded else f"{name} on {database.url.host}"
    return Upgraded(before, after, database.embedded, str(where))


def described(done: Upgraded) -> str:
    """What was done, in one line for a person."""
    which = "embedded database in" if done.embedded else "database"
    if done.before == done.after:
        return f"The {which} {done.database} is up to date (revision {done.after})."
    since = "was empty" if done.before is None else f"was at {done.before}"
    return f"The {which} {done.database} is now at revision {done.after}; it {since}."


@app.callback()
def database() -> None:
    """Set up the database."""


@app.command("upgrade")
def upgrade_command(
    with_dagster: Annotated[
        bool,
        typer.Option(
            "--with-dagster",
            help="Dagster's database too: made where it is missing, and brought to the installed version.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the tables, or bring them to this version. Safe to run at any time.

    Without DATABASE_URL this is the embedded PostgreSQL, which starts by itself.
    """
    settings = get_settings()
    with stepwise("Running migrations", quiet=as_json) as tell:
        done = bring_up_to_date(settings, tell)
    if with_dagster:
        with busy("Bringing Dagster's database to its version", quiet=as_json):
            from impact_in_pipelines.dagster_instance.upgrading import upgrade_instance  # 0.8 s

            upgrade_instance(settings)
    if as_json:
        print_json(done)
    else:
        console.print(described(done), markup=False, soft_wrap=True)
        if with_dagster:
            console.print("Dagster's database is at the installed version of Dagster.")

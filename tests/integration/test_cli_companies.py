"""`impact-in db` and `impact-in companies` on a real database."""

import uuid

import pytest
from sqlalchemy import text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.db.migrate import head_revision

from .cli_harness import Cli


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    return Cli(monkeypatch, database)


def test_upgrade_says_from_where_to_where_and_then_that_nothing_is_left(
    cli: Cli, database: Database
) -> None:
    """An empty database gets every table; running the command again changes nothing."""
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))

    first = cli.good("db", "upgrade", "--json").json
    second = cli.good("db", "upgrade")

    assert (first["before"], first["after"]) == (None, head_revision())
    assert first["embedded"] is False
    assert f"up to date (revision {head_revision()})" in second.out
    assert cli.good("companies", "list", "--json").json == []


def test_a_database_without_tables_names_the_command_that_makes_them(
    cli: Cli, database: Database
) -> None:
    """Whoever forgets the upgrade is told so, in one line."""
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))

    ran = cli.refused("companies", "list")

    assert ran.code == 1
    assert "impact-in db upgrade" in ran.err


def test_a_database_that_is_down_is_one_line_without_its_password(cli: Cli) -> None:
    """Neither a traceback nor the URL's password reaches the terminal."""
    url = "postgresql://someone:hunter22@127.0.0.1:1/nowhere"

    ran = cli("companies", "list", DATABASE_URL=url)

    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert "127.0.0.1" in ran.err
    assert "hunter22" not in ran.err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("acmee", "no company 'acmee'; did you mean 'acme'? See: impact-in companies list"),
        ("Acme AS", "no company 'Acme AS'; did you mean 'acme'? See: impact-in companies list"),
        ("acm", "no company 'acm'; did you mean 'acme'? See: impact-in companies list"),
        ("nordlys", "no company 'nordlys'; see: impact-in companies list"),
    ],
)
def test_a_mistyped_company_is_answered_with_the_one_that_may_be_meant(
    cli: Cli, typed: str, said: str
) -> None:
    """By its slug or its name, whatever the command; where none comes close, no guess."""
    cli.good("companies", "add", "acme", "--name", "Acme AS")
    for command in (["schedules", "list", "--company", typed], ["deliver", "--company", typed]):
        ran = cli.refused(*command)
        assert ran.err == f"error: {said}\n"


def test_an_added_company_is_listed_as_it_was_given(cli: Cli) -> None:
    """Id, country and zone are kept; the list is by slug."""
    id_ = str(uuid.uuid4())
    cli.good("companies", "add", "zeta", "--name", "Zeta")

    added = cli.good(
        "companies", "add", "acme", "--name", "Acme [Nordics]", "--id", id_,
        "--country", "NO", "--timezone", "Europe/Oslo", "--json",
    ).json  # fmt: skip
    listed = cli.good("companies", "list", "--json").json

    assert [company["slug"] for company in listed] == ["acme", "zeta"]
    assert listed[0] == added
    assert added["id"] == id_
    assert (added["country"], added["timezone"], added["active"]) == ("NO", "Europe/Oslo", True)
    assert "Acme [Nordics]" in cli.good("companies", "list").out


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("Acme!", "--name", "Acme"), 2, "'Acme!' can't be a slug"),
        (("acme", "--name", " "), 2, "--name"),
        (("acme", "--name", "A", "--country", "Norway"), 2, "country 'Norway'"),
        (("acme", "--name", "A", "--country", "XX"), 2, "country 'XX'"),
        (("acme", "--name", "A", "--timezone", "Europe/Olso"), 2, "Europe/Olso"),
        (("taken", "--name", "A"), 1, "'taken'"),
    ],
)
def test_what_is_wrong_with_a_new_company_is_named(
    cli: Cli, words: tuple[str, ...], code: int, named: str
) -> None:
    """One line names the value that must be mended, and nothing is added."""
    cli.good("companies", "add", "taken", "--name", "First")

    ran = cli.refused("companies", "add", *words)

    assert ran.code == code
    assert named in ran.err
    assert len(cli.good("companies", "list", "--json").json) == 1

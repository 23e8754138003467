"""A database that is lent again is as good as a fresh copy, or it isn't lent again."""

from collections.abc import Iterator

import psycopg2
import pytest
from factories import execute_on_server, new_name
from lending import Lender
from psycopg2.extensions import connection as Connection  # noqa: N812
from sqlalchemy import URL

CHANGES = [
    "CREATE TABLE another (n int)",
    "ALTER TABLE things ADD COLUMN size int",
    "ALTER TABLE things DROP CONSTRAINT things_name_check",
    "ALTER TABLE things ALTER COLUMN name SET DEFAULT 'x'",
    "CREATE INDEX ON things (name)",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW seen AS SELECT 1 AS n",
    "CREATE SCHEMA aside",
    "ALTER SEQUENCE things_id_seq INCREMENT 5",
    "CREATE TRIGGER one BEFORE UPDATE ON things FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "COMMENT ON TABLE things IS 'x'",
    "GRANT SELECT ON things TO PUBLIC",
    "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''1MB''', current_database()); END$$",
    "DO $$BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()); END$$",
    "ANALYZE things",
    "TRUNCATE parts",
    "SELECT lo_create(7)",
    "INSERT INTO things (name) SELECT repeat('x', 100) FROM generate_series(1, 1000)",
]


def connected(url: URL) -> Connection:
    """A connection whose statements are committed one by one."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(plain)
    connection.autocommit = True
    return connection


def call(url: URL, statement: str) -> list[tuple[object, ...]]:
    """Rows of one statement on a connection of its own."""
    connection = connected(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.fixture(scope="module")
def little(postgres_url: URL) -> str:
    """A template with a table, its sequence, and a row."""
    name = new_name()
    execute_on_server(postgres_url, f'CREATE DATABASE "{name}"')
    url = postgres_url.set(database=name)
    call(url, "CREATE TABLE things (id serial PRIMARY KEY, name text CHECK (name <> ''))")
    call(url, "CREATE TABLE parts (thing int REFERENCES things, made_at timestamptz)")
    call(url, "INSERT INTO things (name) VALUES ('the first')")
    return name


@pytest.fixture
def lender(postgres_url: URL, little: str) -> Iterator[Lender]:
    """A lender of copies of it."""
    lending = Lender(postgres_url, little)
    yield lending
    lending.close()


def test_rows_and_sequences_are_the_templates_again(lender: Lender) -> None:
    """Whatever was inserted, changed and removed, and although triggers or references forbid it."""
    for _ in range(3):
        with lender.lent() as url:
            assert call(url, "SELECT id, name FROM things") == [(1, "the first")]
            assert call(url, "INSERT INTO things (name) VALUES ('b') RETURNING id") == [(2,)]
            call(url, "INSERT INTO parts VALUES (2, now())")
            call(url, "UPDATE things SET name = 'c' WHERE id = 1")
    # One is looked at before anybody uses it: it is the one that is lent from then on.
    assert lender.copied == 2


@pytest.mark.parametrize("change", CHANGES)
def test_a_database_that_was_changed_is_not_lent_again(lender: Lender, change: str) -> None:
    """Its schema, rights, settings, statistics, or so much room taken that plans would differ."""
    with lender.lent() as url:
        before = call(url, "SELECT oid FROM pg_database WHERE datname = current_database()")
        call(url, change)
    oids = call(url.set(database="postgres"), "SELECT oid FROM pg_database")
    assert before[0] not in oids


def test_whoever_stays_connected_is_cut_off(lender: Lender) -> None:
    """Something that a test left running, in the midst of a transaction, writes nothing any more."""
    with lender.lent() as url:
        left = connected(url)
        with left.cursor() as cursor:
            cursor.execute("BEGIN; INSERT INTO things (name) VALUES ('late'); SELECT 1")
    with pytest.raises(psycopg2.Error), left.cursor() as cursor:
        cursor.execute("COMMIT")
    with lender.lent() as url:
        assert call(url, "SELECT name FROM things") == [("the first",)]


def test_whoever_knows_its_name_finds_it_no_more(lender: Lender) -> None:
    """What a test left running, and connects only later, doesn't meet the next test."""
    with lender.lent() as url:
        pass
    with lender.lent(), pytest.raises(psycopg2.OperationalError, match="does not exist"):
        connected(url)

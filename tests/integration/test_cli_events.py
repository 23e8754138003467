"""`impact-in events import` on a real database."""

from pathlib import Path

import pytest
from sqlalchemy import text

from impact_in_pipelines.db.engine import Database
from impact_in_pipelines.impact.csv_dialect import HEADER

from .cli_harness import Cli

GOOD = (
    "e1,acme,2026-03-02T10:00:00+01:00,session,p1,v1,1.5,language,6.5",
    "e2,acme,2026-03-02T11:00:00+01:00,session,p2,v1,2,,",
)
BAD = "e3,acne,2026-03-02T11:00:00+01:00,session,p2,v1,2,,"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, database: Database) -> Cli:
    cli = Cli(monkeypatch, database)
    cli.good("companies", "add", "acme", "--name", "Acme")
    return cli


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([",".join(HEADER), *rows]) + "\n", "utf-8")
    return path


def stored(database: Database) -> int:
    with database.engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM impact_events")).scalar_one()
    return count


def test_the_same_file_again_changes_nothing(cli: Cli, tmp_path: Path, database: Database) -> None:
    """Both times exit code 0; the second time every row is known already."""
    file = write(tmp_path / "events.csv", *GOOD)

    first = cli.good("events", "import", str(file), "--json").json
    second = cli.good("events", "import", str(file))

    assert (first["rows"], first["imported"], first["rejectsPath"]) == (2, 2, None)
    assert "2 known already" in second.out
    assert stored(database) == 2


def test_rejected_rows_are_exit_code_1_and_the_others_are_in(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    """A script sees that something is missing, a person the file, the line and the reason."""
    file = write(tmp_path / "events.csv", *GOOD, BAD)

    people = cli("events", "import", str(file))
    program = cli("events", "import", str(file), "--json")

    assert (people.code, program.code) == (1, 1)
    assert "events.csv.rejects.csv" in people.out
    assert "line 4: unknown company 'acne'" in people.out
    assert program.json["rejected"] == 1
    assert program.json["firstReasons"] == [{"line": 4, "reason": "unknown company 'acne'"}]
    assert Path(program.json["rejectsPath"]).exists()
    assert stored(database) == 2


def test_a_file_that_is_no_events_file_is_wrong_usage(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    """Missing, or with another header: exit code 2, one line, nothing imported, no rejects file."""
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")

    missing = cli.refused("events", "import", str(tmp_path / "none.csv"))
    header = cli.refused("events", "import", str(other))

    assert (missing.code, header.code) == (2, 2)
    assert "none.csv" in missing.err
    assert "event_id,company" in header.err
    assert stored(database) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


def test_an_import_that_changes_something_is_in_the_audit_log(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    """Who brought in which file, and what it did; a file that changes nothing leaves no line."""
    file = write(tmp_path / "events.csv", *GOOD)
    cli.good("events", "import", str(file))
    cli.good("events", "import", str(file))

    with database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM audit_log WHERE action = 'events.import'"))
    assert row.subject == "events.csv"
    assert (row.after["imported"], row.after["rejected"]) == (2, 0)
    assert "@" in row.actor


def test_a_file_whose_rows_are_all_rejected_is_in_the_audit_log(
    cli: Cli, tmp_path: Path, database: Database
) -> None:
    """It changed nothing, and somebody will ask what became of it: it used to leave no line."""
    file = write(tmp_path / "wrong.csv", *(row.replace("1.5", "many") for row in GOOD[:1]))
    assert cli("events", "import", str(file)).code == 1

    with database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM audit_log WHERE action = 'events.import'"))
    assert (row.subject, row.after["rows"], row.after["rejected"]) == ("wrong.csv", 1, 1)
    assert (row.after["imported"], row.after["updated"]) == (0, 0)


def test_a_correction_says_how_many_events_it_changed(cli: Cli, tmp_path: Path) -> None:
    """The id with other content in a later file."""
    cli.good("events", "import", str(write(tmp_path / "first.csv", *GOOD)))
    second = write(tmp_path / "second.csv", GOOD[0].replace("1.5", "2.5"), GOOD[1])
    assert (
        "1 changed: an earlier file had them otherwise"
        in cli.good("events", "import", str(second)).out
    )

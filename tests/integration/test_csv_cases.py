"""Event files as programs and people write them, into a real PostgreSQL."""

import csv
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from impact_in_pipelines.db.impact.importing import ImportSummary, import_events
from impact_in_pipelines.impact.csv_dialect import HEADER

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CASES = Path(__file__).parents[1] / "cases" / "csv"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CASES / "expected.json").read_text("utf-8"))
TWO = (
    ("e1", "acme", "2026-11-02T09:00:00+01:00", "session", "p1", "v1", "1.5", "", ""),
    ("e2", "acme", "2026-11-02T10:00:00+01:00", "session", "p2", "v1", "2.25", "language", "6.5"),
)


@pytest.fixture
def acme(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO companies (slug, name, timezone) VALUES ('acme', 'A', 'Europe/Oslo')")
        )
    return engine


def stored(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM impact_events ORDER BY event_id")))


def lines(*rows: tuple[str, ...], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\r\n" for row in (HEADER, *rows))


def imported(engine: Engine, folder: Path, content: bytes) -> ImportSummary:
    path = folder / "events.csv"
    path.write_bytes(content)
    return import_events(engine, path, now=NOW)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_cases_that_failed_once(acme: Engine, tmp_path: Path, name: str) -> None:
    """One file a kind of fault, each with its right values."""
    wanted = EXPECTED[name]
    summary = imported(acme, tmp_path, (CASES / name).read_bytes())

    assert (summary.imported, summary.rejected) == (wanted["imported"], wanted["rejected"])
    rows = stored(acme)
    if "hours" in wanted:
        assert [row.hours for row in rows] == [Decimal(str(each)) for each in wanted["hours"]]
        assert rows[1].outcome_score == Decimal(str(wanted["score"]))


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251"])
def test_names_arrive_whole(acme: Engine, tmp_path: Path, encoding: str) -> None:
    """From the file into the column."""
    row = (*TWO[0][:3], "Мовний клуб № 5 «Єдність»", "Ївга Ґудзь", *TWO[0][5:])
    assert imported(acme, tmp_path, lines(row, separator=";").encode(encoding)).imported == 1
    (found,) = stored(acme)
    assert (found.activity, found.participant_ref) == (row[3], row[4])


def test_trailing_cells_are_no_columns_and_missing_ones_are_empty(
    acme: Engine, tmp_path: Path
) -> None:
    """Excel writes empty cells at the end of some lines and leaves them out of others."""
    short = TWO[0][:7]
    content = lines((*TWO[1], "", "", ""), short, ("",) * 12, separator=";")
    content += '"";;;\r\n   \r\n'
    summary = imported(acme, tmp_path, content.encode())
    assert (summary.rows, summary.imported, summary.rejected) == (2, 2, 0)


def test_a_last_line_that_was_cut_off_is_not_taken_for_a_short_one(
    acme: Engine, tmp_path: Path
) -> None:
    """Its hours may be half a number."""
    content = lines(TWO[1]) + ",".join(TWO[0][:7])
    summary = imported(acme, tmp_path, content.encode())
    assert (summary.imported, summary.rejected) == (1, 1)


def test_quoted_fields_keep_their_separators_and_line_breaks(acme: Engine, tmp_path: Path) -> None:
    """With semicolons as well; the line counted is the physical one."""
    row = (*TWO[0][:3], '"a;b\r\n""c"""', *TWO[0][4:])
    bad = ("x", *TWO[0][1:2], "soon", *TWO[0][3:])
    summary = imported(acme, tmp_path, lines(row, bad, separator=";").encode())
    assert stored(acme)[0].activity == 'a;b\r\n"c"'
    assert [line for line, _ in summary.first_reasons] == [4]


@pytest.mark.parametrize(
    ("separator", "encoding"),
    [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (";", "utf-16-le"), (";", "cp1252")],
)
def test_a_mended_rejects_file_is_imported_as_it_is(
    acme: Engine, tmp_path: Path, separator: str, encoding: str
) -> None:
    """It is written like the file it comes from, so that the same program opens it."""
    bad = (*TWO[0][:3], "språkkafé", *TWO[0][4:6], "many", "", "")
    first = imported(acme, tmp_path, lines(bad, TWO[1], separator=separator).encode(encoding))
    assert first.rejects_path is not None
    text_of = first.rejects_path.read_bytes().decode(
        {"utf-16-le": "utf-16"}.get(encoding, encoding)
    )
    assert text_of.startswith(separator.join(("line", "reason", *HEADER)))

    mended = first.rejects_path
    mended.write_bytes(text_of.replace("many", "3").encode(encoding))
    summary = import_events(acme, mended, now=NOW)

    assert (summary.imported, summary.rejected) == (1, 0)
    corrected = stored(acme)[0]
    assert (corrected.hours, corrected.activity) == (Decimal(3), "språkkafé")


def rejected(summary: ImportSummary) -> list[list[str]]:
    assert summary.rejects_path is not None
    with summary.rejects_path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


def test_lines_of_one_event_that_differ_are_rejected_and_name_each_other(
    acme: Engine, tmp_path: Path
) -> None:
    """Which one is right, only a person knows; before, the last one won without a word. They go to the
    rejects as they were written, with what an earlier file said left as it is."""
    imported(acme, tmp_path, lines(TWO[0]).encode())
    twice = [(*TWO[0][:6], "1,50", "", ""), TWO[1], (*TWO[0][:6], "4", "", ""), TWO[0]]
    quoted = [tuple(f'"{field}"' for field in row) for row in twice]

    summary = imported(acme, tmp_path, lines(*quoted).encode())

    assert (summary.imported, summary.updated, summary.rejected) == (1, 0, 3)
    told = {
        line: (reason, hours)
        for line, reason, *fields in rejected(summary)
        for hours in [fields[6]]
    }
    assert told["2"] == (
        "event_id 'e1' stands on lines 4, 5 too, and not all say the same; keep the right one",
        "1,50",
    )
    assert told["4"][0].startswith("event_id 'e1' stands on lines 2, 5 too")
    assert set(told) == {"2", "4", "5"}
    assert [row.hours for row in stored(acme)] == [Decimal("1.5"), Decimal("2.25")]


@pytest.mark.parametrize("first", [True, False])
def test_a_line_that_is_rejected_by_itself_disputes_its_event_too(
    acme: Engine, tmp_path: Path, first: bool
) -> None:
    """The other line went in, and the mended one then replaced it without a word."""
    good, bad = TWO[0], (*TWO[0][:6], "1.5.0", "", "")
    other = ("E1", *bad[1:])  # another event's, by its id
    broken = [good, bad, TWO[1], other] if first else [bad, good, TWO[1], other]

    summary = imported(acme, tmp_path, lines(*broken).encode())

    assert (summary.imported, summary.duplicates, summary.rejected) == (1, 0, 3)
    assert [row.event_id for row in stored(acme)] == ["e2"]
    reasons = {line: reason for line, reason, *_ in rejected(summary)}
    own, theirs = ("2", "3") if first else ("3", "2")
    assert reasons[own].startswith(f"event_id 'e1' stands on line {theirs} too")
    assert reasons[theirs].startswith("hours '1.5.0' is no number")


def test_the_same_numbers_written_otherwise_are_no_conflict(acme: Engine, tmp_path: Path) -> None:
    """What is compared is what would be stored."""
    again = ("e1", "acme", "2026-11-02T08:00:00Z", *TWO[0][3:6], "1.5000000000000002", "", "")
    summary = imported(acme, tmp_path, lines(TWO[0], again).encode())
    assert (summary.imported, summary.duplicates, summary.rejected) == (1, 1, 0)


def test_a_later_file_corrects_an_earlier_one_and_says_how_many(
    acme: Engine, tmp_path: Path
) -> None:
    """The id twice in two files is an update; the count is told."""
    imported(acme, tmp_path, lines(*TWO).encode())
    summary = imported(acme, tmp_path, lines((*TWO[0][:6], "3", "", ""), TWO[1]).encode())
    assert (summary.imported, summary.updated, summary.unchanged) == (0, 1, 1)


def test_conflicts_far_apart_in_a_large_file(acme: Engine, tmp_path: Path) -> None:
    """Over more than one chunk, many at once, against a count kept in memory."""
    rng = random.Random(7)
    rows = [
        (f"e{rng.randrange(60_000)}", *TWO[0][1:6], f"{rng.randrange(2)}", "", "")
        for _ in range(70_000)
    ]
    content: dict[str, set[str]] = {}
    for row in rows:
        content.setdefault(row[0], set()).add(row[6])
    disputed = {event for event, hours in content.items() if len(hours) > 1}

    summary = imported(acme, tmp_path, lines(*rows).encode())

    assert summary.imported == len(content) - len(disputed)
    assert summary.rejected == sum(row[0] in disputed for row in rows)
    found = rejected(summary)
    assert [int(each[0]) for each in found] == sorted(int(each[0]) for each in found)
    assert all(rows[int(line) - 2][0] == fields[0] for line, _, *fields in found)
    assert {row.event_id for row in stored(acme)} == set(content) - disputed
    assert replace(summary, rejects_path=None).rows == 70_000

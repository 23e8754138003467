"""Rows, widths and encodings of an events file at their edges."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest

from impact_in_pipelines.errors.impact import EventsFileEncoding
from impact_in_pipelines.impact.csv_dialect import HEADER, Dialect, dialect_of, split_line
from impact_in_pipelines.impact.csv_import import Broken, EventsFile, RejectsFile, read_records
from impact_in_pipelines.impact.csv_numbers import HOURS_STEP, SCORE_STEP, read_number
from impact_in_pipelines.impact.csv_rules import (
    LONGEST_NAME,
    LONGEST_REF,
    MOST_HOURS,
    EventRules,
)
from impact_in_pipelines.impact.figures import HistoryFigures, ImpactFigures

LATEST = datetime(2026, 5, 1, tzinfo=UTC)
GOOD = {
    "event_id": "e1",
    "company": "acme",
    "occurred_at": "2026-03-01T09:30:00+01:00",
    "activity": "session",
    "participant_ref": "P1",
    "volunteer_ref": "V1",
    "hours": "1.5",
    "outcome_category": "language",
    "outcome_score": "7.25",
}


def problem(**changes: str) -> str | None:
    return EventRules({"acme"}, LATEST).problem(list((GOOD | changes).values()))


# Rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "most"),
    [
        ("event_id", LONGEST_REF),
        ("participant_ref", LONGEST_REF),
        ("volunteer_ref", LONGEST_REF),
        ("activity", LONGEST_NAME),
        ("outcome_category", LONGEST_NAME),
    ],
)
def test_a_text_may_be_as_long_as_its_column(column: str, most: int) -> None:
    """To the last sign; the reason names the length."""
    assert problem(**{column: "x" * most}) is None
    assert problem(**{column: "x" * (most + 1)}) == f"{column} is longer than {most} characters"


def test_a_row_of_several_texts_too_long_says_so_of_each() -> None:
    """Whoever mends the file mends it once."""
    long = "x" * 201
    told = problem(event_id=long, participant_ref=long, volunteer_ref=long) or ""
    assert told.count("is longer than 200 characters") == 3


@pytest.mark.parametrize(
    ("hours", "holds"),
    [
        ("0", True),
        ("-0.004", True),  # rounds to nought
        ("-0.005", False),
        ("744", True),
        ("744.004", True),
        ("744.005", False),
        ("-1", False),
        ("745", False),
    ],
)
def test_an_event_has_no_less_than_nought_and_no_more_than_a_months_hours(
    hours: str, holds: bool
) -> None:
    """As they are stored, in hundredths."""
    assert MOST_HOURS == 31 * 24
    assert problem(hours=hours) == (None if holds else f"hours {hours} is outside 0 to 744")


@pytest.mark.parametrize(
    ("category", "score", "reason"),
    [
        ("language", "10", None),
        ("language", "0", None),
        ("language", "10.0001", "outcome_score 10.0001 is outside 0 to 10 of language"),
        ("integration", "1", None),
        ("integration", "-0.0001", "outcome_score -0.0001 is outside 0 to 1 of integration"),
        ("job_readiness", "1.01", "outcome_score 1.01 is outside 0 to 1 of job_readiness"),
        ("own", "99999999", None),
        ("own", "-99999999", None),
        ("own", "99999999.1", "outcome_score 99999999.1 is outside -99999999 to 99999999"),
        ("own", "-99999999.1", "outcome_score -99999999.1 is outside -99999999 to 99999999"),
        ("own", "", "outcome_category 'own' has no outcome_score"),
        ("", "5", "outcome_score '5' has no outcome_category"),
    ],
)
def test_a_score_lies_within_its_scale_or_what_its_column_holds(
    category: str, score: str, reason: str | None
) -> None:
    """Both ends included; one without the other is half a statement."""
    assert problem(outcome_category=category, outcome_score=score) == reason


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        ("2026-05-01T00:00:00Z", None),
        ("2026-05-01T00:00:00.000001Z", "lies in the future"),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", "lies before 1970"),
        ("2026-03-01T09:30:00+15:59", None),
        ("2026-03-01T09:30:00+16:00", "isn't ISO 8601"),
        ("2026-03-01T09:30:00.1234567Z", None),
        ("2026-03-01T09:30:00+16", "isn't ISO 8601"),
        ("2026-03-01T09:30:00Z30", "isn't ISO 8601"),
        ("2026-03-01T09:30:00.+01:00", "isn't ISO 8601"),
    ],
)
def test_an_event_lies_from_1970_until_the_latest_instant(
    occurred_at: str, reason: str | None
) -> None:
    """The very last one is still allowed."""
    told = problem(occurred_at=occurred_at)
    assert (told is None) if reason is None else reason in (told or "")


def test_reasons_quote_no_more_of_a_value_than_tells_it() -> None:
    """A rejects file is read by people: forty signs of a number, sixty of a time, a slug's sixty-three."""
    long = "9" * 70 + "x"
    assert f"hours '{long[:40]}' is no number" in (problem(hours=long) or "")
    assert f"outcome_score '{long[:40]}' is no decimal" in (problem(outcome_score=long) or "")
    assert f"occurred_at '{long[:60]}' isn't ISO" in (problem(occurred_at=long) or "")
    assert f"unknown company '{long[:63]}'" in (problem(company=long) or "")
    assert f"outcome_score '{long[:40]}' has no" in (
        problem(outcome_category="", outcome_score=long) or ""
    )
    assert f"outcome_category '{long[:40]}' has no" in (
        problem(outcome_category=long, outcome_score="") or ""
    )


def test_hours_and_scores_are_replaced_by_what_is_stored_each_time() -> None:
    """Also where the same text was seen before; absent hours are none, an absent score stays absent."""
    rules = EventRules({"acme"}, LATEST)
    for _ in range(2):
        row = list((GOOD | {"hours": "1.005", "outcome_score": "0.12345"}).values())
        assert rules.problem(row) is None
        assert (row[6], row[8]) == ("1.01", "0.1235")
        empty = list((GOOD | {"hours": "", "outcome_category": "", "outcome_score": ""}).values())
        assert rules.problem(empty) is None
        assert (empty[6], empty[8]) == ("0", "")


def test_a_value_that_was_refused_is_refused_again() -> None:
    """Only what holds is remembered; a NUL is told of each row."""
    rules = EventRules({"acme"}, LATEST)
    for changes in ({"hours": "-1"}, {"outcome_score": "11"}, {"activity": "a\0b"}):
        found = [rules.problem(list((GOOD | changes).values())) for _ in range(2)]
        assert found[0] == found[1]
        assert found[0] is not None


@pytest.mark.parametrize(
    ("text", "step", "number"),
    [
        ("0.005", HOURS_STEP, "0.01"),
        ("-0.005", HOURS_STEP, "-0.01"),
        ("0.004", HOURS_STEP, "0.00"),
        ("-0.004", HOURS_STEP, "0.00"),
        ("0.00005", SCORE_STEP, "0.0001"),
        ("999999999999999", HOURS_STEP, "999999999999999.00"),
        ("1e15", HOURS_STEP, "1E+15"),
        ("-1e15", HOURS_STEP, "-1E+15"),
        ("9e999", HOURS_STEP, "9E+999"),
    ],
)
def test_a_number_is_rounded_half_away_from_nought_where_it_can_be_stored(
    text: str, step: Decimal, number: str
) -> None:
    """One beyond every range stays as it is, to be refused by its range; nought has no sign."""
    assert str(read_number(text, step, decimal_comma=False)) == number


# Widths ---------------------------------------------------------------------------------------------------

SEVEN = "e1,acme,2026-03-01T09:30:00Z,session,P1,V1,1.5"


def read(text: str, dialect: Dialect | None = None) -> list[list[str] | Broken]:
    return [
        record
        for _, record in read_records(StringIO(text, newline=""), dialect or Dialect("utf-8"))
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_leaves_out_both_empty_outcome_cells_is_whole(end: str) -> None:
    """As spreadsheets write it where the lines around it have none either; with one cell left out it is
    broken, and without its end it may have been cut off anywhere."""
    assert read(SEVEN + end) == [[*SEVEN.split(","), "", ""]]
    for text, count in ((SEVEN, 7), (f"{SEVEN},language{end}", 8), (f"e1,acme{end}", 2)):
        (broken,) = read(text)
        assert isinstance(broken, Broken)
        assert broken.reason == f"{count} fields where there should be 9"


def test_empty_cells_beyond_the_ninth_are_none_and_others_break_the_line() -> None:
    """The reason names the comma that was probably meant as a part of the text."""
    nine = f"{SEVEN},language,7"
    assert read(f"{nine},, ,\n") == [nine.split(",")]
    (broken,) = read(f"{nine},x\n")
    assert isinstance(broken, Broken)
    assert broken.reason == (
        "10 fields where there should be 9; a field with a comma in it must stand in quotes"
    )
    (broken,) = read(f"{nine},x\n".replace(",", ";"), Dialect("utf-8", ";"))
    assert isinstance(broken, Broken)
    assert broken.reason == "10 fields where there should be 9"
    (single,) = read("x\n")
    assert isinstance(single, Broken)
    assert single.reason == "1 field where there should be 9"


def test_the_columns_of_a_rejects_file_come_before_ours() -> None:
    """They are taken off whatever is wrong with the rest."""
    dialect = Dialect("utf-8", own_columns=2)
    assert read(f"7,too long,{SEVEN}\n", dialect) == [[*SEVEN.split(","), "", ""]]
    (broken,) = read("7,too long,e1,acme\n", dialect)
    assert broken == Broken("2 fields where there should be 9", ["e1", "acme"])
    quoted = read(f'7,"open,{SEVEN}\n8,why,{SEVEN},language,7\n', dialect)
    assert isinstance(quoted[0], Broken)
    assert quoted[1] == [*SEVEN.split(","), "language", "7"]


def test_the_first_five_reasons_are_kept_for_the_summary(tmp_path: Path) -> None:
    """All of them are in the file."""
    rejects = RejectsFile(tmp_path / "rejects.csv")
    for line in range(1, 8):
        rejects.add(line, f"reason {line}", ["x"])
    assert (rejects.count, rejects.first[-1]) == (7, (5, "reason 5"))
    assert rejects.publish() == tmp_path / "rejects.csv"
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 8


# Encodings ------------------------------------------------------------------------------------------------

HEAD = ",".join(HEADER)


def encoding_of(path: Path, content: bytes) -> str:
    path.write_bytes(HEAD.encode() + b"\n" + content)
    return dialect_of(path).encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("kjøring", "cp1252"),
        ("ÆØ x ål", "cp1252"),  # two in a row, and one that touches a letter
        ("ø", None),  # a letter alone may be either's
        ("ø å", None),
        ("на", None),  # two may be Western signs
        ("нам", "cp1251"),
        ("на мы нам", "cp1251"),
        ("нам x", "cp1251"),
        ("намx", None),  # letters of both alphabets touch
        ("xнам", None),
    ],
)
def test_an_encoding_is_told_by_words_that_only_one_of_them_has(
    tmp_path: Path, text: str, encoding: str | None
) -> None:
    """Cyrillic words are letters beyond ASCII throughout, Western ones have single such among others; what
    could be either is refused instead of guessed."""
    written = text.encode("cp1251" if any("а" <= c <= "я" for c in text) else "cp1252")
    if encoding is None:
        with pytest.raises(EventsFileEncoding):
            encoding_of(tmp_path / "events.csv", written)
    else:
        assert encoding_of(tmp_path / "events.csv", written) == encoding


def test_damaged_utf_8_is_refused_with_its_line_and_byte(tmp_path: Path) -> None:
    """A file with one whole character beyond ASCII before or after the damage is UTF-8 and nothing else."""
    for content, line in (
        ("kjøring\n".encode() + b"b\xe5d\n", 3),
        (b"b\xe5d\n", 2),
    ):
        path = tmp_path / "events.csv"
        if line == 2:
            assert encoding_of(path, content) == "cp1252"
            continue
        with pytest.raises(EventsFileEncoding) as refusal:
            encoding_of(path, content)
        assert (refusal.value.line, refusal.value.byte) == (line, "0xe5")
        assert refusal.value.encoding == "UTF-8"


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(tmp_path: Path, order: str) -> None:
    """One between each two letters, on the right side."""
    path = tmp_path / "events.csv"
    path.write_bytes((HEAD + "\n" + SEVEN + ",,\n").encode(order))
    assert dialect_of(path).encoding == order
    with EventsFile(path) as events:
        assert [fields for _, fields in events.records()] == [[*SEVEN.split(","), "", ""]]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("a, b ,,", ("a", "b")),
        ("\ufeffa;b", ("\ufeffa;b".strip("\ufeff"),)),
        (",,", ()),
        ("", ()),
        ('"a,b",c', ("a,b", "c")),
    ],
)
def test_a_headers_names_have_no_blanks_and_no_empty_ones_at_the_end(
    line: str, fields: tuple[str, ...]
) -> None:
    """Spreadsheets fill a header up to the width of the sheet."""
    assert split_line(line, ",") == fields


# Figures --------------------------------------------------------------------------------------------------


def test_figures_without_anything_are_nought() -> None:
    """A period in which nothing happened has no events, people, hours or history."""
    nothing = ImpactFigures(
        UUID(int=1), LATEST.date(), LATEST.date() + timedelta(days=2), "Europe/Oslo"
    )
    counts = (nothing.participants, nothing.volunteers, nothing.sessions, nothing.events)
    assert (*counts, nothing.volunteer_hours) == (0, 0, 0, 0, 0.0)
    assert nothing.days == 3
    assert (nothing.history.days, nothing.history.events) == (0, 0)
    assert HistoryFigures(days=4, events=10).events_a_day == 2.5
    quality = nothing.quality
    assert {
        name: getattr(quality, name) for name in quality.__slots__ if getattr(quality, name)
    } == {}

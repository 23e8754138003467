"""`events import` into a real PostgreSQL: what goes in, what is refused, and that again means nothing."""

import csv
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from impact_in_pipelines.db.impact.importing import ImportSummary, import_events
from impact_in_pipelines.db.impact.store import ImpactStore
from impact_in_pipelines.errors.impact import EventsFileEncoding
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.impact.sample import EventRow, generate_events, write_csv

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ZONES = {"acme": "Europe/Berlin", "bolt": "America/New_York"}
ROW = EventRow(
    "e1", "acme", "2026-04-01T09:00:00Z", "session", "P1", "V1", "1.5", "language", "7.25"
)


@pytest.fixture
def ready(engine: Engine) -> Engine:
    with engine.begin() as connection:
        for slug, zone in ZONES.items():
            connection.execute(
                text("INSERT INTO companies (slug, name, timezone) VALUES (:slug, :slug, :zone)"),
                {"slug": slug, "zone": zone},
            )
    return engine


def stored(engine: Engine) -> dict[tuple[str, str], Any]:
    """Every stored event by company and id."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT c.slug, e.* FROM impact_events e JOIN companies c ON c.id = e.company_id")
        )
        return {(row.slug, row.event_id): row for row in rows}


def touched(engine: Engine) -> set[tuple[str, date]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT slug, day FROM impact_touched_days JOIN companies ON id = company_id")
        )
        return {(row.slug, row.day) for row in rows}


def forget_touched(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM impact_touched_days"))


def rejected(summary: ImportSummary) -> list[list[str]]:
    assert summary.rejects_path is not None
    with summary.rejects_path.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["line", "reason", *HEADER]
    return rows


def events_file(folder: Path, rows: Iterable[EventRow]) -> Path:
    path = folder / "events.csv"
    write_csv(path, rows)
    return path


def test_a_row_is_stored_as_it_is_written(ready: Engine, tmp_path: Path) -> None:
    """Times as instants, numbers exact, what is absent null, hours zero."""
    bare = replace(
        ROW,
        event_id="e2",
        occurred_at="2026-04-01T09:00:00.5+02:00",
        participant_ref="",
        hours="",
        outcome_category="",
        outcome_score="",
    )
    summary = import_events(ready, events_file(tmp_path, [ROW, bare]), now=NOW)
    assert summary == ImportSummary(2, 2, 0, 0, 0, 0, None)
    full, empty = stored(ready)["acme", "e1"], stored(ready)["acme", "e2"]
    assert full[2:] == (
        "e1",
        datetime(2026, 4, 1, 9, tzinfo=UTC),
        "session",
        "P1",
        "V1",
        Decimal("1.50"),
        "language",
        Decimal("7.2500"),
        NOW,
    )
    assert empty[3:10] == (
        datetime(2026, 4, 1, 7, 0, 0, 500_000, tzinfo=UTC),
        "session",
        None,
        "V1",
        Decimal("0.00"),
        None,
        None,
    )


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\r\nb", "tab\there", 'quo"te', "back\\slash", "\\N", "\\.", "ünï→😀", "'; --"],
)
def test_any_text_survives(ready: Engine, tmp_path: Path, value: str) -> None:
    """What a CSV field can hold is what is stored, whatever it means to COPY or SQL."""
    path = events_file(tmp_path, [replace(ROW, event_id=value, participant_ref=value)])
    import_events(ready, path, now=NOW)
    assert stored(ready)["acme", value].participant_ref == value


def test_the_same_file_again_changes_nothing(ready: Engine, tmp_path: Path) -> None:
    """Neither `imported_at` nor the days to compute: nothing was touched."""
    rows = list(generate_events("acme", date(2026, 3, 1), date(2026, 3, 20)))
    path = events_file(tmp_path, [*rows, replace(ROW, hours="much")])
    first = import_events(ready, path, now=NOW)
    before = stored(ready)
    forget_touched(ready)
    again = import_events(ready, path, now=LATER)
    assert again == replace(first, imported=0, unchanged=len(rows))
    assert stored(ready) == before
    assert touched(ready) == set()
    assert len(rejected(again)) == 1


def test_changed_content_replaces_the_event(ready: Engine, tmp_path: Path) -> None:
    """Only what changed gets a new `imported_at`."""
    import_events(ready, events_file(tmp_path, [ROW, replace(ROW, event_id="e2")]), now=NOW)
    corrected = [replace(ROW, hours="2"), replace(ROW, event_id="e2")]
    summary = import_events(ready, events_file(tmp_path, corrected), now=LATER)
    assert (summary.updated, summary.unchanged) == (1, 1)
    found = stored(ready)
    assert (found["acme", "e1"].hours, found["acme", "e1"].imported_at) == (Decimal("2.00"), LATER)
    assert found["acme", "e2"].imported_at == NOW


def test_ids_belong_to_their_company(ready: Engine, tmp_path: Path) -> None:
    """Two companies may call an event the same."""
    path = events_file(tmp_path, [ROW, replace(ROW, company="bolt", hours="3")])
    assert import_events(ready, path, now=NOW).imported == 2
    assert {key: row.hours for key, row in stored(ready).items()} == {
        ("acme", "e1"): Decimal("1.50"),
        ("bolt", "e1"): Decimal("3.00"),
    }


def test_the_days_that_gain_or_lose_an_event_are_marked(ready: Engine, tmp_path: Path) -> None:
    """In the company's own zone, and where an event moves, the old day and the new one."""
    late = "2026-04-01T23:30:00Z"
    rows = [replace(ROW, occurred_at=late), replace(ROW, company="bolt", occurred_at=late)]
    import_events(ready, events_file(tmp_path, rows), now=NOW)
    assert touched(ready) == {("acme", date(2026, 4, 2)), ("bolt", date(2026, 4, 1))}
    forget_touched(ready)
    moved = [replace(rows[0], occurred_at="2026-03-01T10:00:00Z"), rows[1]]
    import_events(ready, events_file(tmp_path, moved), now=LATER)
    assert touched(ready) == {("acme", date(2026, 4, 2)), ("acme", date(2026, 3, 1))}


def test_company_impact_follows_an_event_that_moves(ready: Engine, tmp_path: Path) -> None:
    """After the refresh the old day is gone and the new one is there."""
    store = ImpactStore(ready)
    import_events(ready, events_file(tmp_path, [ROW]), now=NOW)
    store.refresh_company_impact(NOW)
    path = events_file(tmp_path, [replace(ROW, occurred_at="2026-03-01T10:00:00Z")])
    import_events(ready, path, now=LATER)
    summary = store.refresh_company_impact(LATER)
    assert (summary.days, summary.written, summary.removed) == (2, 1, 1)
    assert [each.ref for each in store.daily_figures(NOW)] == ["acme 2026-03-01"]


def test_rows_that_do_not_hold_go_to_the_rejects_and_the_others_in(
    ready: Engine, tmp_path: Path
) -> None:
    """With the line they begin on, the reason and the fields as they were, quoted line breaks counted."""
    path = tmp_path / "events.csv"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + "\r\n".join(
            [
                ",".join(HEADER),
                'e1,acme,2026-04-01T09:00:00Z,session,"P\r\n1",,1,,',
                "e2,nobody,2026-04-01T09:00:00Z,session,P1,,1,,",
                "",
                "e3,acme,2026-04-01T09:00:00,session,P1,,1,,",
                "e4,acme,2026-04-16T12:00:01Z,session,P1,,1,,",
                "e5,acme,2026-04-16T12:00:00Z,session,P1,,1,,",
                "e6,acme",
                "e7,acme,2026-04-01T09:00:00Z,session,P\0,,1,,",
                "e8,acme,2026-04-01T09:00:00Z,session,P1,,1,,",
            ]
        ).encode()
    )
    summary = import_events(ready, path, now=NOW)
    assert summary == ImportSummary(8, 3, 0, 0, 0, 5, tmp_path / "events.csv.rejects.csv")
    assert [event_id for _, event_id in sorted(stored(ready))] == ["e1", "e5", "e8"]
    assert [(line, reason, fields[0]) for line, reason, *fields in rejected(summary)] == [
        ("4", "unknown company 'nobody'", "e2"),
        (
            "6",
            "occurred_at '2026-04-01T09:00:00' has no offset; end it with Z or such as +01:00",
            "e3",
        ),
        ("7", "occurred_at '2026-04-16T12:00:01Z' lies in the future", "e4"),
        ("9", "2 fields where there should be 9", "e6"),
        ("10", "a field holds a NUL byte", "e7"),
    ]


def test_a_mended_file_leaves_no_rejects_behind(ready: Engine, tmp_path: Path) -> None:
    """The rejects file is this import's, or there is none."""
    first = import_events(ready, events_file(tmp_path, [replace(ROW, hours="x")]), now=NOW)
    assert first.rejects_path is not None
    assert first.rejects_path.exists()
    assert import_events(ready, events_file(tmp_path, [ROW]), now=NOW).rejects_path is None
    assert [each.name for each in tmp_path.iterdir()] == ["events.csv"]


def test_rejects_go_where_they_are_asked_to(ready: Engine, tmp_path: Path) -> None:
    """For an input in a folder that can't be written."""
    other = tmp_path / "elsewhere.csv"
    path = events_file(tmp_path, [replace(ROW, hours="x")])
    assert import_events(ready, path, now=NOW, rejects_path=other).rejects_path == other
    assert other.exists()


def test_nothing_is_imported_from_a_file_that_breaks_in_the_middle(
    ready: Engine, tmp_path: Path
) -> None:
    """A wrong byte 60,000 rows down leaves no event, no day and no rejects file."""
    path = events_file(
        tmp_path,
        [replace(ROW, hours="x"), *(replace(ROW, event_id=f"e{n}") for n in range(60_000))],
    )
    with path.open("ab") as stream:
        stream.write(b"\xff\n")
    with pytest.raises(EventsFileEncoding) as refused:
        import_events(ready, path, now=NOW)
    assert (refused.value.line, refused.value.byte) == (60_003, "0xff")
    assert stored(ready) == {}
    assert touched(ready) == set()
    assert [each.name for each in tmp_path.iterdir()] == ["events.csv"]


def test_a_line_that_repeats_another_is_counted_once(ready: Engine, tmp_path: Path) -> None:
    """Over the whole file, however far apart; whoever watches sees it advance, and again means nothing."""
    many = [replace(ROW, event_id=f"e{n}") for n in range(2, 60_000)]
    path = events_file(tmp_path, [ROW, ROW, *many, replace(ROW, hours="1.500")])
    seen: list[tuple[int, int]] = []
    summary = import_events(
        ready, path, now=NOW, tell=lambda done, total: seen.append((done, total))
    )
    assert summary == ImportSummary(60_001, 59_999, 0, 0, 2, 0, None)
    size = path.stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert len(seen) == 3
    assert import_events(ready, path, now=LATER).unchanged == 59_999
    assert {row.imported_at for row in stored(ready).values()} == {NOW}


def test_a_header_alone_imports_nothing(ready: Engine, tmp_path: Path) -> None:
    """It is a valid file of no rows; whoever watches sees it end."""
    seen: list[tuple[int, int]] = []
    path = events_file(tmp_path, [])
    summary = import_events(ready, path, now=NOW, tell=lambda *done: seen.append(done))
    assert summary == ImportSummary(0, 0, 0, 0, 0, 0, None)
    assert seen[-1] == (path.stat().st_size,) * 2


def test_two_imports_at_once_take_turns(ready: Engine, tmp_path: Path) -> None:
    """The same events in opposite order don't end in a deadlock; each event is there once."""
    rows = [replace(ROW, event_id=f"e{n}") for n in range(5_000)]
    paths = [tmp_path / "up.csv", tmp_path / "down.csv"]
    write_csv(paths[0], rows)
    write_csv(paths[1], reversed(rows))
    found: list[ImportSummary] = []
    threads = [
        threading.Thread(target=lambda path=path: found.append(import_events(ready, path, now=NOW)))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((each.imported, each.unchanged) for each in found) == [(0, 5_000), (5_000, 0)]
    assert len(stored(ready)) == 5_000


_ROWS = st.lists(
    st.builds(
        replace,
        st.just(ROW),
        event_id=st.sampled_from(["a", "b", "c", "d"]),
        company=st.sampled_from(["acme", "bolt", "nobody"]),
        occurred_at=st.sampled_from(
            ["2026-04-01T23:30:00Z", "2026-04-02T01:30:00+02:00", "2026-04-05T12:00:00Z", "soon"]
        ),
        hours=st.sampled_from(["", "1", "1.004", "2.5", "-1"]),
    ),
    max_size=12,
)


def _hours(row: EventRow) -> Decimal:
    return Decimal(row.hours or "0").quantize(Decimal("0.01"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(_ROWS, min_size=1, max_size=3))
def test_any_files_in_a_row_leave_the_last_word_of_each_event(
    ready: Engine, tmp_path: Path, files: list[list[EventRow]]
) -> None:
    """Whatever files come: every row is accounted for, each event is as the last file says that says one
    thing of it, `company_impact` equals a full computation, and each file again changes nothing."""
    with ready.begin() as connection:
        connection.execute(text("TRUNCATE impact_events, company_impact, impact_touched_days"))
    store = ImpactStore(ready)
    wanted: dict[tuple[str, str], Decimal] = {}
    for rows in files:
        path = events_file(tmp_path, rows)
        good = [
            each
            for each in rows
            if each.company != "nobody" and each.occurred_at != "soon" and each.hours != "-1"
        ]
        said: dict[tuple[str, str], set[tuple[datetime, Decimal] | None]] = {}
        for each in rows:
            content = None  # what doesn't hold says something else
            if each in good:
                content = (datetime.fromisoformat(each.occurred_at), _hours(each))
            said.setdefault((each.company, each.event_id), set()).add(content)
        one_word = [each for each in good if len(said[each.company, each.event_id]) == 1]
        summary = import_events(ready, path, now=NOW)
        parts = (summary.imported, summary.updated, summary.unchanged, summary.duplicates)
        assert summary.rows == len(rows) == sum(parts) + summary.rejected
        assert summary.rejected == len(rows) - len(one_word)
        wanted |= {(each.company, each.event_id): _hours(each) for each in one_word}
        assert {key: row.hours for key, row in stored(ready).items()} == wanted
        again = import_events(ready, path, now=LATER)
        assert (again.imported, again.updated) == (0, 0)
        store.refresh_company_impact(NOW)
    full = store.refresh_company_impact(LATER, full=True)
    assert (full.written, full.removed) == (0, 0)

"""Records of an events file, with the lines they begin on."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.impact.csv_dialect import HEADER
from impact_in_pipelines.impact.csv_import import (
    Broken,
    EventsFile,
    RejectsFile,
    default_rejects_path,
    read_records,
)
from impact_in_pipelines.wording import sentence

HEADER_LINE = ",".join(HEADER)


def records(text: str) -> list[tuple[int, list[str] | Broken]]:
    return list(read_records(StringIO(text, newline="")))


def row(event_id: str) -> list[str]:
    return [event_id, "acme", "2026-03-01T09:30:00Z", "session", "", "", "", "", ""]


def line(event_id: str) -> str:
    return ",".join(row(event_id)) + "\n"


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    rows=st.lists(st.lists(_TEXT, min_size=9, max_size=9), max_size=20),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read_back(rows: list[list[str]], ending: str) -> None:
    """Any text in a field, quotes and line breaks included, comes back without surrounding blanks, and
    every record knows the line it begins on."""
    written = StringIO(newline="")
    lines = []
    for fields in rows:
        text = written.getvalue()
        breaks = text.count("\n") + text.count("\r") - text.count("\r\n")
        lines.append(breaks + 1)
        csv.writer(written, lineterminator=ending, quoting=csv.QUOTE_ALL).writerow(fields)
    assert records(written.getvalue()) == [
        (at, [field.strip() for field in fields])
        for at, fields in zip(lines, rows, strict=True)
        if any(field.strip() for field in fields)
    ]


def test_empty_lines_are_passed_over_and_counted() -> None:
    """A blank line is no record, but the next one's number counts it."""
    assert records("\n" + line("a") + "\r\n\n" + line("b")) == [(2, row("a")), (5, row("b"))]


def test_a_last_line_without_an_end_is_a_record() -> None:
    """Files often end so."""
    assert records(line("a") + line("b").rstrip("\n")) == [(1, row("a")), (2, row("b"))]


def test_a_record_of_another_length_is_broken() -> None:
    """The reason counts its fields; the fields are kept."""
    assert records("a,b\n" + line("c")) == [
        (1, Broken("2 fields where there should be 9", ["a", "b"])),
        (2, row("c")),
    ]


@pytest.mark.parametrize("following", [3, 5_000])
def test_a_stray_quote_costs_its_own_line_only(following: int) -> None:
    """A quote that nobody closes would swallow what follows, up to csv's field limit or the end of file."""
    rest = [f"r{n}" for n in range(following)]
    found = records('a,acme,"x\n' + "".join(line(each) for each in rest))
    assert found[0] == (1, Broken("a quote is opened and not closed", ["a", "acme", '"x']))
    assert found[1:] == [(n + 2, row(each)) for n, each in enumerate(rest)]


def test_a_line_without_end_is_read_in_parts() -> None:
    """Memory stays bounded where somebody imports a film."""
    assert all(isinstance(fields, Broken) for _, fields in records("x" * 3_000_000))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    """So is a folder."""
    with pytest.raises(UsageError) as absent:
        EventsFile(tmp_path / "absent.csv")
    assert sentence(absent.value).endswith("absent.csv can't be read: No such file or directory")
    with pytest.raises(UsageError) as folder:
        EventsFile(tmp_path)
    assert sentence(folder.value).endswith("can't be read: Is a directory")


def test_a_byte_order_mark_and_windows_line_ends_are_no_obstacle(tmp_path: Path) -> None:
    """That is what spreadsheets write."""
    content = "\ufeff" + HEADER_LINE + "\r\n" + line("a").replace("\n", "\r\n")
    with EventsFile(write(tmp_path / "events.csv", content.encode())) as events:
        assert list(events.records()) == [(2, row("a"))]
        assert events.bytes_read == events.total_bytes == len(content.encode())


def test_a_wrong_byte_further_down_is_one_clear_line(tmp_path: Path) -> None:
    """It is found before the first record is read."""
    content = (HEADER_LINE + "\n" + line("ä") * 5_000).encode() + b"\xe4,acme\n"
    with pytest.raises(UsageError) as refused:
        EventsFile(write(tmp_path / "events.csv", content))
    assert "isn't UTF-8: line 5002 has the byte 0xe4" in sentence(refused.value)


def test_rejects_appear_when_they_are_published(tmp_path: Path) -> None:
    """Until then, and after a discard, an earlier file stands untouched."""
    path = default_rejects_path(write(tmp_path / "events.csv", b""))
    assert path.name == "events.csv.rejects.csv"
    write(path, b"earlier")
    discarded = RejectsFile(path)
    discarded.add(2, "no", ["a"])
    discarded.discard()
    assert path.read_bytes() == b"earlier"
    kept = RejectsFile(path)
    kept.add(7, "a reason, with a comma", ["x", "y\nz"])
    assert kept.publish() == path
    with path.open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [
            ["line", "reason", *HEADER],
            ["7", "a reason, with a comma", "x", "y\nz"],
        ]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["events.csv", path.name]


def test_an_import_without_rejects_removes_those_of_an_earlier_one(tmp_path: Path) -> None:
    """They would be taken for this one's."""
    path = write(tmp_path / "events.csv.rejects.csv", b"earlier")
    assert RejectsFile(path).publish() is None
    assert not path.exists()


def test_rejects_that_cannot_be_written_are_one_clear_line(tmp_path: Path) -> None:
    """The folder may be missing or read-only."""
    rejects = RejectsFile(tmp_path / "absent" / "rejects.csv")
    with pytest.raises(UsageError) as refused:
        rejects.add(2, "no", [])
    assert sentence(refused.value).endswith("can't be written: No such file or directory")

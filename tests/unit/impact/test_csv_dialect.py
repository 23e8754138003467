"""How an events file is written is told with certainty, or the file is refused by name."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact_in_pipelines.errors import UsageError
from impact_in_pipelines.errors.impact import EventsFileEncoding
from impact_in_pipelines.impact.csv_dialect import HEADER, REJECTS_COLUMNS, dialect_of
from impact_in_pipelines.impact.csv_import import EventsFile
from impact_in_pipelines.wording import sentence

ROW = ("e1", "acme", "2026-11-02T09:00:00+01:00", "session", "p1", "v1", "1.5", "", "")


def lines(*rows: tuple[str, ...], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\r\n" for row in (HEADER, *rows))


def write(folder: Path, content: bytes) -> Path:
    path = folder / "events.csv"
    path.write_bytes(content)
    return path


def read(folder: Path, content: bytes) -> list[object]:
    with EventsFile(write(folder, content)) as events:
        return [fields for _, fields in events.records()]


_NAMES = {
    "nb": ("Åse Bjørnø", "Sørøya språkkafé"),
    "es": ("María Núñez", "¿Mentoría? «año» 50 €"),
    "uk": ("Ївга Ґудзь", "Мовний клуб № 5 «Єдність»"),
}


@pytest.mark.parametrize("language", sorted(_NAMES))
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows"]
)
@pytest.mark.parametrize("told", [False, True], ids=["plain", "sep="])
def test_what_spreadsheets_save_is_read(
    tmp_path: Path, language: str, separator: str, encoding: str, told: bool
) -> None:
    """In Norwegian, Spanish and Ukrainian, whatever the separator and the encoding; names arrive whole."""
    person, activity = _NAMES[language]
    encoding = {"uk": "cp1251"}.get(language, "cp1252") if encoding == "windows" else encoding
    row = (*ROW[:3], activity, person, *ROW[5:])
    content = (f"sep={separator}\r\n" if told else "") + lines(row, separator=separator)

    assert read(tmp_path, content.encode(encoding)) == [list(row)]


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_is_read_by_its_mark(tmp_path: Path, order: str) -> None:
    """Excel's "Unicode text": tabs and a byte order mark."""
    content = ("\ufeff" + lines(ROW, separator="\t")).encode(f"utf-16-{order}")
    assert read(tmp_path, content) == [list(ROW)]


@pytest.mark.parametrize(
    "first", ["sep=;", "SEP=;", '"sep=;"', "sep=,", "sep=;;;;", "sep=\t", "sep="]
)
def test_the_header_has_the_last_word_on_the_separator(tmp_path: Path, first: str) -> None:
    """A line `sep=` may be left over from another program."""
    content = f"{first}\r\n" + lines(ROW, separator=";")
    assert read(tmp_path, content.encode()) == [list(ROW)]


def test_blank_lines_before_the_header_and_after_sep_are_passed_over(tmp_path: Path) -> None:
    """And counted: lines are those that an editor shows."""
    content = "sep=;\r\n\r\n;;;\r\n" + lines(ROW, separator=";")
    with EventsFile(write(tmp_path, content.encode())) as events:
        assert list(events.records()) == [(5, list(ROW))]


def test_the_columns_of_a_rejects_file_are_known(tmp_path: Path) -> None:
    """It is the header that tells it, in any dialect."""
    header = ";".join((*REJECTS_COLUMNS, *HEADER))
    row = ";".join(("7", "hours '1;5' …", *ROW)).replace("hours '1;5' …", "\"hours '1;5' …\"")
    path = write(tmp_path, f"{header}\r\n{row}\r\n".encode("utf-8-sig"))
    assert dialect_of(path).own_columns == 2
    with EventsFile(path) as events:
        assert list(events.records()) == [(2, list(ROW))]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"PK\x03\x04rest", "is an Excel workbook, not CSV"),
        (b"\xd0\xcf\x11\xe0rest", "is an Excel workbook of the old kind"),
        (b"\x1f\x8b\x08", "is a compressed file"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"<html>", "is a web page"),
        (lines(ROW).encode("utf-32"), "is UTF-32 text"),
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (b"sep=;\r\n", "is empty"),
        ("\ufeff".encode("utf-16-le"), "is empty"),
        (f'"{",".join(HEADER)}"\r\n"{",".join(ROW)}"\r\n'.encode(), "each line in quotes"),
        (",".join(HEADER[:-1]).encode(), "must begin with the header"),
        (":".join(HEADER).encode(), "must begin with the header"),
        (",".join(HEADER).upper().encode(), "must begin with the header"),
        (b"\x00\x01\x02\x03" * 99, "must begin with the header"),
    ],
)
def test_what_is_no_events_file_is_named_in_one_line(
    tmp_path: Path, content: bytes, names: str
) -> None:
    """The line says what it is, and shows nothing that a terminal would obey."""
    with pytest.raises(UsageError) as refused:
        dialect_of(write(tmp_path, content))
    assert names in sentence(refused.value)
    assert sentence(refused.value).isprintable()


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (b"M\xfcller \xcf\xf0\xe8\xe2\xb3\xf2", "both"),
        (b"\x86se Bj\x9brn", "code page 850"),
        (b"\xc5", "a letter alone: \u00c5 or \u0415"),
        (b"\xb3 \xe2", "short words only"),
        (b"\xff\xfe", "neither"),
        ("Åse".encode() + b" Bj\xf8rn", "UTF-8, damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_encoding_that_cannot_be_told_is_refused(
    tmp_path: Path, person: bytes, why: str
) -> None:
    """A wrong guess would change names without anybody noticing. The line and the byte are told."""
    content = lines(ROW).encode() + b"e2,acme,2026-11-02T09:00:00Z,session," + person + b",,1,,\r\n"
    with pytest.raises(EventsFileEncoding) as refused:
        dialect_of(write(tmp_path, content))
    assert refused.value.line == 3, why
    assert "save it as UTF-8" in sentence(refused.value)


def test_utf_16_that_ends_in_half_a_character_is_refused(tmp_path: Path) -> None:
    """The bytes are read while the records are."""
    path = write(tmp_path, lines(ROW).encode("utf-16") + b"\x00")
    with EventsFile(path) as events, pytest.raises(EventsFileEncoding, match="UTF-16"):
        list(events.records())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Never a traceback: what comes before the records is judged whole."""
    with TemporaryDirectory() as folder, suppress(UsageError):
        dialect_of(write(Path(folder), content))

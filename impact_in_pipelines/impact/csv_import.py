"""Reading an events file: its records with their line numbers, streamed, and the rejects beside it."""

import csv
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from impact_in_pipelines.errors.impact import (
    EventsFileEncoding,
    EventsFileUnreadable,
    RejectsFileUnwritable,
)
from impact_in_pipelines.impact.csv_dialect import (
    HEADER,
    REJECTS_COLUMNS,
    Dialect,
    dialect_of,
)
from impact_in_pipelines.impact.reasons import sentences as reasons
from impact_in_pipelines.impact.reasons.sentences import told

# A file without line ends would otherwise be read into memory whole.
_LONGEST_LINE = 1_000_000
_OUTCOME_COLUMNS = 2
"""The last two, which the rows of most activities leave empty."""
_PLAIN = Dialect("utf-8")
_FIRST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that isn't nine fields, with the reason."""

    reason: str
    fields: list[str]


def read_records(
    stream: TextIO, dialect: Dialect = _PLAIN, line: int = 1
) -> Iterator[tuple[int, list[str] | Broken]]:
    """The records of `stream` (opened with newline='', at the physical `line`) with the line that each
    begins on, without the columns that a rejects file has of its own.

    Surrounding blanks of fields are dropped, and so are empty fields beyond the ninth; lines without
    content are passed over. A quote that is opened and not closed costs its own line only: the lines it
    would swallow are read again as records of their own.
    """
    pending: deque[str] = deque()
    taken: list[str] = []

    def lines() -> Iterator[str]:
        while text := pending.popleft() if pending else stream.readline(_LONGEST_LINE):
            taken.append(text)
            yield text

    width = dialect.own_columns + len(HEADER)
    reader = csv.reader(lines(), delimiter=dialect.separator)
    while True:
        taken.clear()
        try:
            fields = next(reader, None)
            if fields is None:
                return
            if len(fields) != width:
                fields = _fitted(fields, width, taken[-1])
            if len(fields) == width:
                fields = [field.strip() for field in fields[dialect.own_columns :]]
                if any(fields):
                    yield line, fields
            elif len(taken) == 1:
                if any(map(str.strip, fields)):
                    fields = fields[dialect.own_columns :]
                    yield line, Broken(_count_problem(len(fields), dialect), fields)
            else:
                fields = None
        except csv.Error:
            fields = None
        if fields is None:
            first = taken[0].strip("\r\n").split(dialect.separator)
            yield line, Broken(reasons.QUOTE, first[dialect.own_columns :])
            pending.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = csv.reader(lines(), delimiter=dialect.separator)
        line += len(taken)


def _fitted(fields: list[str], width: int, last_line: str) -> list[str]:
    """A record of another width as spreadsheets mean it: empty cells at the end of a line are written where
    other lines have something there, and left out where the lines around it have nothing either."""
    while len(fields) > width and not fields[-1].strip():
        fields.pop()
    # A last line without its end may have been cut off anywhere.
    if len(fields) == width - _OUTCOME_COLUMNS and last_line.endswith(("\n", "\r")):
        return [*fields, *[""] * _OUTCOME_COLUMNS]
    return fields


def _count_problem(count: int, dialect: Dialect) -> str:
    if count > len(HEADER) and dialect.separator == ",":
        return told(reasons.COMMA_UNQUOTED, count=count, right=len(HEADER))
    return told(reasons.FIELD if count == 1 else reasons.FIELDS, count=count, right=len(HEADER))


class EventsFile:
    """An events file, opened and its header checked; use it as a context manager.

    Raises a refusal (`errors.impact`) for a file that is missing, can't be read, is empty, is in an encoding
    that can't be told, or has another header; for bytes that can't be decoded while the records are read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.dialect = dialect_of(path)
            self._binary = path.open("rb")
        except OSError as error:
            raise EventsFileUnreadable(path, error.strerror or str(error)) from None
        self.total_bytes = os.fstat(self._binary.fileno()).st_size
        self._text = TextIOWrapper(self._binary, self.dialect.encoding, newline="")

    @property
    def bytes_read(self) -> int:
        """How much of `total_bytes` has been read."""
        return self._binary.tell()

    def records(self) -> Iterator[tuple[int, list[str] | Broken]]:
        """The records below the header, as `read_records` has them. To be read once."""
        before = self.dialect.lines_before
        try:
            for _ in range(before):
                self._text.readline(_LONGEST_LINE)
            found = read_records(self._text, self.dialect, before + 1)
            yield from islice(found, 1, None)  # the first is the header
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from None

    def _undecodable(self, error: UnicodeDecodeError) -> EventsFileEncoding:
        # The text layer decodes ahead of the records, so that its error doesn't know the line.
        line = 1
        with self._path.open(encoding=self.dialect.encoding, newline="") as text:
            try:
                while part := text.readline(_LONGEST_LINE):
                    line += part.endswith("\n")
            except UnicodeDecodeError:
                pass
        byte = error.object[error.start]
        name = self.dialect.encoding.upper().removesuffix("-SIG").removesuffix("-LE")
        return EventsFileEncoding(self._path, name.removesuffix("-BE"), line, f"0x{byte:02x}")

    def __enter__(self) -> "EventsFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._text.close()


def default_rejects_path(path: Path) -> Path:
    """Where the rejected rows of `path` go: `<input>.rejects.csv` beside it."""
    return path.with_name(f"{path.name}.rejects.csv")


class RejectsFile:
    """The rejected rows of one import: `line, reason` and the original fields, written as they come, in the
    dialect of the file they come from, so that the program that wrote that one can open this one.

    They lie in a file of another name until `publish`; `discard` leaves everything as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: list[tuple[int, str]] = []
        """Line and reason of the first rejected rows."""
        self.dialect = _PLAIN
        self._part = path.with_name(f"{path.name}.part")
        self._stream: TextIO | None = None
        self._writer: Any = None

    def add(self, line: int, reason: str, fields: Sequence[str]) -> None:
        """One rejected row. Raises `RejectsFileUnwritable`."""
        if self._stream is None:
            encoding = self.dialect.encoding
            try:
                self._stream = self._part.open("w", encoding=encoding, errors="replace", newline="")
            except OSError as error:
                raise RejectsFileUnwritable(self.path, error.strerror or str(error)) from None
            if encoding in ("utf-16-le", "utf-16-be"):
                self._stream.write("\ufeff")  # the input had no mark and was told by its header
            self._writer = csv.writer(self._stream, delimiter=self.dialect.separator)
            self._writer.writerow((*REJECTS_COLUMNS, *HEADER))
        self._writer.writerow((line, reason, *fields))
        self.count += 1
        if len(self.first) < _FIRST_REASONS:
            self.first.append((line, reason))

    def publish(self) -> Path | None:
        """Put the file in its place; without a rejected row, remove one of an earlier import instead."""
        if self._stream is None:
            self.path.unlink(missing_ok=True)
            return None
        self._stream.close()
        self._part.replace(self.path)
        return self.path

    def discard(self) -> None:
        """Drop what was written."""
        if self._stream is not None:
            self._stream.close()
            self._part.unlink(missing_ok=True)

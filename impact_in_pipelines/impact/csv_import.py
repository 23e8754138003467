"""Reading an events file: its records with their line numbers, streamed, and the rejects beside it."""

import csv
import os
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from impact_in_pipelines.errors import UsageError

HEADER = (
    "event_id",
    "company",
    "occurred_at",
    "activity",
    "participant_ref",
    "volunteer_ref",
    "hours",
    "outcome_category",
    "outcome_score",
)
"""The columns of an events file, exactly and in this order."""

# A file without line ends would otherwise be read into memory whole.
_LONGEST_LINE = 1_000_000


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that isn't nine fields, with the reason."""

    reason: str
    fields: list[str]


def read_records(stream: TextIO) -> Iterator[tuple[int, list[str] | Broken]]:
    """The records of `stream` (opened with newline='') with the physical line that each begins on.

    Surrounding blanks of fields are dropped, empty lines passed over. A quote that is opened and not
    closed costs its own line only: the lines it would swallow are read again as records of their own.
    """
    pending: deque[str] = deque()
    taken: list[str] = []

    def lines() -> Iterator[str]:
        while line := pending.popleft() if pending else stream.readline(_LONGEST_LINE):
            taken.append(line)
            yield line

    line = 1
    reader = csv.reader(lines())
    while True:
        taken.clear()
        try:
            fields = next(reader, None)
            if fields is None:
                return
            if len(fields) == len(HEADER):
                yield line, [field.strip() for field in fields]
            elif len(taken) == 1:
                if fields:
                    yield line, Broken(_count_problem(len(fields)), fields)
            else:
                fields = None
        except csv.Error:
            fields = None
        if fields is None:
            yield (
                line,
                Broken("a quote is opened and not closed", taken[0].strip("\r\n").split(",")),
            )
            pending.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = csv.reader(lines())
        line += len(taken)


def _count_problem(count: int) -> str:
    return f"{count} field{'s' * (count != 1)} where there should be {len(HEADER)}"


class EventsFile:
    """An events file, opened and its header checked; use it as a context manager.

    Raises `UsageError`, one line, for a file that is missing, can't be read, is empty, isn't UTF-8 or has
    another header; for bad UTF-8 further down while the records are read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._binary = path.open("rb")
        except OSError as error:
            raise UsageError(f"{path} can't be read: {error.strerror}") from None
        self.total_bytes = os.fstat(self._binary.fileno()).st_size
        self._text = TextIOWrapper(self._binary, "utf-8-sig", newline="")
        self._records = read_records(self._text)
        try:
            self._check_header()
        except UsageError:
            self._text.close()
            raise

    @property
    def bytes_read(self) -> int:
        """How much of `total_bytes` has been read."""
        return self._binary.tell()

    def records(self) -> Iterator[tuple[int, list[str] | Broken]]:
        """The records below the header, as `read_records` has them."""
        try:
            yield from self._records
        except UnicodeDecodeError:
            raise self._not_utf8() from None

    def _check_header(self) -> None:
        try:
            _, fields = next(self._records, (1, None))
        except UnicodeDecodeError:
            raise self._not_utf8() from None
        if fields is None:
            raise UsageError(f"{self._path} is empty; its first line must be {','.join(HEADER)}")
        found = fields.fields if isinstance(fields, Broken) else fields
        if tuple(found) != HEADER:
            shown = ",".join(found)[:200]
            raise UsageError(
                f"{self._path} must begin with the header {','.join(HEADER)}; it begins with {shown!r}"
            )

    def _not_utf8(self) -> UsageError:
        # The text layer decodes ahead of the records, so its error doesn't know the line.
        decoder = getincrementaldecoder("utf-8")()
        line, byte = 1, 0
        with self._path.open("rb") as binary:
            try:
                while part := binary.readline(_LONGEST_LINE):
                    decoder.decode(part)
                    line += part.endswith(b"\n")
                decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                byte = error.object[error.start]
        return UsageError(
            f"{self._path} isn't UTF-8: line {line} has the byte 0x{byte:02x}; "
            "save it as UTF-8 and import it again"
        )

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
    """The rejected rows of one import: `line, reason` and the original fields, written as they come.

    They lie in a file of another name until `publish`; `discard` leaves everything as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._part = path.with_name(f"{path.name}.part")
        self._stream: TextIO | None = None
        self._writer: Any = None

    def add(self, line: int, reason: str, fields: Sequence[str]) -> None:
        """One rejected row. Raises `UsageError` where the file can't be written."""
        if self._stream is None:
            try:
                self._stream = self._part.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise UsageError(
                    f"the rejects file {self.path} can't be written: {error.strerror}"
                ) from None
            self._writer = csv.writer(self._stream)
            self._writer.writerow(("line", "reason", *HEADER))
        self._writer.writerow((line, reason, *fields))
        self.count += 1

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

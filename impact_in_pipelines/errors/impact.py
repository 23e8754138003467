"""Refusals about files of impact events."""

from enum import Enum
from pathlib import Path

from impact_in_pipelines.errors.base import Conflict, NotFound, UsageError, refusal


class FileKind(Enum):
    """What a file is that is no CSV text we read."""

    WORKBOOK = "an Excel workbook"
    OLD_WORKBOOK = "an Excel workbook of the old kind"
    COMPRESSED = "a compressed file"
    PDF = "a PDF document"
    WEB_PAGE = "a web page"
    UTF_32 = "UTF-32 text"


@refusal("events_file.unreadable")
class EventsFileUnreadable(UsageError):
    """The file isn't there, or can't be read."""

    path: Path
    reason: str


@refusal("events_file.empty")
class EventsFileEmpty(UsageError):
    """Nothing is in the file, not even the header."""

    path: Path
    header: str


@refusal("events_file.header")
class EventsFileHeader(UsageError):
    """The file begins with something else than the header."""

    path: Path
    header: str
    found: str


@refusal("events_file.kind")
class EventsFileKind(UsageError):
    """The file is no CSV text at all."""

    path: Path
    kind: FileKind


@refusal("events_file.quoted_lines")
class EventsFileQuotedLines(UsageError):
    """Each line is one quoted field: a comma-separated file was opened as one column and saved again."""

    path: Path


@refusal("events_file.encoding")
class EventsFileEncoding(UsageError):
    """The bytes are neither UTF-8 nor of an encoding that can be told with certainty."""

    path: Path
    encoding: str
    line: int
    byte: str


@refusal("rejects_file.unwritable")
class RejectsFileUnwritable(UsageError):
    """The rejected rows can't be written down."""

    path: Path
    reason: str


@refusal("upload.unknown")
class UploadUnknown(NotFound):
    """The company has no upload with this id."""

    upload: str


@refusal("upload.decided")
class UploadDecided(Conflict):
    """The upload was imported or discarded already."""

    name: str


@refusal("upload.too_many")
class UploadsWaiting(Conflict):
    """So many files of the company await a decision that no other one is taken."""

    waiting: int


@refusal("upload.under_way")
class UploadUnderWay(Conflict):
    """Another file of the company is being received or checked."""


@refusal("upload.too_large")
class UploadTooLarge(UsageError):
    """The file is larger than the operator allows."""

    megabytes: int

"""How an events file is written: its encoding, its separator, what stands before its header.

Spreadsheets write CSV as their country does: Excel in Norway, Spain and Ukraine separates by semicolons,
writes decimal commas, and saves in Windows-1252 or 1251, UTF-8 with a mark, or UTF-16 with tabs. What can be
told with certainty is read; the rest is refused in a line that says what it is. Nothing is guessed: a wrong
guess changes names without anybody noticing.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from impact_in_pipelines.errors.impact import (
    EventsFileEmpty,
    EventsFileEncoding,
    EventsFileHeader,
    EventsFileKind,
    EventsFileQuotedLines,
    FileKind,
)

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

REJECTS_COLUMNS = ("line", "reason")
"""What a rejects file has before them; it can be mended and imported as it is."""

SEPARATORS = (",", ";", "\t", "|")
_HEAD_BYTES = 65_536
_BLOCK_BYTES = 1_048_576
_SHOWN = 200
_SEP_LINE = re.compile(r'"?sep=(.?)"?[,;\t|]*', re.IGNORECASE)

_KINDS = (
    (b"PK\x03\x04", FileKind.WORKBOOK),
    (b"\xd0\xcf\x11\xe0", FileKind.OLD_WORKBOOK),
    (b"\x1f\x8b", FileKind.COMPRESSED),
    (b"%PDF", FileKind.PDF),
    (b"<", FileKind.WEB_PAGE),
    (codecs.BOM_UTF32_LE, FileKind.UTF_32),
    (codecs.BOM_UTF32_BE, FileKind.UTF_32),
)

# Western letters that Norwegian, Spanish and their neighbours write, and typographic signs.
_WESTERN = frozenset("ÆØÅæøåÑñÁÉÍÓÚÜáéíóúüÄÖäößÀÈÇàèçÂÊÎÔâêîô¿¡ªº°«»–—‘’“”…€\xa0".encode("cp1252"))
_CYRILLIC_LETTERS = frozenset(
    "".join(map(chr, range(0x410, 0x450))).encode("cp1251") + "ЁёІіЇїЄєҐґ".encode("cp1251")
)
_CYRILLIC = _CYRILLIC_LETTERS | frozenset("«»№–—‘’“”…€\xa0".encode("cp1251"))
_HIGH = re.compile(rb"([A-Za-z]?)([\x80-\xff]+)(?=([A-Za-z]?))")
_SHORTEST_CYRILLIC_WORD = 3
_LONGEST_WESTERN_RUN = 2


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to read a file. `lines_before` stand before the header's record; `own_columns` come before ours."""

    encoding: str
    separator: str = ","
    lines_before: int = 0
    own_columns: int = 0

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma in a number can only be the decimal sign: who separates by semicolons does so
        because the comma is taken."""
        return self.separator == ";"


def dialect_of(path: Path) -> Dialect:
    """How the file at `path` is written. Raises `OSError`, or a refusal that names what the file is."""
    with path.open("rb") as binary:
        head = binary.read(_HEAD_BYTES)
    for magic, kind in _KINDS:
        if head.startswith(magic):
            raise EventsFileKind(path, kind)
    encoding = _marked(head) or _unmarked(path)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return _of_text(path, encoding, text)


def _marked(head: bytes) -> str | None:
    """The encoding that a byte order mark tells, or the zeros between the letters of UTF-16 without one."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head[1:2] == head[3:4] == b"\0" and head[:1] > b"\0":
        return "utf-16-le"
    if head[:1] == head[2:3] == b"\0" and head[1:2] > b"\0":
        return "utf-16-be"
    return None


def _unmarked(path: Path) -> str:
    """UTF-8 if the whole file is; else the Windows encoding that its words can only be of.

    Raises `EventsFileEncoding` for a file of neither, and for UTF-8 that is damaged somewhere.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    sound = ""  # a character beyond ASCII that is whole UTF-8
    line = 1
    with path.open("rb") as binary:
        try:
            while part := binary.readline(_BLOCK_BYTES):
                text = decoder.decode(part)
                sound = sound or ("" if text.isascii() else text)
                line += part.endswith(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            sound = sound or error.object[: error.start].decode("utf-8").lstrip(
                "".join(map(chr, range(128)))
            )
            encoding = None if sound else _windows_encoding(path)
            if encoding is None:
                byte = f"0x{error.object[error.start]:02x}"
                raise EventsFileEncoding(path, "UTF-8", line, byte) from None
            return encoding
    return "utf-8"


def _windows_encoding(path: Path) -> str | None:
    """Windows-1252 or 1251, if the file can be only one of them.

    Cyrillic words are letters beyond ASCII throughout, Western ones have single such letters among others.
    """
    western = cyrillic = True
    touching = words = False
    for before, run, after in _runs(path):
        letters = bool(before or after)
        western = western and len(run) <= _LONGEST_WESTERN_RUN and _WESTERN.issuperset(run)
        cyrillic = cyrillic and not letters and _CYRILLIC.issuperset(run)
        touching = touching or letters
        words = words or (len(run) >= _SHORTEST_CYRILLIC_WORD and _CYRILLIC_LETTERS.issuperset(run))
    if western and touching:
        return "cp1252"
    return "cp1251" if cyrillic and words else None


def _runs(path: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each run of bytes beyond ASCII with the ASCII letter before and after it, if any."""
    with path.open("rb") as binary:
        while part := binary.readline(_BLOCK_BYTES):
            if not part.isascii():
                for found in _HIGH.finditer(part):
                    yield found[1], found[2], found[3]


def _of_text(path: Path, encoding: str, text: str) -> Dialect:
    """The dialect of a file that begins with `text`: what its header says."""
    lines = text.splitlines()
    before = 0
    told: str | None = None
    if lines and (match := _SEP_LINE.fullmatch(lines[0].strip("\ufeff "))):
        told, before = match[1], 1
    header = next((line for line in lines[before:] if line.strip(" ,;\t|")), None)
    if header is None:
        raise EventsFileEmpty(path, ",".join(HEADER))
    # The separator that the first line tells is tried first; the header has the last word.
    candidates = (told, *SEPARATORS) if told in SEPARATORS else SEPARATORS
    for separator in candidates:
        names = split_line(header, separator)
        if names == HEADER:
            return Dialect(encoding, separator, before)
        if names == (*REJECTS_COLUMNS, *HEADER):
            return Dialect(encoding, separator, before, len(REJECTS_COLUMNS))
    if any(split_line(line, ",") == HEADER for line in split_line(header, "\0")):
        raise EventsFileQuotedLines(path)
    raise EventsFileHeader(path, ",".join(HEADER), _shown(header))


def split_line(line: str, separator: str) -> tuple[str, ...]:
    """The fields of one line without surrounding blanks, and without empty ones at its end."""
    try:
        fields = [field.strip("\ufeff ") for field in next(csv.reader([line], delimiter=separator))]
    except (csv.Error, StopIteration, TypeError):
        return ()
    while fields and not fields[-1]:
        fields.pop()
    return tuple(fields)


def _shown(text: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in text.strip())[:_SHOWN]

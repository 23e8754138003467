"""An archive as it is read: its files line by line, and what is found wrong in them."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from impact_in_pipelines.evidence import archive
from impact_in_pipelines.evidence.chain import genesis, link_hash
from impact_in_pipelines.evidence.records import Record
from impact_in_pipelines.progress import Steps, Tell, silent

EARLY = timedelta(days=7)
"""A link that was recorded longer than this before a day says nothing of a delivery that reports on it: none
is due before its days begin, and the week is for clocks and time zones."""


class Fault(StrEnum):
    """What is wrong with a row. `unpinned`: a published head says something else, or can't be compared."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    REORDERED = "reordered"
    UNPINNED = "unpinned"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: in which file, and of what: `link 17`, `delivery …`; `detail`: what differs."""

    fault: Fault
    file: str
    what: str
    detail: str = ""


@dataclass(slots=True)
class Verification:
    """What was found, and what an archive proves if nothing was: `links`, `deliveries` with their rows, those
    whose rows had left the database (`left`) and those being sent again (`open`), of which only the links
    say anything. `pinned`: the number of the last link that a published head confirms."""

    company: str = ""
    first: str = ""
    last: str = ""
    head: str = ""
    links: int = 0
    deliveries: int = 0
    left: int = 0
    open: int = 0
    pinned: int | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Nothing was found."""
        return not self.findings

    def note(self, fault: Fault, file: str, what: str, detail: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(fault, file, what, detail))


@dataclass(slots=True)
class Chain:
    """The chain of an archive: the last record of each delivery of the span, the records by which call-backs
    are known, and the hash of each link."""

    last: dict[str, Record] = field(default_factory=dict)
    call_backs: dict[int, tuple[str, str, Record]] = field(default_factory=dict)
    hashes: dict[int, str] = field(default_factory=dict)


class ArchiveReader:
    """The files of an archive, line by line; each file's sum is taken while it is read."""

    def __init__(
        self,
        zipped: ZipFile,
        manifest: Mapping[str, Any],
        verdict: Verification,
        tell: Tell = silent,
    ) -> None:
        self._zip = zipped
        self.manifest = manifest
        self.verdict = verdict
        self._there = zipped.namelist()
        self._sums: dict[str, str] = {}
        sizes = (one.file_size for one in zipped.infolist() if one.filename in archive.FILES)
        self._steps = Steps(sum(sizes), tell)

    @property
    def span(self) -> tuple[date, date]:
        """The first and the last day."""
        return date.fromisoformat(self.manifest["from"]), date.fromisoformat(self.manifest["to"])

    @property
    def company_id(self) -> UUID:
        """Whose archive it is."""
        return UUID(self.manifest["company"]["id"])

    def check_names(self) -> None:
        """Every file is there once, and no other one."""
        expected = {*archive.FILES, archive.MANIFEST, archive.SUMS}
        for name in sorted(expected - set(self._there)):
            self.verdict.note(Fault.MISSING, name, "the file")
        for name in sorted(set(self._there) - expected):
            self.verdict.note(Fault.ADDED, name, "the file")
        for name in sorted({name for name in self._there if self._there.count(name) > 1}):
            self.verdict.note(Fault.ADDED, name, "the file", "it is there twice")

    def lines(self, name: str) -> Iterator[str]:
        """The lines of a file; none of one that isn't there."""
        if name not in self._there:
            return
        digest = hashlib.sha256()
        try:
            with self._zip.open(name) as entry:
                for line in entry:
                    digest.update(line)
                    self._steps.step(len(line))
                    yield line.decode().removesuffix("\n")
        except (BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
            self.verdict.note(Fault.CHANGED, name, "the file", f"it can't be read: {error}")
        self._sums[name] = digest.hexdigest()

    def objects(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The lines of a file with their JSON objects, each of which names its delivery."""
        for number, line in enumerate(self.lines(name), 1):
            try:
                found = json.loads(line)
                found["delivery"].lower()
            except (ValueError, TypeError, KeyError, AttributeError):
                self.verdict.note(Fault.CHANGED, name, f"line {number}", "it can't be read")
            else:
                yield line, found

    def check_sums(self) -> None:
        """The sums in the manifest, for files in which nothing else was found; to be called when all are
        read."""
        self._steps.end()
        found_in = {finding.file for finding in self.verdict.findings}
        for name, facts in self.manifest["files"].items():
            wrong = self._sums.get(name) not in (None, facts["sha256"])
            if wrong and name not in found_in:
                self.verdict.note(Fault.CHANGED, name, "the file", "sha256")


def checked_beginning(reader: ArchiveReader) -> str:
    """The hash that the first link follows: of the company itself, where the chain begins."""
    stretch = reader.manifest["chain"]
    if stretch["first"] == 1 and stretch["before"] != genesis(reader.company_id):
        reader.verdict.note(
            Fault.CHANGED, archive.MANIFEST, "the company", "its chain is another one's"
        )
    return str(stretch["before"])


def check_reach(reader: ArchiveReader, record: Record | None) -> None:
    """The archive reaches back to before its span; `record` is that of its first link, if it is there.

    The hash that it follows is whatever the manifest says. So the first links could be left out and nothing
    else would tell; a link that is older than the span is followed by all that is of it.
    """
    first, last = (reader.manifest["chain"][name] for name in ("first", "last"))
    if record is None and first <= last:
        return  # it is missing, or can't be read, which is said
    if first > 1 and not _lies_before(record, reader.span[0]):
        reader.verdict.note(
            Fault.MISSING, archive.CHAIN, f"link {first - 1}", "it may report on the span"
        )


def _lies_before(record: Record | None, day: date) -> bool:
    try:
        recorded = datetime.fromisoformat((record or {})["recorded_at"])
        return datetime.combine(day, time(), UTC) - recorded > EARLY
    except (KeyError, TypeError, ValueError):
        return False


def follows(before: str, text: str, stated: str) -> bool:
    """Whether `stated` is the hash of the record `text` after `before`."""
    return link_hash(before, text) == stated

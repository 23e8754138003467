"""Refusals of what is kept: archives of what leaves the database, and of evidence; published heads."""

from datetime import date
from pathlib import Path

from impact_in_pipelines.errors.base import Conflict, ImpactInError, UsageError, refusal


@refusal("retention.archive_unwritable")
class ArchiveUnwritable(ImpactInError):
    """The archive's folder can't be written; nothing has been removed."""

    folder: Path
    reason: str


@refusal("retention.archive_away")
class ArchiveAway(Conflict):
    """Something has been archived, and this process has no archive: what it would erase or export is in there
    too. `folder`: where it looks for one, None if no setting says; `missing`: what the archive would have."""

    folder: Path | None
    missing: str


@refusal("retention.archive_other")
class ArchiveOther(Conflict):
    """The folder isn't the archive that this database has archived into: a second one would split it, and
    nobody could erase or export all of it."""

    folder: Path
    missing: str


@refusal("retention.archive_differs")
class ArchiveDiffers(ImpactInError):
    """A file that was written and read back has other rows; nothing has been removed."""

    file: Path
    written: int
    found: int


@refusal("retention.log_busy")
class LogBusy(ImpactInError):
    """Other transactions hold the log for so long that no month can be made or dropped."""


@refusal("evidence.span_backwards")
class SpanBackwards(UsageError):
    """A span that ends before it begins."""

    first: date
    last: date


@refusal("evidence.archives_busy")
class ArchivesBusy(ImpactInError):
    """So many archives are being made that another one must wait; try again."""


@refusal("evidence.not_an_archive")
class NotAnArchive(ImpactInError):
    """A file that is no archive of evidence."""

    file: Path


@refusal("evidence.no_heads")
class NoHeads(ImpactInError):
    """A file that has no published heads."""

    file: Path


@refusal("evidence.folder_unwritable")
class HeadsUnwritable(ImpactInError):
    """The folder of published heads can't be written."""

    folder: Path
    reason: str


@refusal("evidence.webhook_refused")
class HeadsRefused(ImpactInError):
    """The receiver of published heads didn't take them."""

    reason: str

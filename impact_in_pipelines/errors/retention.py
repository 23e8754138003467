"""Refusals of retention: an archive that can't be written, or doesn't hold what was written."""

from pathlib import Path

from impact_in_pipelines.errors.base import ImpactInError, refusal


@refusal("retention.archive_unwritable")
class ArchiveUnwritable(ImpactInError):
    """The archive's folder can't be written; nothing has been removed."""

    folder: Path
    reason: str


@refusal("retention.archive_differs")
class ArchiveDiffers(ImpactInError):
    """A file that was written and read back has other rows; nothing has been removed."""

    file: Path
    written: int
    found: int


@refusal("retention.log_busy")
class LogBusy(ImpactInError):
    """Other transactions hold the log for so long that no month can be made or dropped."""

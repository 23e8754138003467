"""What is over leaves: months of the log once they are archived, the audit log after it, old figures.

Nothing leaves that a report, a receipt or the window of duplicates still needs: never the days that the
calendar shows (IMPACT_IN_PARTITION_DAYS) and a month before, never a month with a delivery that is open, not
yet shown in Dagster, or changed within `QUIET`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from impact_in_pipelines.db.retention.leaving import Leaving, MonthKept, MonthLeft
from impact_in_pipelines.db.retention.months import make_months, month_of, months_before
from impact_in_pipelines.db.retention.turn import Turn, turn_taken
from impact_in_pipelines.progress import Tell, silent
from impact_in_pipelines.runtime import Runtime

__all__ = ["MonthKept", "MonthLeft", "Retained", "figures_kept_from", "retain"]

QUIET = timedelta(days=35)
"""Longer than any call-back comes, any content counts as sent (at most 30 days) or any retry waits."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What one pass has done, or would with `dry_run`. `months_made` are those that begin next."""

    dry_run: bool
    kept_from: datetime
    months_made: Sequence[str]
    deliveries: Sequence[MonthLeft]
    deliveries_kept: Sequence[MonthKept]
    audit: Sequence[MonthLeft]
    figures: int


def retain(
    runtime: Runtime,
    *,
    actor: str,
    dry_run: bool = False,
    tell: Tell = silent,
) -> Retained:
    """Make the months ahead, archive what is over and remove it; `tell` gets the months that are done, of the
    deliveries, then of the audit log. Broken off, it is run again; beside another process that does it, it
    waits.

    Raises `ArchiveUnwritable`, `ArchiveOther`, `ArchiveDiffers`, `LogBusy`; what was not read back from its
    archive is there.
    """
    if dry_run:
        return _retain(runtime, None, actor=actor, tell=tell)
    with turn_taken(runtime.database.direct_url) as turn:
        return _retain(runtime, turn, actor=actor, tell=tell)


def _retain(runtime: Runtime, turn: Turn | None, *, actor: str, tell: Tell) -> Retained:
    settings, now, engine = runtime.settings, runtime.clock(), runtime.database.engine
    made = make_months(engine, now) if turn is not None else []
    leaving = Leaving(engine, settings.archive_folder, actor=actor, turn=turn, tell=tell)
    leaving.note_older()
    kept_from = deliveries_kept_from(runtime)
    left, kept = leaving.deliveries(kept_from, touched_since=now - QUIET, now=now)
    audit = leaving.audit(months_before(now, settings.retention_audit_months), now=now)
    return Retained(
        turn is None,
        kept_from,
        [f"{month:%Y-%m}" for month in made],
        left,
        kept,
        audit,
        leaving.figures(figures_kept_from(runtime)),
    )


def deliveries_kept_from(runtime: Runtime) -> datetime:
    """The first instant of the first month whose deliveries stay."""
    now = runtime.clock()
    wanted = months_before(now, runtime.settings.retention_deliveries_months)
    shown = now - timedelta(days=runtime.settings.partition_days + 31)
    return min(wanted, month_of(shown))


def figures_kept_from(runtime: Runtime) -> date:
    """The first day whose figures stay."""
    days = max(runtime.settings.retention_figures_days, runtime.settings.partition_days + 31)
    return runtime.clock().date() - timedelta(days=days)
